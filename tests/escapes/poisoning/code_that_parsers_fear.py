# /// attack
# tries = "hands in code that parses for ever or into very much: brackets that never close, forty thousand calls in each other, signs without end"
# held = "what cannot be read is read as no code; the score and the page are there"
# exit = ["raised"]
# points = 5
# ///
import json


def hand_in(folder, places):
    deep = 40_000
    sources = ["def answer(x):\n    return 2 * x", "(" + "\n" * 500_000 + "@", "a.backward(" * deep + ")" * deep, "-" * 100_000 + "1", "not " * 50_000 + "1",
               "x = " + "1 + " * 5_000 + "1", "for epoch in range(3):\n    x = " + "1 + " * 3_000 + "1\n    break", "def " + " " * 500_000 + "(", "EPOCHS = 9 ** 9 ** 9 if False else 3"]
    cells = [{"cell_type": "code", "id": f"c{place}", "metadata": {}, "source": source, "outputs": [], "execution_count": None} for place, source in enumerate(sources)]
    (folder / "lab.ipynb").write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}), encoding="utf-8")
