"""Files that are damaged, foreign, newer, older or read-only: clear words, and nothing harmed."""

from __future__ import annotations

import os
import random
import re
import sqlite3
import stat
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_icseg.project import opening
from napari_icseg.project.errors import (
    ProjectDamagedError,
    ProjectError,
    ProjectReadOnlyError,
    ProjectVersionError,
)
from napari_icseg.project.project import Project
from napari_icseg.project.records import ObjectSource
from napari_icseg.project.schema import Schema
from napari_icseg.project.snapshot import ProjectSnapshot
from tests.napari_icseg.project.conftest import square, write_image
from trainers.errors import IcsegError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def closed(project: Project) -> Path:
    """Return a project file of some dozen pages that nobody has open."""
    for number in range(200):
        project.add_object(1 + number % 3, 1, square(number % 20, number % 28), ObjectSource.MANUAL)
    project.close()
    return project.file


def assert_refused(path: Path, error: type[Exception], match: str) -> None:
    before = path.read_bytes()
    for attempt in (Project.open, ProjectSnapshot.open):
        with pytest.raises(error, match=match):
            attempt(path)
        assert path.read_bytes() == before
    beside = {name.name for name in path.parent.iterdir() if name.name.startswith(path.name)}
    assert beside <= {path.name, f"{path.name}-lock"}


@pytest.mark.parametrize(
    "content", [b"", b"SQLite", bytes(500), random.Random(0).randbytes(20_000)], ids=len
)
def test_what_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.icseg"
    path.write_bytes(content)
    assert_refused(path, ProjectDamagedError, "a backup")


def test_a_missing_file_and_a_folder_are_no_projects(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.icseg", tmp_path):
        with pytest.raises(ProjectError, match=r"no project at|cannot read"):
            Project.open(path)
        with pytest.raises(ProjectError, match=r"no project at|cannot read"):
            ProjectSnapshot.open(path)
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.icseg"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE images (id)")
        connection.commit()
    assert_refused(path, ProjectError, "another program")


def test_a_newer_version_is_refused_with_the_way_out(closed: Path) -> None:
    with closing(sqlite3.connect(closed)) as connection:
        connection.execute("PRAGMA user_version = 99")
    assert_refused(closed, ProjectVersionError, "pip install --upgrade")


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.999])
def test_a_file_cut_short_is_refused(closed: Path, kept: float) -> None:
    content = closed.read_bytes()
    closed.write_bytes(content[: max(100, int(len(content) * kept))])
    assert_refused(closed, ProjectDamagedError, "cut short")


