"""A container engine for tests, where there is none: takes the documented command lines and runs the work as a plain process.

Installed as an executable `docker` or `podman`. It refuses any option it does not know, as the engines do.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

STATE = Path(os.environ["STANDIN_ENGINE"])
FLAGS = {"--rm", "--interactive", "--init", "--read-only"}
VALUES = {
    "--pull", "--name", "--hostname", "--entrypoint", "--network", "--ipc", "--cap-drop", "--security-opt", "--log-driver", "--workdir", "--user", "--userns",
    "--memory", "--memory-swap", "--pids-limit", "--cpus", "--tmpfs", "--shm-size", "--ulimit", "--gpus", "--device", "--mount", "--env",
}  # fmt: skip


def main() -> int:
    verb, *words = sys.argv[1:]
    if verb in {"version", "info"}:
        sys.stdout.write("1.0\n")
        return 0
    if verb in {"kill", "rm"}:
        return end(words[-1])
    if verb == "inspect":
        sys.stdout.write("0 none\n")
        return 0
    options: dict[str, list[str]] = {}
    while words[0].startswith("-"):
        option = words.pop(0)
        if option in FLAGS:
            continue
        if option not in VALUES:
            sys.stderr.write(f"unknown flag: {option}\n")
            return 125
        options.setdefault(option, []).append(words.pop(0))
    image, *arguments = words
    if image != "image:1":
        sys.stderr.write(f"Unable to find image '{image}' locally\n")
        return 125
    shown: dict[str, str] = {}
    for mount in options.get("--mount", []):
        source, target = (part.split("=", 1)[1] for part in mount.split(",")[1:3])
        shown[target] = source
    runner = [shown["/zachet/inside"] + word.removeprefix("/zachet/inside") if word.startswith("/zachet/inside") else word for word in arguments]
    (STATE / "last.json").write_text(json.dumps([*sys.argv]), encoding="utf-8")
    work = subprocess.Popen([sys.executable, *runner], env={})
    name = options["--name"][0]
    (STATE / name).write_text(str(work.pid), encoding="ascii")
    code = work.wait()
    (STATE / name).unlink(missing_ok=True)
    return 128 - code if code < 0 else code


def end(name: str) -> int:
    try:
        os.kill(int((STATE / name).read_text(encoding="ascii")), signal.SIGKILL)
    except (OSError, ValueError):
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
