from __future__ import annotations

import errno
import hashlib
import socket
from collections import namedtuple

import numpy as np
import pytest
from filelock import FileLock

from napari_icseg.prompting import download as download_module
from napari_icseg.prompting.download import CHUNK_BYTES, download
from napari_icseg.prompting.errors import DownloadCancelledError, DownloadError
from tests.napari_icseg.prompting.file_server import FileServer

DATA = np.random.default_rng(0).bytes(3 * CHUNK_BYTES + 17)
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def server():
    with FileServer() as server:
        server.behaviour.data = DATA
        yield server


@pytest.fixture
def target(tmp_path):
    return tmp_path / "checkpoints" / "model.pt"


def fetch(server, target, **more):
    options = {"sha256": SHA256, "pause_s": 0.01, **more}
    return download(f"{server.url}/model.pt", target, **options)


def part_of(target):
    return target.with_name("model.pt.part")


def assert_complete(target):
    assert target.read_bytes() == DATA
    assert [path.name for path in target.parent.iterdir()] == ["model.pt"]


def test_a_file_arrives_whole_with_progress(server, target):
    told = []
    assert fetch(server, target, progress=lambda *args: told.append(args)) == target
    assert_complete(target)
    assert told[-1] == (len(DATA), len(DATA))
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_two_programs_do_not_write_the_same_part(server, target):
    target.parent.mkdir()
    with (
        FileLock(target.with_name("model.pt.lock")),
        pytest.raises(DownloadError, match="Another program is downloading"),
    ):
        fetch(server, target)
    fetch(server, target)
    assert_complete(target)


def test_a_file_that_is_there_is_not_downloaded_again(server, target):
    fetch(server, target)
    fetch(server, target)
    assert len(server.behaviour.paths) == 1


def test_a_damaged_file_is_downloaded_again(server, target):
    fetch(server, target)
    target.write_bytes(DATA[:-1] + b"?")
    fetch(server, target)
    assert_complete(target)


def test_a_broken_transfer_goes_on_where_it_stopped(server, target):
    server.behaviour.breaks_after = [CHUNK_BYTES + 5, CHUNK_BYTES]
    fetch(server, target)
    assert_complete(target)
    first, *later = server.behaviour.ranges
    assert first is None
    assert len(later) == 2
    starts = [int(asked.removeprefix("bytes=").rstrip("-")) for asked in later]
    assert 0 < starts[0] < starts[1] < len(DATA)


def test_what_arrived_is_kept_for_the_next_start(server, target):
    server.behaviour.breaks_after = [CHUNK_BYTES]
    with pytest.raises(DownloadError, match=r"connection broke.*0\.2 MiB that arrived are kept"):
        fetch(server, target, num_tries=1)
    assert not target.exists()
    kept = part_of(target).stat().st_size
    assert 0 < kept <= CHUNK_BYTES
    fetch(server, target)
    assert_complete(target)
    assert server.behaviour.ranges[-1] == f"bytes={kept}-"


def test_progress_goes_on_from_what_was_kept(server, target):
    target.parent.mkdir()
    part_of(target).write_bytes(DATA[: 2 * CHUNK_BYTES])
    told = []
    fetch(server, target, progress=lambda *args: told.append(args))
    assert told[0][0] > 2 * CHUNK_BYTES
    assert {total for _, total in told} == {len(DATA)}


def test_a_server_without_ranges_sends_everything_again(server, target):
    server.behaviour.breaks_after = [CHUNK_BYTES]
    server.behaviour.ignores_range = True
    fetch(server, target)
    assert_complete(target)


def test_a_part_that_is_complete_already_is_not_transferred(server, target):
    target.parent.mkdir()
    part_of(target).write_bytes(DATA)
    fetch(server, target)
    assert_complete(target)


def test_a_part_longer_than_the_file_is_thrown_away(server, target):
    target.parent.mkdir()
    part_of(target).write_bytes(DATA + b"more")
    fetch(server, target)
    assert_complete(target)


def test_a_part_of_another_file_ends_in_a_clear_error_and_then_in_the_right_one(server, target):
    target.parent.mkdir()
    part_of(target).write_bytes(b"x" * 1000)
    with pytest.raises(DownloadError, match="SHA-256 differs"):
        fetch(server, target)
    fetch(server, target)
    assert_complete(target)


def test_a_wrong_hash_leaves_nothing_behind_and_says_what_to_do(server, target):
    server.behaviour.data = DATA[::-1]
    with pytest.raises(DownloadError, match=r"was removed\. Try again; .* import it"):
        fetch(server, target)
    assert list(target.parent.iterdir()) == []


def test_a_wrong_hash_does_not_harm_the_file_that_was_there(server, target):
    target.parent.mkdir()
    target.write_bytes(b"an older version")
    server.behaviour.data = DATA[::-1]
    with pytest.raises(DownloadError):
        fetch(server, target)
    assert target.read_bytes() == b"an older version"


@pytest.mark.parametrize(
    ("status", "message"), [(404, "404 Not Found.*ICSEG_SAM2_URL"), (503, "try again later")]
)
def test_a_refusal_is_told_with_its_status(server, target, status, message):
    server.behaviour.status = status
    with pytest.raises(DownloadError, match=message):
        fetch(server, target)
    assert len(server.behaviour.paths) == 1


def test_without_network_the_user_is_told_how_else_to_get_the_file(target):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/model.pt"
    with pytest.raises(DownloadError, match=r"cannot be reached.*import the file") as caught:
        download(url, target, sha256=SHA256, num_tries=2, pause_s=0.01)
    assert url in str(caught.value)
    assert "MiB" not in str(caught.value)


@pytest.mark.parametrize("url", ["not a url", "http://", "ftp://127.0.0.1/x"])
def test_an_address_that_is_none_is_no_wrong_hash(target, url):
    with pytest.raises(DownloadError) as caught:
        download(url, target, sha256=SHA256, num_tries=1)
    assert "SHA-256" not in str(caught.value)


def test_cancelling_stops_soon_and_keeps_what_arrived(server, target):
    told = []

    def progress(*args):
        told.append(args)

    with pytest.raises(DownloadCancelledError, match="the next try goes on there"):
        fetch(server, target, progress=progress, cancelled=lambda: len(told) > 1)
    assert len(told) == 2
    assert not target.exists()
    assert part_of(target).stat().st_size == 2 * CHUNK_BYTES
    fetch(server, target)
    assert_complete(target)
    assert server.behaviour.ranges[-1] == f"bytes={2 * CHUNK_BYTES}-"


def test_cancelling_while_waiting_for_the_network_does_not_wait(target):
    with pytest.raises(DownloadCancelledError):
        download("http://127.0.0.1:9/x", target, sha256=SHA256, pause_s=60, cancelled=lambda: True)


def test_too_full_a_disk_is_told_before_the_transfer(server, target, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(
        download_module.shutil, "disk_usage", lambda path: usage(10**9, 10**9, len(DATA) - 1)
    )
    with pytest.raises(DownloadError, match=r"too full for model\.pt"):
        fetch(server, target)
    assert not target.exists()


def test_a_disk_that_fills_up_is_told_and_what_arrived_is_kept(server, target, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(download_module.os, "fsync", full)
        with pytest.raises(DownloadError, match=r"No space left.*What has arrived is kept"):
            fetch(server, target)
    assert not target.exists()
    fetch(server, target)
    assert_complete(target)


def test_a_folder_that_cannot_be_written_is_told(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DownloadError, match="Cannot write"):
        fetch(server, tmp_path / "file" / "model.pt")
