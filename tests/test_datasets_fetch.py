"""Fetching: from a server on this machine that serves ranges, breaks connections, and sends other files."""

import gzip
import hashlib
import io
import socket
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from grader.datasets import Archive, DataRoot, fetch, find_data_root, open_root
from grader.datasets.fetch import CIFAR100, fetched_folder
from grader.errors import DataError
from tests.datasets_samples import write_sample

BY_HAND = "Check the connection and run the command again (what has arrived is kept), or name unpacked files with --data-root DIR."


@dataclass
class Behaviour:
    """What the server serves, and how: `breaks` are lengths after which successive answers break off."""

    contents: bytes = b""
    ranges: bool = True
    breaks: list[int] = field(default_factory=list)
    asked: list[str | None] = field(default_factory=list)


class Server(ThreadingHTTPServer):
    behaviour: Behaviour


class Handler(BaseHTTPRequestHandler):
    """Serves one file with `Range: bytes=N-`."""

    server: Server

    def do_GET(self) -> None:
        behaviour = self.server.behaviour
        wanted = self.headers["Range"] if behaviour.ranges else None
        behaviour.asked.append(self.headers["Range"])
        first = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        if self.path != "/archive.tar.gz" or (wanted and first >= len(behaviour.contents)):
            self.send_error(416 if wanted else 404)
            return
        body = behaviour.contents[first:]
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(body)))
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{len(behaviour.contents) - 1}/{len(behaviour.contents)}")
        self.end_headers()
        self.wfile.write(body[: behaviour.breaks.pop(0)] if behaviour.breaks else body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@dataclass
class Site:
    """A running server and the archive that should come from it."""

    behaviour: Behaviour
    archive: Archive
    cache: Path

    def fetch(self) -> DataRoot:
        return fetch(self.archive, cache=self.cache)

    @property
    def parts(self) -> list[Path]:
        return list(self.cache.glob("*.part"))


def _pack(folder: Path, extra: tuple[tarfile.TarInfo, ...] = ()) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as tar:
        for entry in extra:
            tar.addfile(entry)
        tar.add(folder, "cifar-100-python")
    return stream.getvalue()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ZACHET_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ZACHET_DATA", raising=False)
    contents = _pack(write_sample(tmp_path / "published"))
    server = Server(("127.0.0.1", 0), Handler)
    server.behaviour = Behaviour(contents)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    archive = Archive(
        url=f"http://127.0.0.1:{server.server_port}/archive.tar.gz", md5=hashlib.md5(contents, usedforsecurity=False).hexdigest()
    )
    yield Site(server.behaviour, archive, tmp_path / "cache")
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_archive_is_fetched_checked_unpacked_and_then_found(site: Site, tmp_path: Path) -> None:
    root = site.fetch()
    assert root == find_data_root()
    assert root.digest == open_root(tmp_path / "published").digest
    assert root.path == fetched_folder() / "cifar-100-python"
    assert site.parts == []


def test_what_is_there_is_not_fetched_again(site: Site) -> None:
    site.fetch()
    site.fetch()
    assert site.behaviour.asked == [None]


def test_a_damaged_set_is_fetched_again(site: Site) -> None:
    root = site.fetch()
    (root.path / "train").write_bytes(b"\x80\x02")
    assert site.fetch() == root


def test_a_connection_that_breaks_is_taken_up_where_it_broke(site: Site) -> None:
    site.behaviour.breaks = [1000, 5000]
    site.fetch()
    assert site.behaviour.asked == [None, "bytes=1000-", "bytes=6000-"]


def test_a_later_command_goes_on_where_the_last_one_stopped(site: Site) -> None:
    site.behaviour.breaks = [1000, 0]
    with pytest.raises(DataError) as caught:
        site.fetch()
    assert str(caught.value) == f"{site.archive.url}: CIFAR-100 cannot be fetched: the connection broke after 1,000 bytes. {BY_HAND}"
    site.fetch()
    assert site.behaviour.asked == [None, "bytes=1000-", "bytes=1000-"]


def test_a_server_without_ranges_sends_everything_again(site: Site) -> None:
    site.behaviour.breaks = [1000]
    site.behaviour.ranges = False
    site.fetch()
    assert site.behaviour.asked == [None, "bytes=1000-"]


def test_a_download_that_was_whole_already_is_used(site: Site) -> None:
    site.cache.mkdir()
    (site.cache / f"cifar-100-python-{site.archive.md5[:8]}.tar.gz.part").write_bytes(site.behaviour.contents)
    site.fetch()
    assert site.behaviour.asked == [f"bytes={len(site.behaviour.contents)}-"]


def test_progress_counts_up_to_the_whole(site: Site) -> None:
    seen: list[tuple[int, int]] = []
    fetch(site.archive, cache=site.cache, progress=lambda have, total: seen.append((have, total)))
    assert seen[-1] == (len(site.behaviour.contents), len(site.behaviour.contents))
    assert [have for have, _ in seen] == sorted(have for have, _ in seen)


def test_another_file_is_thrown_away_and_nothing_is_left(site: Site) -> None:
    site.behaviour.contents = b"<html>Log in to the hotel</html>"
    found = hashlib.md5(site.behaviour.contents, usedforsecurity=False).hexdigest()
    with pytest.raises(DataError) as caught:
        site.fetch()
    assert caught.value.what == f"What was sent has the MD5 sum {found} and the published one has {site.archive.md5}; it was thrown away."
    assert caught.value.where == site.archive.url
    assert "--data-root DIR" in caught.value.remedy
    assert (site.parts, fetched_folder().exists()) == ([], False)


def test_a_page_that_is_not_there_is_said(site: Site) -> None:
    missing = Archive(url=site.archive.url.replace("archive", "nothing"), md5=site.archive.md5)
    with pytest.raises(DataError, match=r"CIFAR-100 cannot be fetched: the server answered 404 Not Found\."):
        fetch(missing, cache=site.cache)


def test_offline_is_said_with_the_way_around_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(DataError) as caught:
        fetch(Archive(url=f"http://127.0.0.1:{port}/archive.tar.gz", md5="0"), cache=tmp_path)
    assert caught.value.what == "CIFAR-100 cannot be fetched: [Errno 111] Connection refused."
    assert caught.value.remedy == BY_HAND


def test_only_web_addresses_are_fetched(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'file:///etc/passwd' is not the address of a web server"):
        fetch(Archive(url="file:///etc/passwd", md5="0"), cache=tmp_path)


def _serve(site: Site, contents: bytes) -> None:
    site.behaviour.contents = contents
    site.archive = Archive(url=site.archive.url, md5=hashlib.md5(contents, usedforsecurity=False).hexdigest())


def test_entries_that_climb_out_or_are_links_are_not_unpacked(site: Site, tmp_path: Path) -> None:
    link = tarfile.TarInfo("cifar-100-python/train")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    _serve(site, _pack(tmp_path / "published" / "cifar-100-python", (tarfile.TarInfo("../climbed"), tarfile.TarInfo("/tmp/climbed"), link)))
    root = site.fetch()
    assert sorted(path.name for path in root.path.iterdir()) == ["meta", "test", "train"]
    assert not any(path.is_symlink() for path in root.path.iterdir())
    assert not list(tmp_path.rglob("climbed"))


@pytest.mark.parametrize("contents", [gzip.compress(b"no tar"), b"no gzip", gzip.compress(b"x" * 5000)[:-20]])
def test_an_archive_that_cannot_be_unpacked_is_thrown_away(site: Site, contents: bytes) -> None:
    _serve(site, contents)
    with pytest.raises(DataError, match=r"What was sent cannot be unpacked \(.+\); it was thrown away\."):
        site.fetch()
    assert (site.parts, fetched_folder().exists()) == ([], False)


def test_an_archive_without_a_file_makes_no_data_set(site: Site, tmp_path: Path) -> None:
    (tmp_path / "published" / "cifar-100-python" / "test").unlink()
    _serve(site, _pack(tmp_path / "published" / "cifar-100-python"))
    with pytest.raises(DataError, match=r"The file test of CIFAR-100 is missing\."):
        site.fetch()
    assert not fetched_folder().exists()


def test_a_cache_that_cannot_be_written_is_not_taken_for_a_bad_connection(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(DataError, match="The cache of data sets cannot be written"):
        fetch(site.archive, cache=tmp_path / "file")


def test_the_published_archive_is_the_one_that_is_fetched() -> None:
    assert CIFAR100.url == "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
    assert CIFAR100.md5 == "eb9058c3a382ffc7106e4002c42a8d85"
