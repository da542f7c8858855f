# /// attack
# tries = "hands in a notebook whose JSON is a hundred thousand levels deep, in its metadata and in an output"
# held = "refused before it is parsed as a whole; nothing is run"
# exit = ["exited"]
# points = 0
# ///
def hand_in(folder, places):
    deep = "[" * 100_000 + "]" * 100_000
    cell = '{"cell_type":"code","metadata":{},"source":"def answer(x): return 2*x","outputs":[%s],"execution_count":null}' % deep
    (folder / "lab.ipynb").write_text('{"nbformat":4,"nbformat_minor":5,"metadata":{"x":%s},"cells":[%s]}' % (deep, cell), encoding="utf-8")
