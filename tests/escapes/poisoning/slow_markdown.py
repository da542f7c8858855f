# /// attack
# tries = "writes markdown and outputs that parsers need for ever: a hundred thousand brackets, nested quotes, emphasis, tables, links, colours"
# held = "bounded in length and depth; the page is there in seconds"
# exit = ["completed"]
# points = 5
# ///
import json


def hand_in(folder, places):
    bombs = ["[" * 100_000, ">" * 15_000 + "x", "*a_" * 6_000, "![](" * 5_000, "`" * 9_999 + "a" + "`" * 9_998, "- " * 9_000, "<" * 20_000, "[a](" * 4_000, "a | b\n" + "|" * 9_000, "$" * 19_000, "&" * 19_000, "\\" * 19_000, "1. " * 6_000]
    cells = [{"cell_type": "markdown", "id": f"m{place}", "metadata": {}, "source": bomb} for place, bomb in enumerate(bombs)]
    source = "def answer(x):\n    return 2 * x\nprint('\\x1b[31m' * 30000)\nprint('\\r' * 500000)\nprint('\\x1b]' * 100000)\n" + "(" * 80 + "1" + ")" * 80
    cells.append({"cell_type": "code", "id": "c", "metadata": {}, "source": source, "outputs": [], "execution_count": None})
    cells.append({"cell_type": "code", "id": "d", "metadata": {}, "source": "x = " + "'" * 3 + "a\\\n" * 5_000 + "'" * 3, "outputs": [], "execution_count": None})
    (folder / "lab.ipynb").write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}), encoding="utf-8")
