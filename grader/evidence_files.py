"""The files of one evidence: their bytes, and how they come to disk whole or not at all."""

import io
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from grader.errors import EvidenceError
from grader.model import Json, Run

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_ARRAY_KINDS = "biuf"


def canonical_json(value: Json | Mapping[str, Any]) -> bytes:
    """Return the one byte string that stands for a JSON value: sorted keys, no spaces, UTF-8, a newline at the end."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return (text + "\n").encode("utf-8", errors="backslashreplace")


def files_of(run: Run, source: str) -> dict[str, bytes]:
    """Return the bytes of every file but the manifest, by name; `source` is the notebook that was run, as JSON text."""
    plain: dict[str, dict[str, Json]] = {"records": {}, "sent": {}, "kept": {}}
    files: dict[str, bytes] = {}
    named = [("records", record.name, record.value) for record in run.records]
    named += [(kind, name, value) for kind in ("sent", "kept") for name, value in getattr(run.given, kind).items()]
    for kind, name, value in named:
        if not NAME.fullmatch(name):
            continue  # a name that student code invented; nothing of ours asks for it
        if isinstance(value, np.ndarray):
            if value.dtype.kind in _ARRAY_KINDS:
                buffer = io.BytesIO()
                np.save(buffer, np.ascontiguousarray(value), allow_pickle=False)
                files[f"arrays/{kind}/{name}.npy"] = buffer.getvalue()
        else:
            plain[kind][name] = _finite(value)
    files["records.json"] = canonical_json(plain)
    files["submission.ipynb"] = source.encode("utf-8", errors="backslashreplace")
    files["executed.ipynb"] = run.notebook.encode("utf-8", errors="backslashreplace")
    return files


def _finite(value: Json) -> Json:
    """Replace what strict JSON has no word for (NaN, infinities) by its name."""
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    return value


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write `files` into `folder`, read-only, whole or not at all; raises EvidenceError when it cannot take them."""
    partial: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder.parent))
        for name, content in files.items():
            target = partial / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            target.chmod(0o444)
        partial.rename(folder)
    except OSError as error:
        if folder.is_dir():
            return  # somebody froze the same bytes a moment ago
        raise EvidenceError(
            f"The evidence cannot be written ({error.strerror or error}).",
            where=str(folder.parent),
            remedy="Free some space or name another course folder, then run the same command with --resume.",
        ) from error
    finally:
        if partial is not None and partial.exists():
            shutil.rmtree(partial, ignore_errors=True)
