# /// attack
# tries = "writes tables, reports and matrices over which regular expressions would think for hours, and numbers too large to compute with"
# held = "read in a moment or left out; the neighbours' reports are there in time"
# exit = ["completed"]
# points = 5
# ///
import json

TRAINING = """
import torch
from torch import nn
def answer(x):
    return 2 * x
model = nn.Linear(2, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=1e-9)
for step in range(3):
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(torch.zeros(8, 2)), torch.zeros(8, dtype=torch.long)).backward()
    optimizer.step()
"""
PRINTED = """
print("a" + " " * 60_000 + "\\naccuracy 0.5 10")
print("[" * 60_000)
print("[[" + "9" * 400 + " 1]\\n [1 1]]")
print("precision recall f1-score support\\n0 1.0 1.0 1.0 " + "9" * 5_000)
"""


def hand_in(folder, places):
    rows = ["| lr" + " " * 400 + "z | test 70 % |", "| test " + "данны" * 60 + " | 70 % |", "| batch=1e999 | test 70 % |", "| lr" + "(" * 900 + " | train 7 |",
            "|" * 1900, "| epochs " + "9" * 1500 + " | test 70 % |", "| " + "скорость обучения " * 90 + " | test 70 % |", "| test " + "точность выборки " * 100 + "| 70 % |"]
    cells = [{"cell_type": "markdown", "id": f"m{place}", "metadata": {}, "source": "| network | result |\n| --- | --- |\n" + "\n".join([row] * 20)} for place, row in enumerate(rows)]
    for place, source in enumerate((TRAINING, PRINTED, "EPOCHS = 1" + "0" * 400 + "\nbs = 2 ** -1")):
        stored = [{"output_type": "stream", "name": "stdout", "text": "Epoch " + " " * 60_000 + "x\n" + "[" * 60_000}]
        cells.append({"cell_type": "code", "id": f"c{place}", "metadata": {}, "source": source, "outputs": stored, "execution_count": None})
    (folder / "lab.ipynb").write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}), encoding="utf-8")
