# /// attack
# tries = "hands in numbers that parsers differ on: NaN, 1e999, integers of ten thousand digits, versions and counts below zero, keys twice"
# held = "taken where the format allows, else refused; nothing of it reaches a score"
# exit = ["completed", "exited"]
# points = 5
# ///
def hand_in(folder, places):
    cell = '{"cell_type":"code","id":"a","metadata":{"x":NaN,"y":1e999,"z":%s},"source":"def answer(x):\\n    return 2 * x","outputs":[],"execution_count":-1e308}' % ("9" * 10_000)
    text = '{"nbformat":4,"nbformat_minor":5,"nbformat_minor":99999999999,"metadata":{"score":Infinity,"earned":-Infinity},"cells":[],"cells":[%s]}' % cell
    (folder / "lab.ipynb").write_text(text, encoding="utf-8")
