"""A runner without IPython and torch: executes each cell as plain Python and speaks the protocol of the real one.

It sets no limit and confines nothing, so that what a trial finds is what the sandbox around it holds.
"""

import contextlib
import io
import json
import os
import struct
import sys
from typing import Any


def receive(reading: int) -> tuple[dict[str, Any], bytes]:
    """Return the next frame from the parent: its header and its payload."""
    (length,) = struct.unpack(">I", _exactly(reading, 4))
    header: dict[str, Any] = json.loads(_exactly(reading, length))
    return header, _exactly(reading, int(header.get("bytes", 0)))


def send(writing: int, header: dict[str, Any], payload: bytes = b"") -> None:
    """Send one frame to the parent."""
    head = json.dumps({"bytes": len(payload), **header}).encode("ascii")
    data = struct.pack(">I", len(head)) + head + payload
    while data:
        data = data[os.write(writing, data) :]


def run_cell(source: str, names: dict[str, Any]) -> tuple[str, str]:
    """Execute one cell; return what it printed, and `Name: message` of the error it ended with or nothing."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            exec(compile(source, "cell", "exec"), names)
    except Exception as error:
        return said.getvalue(), f"{type(error).__name__}: {error}"
    return said.getvalue(), ""


def main() -> None:
    """Serve one job."""
    reading, writing = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    job, notebook = receive(reading)
    os.chdir(job["work"])
    send(writing, {"type": "started", "environment": {"python": sys.version.split()[0]}})
    names: dict[str, Any] = {"__name__": "__main__"}
    for index, cell in enumerate(json.loads(notebook)["cells"]):
        said, error = run_cell(cell["source"], names)
        outputs = json.dumps([{"output_type": "stream", "name": "stdout", "text": said}])
        header = {"type": "cell", "index": index, "status": "error" if error else "ok", "error": error[:1000]}
        send(writing, header, outputs.encode("ascii"))
    send(writing, {"type": "ready"})
    receive(reading)
    send(writing, {"type": "done"})


def _exactly(reading: int, count: int) -> bytes:
    parts = b""
    while len(parts) < count:
        part = os.read(reading, count - len(parts))
        if not part:
            raise SystemExit(1)
        parts += part
    return parts


if __name__ == "__main__":
    main()
