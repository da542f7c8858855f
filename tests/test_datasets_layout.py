"""The published layout is written byte for byte, and a file that is not in it is named with its problem."""

import hashlib
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from grader.datasets.cifar100 import PUBLISHED_MD5, batch_bytes, check_meta, meta_bytes, parse_batch, read_batch
from grader.datasets.original_reader import NotOriginalError, decode
from grader.datasets.original_writer import encode
from grader.errors import DataError
from tests.datasets_samples import batch_of, write_sample

REMEDY = "Run `zachet data fetch cifar100`, or name the folder of the published files with --data-root."
GOOD = b"".join(batch_bytes(batch_of((0, 55), 3, seed=1), "train"))
_real = os.environ.get("ZACHET_TEST_DATA", "")
needs_real_data = pytest.mark.skipif(not _real, reason="ZACHET_TEST_DATA names no folder with the real CIFAR-100")


class Bomb:
    """Makes a folder when it is unpickled by the pickle module."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("encoding", ["latin1", "bytes"])
def test_a_written_file_loads_with_pickle_as_notebooks_load_it(tmp_path: Path, encoding: str) -> None:
    folder = write_sample(tmp_path)
    with (folder / "train").open("rb") as stream:
        loaded = pickle.load(stream, encoding=encoding)  # noqa: S301 - our own file, read as students read it
    keys = ["filenames", "batch_label", "fine_labels", "coarse_labels", "data"]
    assert list(loaded) == (keys if encoding == "latin1" else [key.encode() for key in keys])
    data = loaded["data" if encoding == "latin1" else b"data"]
    assert (data.shape, data.dtype, data.flags.c_contiguous) == ((30, 3072), np.uint8, True)
    assert np.array_equal(data, read_batch(folder / "train", "train").pixels)


def test_what_is_written_is_read_back_without_a_copy_of_the_pixels() -> None:
    batch = batch_of((3, 7), 600, seed=4)
    data = b"".join(batch_bytes(batch, "test"))
    found = parse_batch(data, "test", Path("test"))
    assert np.array_equal(found.pixels, batch.pixels)
    assert (found.filenames, found.fine.tolist(), found.coarse.tolist()) == (batch.filenames, batch.fine.tolist(), batch.coarse.tolist())
    assert data[found.offset : found.offset + 3072] == batch.pixels[0].tobytes()
    assert found.pixels.base is not None


def test_meta_is_written_as_it_was_published() -> None:
    data = b"".join(meta_bytes())
    assert hashlib.md5(data, usedforsecurity=False).hexdigest() == PUBLISHED_MD5["meta"]
    check_meta(data, Path("meta"))


@needs_real_data
@pytest.mark.data
@pytest.mark.parametrize("split", ["train", "test"])
def test_the_real_files_are_written_again_byte_for_byte(split: str) -> None:
    path = Path(_real) / "cifar-100-python" / split
    which = "train" if split == "train" else "test"
    written = hashlib.sha256()
    for piece in batch_bytes(read_batch(path, which), which):  # type: ignore[arg-type]
        written.update(piece)
    with path.open("rb") as stream:
        assert written.hexdigest() == hashlib.file_digest(stream, "sha256").hexdigest()


def test_a_hostile_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    target = tmp_path / "made"
    hostile = pickle.dumps(Bomb(target), protocol=2)
    with pytest.raises(NotOriginalError, match=r"asks for '\w+\.mkdir', which the published files never do: do not open it with pickle"):
        decode(hostile)
    assert not target.exists()


def _string(length: int) -> bytes:
    return b"\x80\x02T" + struct.pack("<i", length) + b"abc"


@pytest.mark.parametrize(
    ("data", "clause"),
    [
        (b"", "is empty"),
        (b"<html>404</html>", "is not a pickle"),
        (b"\x80\x04\x95", "is a pickle of protocol 4, not 2: it was saved again by a newer Python"),
        (b"\x80\x02X\x01\x00\x00\x00a.", "was saved again by a newer Python, so notebooks that read it with encoding='bytes' would fail"),
        (b"\x80\x02\x81.", "holds the instruction b'\\x81', which the published files do not have"),
        (GOOD[:-100], f"is cut off: it ends after {len(GOOD) - 100} bytes, in the middle of a part"),
        (GOOD + b"x", "goes on after its end"),
        (_string(2_000_000_000), "is cut off: it ends after 10 bytes, in the middle of a part"),
        (_string(-5), "has a negative length in it"),
        (b"\x80\x02K\x01.", "does not hold a dictionary with names of its parts"),
        (b"\x80\x02e.", "has a broken structure"),
        (b"\x80\x02\x86.", "has a broken structure"),
        (b"\x80\x02h\x05.", "has a broken structure"),
        (b"\x80\x02K\x01(K\x02e.", "has a broken structure"),
        (b"\x80\x02}(K\x01K\x02u.", "has parts whose names are not byte strings"),
        (b"\x80\x02}(U\x01au.", "has a broken structure"),
        (b"\x80\x02}" + b"\x85" * 500_000 + b"(" + b"N\x85" + b"\x85" * 400_000 + b"K\x01u.", "has a broken structure"),
        (b"\x80\x02" + b"N" * 1_000_001, "has more parts than 50 000 images need"),
        (b"\x80\x02c" + b"a" * 200, "is cut off or damaged inside a name"),
        (b"\x80\x02cnumpy\ndtype\n(U\x01OK\x00K\x01tR.", "does not hold its pixels as unsigned bytes"),
        (GOOD.replace(b"U\x02u1K\x00", b"U\x02O1K\x00"), "does not hold its pixels as unsigned bytes"),
        (GOOD.replace(b"(K\x01K\x06M\x00\x0c\x86", b"(K\x01K\x07M\x00\x0c\x86"), "says that its pixels are 7 x 3072 bytes and holds 18432"),
    ],
)
def test_bytes_that_are_not_of_the_layout_are_described(data: bytes, clause: str) -> None:
    with pytest.raises(NotOriginalError) as caught:
        decode(data)
    assert str(caught.value) == clause


def test_a_deep_tuple_as_a_name_does_not_end_the_interpreter() -> None:
    with pytest.raises(NotOriginalError, match="names are not byte strings"):
        decode(b"\x80\x02}(N" + b"\x85" * 900_000 + b"K\x01u.")


def test_a_deep_tuple_as_an_argument_does_not_end_the_interpreter() -> None:
    with pytest.raises(NotOriginalError, match="does not hold its pixels as unsigned bytes"):
        decode(b"\x80\x02cnumpy\ndtype\nN" + b"\x85" * 900_000 + b"R.")


def test_an_array_that_was_never_filled_is_refused() -> None:
    data = b"\x80\x02}(U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87Ru."
    with pytest.raises(NotOriginalError, match="has an array without contents"):
        decode(data)


def test_every_cut_of_a_good_file_is_refused() -> None:
    for length in range(0, len(GOOD), 97):
        with pytest.raises(NotOriginalError):
            decode(GOOD[:length])


def test_no_changed_byte_of_the_frame_leads_to_another_exception() -> None:
    frame = len(GOOD) - 6 * 3072
    for place in range(frame):
        for value in (0, 0x28, 0x52, 0x62, 0x75, 0xFF):
            try:
                decode(GOOD[:place] + bytes([value]) + GOOD[place + 1 :])
            except NotOriginalError:
                continue


def _parts(**changes: object) -> bytes:
    batch = batch_of((0, 55), 3, seed=1)
    parts: dict[bytes, object] = {
        b"filenames": batch.filenames,
        b"batch_label": b"training batch 1 of 1",
        b"fine_labels": batch.fine.tolist(),
        b"coarse_labels": batch.coarse.tolist(),
        b"data": batch.pixels,
    }
    parts |= {name.encode(): value for name, value in changes.items()}
    return b"".join(encode({name: value for name, value in parts.items() if value is not None}))  # type: ignore[misc]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (_parts(fine_labels=None, labels=[1] * 6), "The file is of CIFAR-10, not of CIFAR-100."),
        (_parts(fine_labels=None, coarse_labels=None), "The file holds no fine_labels, coarse_labels."),
        (
            _parts(batch_label=b"testing batch 1 of 1"),
            "The file is labelled 'testing batch 1 of 1' where 'training batch 1 of 1' should stand.",
        ),
        (_parts(fine_labels=[0, 55, 0, 55, 0]), "The file has 5 fine_labels for 6 images."),
        (_parts(fine_labels=[0, 55, 0, 155, 0, 55]), "The file has 155 in fine_labels at row 3, not a number from 0 to 99."),
        (_parts(fine_labels=[0, 55, 0, 55, 0, b"x"]), "The file has 'x' in fine_labels at row 5, not a number from 0 to 99."),
        (_parts(fine_labels=b"x"), "The file has no list of fine_labels for 6 images."),
        (_parts(coarse_labels=[4, 0, 4, 0, 4, 1]), "The file puts class 55 (otter) in superclass 1 at row 5."),
        (_parts(filenames=[b"a"] * 5), "The file does not name a file for each of its 6 images."),
        (_parts(data=np.zeros((6, 3000), np.uint8)), "The file does not hold its images as rows of 3072 bytes."),
        (_parts(data=[1, 2]), "The file does not hold its images as rows of 3072 bytes."),
    ],
)
def test_a_file_with_wrong_parts_is_named_with_its_problem(tmp_path: Path, data: bytes, what: str) -> None:
    path = tmp_path / "train"
    path.write_bytes(data)
    with pytest.raises(DataError) as caught:
        read_batch(path, "train")
    assert (caught.value.what, caught.value.where, caught.value.remedy) == (what, str(path), REMEDY)


def test_a_meta_with_other_names_is_refused() -> None:
    data = b"".join(encode({b"fine_label_names": [b"cat"], b"coarse_label_names": [b"pet"]}))
    with pytest.raises(DataError, match=r"The file lists other fine_label_names than CIFAR-100 has\."):
        check_meta(data, Path("meta"))


def test_a_file_larger_than_the_published_one_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "train"
    with path.open("wb") as stream:
        stream.truncate(3_000_000_000)
    with pytest.raises(DataError, match=r"The file is larger than the published one\."):
        read_batch(path, "train")


def test_a_missing_file_and_a_folder_in_its_place_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"The file train of CIFAR-100 is missing\."):
        read_batch(tmp_path / "train", "train")
    (tmp_path / "test").mkdir()
    with pytest.raises(DataError, match=r"The file test of CIFAR-100 cannot be read: Is a directory\."):
        read_batch(tmp_path / "test", "test")
