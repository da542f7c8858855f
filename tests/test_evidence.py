import json
import shutil
import stat
import sys
from pathlib import Path

import numpy as np
import pytest

from grader.errors import EvidenceError
from grader.evidence import MissingRecord, load, load_runs
from grader.evidence_files import canonical_json
from grader.model import ExitReason, Given, Mode, Vouched
from tests.evidence_of import evidence_of, execution_of


def test_what_was_frozen_is_read_back_as_it_was(tmp_path: Path) -> None:
    logits = np.arange(6, dtype=np.float32).reshape(2, 3)
    given = Given(sent={"points": logits}, kept={"labels": np.array([1, 2]), "presentation": {"layout": "NHWC"}})
    evidence = evidence_of(tmp_path, records={"logits": logits, "classes": [0, 55, 58]}, given=given, sources=["x = 1"], texts=["# Заголовок"])
    again = load(evidence.folder)
    assert np.array_equal(again.array("logits"), logits)
    assert again.record("classes") == [0, 55, 58]
    assert np.array_equal(again.kept("labels"), [1, 2])
    assert again.note("presentation") == {"layout": "NHWC"}
    assert again.cells[0].source == "x = 1"
    assert again.texts == ("# Заголовок",)
    assert again == evidence


def test_the_address_is_the_content(tmp_path: Path) -> None:
    one = evidence_of(tmp_path, records={"x": 1})
    same = evidence_of(tmp_path, records={"x": 1})
    other = evidence_of(tmp_path, records={"x": 2})
    assert one.digest == same.digest != other.digest
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("name", ["manifest.json", "records.json", "executed.ipynb", "submission.ipynb", "arrays/records/logits.npy"])
def test_a_changed_byte_anywhere_is_found(tmp_path: Path, name: str) -> None:
    evidence = evidence_of(tmp_path, records={"logits": np.ones(3)})
    file = evidence.folder / name
    file.chmod(0o644)
    content = bytearray(file.read_bytes())
    content[-2] ^= 1
    file.write_bytes(content)
    with pytest.raises(EvidenceError, match="Grade the submission again"):
        load(evidence.folder)


def test_a_half_written_folder_is_never_taken_for_evidence(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path, records={"x": 1})
    half = tmp_path / ("sha256-" + "0" * 64)
    half.mkdir()
    (half / "manifest.json").write_bytes((evidence.folder / "manifest.json").read_bytes())
    with pytest.raises(EvidenceError):
        load(half)


def test_files_of_evidence_are_read_only(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path, records={"x": 1})
    assert not any(file.stat().st_mode & stat.S_IWUSR for file in evidence.folder.rglob("*") if file.is_file())


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limit on this system")
def test_a_disk_that_fills_up_in_the_middle_is_said_and_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(EvidenceError, match=r"cannot be written .* --resume"):
            evidence_of(tmp_path / "store", records={"small": np.ones(3), "large": np.ones(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list((tmp_path / "store").iterdir()) == []


def test_a_store_that_is_in_the_way_is_said(tmp_path: Path) -> None:
    blocker = tmp_path / "store"
    blocker.write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(EvidenceError, match=r"cannot be written .* --resume"):
        evidence_of(blocker, records={"x": 1})
    assert list(tmp_path.iterdir()) == [blocker]


def test_runs_of_one_submission_are_read_together_and_say_which_they_are(tmp_path: Path) -> None:
    first, second, loaded = (
        evidence_of(tmp_path, records={"x": number}, facts={"replicate": replicate, "mode": mode})
        for number, (replicate, mode) in enumerate([(0, "retrain"), (1, "retrain"), (0, "load")])
    )
    together = load_runs(tmp_path, first.digest, [loaded.digest, second.digest])
    assert (together.digest, together.record("x")) == (first.digest, 0)
    assert [(run.mode, run.replicate, run.record("x")) for run in together.further] == [(Mode.LOAD, 0, 2), (Mode.RETRAIN, 1, 1)]
    assert [run.digest for run in together.replicates] == [first.digest, second.digest]


def test_evidence_from_before_there_were_several_runs_is_the_first_training_run(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path)
    assert "replicate" not in evidence.manifest
    assert (evidence.mode, evidence.replicate, evidence.further, evidence.replicates) == (Mode.RETRAIN, 0, (), (evidence,))


def test_a_further_run_that_is_damaged_is_said(tmp_path: Path) -> None:
    first, second = (evidence_of(tmp_path, facts={"replicate": number}) for number in (0, 1))
    shutil.rmtree(second.folder)
    with pytest.raises(EvidenceError):
        load_runs(tmp_path, first.digest, [second.digest])


def test_a_record_that_was_never_written_says_how_the_run_ended(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path, execution=execution_of(exit_reason=ExitReason.TIMED_OUT))
    with pytest.raises(MissingRecord) as caught:
        evidence.record("logits")
    assert caught.value.execution.exit_reason is ExitReason.TIMED_OUT


def test_a_reason_that_is_no_text_is_none(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path, records={"logits_error": np.ones((2, 2))})
    with pytest.raises(MissingRecord) as caught:
        evidence.array("logits")
    assert caught.value.reason == ""


def test_a_record_that_failed_carries_the_students_error(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path, records={"logits_error": "ValueError: shapes"})
    with pytest.raises(MissingRecord) as caught:
        evidence.array("logits")
    assert caught.value.reason == "ValueError: shapes"


def test_what_a_process_said_of_itself_never_passes_for_measured(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path, records={"logits": np.ones(3), "classes": [1]}, vouched=Vouched.REPORTED)
    with pytest.raises(MissingRecord, match="logits"):
        evidence.array("logits")
    assert evidence.record("classes") == [1]


def test_invented_names_and_objects_never_reach_the_store(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path, records={"../../escape": 1, "Ω": 2, "objects": np.array([print], dtype=object), "fine": 3})
    assert [evidence.has(name) for name in ("../../escape", "Ω", "objects", "fine")] == [False, False, False, True]
    assert not (tmp_path.parent / "escape").exists()


def test_numbers_that_json_has_no_word_for_are_kept_by_name(tmp_path: Path) -> None:
    assert evidence_of(tmp_path, records={"loss": [float("nan"), {"x": float("inf")}]}).record("loss") == ["nan", {"x": "inf"}]


def test_canonical_json_is_one_byte_string_for_one_value() -> None:
    assert canonical_json({"b": 1, "a": "ё"}) == '{"a":"ё","b":1}\n'.encode()
    assert json.loads(canonical_json({"lone": "\ud800"}))
