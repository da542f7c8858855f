"""Keyed draws: the same for ever, independent of the others, fair; and where the secret comes from."""

import hashlib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from variants.draw import draw, read_secret
from variants.errors import VariantsError

SECRET = b"course secret of 2026"


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """RFC 2104 written out, for keys of at most 64 bytes."""
    inner, outer = (bytes(byte ^ pad for byte in key.ljust(64, b"\0")) for pad in (0x36, 0x5C))
    return hashlib.sha256(outer + hashlib.sha256(inner + message).digest()).digest()


def by_the_book(secret: bytes, assignment: str, student: str, count: int) -> list[int]:
    """The published recipe in its plainest form."""
    parts = [text.encode() for text in ("zachet-draw-1", assignment, student)]
    number = int.from_bytes(hmac_sha256(secret, b"".join(len(part).to_bytes(4, "big") + part for part in parts)), "big")
    left, picked = list(range(100)), []
    for _ in range(count):
        number, index = divmod(number, len(left))
        picked.append(left.pop(index))
    return sorted(picked)


@pytest.mark.parametrize(("student", "classes"), [("s1", (7, 55, 80)), ("20У101", (47, 87, 98))])
def test_a_draw_made_with_openssl_stays_as_it_is_for_ever(student: str, classes: tuple[int, ...]) -> None:
    assert draw(SECRET, "iu5_lab1", student, count=3, classes=100) == classes


@given(st.binary(min_size=16, max_size=64), st.text(), st.text(min_size=1), st.integers(1, 10))
def test_a_draw_follows_the_published_recipe(secret: bytes, assignment: str, student: str, count: int) -> None:
    drawn = draw(secret, assignment, student, count=count, classes=100)

    assert list(drawn) == by_the_book(secret, assignment, student, count)
    assert len(set(drawn)) == count
    assert all(0 <= index < 100 for index in drawn)


def test_secret_assignment_and_student_each_change_the_draw() -> None:
    drawn = {
        draw(SECRET, "lab1", "s1", count=3, classes=100),
        draw(SECRET + b"!", "lab1", "s1", count=3, classes=100),
        draw(SECRET, "lab2", "s1", count=3, classes=100),
        draw(SECRET, "lab1", "s2", count=3, classes=100),
        draw(SECRET, "lab", "1s1", count=3, classes=100),
    }

    assert len(drawn) == 5


def test_every_class_is_drawn_about_equally_often() -> None:
    counts = Counter(index for student in range(10_000) for index in draw(SECRET, "lab", str(student), count=3, classes=100))

    statistic = sum((counts[index] - 300) ** 2 / 300 for index in range(100))

    assert statistic < 149  # chi-squared with 99 degrees of freedom passes this once in a thousand


def test_the_secret_is_read_from_the_file_before_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"\xef\xbb\xbf0123456789abcdef\r\n")

    assert read_secret(file, {"ZACHET_SECRET": "another secret in the environment"}) == b"0123456789abcdef"
    assert read_secret(None, {"ZACHET_SECRET": " another secret in the environment "}) == b"another secret in the environment"
    assert read_secret(None, {}) is None


def test_a_secret_that_is_too_short_or_missing_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("short\n")

    with pytest.raises(VariantsError, match="the secret has 5 bytes, 16 are needed"):
        read_secret(file, {})
    with pytest.raises(VariantsError, match="ZACHET_SECRET: the secret has 3 bytes"):
        read_secret(None, {"ZACHET_SECRET": "abc"})
    with pytest.raises(VariantsError, match="No such file"):
        read_secret(tmp_path / "none", {})
