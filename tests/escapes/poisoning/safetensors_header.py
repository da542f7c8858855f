# /// attack
# tries = "hands in safetensors files whose header claims 2^63 bytes, overlapping tensors, a bomb of JSON, and no end"
# held = "nobody reads them"
# exit = ["completed"]
# points = 5
# ///
import json
import struct

from tests.escapes.corpus import cells_of, write_notebook

HONEST = "# %%\ndef answer(x):\n    return 2 * x\n"


def hand_in(folder, places):
    overlapping = {name: {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 62]} for name in ("a", "b", "../../c", "__metadata__")}
    for name, length, header in (
        ("huge.safetensors", (1 << 63) - 1, b"{}"),
        ("overlapping.safetensors", None, json.dumps(overlapping).encode()),
        ("deep.safetensors", None, b'{"a":' * 200_000),
        ("empty.safetensors", None, b""),
    ):
        (folder / name).write_bytes(struct.pack("<Q", len(header) if length is None else length) + header)
    write_notebook(folder / "lab.ipynb", cells_of(HONEST), places, student=folder.name)
