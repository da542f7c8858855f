"""Files that are one with another, or a copy where they cannot be."""

from pathlib import Path

import pytest

from grader.files import link_or_copy


def test_a_file_is_linked_where_that_can_be_and_a_link_to_it_is_followed(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("x", encoding="utf-8")
    (tmp_path / "symbolic").symlink_to(source)
    for name in (source, tmp_path / "symbolic"):
        target = tmp_path / f"{name.name}-linked"
        link_or_copy(name, target)
        assert not target.is_symlink()
        assert target.samefile(source)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="there is no second file system here for certain")
def test_a_file_of_another_file_system_is_copied_under_the_mode_of_any_new_file(tmp_path: Path) -> None:
    target, new = tmp_path / "copy", tmp_path / "new"
    link_or_copy("/proc/self/cmdline", target)
    new.touch()
    assert target.read_bytes() == Path("/proc/self/cmdline").read_bytes()
    assert target.stat().st_dev == tmp_path.stat().st_dev != Path("/proc/self/cmdline").stat().st_dev
    assert target.stat().st_mode == new.stat().st_mode


def test_a_file_that_is_not_there_is_neither_linked_nor_copied(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        link_or_copy(tmp_path / "gone", tmp_path / "target")
    assert not (tmp_path / "target").exists()
