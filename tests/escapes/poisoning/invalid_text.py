# /// attack
# tries = "hands in a notebook that is not UTF-8: loose bytes, overlong forms, halves of characters as bytes"
# held = "refused with the place of the first bad byte; nothing is run"
# exit = ["exited"]
# points = 0
# ///
import json


def hand_in(folder, places):
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": "def answer(x): return 2 * x  # @@", "outputs": [], "execution_count": None}
    text = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}).encode()
    (folder / "lab.ipynb").write_bytes(text.replace(b"@@", b"\xff\xfe\xc0\xaf\xed\xa0\x80\xf8\x88\x80\x80\x80"))
