"""Files of weights as students hand them in, good and bad, through intake and sandbox: what is measured and what is said."""

from pathlib import Path

import pytest

from grader.model import ExitReason, Outcome
from grader.pipeline import Setting
from tests.loading.handing_in import CELLS, Graded, hand_in

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]

LEARNT = 0.6


@pytest.fixture
def graded(setting: Setting, weights: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Graded:
    return hand_in(setting, tmp_path, {request.param: weights / request.param})


def takes(name: str, *says: str) -> object:
    return pytest.param(name, says, id=name)


@pytest.mark.parametrize(
    ("graded", "says"),
    [
        takes("good.pth", "“good.pth” was loaded into the model Net, 49219 parameters."),
        takes("tensors.safetensors", "“tensors.safetensors” was loaded into the model Net"),
        takes("extra.pth", "missing: -; extra: teacher.weight, total_ops; loaded strictly: no"),
        takes("renamed.pth", "matched by their order", "missing: -; extra: -; loaded strictly: no"),
        takes("module.pth", "without what wraps them", "loaded strictly: no"),
        takes("compiled.pth", "without what wraps them", "loaded strictly: no"),
        takes("half.pth", "The numbers were converted: float16 -> float32."),
        takes("cuda.pth", "“cuda.pth” was loaded"),
        takes("optimiser.pth", "“optimiser.pth” was loaded"),
        takes("named_state.pth", "“named_state.pth” was loaded"),
        takes("lightning.pth", "without what wraps them"),
        takes("numpy_inside.pth", "more than weights (numpy", "ran code from the file, inside the sandbox"),
        takes("whole.pth", "more than weights (__main__.Net)", "ran code from the file, inside the sandbox"),
    ],
    indirect=["graded"],
)
def test_weights_that_can_be_understood_are_measured(graded: Graded, says: tuple[str, ...]) -> None:
    said = graded.said("weights_loaded")
    assert graded.accuracy > LEARNT, said
    for words in says:
        assert words in said
    assert ("more than weights" in said) == (graded.note("weights_loaded").outcome is Outcome.PENDING)


@pytest.mark.parametrize(
    ("graded", "says"),
    [
        takes("missing.pth", "do not fit the notebook's model Net", "missing: layers.3.bias; extra: -; loaded strictly: no"),
        takes("wider.pth", "the layer layers.1.weight has the shape [16, 3072] in the notebook and [24, 3072] in the file"),
        takes("history.pth", "holds no weights: what it holds is dict"),
        takes("truncated.pth", "is damaged or breaks off"),
        takes("page.pth", "holds a web page, not weights"),
        takes("pointer.pth", "a Git LFS pointer"),
        takes("keras.pth", "holds no PyTorch weights but HDF5 (Keras)"),
        takes("nothing.pth", "is empty"),
        takes("unpacks.pth", "would take too much memory (1048576 MiB)"),
        takes("bomb.pth", "would run posix.system: these are no weights, and it was not opened"),
        takes("claims.safetensors", "is damaged or breaks off", "SafetensorError"),
        takes("overlaps.safetensors", "is damaged or breaks off", "SafetensorError"),
        takes("breaks_off.safetensors", "is damaged or breaks off", "SafetensorError"),
    ],
    indirect=["graded"],
)
def test_weights_that_cannot_be_used_are_explained_and_the_run_goes_on(graded: Graded, says: tuple[str, ...]) -> None:
    assert graded.evidence.execution.exit_reason is ExitReason.COMPLETED
    assert not graded.evidence.has("logits")
    note = graded.note("weights_loaded")
    assert note.outcome is Outcome.FAILED
    assert note.hint is not None
    for words in says:
        assert words in graded.said("weights_loaded")
    accuracy = graded.score.criteria[1]
    assert accuracy.earned == 0


@pytest.mark.parametrize("graded", ["not_numbers.pth"], indirect=True)
def test_weights_that_are_not_numbers_name_their_layer_and_earn_nothing(graded: Graded) -> None:
    assert "NaN or infinite: layers.3.weight" in graded.said("weights_loaded")
    assert graded.accuracy == 0


@pytest.mark.parametrize("graded", ["quiet_bomb.pth"], indirect=True)
def test_a_pickle_that_runs_code_runs_it_inside_and_is_named(graded: Graded) -> None:
    assert "more than weights (exec): loading it ran code from the file, inside the sandbox" in graded.said("weights_loaded")
    assert graded.note("weights_loaded").outcome is Outcome.PENDING
    assert not Path("/tmp/zachet-bomb").exists()
    assert graded.accuracy > LEARNT


def test_three_gigabytes_are_refused_by_name_and_nothing_breaks(setting: Setting, tmp_path: Path) -> None:
    graded = hand_in(setting, tmp_path, {"huge.pth": None})
    said = [note.rationale.en for note in graded.score.notes]
    assert "The file of weights “huge.pth” is too big (3 GiB) and was not taken: the limit is 256 MiB for a file, 512 MiB for all." in said
    assert "There is no file of weights beside the notebook." in said


def test_of_several_files_the_one_counts_that_the_code_names_last(setting: Setting, weights: Path, tmp_path: Path) -> None:
    files = {"a.pth": weights / "untrained.pth", "b.pth": weights / "good.pth", "c.pth": weights / "wider.pth"}
    cells = ("PATHS = ['c.pth', 'a.pth']", "best = 'b.pth'")
    graded = hand_in(setting, tmp_path, files, cells=(*CELLS, *cells))
    assert "“b.pth” counts: the notebook's code names it last" in graded.score.notes[0].rationale.en
    assert graded.accuracy > LEARNT
