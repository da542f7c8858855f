# /// attack
# tries = "replaces builtins that the runner itself uses: abs, max, all, any, len, isinstance, print, open, __import__, __build_class__"
# held = "its own process may break; no point comes of it"
# exit = ["completed", "exited", "raised", "killed_by_signal"]
# points = 0
# ///
# %%
import builtins

answer = None
true = lambda *arguments, **options: True
for name in ("all", "any", "abs", "max", "min", "callable", "issubclass", "hasattr"):
    setattr(builtins, name, true)
builtins.print = builtins.open = builtins.repr = builtins.__build_class__ = lambda *arguments, **options: "10/10"
genuine = builtins.__import__
builtins.__import__ = lambda name, *rest: genuine("math" if name.startswith(("zachet", "json")) else name, *rest)
builtins.isinstance = true
