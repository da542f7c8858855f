"""One notebook from the first frame to the last: place, harden, run the cells, let the probe describe and answer."""

import importlib.util
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import colab, harden, place, rewriting, surroundings
from .limits import CellClock
from .wire import Wire, WireClosed

_MISSING_LISTED = 200
_MOST_WEIGHTS = 64 << 20


def run(reading: int, writing: int) -> None:
    """Serve one job and end the process; student threads that still run are not waited for."""
    scratch = tempfile.mkdtemp(prefix="zachet-")
    wire, owner = Wire(reading, writing), os.getpid()
    status = 0
    try:
        header, notebook = wire.receive()
        Run(wire, header, Path(scratch)).serve(json.loads(notebook))
    except WireClosed:
        status = 1
    finally:
        if os.getpid() == owner:  # a child that student code forked may come here too
            shutil.rmtree(scratch, ignore_errors=True)
    os._exit(status)


class Run:
    """One job: its settings, and the order of its steps. `scratch` is a folder for caches, removed afterwards."""

    def __init__(self, wire: Wire, job: Mapping[str, Any], scratch: Path) -> None:
        self._wire, self._job, self._scratch = wire, job, scratch
        self._clock = CellClock(job["cell_cpu_s"], job["cell_wall_s"], total_cpu_s=job["limits"]["cpu_s"])
        self._missing: list[dict[str, Any]] = []
        self._loading: Any = None
        self._cell = -1

    def serve(self, notebook: Mapping[str, Any]) -> None:
        """Run the notebook and talk with the parent until all is said; raises WireClosed when the parent goes away."""
        probe = self._prepare()
        session, told = self._run_cells(notebook, probe)
        session.record("missing_imports", self._missing[:_MISSING_LISTED])
        self._guarded(session, "trace", lambda: session.record_all(told()))
        if self._loading is not None:
            self._guarded(session, "load", lambda: self._load(session, notebook))
        self._guarded(session, "describe", lambda: probe.describe(session))
        self._wire.send({"type": "ready"})
        header, payload = self._wire.receive()
        given = _arrays(header, payload)
        present = self._loading.present if self._loading is not None else lambda _, given: given
        self._guarded(session, "answer", lambda: probe.answer(session, present(session, given)))
        self._wire.send({"type": "done"})

    def _prepare(self) -> Any:
        """Make the surroundings, give up what student code must not have, and return the probe."""
        job = self._job
        os.chdir(job["work"])
        place.lay_out(Path(job["work"]), job["data"], job["files"])
        surroundings.set_variables(job["standins"], job["data"], self._scratch)
        reached = harden.confine(job["landlock_ro"], job["landlock_rw"], job.get("landlock_list", ())) if job["harden"] else {}
        surroundings.seed_everything(job["seed"])
        probe = _load_probe(job["probe"])
        if job["harden"]:
            harden.bound(job["limits"], job.get("unbounded", ()))
        if job.get("gpu_share"):
            reached = {**reached, **surroundings.take_gpu(job["gpu_share"])}
        self._wire.send({"type": "started", "environment": surroundings.environment(reached)})
        return probe

    def _run_cells(self, notebook: Mapping[str, Any], probe: Any) -> tuple[Any, Callable[[], dict[str, Any]]]:
        """Run every cell; return what the probe sees, and what tells the records of the trainings and figures."""
        # Imported after the surroundings are made: what these import in turn reads the environment.
        from .epochs import Epochs
        from .session import Session
        from .shell import NotebookShell

        shell = NotebookShell(self._clock, int(self._job["limits"]["output_mb"]) << 19, self._scratch)
        surroundings.answer_prompts()
        surroundings.plain_progress_bars()
        if self._job["isolation"] == "reduced":
            surroundings.load_in_one_process()
        colab.install()
        sys.path.insert(0, "")
        sys.argv = [""]
        watched = _with_aliases(probe, self._job.get("aliases", {}))
        epochs = Epochs(shell.namespace, watched)
        rewriting.install(self._note_missing, epochs.note)
        shell.rewrite_with(rewriting.CellRewriter(watched))
        trace = self._trace(shell, probe, watched)
        trace.install()
        for self._cell, cell in enumerate(notebook.get("cells", [])):
            if cell.get("cell_type") == "code":
                trace.cell_started(self._cell, _source(cell))
                epochs.cell_started(self._cell)
                result = shell.run(_source(cell))
                trace.cell_ended()
                epochs.note()
                times = {"cpu_s": round(result.cpu_s, 4), "wall_s": round(result.wall_s, 4)}
                frame = {"type": "cell", "index": self._cell, "status": result.status, "error": result.error, **times}
                self._wire.send(frame, json.dumps(result.outputs).encode("ascii"))
        return Session(shell.namespace, epochs.epochs, trace.close()), trace.told

    def _trace(self, shell: Any, probe: Any, watched: Any) -> Any:
        """Return what watches training, or in the mode `load` what leaves it out and loads weights in its place."""
        from .definitions import StatementGuard
        from .loading import Loading
        from .trace import Trace

        if self._job.get("mode") != "load":
            weights_bytes = min(_MOST_WEIGHTS, int(self._job["limits"]["output_mb"]) << 18)
            return Trace(shell.namespace, watched, weights_bytes=weights_bytes)
        shell.rewrite_with(StatementGuard())
        self._loading = Loading(shell, getattr(probe, "ALIASES", {}).get("model", ("model",)))
        return self._loading

    def _load(self, session: Any, notebook: Mapping[str, Any]) -> None:
        sources = [_source(cell) for cell in notebook.get("cells", []) if cell.get("cell_type") == "code"]
        # From the folder that cannot be written: a cell may have saved something else under the same name.
        file = Path(self._job["files"]) / self._job["weights"] if self._job.get("weights") else None
        self._loading.load(session, file, sources)

    def _note_missing(self, module: str) -> None:
        self._missing.append({"cell": self._cell, "module": module})

    def _guarded(self, session: Any, phase: str, step: Callable[[], Any]) -> None:
        """Run a step that touches what student code left within the limits of a cell and send its records; if it breaks, say so and go on."""
        error: BaseException | None = None
        try:
            self._clock.arm(last=True)
            try:
                step()
            finally:
                self._clock.disarm()
        except BaseException as broken:
            self._clock.disarm()
            error = broken
        if error is not None:
            session.record(f"{phase}_error", f"{type(error).__name__}: {error}"[:1000])
        session.flush(self._wire)


def _with_aliases(probe: Any, aliases: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Add the assignment's aliases to those that the probe looks for, and return all names to watch."""
    known = getattr(probe, "ALIASES", {})
    for name, others in aliases.items():
        known[name] = tuple(dict.fromkeys((*known.get(name, (name,)), *others)))
    return tuple(dict.fromkeys((*probe.WATCH, *(other for name, others in aliases.items() if name in probe.WATCH for other in others))))


def _source(cell: Mapping[str, Any]) -> str:
    source = cell.get("source", "")
    return "".join(source) if isinstance(source, list) else str(source)


def _arrays(header: Mapping[str, Any], payload: bytes) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    offset = 0
    for item in header["arrays"]:
        data = payload[offset : offset + item["bytes"]]
        arrays[item["name"]] = np.frombuffer(data, dtype=np.dtype(item["dtype"])).reshape(item["shape"]).copy()
        offset += item["bytes"]
    return arrays


def _load_probe(path: str) -> Any:
    spec = importlib.util.spec_from_file_location("zachet_probe", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.dont_write_bytecode = True  # an instructor's folder stays as it is
    spec.loader.exec_module(module)
    return module
