# /// attack
# tries = "writes halves of characters (lone surrogates) into source, outputs, errors, file names and its answer's error"
# held = "replaced or shown by their number; every file stays UTF-8"
# exit = ["raised"]
# points = 0
# ///
import json


def hand_in(folder, places):
    source = (
        "half = '\ud800'\nprint(half, '\udfff\ud800', 'half: \\ud800')\nopen('\\udc80-zachet-escape', 'w').close()\n"
        "from IPython.display import display\ndisplay({'text/plain': '\\udfff', 'text/html': '<b>\\ud800'}, raw=True)\n"
        "def answer(x):\n    raise ValueError('\\ud800' * 50)\nraise KeyError('\\udfff')"
    )
    cell = {"cell_type": "code", "id": "a\ud800", "metadata": {"tags": ["\ud800"]}, "source": source, "outputs": [], "execution_count": None}
    text = {"cell_type": "markdown", "id": "b", "metadata": {}, "source": "# \ud800 text"}
    (folder / "lab.ipynb").write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {"title": "\ud800"}, "cells": [text, cell]}), encoding="utf-8")
