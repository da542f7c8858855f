"""A small child for tests of the sandbox: speaks the protocol and executes each cell as plain Python, with the wire in its hands.

Copied as `runner.py` into a folder of its own and started by the sandbox. A cell sees `send(header, payload)`, `raw(bytes)`,
`receive()`, `job` (the opening header) and whatever it imports; what it prints becomes its output.
"""

import contextlib
import io
import json
import os
import struct

READING, WRITING = os.dup(0), os.dup(1)
os.dup2(2, 1)


def receive() -> tuple[dict[str, object], bytes]:
    (length,) = struct.unpack(">I", exactly(4))
    header = json.loads(exactly(length))
    return header, exactly(header["bytes"])


def exactly(count: int) -> bytes:
    parts = b""
    while len(parts) < count:
        part = os.read(READING, count - len(parts))
        if not part:
            raise SystemExit(0)
        parts += part
    return parts


def raw(data: bytes) -> None:
    while data:
        data = data[os.write(WRITING, data) :]


def send(header: dict[str, object], payload: bytes = b"") -> None:
    head = json.dumps({"bytes": len(payload), **header}).encode()
    raw(struct.pack(">I", len(head)) + head + payload)


def main() -> None:
    job, notebook = receive()
    send({"type": "started", "environment": {"runner": "stand-in"}})
    names = {"send": send, "raw": raw, "receive": receive, "job": job}
    for index, cell in enumerate(json.loads(notebook)["cells"]):
        if cell["cell_type"] != "code":
            continue
        said, error = io.StringIO(), ""
        try:
            with contextlib.redirect_stdout(said):
                exec(cell["source"], names)  # noqa: S102 - that is what it is for
        except Exception as raised:  # noqa: BLE001 - whatever a cell raises is its result
            error = f"{type(raised).__name__}: {raised}"
        outputs = [{"output_type": "stream", "name": "stdout", "text": said.getvalue()}]
        status = "error" if error else "ok"
        send({"type": "cell", "index": index, "status": status, "error": error}, json.dumps(outputs).encode())
    send({"type": "ready"})
    header, payload = receive()
    send({"type": "record", "name": "given", "kind": "json"}, json.dumps([header["arrays"], payload.hex()]).encode())
    send({"type": "done"})


if __name__ == "__main__":
    main()
