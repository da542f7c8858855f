"""A `google.colab` that does nothing and says so; a real package of that name comes first where there is one."""

import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any


def _note(text: str) -> None:
    sys.stderr.write(f"[Colab is not here: {text}]\n")


def _mount(mountpoint: str = "/content/drive", **_: object) -> None:
    _note(f"no drive was mounted at {mountpoint}")


def _flush_and_unmount(**_: object) -> None:
    _note("no drive was mounted")


def _upload(*_: object, **__: object) -> dict[str, bytes]:
    _note("nothing was uploaded; the files that came with the notebook are in the working folder")
    return {}


def _download(filename: object = "", *_: object) -> None:
    _note(f"{filename} stays here")


def _authenticate(*_: object, **__: object) -> None:
    _note("nobody was signed in")


def _secret(key: str) -> str:
    _note(f"the secret {key!r} is empty")
    return ""


def _clear(*_: object, **__: object) -> None:
    from IPython.display import clear_output

    clear_output()


def _ignore(*_: object, **__: object) -> None:
    """Widgets and callbacks of the Colab page have nothing to act on."""


def _show_image(image: Any) -> None:
    from IPython.display import display
    from PIL import Image

    display(Image.fromarray(image[..., ::-1] if getattr(image, "ndim", 2) == 3 else image))


_CONTENT: dict[str, dict[str, Callable[..., Any]]] = {
    "google": {},
    "google.colab": {},
    "google.colab.drive": {"mount": _mount, "flush_and_unmount": _flush_and_unmount},
    "google.colab.files": {"upload": _upload, "download": _download, "view": _download},
    "google.colab.auth": {"authenticate_user": _authenticate},
    "google.colab.userdata": {"get": _secret},
    "google.colab.output": {"clear": _clear, "eval_js": _ignore, "enable_custom_widget_manager": _ignore, "register_callback": _ignore},
    "google.colab.patches": {"cv2_imshow": _show_image},
}


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        return importlib.util.spec_from_loader(fullname, self, is_package=True) if fullname in _CONTENT else None

    def exec_module(self, module: types.ModuleType) -> None:
        vars(module).update(_CONTENT[module.__name__])
        if module.__name__ == "google.colab":
            for name in _CONTENT:
                if name.startswith("google.colab."):
                    importlib.import_module(name)


def install() -> None:
    """Offer the package to imports that found nothing else."""
    sys.meta_path.append(_Finder())
