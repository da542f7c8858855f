# /// attack
# tries = "hands in a percent script whose YAML header makes Python objects, and whose cell options are calls"
# held = "headers and options are dropped before anybody parses them"
# exit = ["completed"]
# points = 5
# ///
def hand_in(folder, places):
    touch = f"touch {places['outside']}/zachet-escape-yaml"
    (folder / "lab.py").write_text(
        f"""# ---
# jupyter: !!python/object/apply:os.system ["{touch}"]
# jupytext: {{text_representation: {{format_name: !!python/object/new:os.system ["{touch}"]}}}}
# ---
# %% {{"a": __import__("os").system("{touch}")}}
def answer(x):
    return 2 * x
# %% name=__import__("os").system("{touch}") tags=["x"]
print(1)
""",
        encoding="utf-8",
    )
