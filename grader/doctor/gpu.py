"""The trial of the GPU, outside any sandbox: what `--device cuda` can show to a run."""

import os
import subprocess
import sys
from pathlib import Path

from grader.doctor.promise import Found, held, not_held, untried

_TRY_S = 30.0
_ASK = (
    "import torch; print(torch.cuda.is_available() and torch.zeros(8, device='cuda').sum().item() == 0 and torch.cuda.get_device_name(0) or '')"
)


def gpu() -> Found:
    """PyTorch computes on the GPU of this machine."""
    if not Path("/dev/nvidiactl").exists() and sys.platform.startswith("linux"):
        return untried("no NVIDIA device on this machine")
    try:
        asked = subprocess.run([sys.executable, "-c", _ASK], capture_output=True, text=True, timeout=_TRY_S, check=False, env=dict(os.environ))
    except subprocess.TimeoutExpired:
        return not_held(f"no answer within {_TRY_S:g} seconds")
    name = asked.stdout.strip()
    if name:
        return held(name)
    return not_held((asked.stderr.strip().splitlines() or ["PyTorch sees no GPU; is it a CPU-only build?"])[-1])
