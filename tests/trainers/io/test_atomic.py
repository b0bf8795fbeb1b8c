from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.errors import DataError
from trainers.io.atomic import atomic_path, write_bytes_atomic, write_text_atomic

if TYPE_CHECKING:
    from pathlib import Path

BIG = b"x" * 300_000


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_file_holds_the_data_and_nothing_else_is_left(tmp_path):
    write_bytes_atomic(tmp_path / "a.bin", b"old")
    write_bytes_atomic(tmp_path / "a.bin", b"new")
    assert (tmp_path / "a.bin").read_bytes() == b"new"
    assert names(tmp_path) == ["a.bin"]


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_text_comes_back_with_its_line_ends(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "t.txt"
    write_text_atomic(path, text)
    assert path.read_bytes().decode() == text


def test_missing_folders_are_made(tmp_path):
    write_text_atomic(tmp_path / "neu" / "größe" / "maske.txt", "ä")
    assert (tmp_path / "neu" / "größe" / "maske.txt").read_text(encoding="utf-8") == "ä"


def test_the_temporary_file_keeps_the_suffix_and_the_folder(tmp_path):
    with atomic_path(tmp_path / "model.safetensors") as temporary:
        temporary.write_bytes(b"1")
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".safetensors"
        assert not (tmp_path / "model.safetensors").exists()
    assert names(tmp_path) == ["model.safetensors"]


def test_a_very_long_name_can_be_written(tmp_path):
    path = tmp_path / ("n" * 240 + ".png")
    write_bytes_atomic(path, b"1")
    assert path.read_bytes() == b"1"


def test_an_error_while_writing_leaves_the_old_file_and_no_temporary(tmp_path):
    write_bytes_atomic(tmp_path / "a.bin", b"old")

    def write_half() -> None:
        with atomic_path(tmp_path / "a.bin") as temporary:
            temporary.write_bytes(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert (tmp_path / "a.bin").read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


def test_a_symbolic_link_stays_one(tmp_path):
    write_bytes_atomic(tmp_path / "real.txt", b"old")
    try:
        (tmp_path / "link.txt").symlink_to("real.txt")
    except OSError:
        pytest.skip("this system lets us make no symbolic links")
    write_bytes_atomic(tmp_path / "link.txt", b"new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_bytes() == b"new"


def test_a_full_disk_is_reported_and_leaves_the_old_file(mount_tmpfs):
    folder = mount_tmpfs("size=64k")
    write_bytes_atomic(folder / "a.bin", b"old")
    with pytest.raises(DataError, match=r"a\.bin: No space left.*Free some space"):
        write_bytes_atomic(folder / "a.bin", BIG)
    assert (folder / "a.bin").read_bytes() == b"old"
    assert names(folder) == ["a.bin"]


def test_a_read_only_folder_is_reported_and_leaves_the_old_file(mount_tmpfs):
    folder = mount_tmpfs("size=64k")
    write_bytes_atomic(folder / "a.bin", b"old")
    mount_tmpfs("remount,ro")
    with pytest.raises(DataError, match=r"a\.bin: Read-only.*may write to"):
        write_bytes_atomic(folder / "a.bin", b"new")
    with pytest.raises(DataError, match="Read-only"):
        write_bytes_atomic(folder / "sub" / "a.bin", b"new")
    assert (folder / "a.bin").read_bytes() == b"old"
    assert names(folder) == ["a.bin"]


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="root may write into every folder"
)
def test_a_folder_without_permission_is_reported(tmp_path):
    write_bytes_atomic(tmp_path / "a.bin", b"old")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(DataError, match="may write to"):
            write_bytes_atomic(tmp_path / "a.bin", b"new")
    finally:
        tmp_path.chmod(0o700)
    assert (tmp_path / "a.bin").read_bytes() == b"old"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on a file's size")
def test_a_limit_on_the_file_size_is_reported_like_a_full_disk(tmp_path):
    import resource

    write_bytes_atomic(tmp_path / "a.bin", b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(DataError, match="Free some space"):
            write_bytes_atomic(tmp_path / "a.bin", BIG)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "a.bin").read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


def test_a_file_where_a_folder_should_be_is_reported(tmp_path):
    (tmp_path / "file").write_bytes(b"1")
    with pytest.raises(DataError, match="Check the path"):
        write_bytes_atomic(tmp_path / "file" / "a.bin", b"new")


def test_a_folder_where_the_file_should_be_is_reported(tmp_path):
    (tmp_path / "a.bin").mkdir()
    with pytest.raises(DataError, match="Cannot write"):
        write_bytes_atomic(tmp_path / "a.bin", b"new")
    assert names(tmp_path) == ["a.bin"]


KILLED = """
import os, signal, sys
from trainers.io.atomic import atomic_path
with atomic_path(sys.argv[1]) as temporary:
    temporary.write_bytes(b"half a file")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_writer_leaves_the_old_file(tmp_path):
    write_bytes_atomic(tmp_path / "a.bin", b"old")
    command = [sys.executable, "-c", KILLED, str(tmp_path / "a.bin")]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert (tmp_path / "a.bin").read_bytes() == b"old"