def test_overwritten_pages_are_found(closed: Path) -> None:
    content = closed.read_bytes()
    for page in range(1, len(content) // 4096):
        damaged = bytearray(content)
        damaged[page * 4096 : page * 4096 + 4096] = random.Random(page).randbytes(4096)
        closed.write_bytes(damaged)
        assert_refused(closed, ProjectDamagedError, "damaged")


def test_a_big_file_is_checked_as_far_as_listing_needs_and_wholly_on_request(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "_WHOLE_CHECK_MAX_BYTES", 0)
    content = closed.read_bytes()
    found_by_opening = found_by_check = 0
    for page in range(1, len(content) // 4096):
        damaged = bytearray(content)
        damaged[page * 4096 : page * 4096 + 4096] = random.Random(page).randbytes(4096)
        closed.write_bytes(damaged)
        try:
            opened = Project.open(closed)
        except ProjectDamagedError:
            found_by_opening += 1
            continue
        with opened, pytest.raises(ProjectDamagedError):
            opened.check()
        found_by_check += 1
    assert found_by_opening >= 3
    assert found_by_check >= 3


def test_names_damaged_into_no_letters_are_damage_also_where_sqlite_tells_them_while_writing(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    content = _template(tmp_path_factory)
    path = tmp_path_factory.mktemp("names") / "p.icseg"
    places = [found.start() for found in re.finditer(rb"image_id|class_id|operation", content)]
    assert len(places) > 10
    for place in places:
        path.write_bytes(content[:place] + b"\x80" + content[place + 1 :])
        _use(path)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_flipped_bytes_never_crash_and_never_change_the_file_when_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("flip") / "p.icseg"
    content = bytearray(_template(tmp_path_factory))
    places = st.integers(0, len(content) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=40)):
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    _use(path)


def _use(path: Path) -> None:
    """Read everything, undo and redo; a damaged file may raise `IcsegError`, and nothing else."""
    try:
        with Project.open(path) as project:
            for image in project.images():
                for known in project.objects(image.id):
                    known.mask.to_mask(image.shape)
            project.undo()
            project.redo()
    except IcsegError:
        pass  # the point is: this, and no other exception


_TEMPLATES: list[bytes] = []


def _template(factory: pytest.TempPathFactory) -> bytes:
    if not _TEMPLATES:
        folder = factory.mktemp("template")
        with Project.create(folder / "p.icseg") as project:
            project.add_images([write_image(folder / "a.png")])
            for row in range(15):
                project.add_object(1, 1, square(row, row), ObjectSource.MANUAL)
        _TEMPLATES.append((folder / "p.icseg").read_bytes())
    return _TEMPLATES[0]


@pytest.mark.parametrize("name", ["p.db", "p", "p.icseg.txt"])
def test_a_project_file_ends_in_icseg(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProjectError, match=r"ends in \.icseg"):
        Project.create(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_create_never_replaces_a_file(closed: Path) -> None:
    before = closed.read_bytes()
    with pytest.raises(ProjectError, match="exists already"):
        Project.create(closed)
    assert closed.read_bytes() == before


@pytest.mark.parametrize("name", ["ä ö.icseg", "a#1?b%41&c.icseg", "tiles [1].icseg", "'x'.icseg"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    with Project.create(tmp_path / name) as project:
        project.add_class("poly")
        with project.snapshot() as view:
            assert len(view.classes()) == 3
    assert (tmp_path / name).is_file()
    with Project.open(tmp_path / name) as project:
        assert len(project.classes()) == 3


def test_the_log_of_a_deleted_project_is_not_played_into_a_new_one(project: Project) -> None:
    for row in range(15):
        project.add_object(1, 1, square(row, row), ObjectSource.MANUAL)
    log = Path(f"{project.file}-wal").read_bytes()
    project.close()
    project.file.unlink()
    Path(f"{project.file}-wal").write_bytes(log)
    with Project.create(project.file) as fresh:
        assert fresh.images() == ()
        fresh.check()
    (kept,) = project.file.parent.glob("*-wal.orphan-*")
    assert kept.read_bytes() == log


def test_sqlite_keeps_its_promises_here() -> None:
    assert sqlite3.sqlite_version_info >= (3, 37), "STRICT tables"
    assert sqlite3.threadsafety == 3, "one connection for several threads, one at a time"


# migrations ---------------------------------------------------------------------------------


def _add_column(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE images ADD COLUMN layer TEXT NOT NULL DEFAULT 'M1'")


def _fail(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE objects ADD COLUMN more TEXT")
    raise RuntimeError("half-way")


def test_an_older_file_is_migrated_after_a_backup_and_undo_reaches_back(closed: Path) -> None:
    future = Schema(version=4, migrations={2: _add_column, 3: lambda connection: None})
    with pytest.raises(ProjectVersionError, match="older format"):
        opening.open_read_only(closed, future)
    with Project.open(closed, schema=future) as project:
        assert len(project.images()) == 3
        assert project.undo() is not None
        assert project.image(2).num_objects + project.image(1).num_objects == 133
    with closing(sqlite3.connect(closed)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (4,)
        versions = connection.execute("SELECT version FROM migrations").fetchall()
        assert versions == [(1,), (2,), (3,), (4,)]
        assert connection.execute("SELECT DISTINCT layer FROM images").fetchall() == [("M1",)]
    closed.with_name(f"{closed.name}.v2-backup").rename(closed.with_name("restored.icseg"))
    assert_refused(closed, ProjectVersionError, "newer")
    with Project.open(closed.with_name("restored.icseg")) as restored:
        assert sum(image.num_objects for image in restored.images()) == 200


def test_a_migration_that_fails_changes_nothing(closed: Path) -> None:
    future = Schema(version=4, migrations={2: _add_column, 3: _fail})
    with pytest.raises(RuntimeError, match="half-way"):
        Project.open(closed, schema=future)
    with Project.open(closed) as project:
        assert project.undo() is not None


# read-only -----------------------------------------------------------------------------------


@contextmanager
def as_ordinary_user(folder: Path) -> Iterator[None]:
    """Run without root's right to write everywhere; `folder` is opened for reading to all."""
    if os.name == "nt":
        pytest.skip("Windows has no permission bits for folders")
    if os.geteuid() != 0:
        yield
        return
    opened = []
    for parent in (folder, *folder.parents):
        mode = stat.S_IMODE(parent.stat().st_mode)
        if not mode & stat.S_IXOTH:
            opened.append((parent, mode))
            parent.chmod(mode | stat.S_IXOTH | stat.S_IROTH)
    os.setegid(65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        for parent, mode in opened:
            parent.chmod(mode)


def test_in_a_read_only_folder_labelling_is_refused_and_reading_works(closed: Path) -> None:
    folder = closed.parent
    closed.with_name(f"{closed.name}-lock").unlink()
    closed.chmod(0o444)
    folder.chmod(0o555)
    before = sorted(folder.iterdir())
    try:
        with as_ordinary_user(folder):
            with pytest.raises(ProjectReadOnlyError, match="write permission"):
                Project.open(closed)
            with pytest.raises(ProjectReadOnlyError, match="write permission"):
                Project.create(folder / "new.icseg")
            with ProjectSnapshot.open(closed) as view:
                assert len(view.images()) == 3
        assert sorted(folder.iterdir()) == before
    finally:
        folder.chmod(0o755)


def test_a_read_only_file_in_a_writable_folder_is_refused(closed: Path) -> None:
    closed.chmod(0o444)
    closed.parent.chmod(0o777)
    closed.with_name(f"{closed.name}-lock").unlink()
    before = closed.read_bytes()
    with as_ordinary_user(closed.parent), pytest.raises(ProjectReadOnlyError, match="written"):
        Project.open(closed)
    assert closed.read_bytes() == before
