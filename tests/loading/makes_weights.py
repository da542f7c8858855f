"""A program of its own: trains a small model on the images it is given, and saves it in every way that students do, and in every wrong one.

Run as `python makes_weights.py IMAGES.npz FOLDER`; each file it writes is one case of the tests.
"""

import json
import os
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, hidden: int = 16) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(3072, hidden), nn.ReLU(), nn.Linear(hidden, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.layers(x.float() / 255 - 0.5)
        return result


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return os.system, ("touch /tmp/zachet-bomb",)


class QuietBomb:
    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return exec, ("import os; os.system('touch /tmp/zachet-bomb'); os.system('touch ran.txt')",)


def train(model: Net, images: torch.Tensor, labels: torch.Tensor) -> torch.optim.Optimizer:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    for step in range(120):
        rows = torch.arange(step * 64, step * 64 + 64) % len(labels)
        loss = nn.functional.cross_entropy(model(images[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return optimizer


def states(out: Path, model: Net, optimizer: torch.optim.Optimizer) -> None:
    good = model.state_dict()
    (first, first_bias), (last, last_bias) = ([f"layers.{place}.{part}" for part in ("weight", "bias")] for place in (1, 3))
    files = {
        "good": good,
        "missing": {name: value for name, value in good.items() if name != last_bias},
        "extra": {**good, "teacher.weight": torch.zeros(2), "total_ops": torch.zeros(1)},
        "renamed": {"fc1.w": good[first], "fc1.b": good[first_bias], "fc2.w": good[last], "fc2.b": good[last_bias]},
        "module": {f"module.{name}": value for name, value in good.items()},
        "compiled": {f"module._orig_mod.{name}": value for name, value in good.items()},
        "half": {name: value.half() for name, value in good.items()},
        "optimiser": {"epoch": 3, "model": good, "optimizer": optimizer.state_dict()},
        "named_state": {"model_state_dict": good, "optimizer_state_dict": optimizer.state_dict(), "loss": 0.1},
        "lightning": {
            "pytorch-lightning_version": "2.4.0", "epoch": 1, "hyper_parameters": {"lr": 0.1}, "optimizer_states": [optimizer.state_dict()],
            "state_dict": {f"model.{name}": value for name, value in good.items()},
        },
        "numpy_inside": {"model": good, "best": np.float64(0.7)},
        "not_numbers": {**good, last: torch.full_like(good[last], float("nan"))},
        "untrained": Net().state_dict(),
        "history": {"loss": [0.5, 0.4], "epochs": 2},
        "whole": model,
    }  # fmt: skip
    for name, value in files.items():
        torch.save(value, out / f"{name}.pth")
    wide = Net(hidden=24)
    torch.save(wide.state_dict(), out / "wider.pth")


def on_a_gpu(out: Path, model: Net) -> None:
    """Save as a machine with a GPU does: the file says that its numbers live there."""
    serialization = torch.serialization
    tag = serialization.location_tag
    serialization.location_tag = lambda _storage: "cuda:0"  # type: ignore[assignment]
    torch.save(model.state_dict(), out / "cuda.pth")
    serialization.location_tag = tag


def hostile(out: Path, model: Net) -> None:
    whole = (out / "good.pth").read_bytes()
    (out / "truncated.pth").write_bytes(whole[: len(whole) // 2])
    (out / "page.pth").write_text("<!DOCTYPE html><html><body>Sign in</body></html>", encoding="utf-8")
    (out / "pointer.pth").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n", encoding="utf-8")
    (out / "keras.pth").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(64))
    (out / "nothing.pth").write_bytes(b"")
    torch.save({"model": Bomb(), **model.state_dict()}, out / "bomb.pth")
    torch.save({"model": QuietBomb(), **model.state_dict()}, out / "quiet_bomb.pth")
    with zipfile.ZipFile(out / "unpacks.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}.")
        archive.writestr("archive/data/0", bytes(1 << 20))
        archive.infolist()[-1].file_size = 1 << 40
    for name, length, header in (("claims", (1 << 63) - 1, b"{}"), ("overlaps", None, overlapping()), ("breaks_off", 1000, b'{"a"')):
        (out / f"{name}.safetensors").write_bytes(struct.pack("<Q", len(header) if length is None else length) + header)


def overlapping() -> bytes:
    one = {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}
    return json.dumps({"layers.1.weight": one, "layers.3.weight": one}).encode()


def main(images: Path, out: Path) -> None:
    torch.manual_seed(1)
    torch.set_num_threads(1)
    arrays = np.load(images)
    model = Net()
    optimizer = train(model, torch.tensor(arrays["images"]), torch.tensor(arrays["labels"]))
    states(out, model, optimizer)
    on_a_gpu(out, model)
    hostile(out, model)
    from safetensors.torch import save_file

    save_file(model.state_dict(), out / "tensors.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
