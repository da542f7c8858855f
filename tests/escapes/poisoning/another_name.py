# /// attack
# tries = "says in its metadata that it is a neighbour's work, of other classes and ten points"
# held = "whose folder it lies in counts, and the report says that it named another"
# exit = ["completed"]
# points = 5
# verdict = "held"
# ///
import json


def hand_in(folder, places):
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": "def answer(x):\n    return 2 * x", "outputs": [], "execution_count": None}
    identity = {"student": "neighbour-one", "assignment": "assignment", "points": 10, "variant": {"classes": [1, 2, 3]}, "edition": "{{ 1 }}"}
    whole = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"zachet": identity}, "cells": [cell]}
    (folder / "lab.ipynb").write_text(json.dumps(whole), encoding="utf-8")
