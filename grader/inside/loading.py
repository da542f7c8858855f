"""The mode `load` from end to end: run the definitions, read the weights, find their module, learn how it is fed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from .definitions import Definitions
from .feeding import Feeding, described
from .finding import Found, find_module
from .models import outputs_of
from .origin import untouched
from .presenting import choose_presentation
from .saved import CannotRead, Weights, read_weights
from .shell import NotebookShell
from .trained import Trained, tensors_of

_RAW = ("raw_images", "raw_public", "raw_labels")


class Loading:
    """Stands where the trace of training stands otherwise. `names` are what the assignment calls its model."""

    def __init__(self, shell: NotebookShell, names: Sequence[str]) -> None:
        self._shell, self._namespace, self._names = shell, shell.namespace, names
        self._definitions, self._feeding = Definitions(shell.namespace), Feeding()

    def install(self) -> None:
        """Begin to watch."""
        self._definitions.install()
        self._feeding.install()

    def cell_started(self, index: int, _source: str) -> None:
        """Tell that the cell `index` is about to run."""
        self._definitions.cell_started(index)

    def cell_ended(self) -> None:
        """Nothing is kept at the end of a cell."""

    def close(self) -> tuple[Trained, ...]:
        """Return the modules that training left: none."""
        return ()

    def told(self) -> dict[str, Any]:
        """Return the records of the trainings: none, so that checks know that they were not looked for."""
        return {}

    def load(self, session: Any, file: Path | None, sources: Sequence[str]) -> None:
        """Load the weights in `file`, make their module the one that counts in `session`, and record what came of it.

        Whatever is wrong with the file or the fit is recorded as a word under "problem", never raised.
        """
        facts: dict[str, Any] = {"file": file.name if file else "", "problem": "", "left": self._definitions.left}
        try:
            trained = self._taken(read_weights(file), facts, sources)
            facts["fed"] = self._feed(trained)
            session.trained = [trained]
        except CannotRead as cannot:
            facts |= {"problem": cannot.problem, "detail": cannot.detail, **({"code": cannot.code} if cannot.code else {})}
        session.record("loaded", facts)

    def present(self, session: Any, given: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Turn raw images, sent where nobody saw how the model is fed, into what it answers best to; record how that was decided."""
        raw, public, labels = (given.pop(name, None) for name in _RAW)
        if raw is None or public is None or labels is None or not session.trained:
            return given
        trained = session.trained[0]
        trained.fed_eval = trained.fed_train = None
        way, account = choose_presentation(lambda images: outputs_of(trained, images, live=False), public, labels)
        session.record("presented", account)
        if way is None:
            session.record("logits_error", f"the model takes no usual presentation of images: {account['refused']}"[:500])
            return given
        trained.fed_eval = way(public[:16])
        return {**given, "images": way(raw)}

    def _taken(self, weights: Weights, facts: dict[str, Any], sources: Sequence[str]) -> Trained:
        """Return the module that the weights belong to, with them in its state; raises CannotRead when there is none."""
        facts |= {"kind": weights.kind, "code": weights.code}
        if weights.module is not None:
            trained = described(weights.module)
            with torch.no_grad():
                trained.state = {name: tensor.detach().clone() for name, tensor in tensors_of(weights.module)}
            facts |= {"class": trained.kind, "parameters": trained.parameters, **weights.facts}
            return trained
        plain = [self._shell.shell.transform_cell(source) for source in sources]
        found = find_module(weights.states, self._namespace, self._names, self._feeding.noted, plain)
        if found is None:
            raise CannotRead("no_module")
        facts |= self._facts(found)
        if not found.fit.complete:
            raise CannotRead("no_fit")
        found.trained.state = found.fit.state
        return found.trained

    def _facts(self, found: Found) -> dict[str, Any]:
        module = found.trained.module
        fresh = module is not None and module not in self._feeding.loaded_by_notebook
        return {
            "class": found.trained.kind,
            "parameters": found.trained.parameters,
            "where": found.where,
            "key": found.key,
            "untouched": untouched(module, found.fit.state, fresh=fresh) if module is not None else "",
            **found.fit.facts(),
        }

    def _feed(self, trained: Trained) -> str:
        """Say how it is known what the module is fed: "own", "other" for what another module was fed that it takes as well, or "none"."""
        if trained.fed_eval is not None or trained.fed_train is not None:
            return "own"
        for other in sorted(self._feeding.noted, key=lambda other: (other.kind != trained.kind, -other.order)):
            fed = other.fed_eval if other.fed_eval is not None else other.fed_train
            if fed is not None and _takes(trained, fed[:1]):
                trained.fed_eval, trained.fed_train = other.fed_eval, other.fed_train
                return "other"
        return "none"


def _takes(trained: Trained, rows: NDArray[Any]) -> bool:
    try:
        outputs_of(trained, rows, live=False)
    except Exception:
        return False
    return True
