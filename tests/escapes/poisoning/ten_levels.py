# /// attack
# tries = "hands in a notebook with objects ten levels deep wherever the format has a place for one, under the grader's own key too"
# held = "only what a run needs is taken over"
# exit = ["completed"]
# points = 5
# ///
import json


def hand_in(folder, places):
    value = "x"
    for level in range(10):
        value = {f"level{level}": [value, "../../..", "__proto__", {"__class__": "os.system"}]}
    output = {"output_type": "display_data", "data": {"application/json": value, "text/plain": value}, "metadata": value}
    cell = {"cell_type": "code", "id": "a", "metadata": {"tags": value, "zachet": value}, "source": ["def answer(x):\n", "    return 2 * x"], "outputs": [output] * 3, "execution_count": value}
    text = {"cell_type": "markdown", "id": value, "metadata": value, "source": "x", "attachments": {"a": value, "../b": {"image/png": value}}}
    whole = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"zachet": {"student": value, "assignment": value, "points": 10}, "kernelspec": value, "widgets": value}, "cells": [cell, text]}
    (folder / "lab.ipynb").write_text(json.dumps(whole), encoding="utf-8")
