from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from npe2 import PluginManifest
from pydantic import ValidationError

from napari_icseg.controllers.settings import GROUPS, Settings, bounds_of, dump, group_of, parse
from napari_icseg.controllers.settings_store import SettingsStore, settings_file, user_settings

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
_NAMES = st.sampled_from([*Settings.model_fields, "unknown"])


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=60) | st.binary(max_size=40).map(lambda data: data.decode("latin-1")))
def test_no_text_makes_reading_settings_fail(text):
    found, _ = parse(text)
    assert isinstance(found, Settings)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from([*GROUPS, "x"]), st.dictionaries(_NAMES, _VALUES) | _VALUES))
def test_no_values_make_reading_settings_fail(data):
    found, problems = parse(yaml.safe_dump(data))
    assert Settings.model_validate(found.model_dump()) == found
    assert problems or parse(dump(found)) == (found, ())


def test_what_is_written_is_read_again():
    mine = Settings(disk_cache_gib=0.5, num_ahead=4, changed_keys="undo: Ctrl+U")
    assert parse(dump(mine)) == (mine, ())
    assert dump(Settings()) == ""


def test_one_bad_value_costs_no_other(tmp_path):
    text = "memory: {num_ahead: 99, disk_cache_gib: 7.5}\nlabelling: {hover_preview: true}\nnew: 1"
    found, problems = parse(text)
    assert found == Settings(disk_cache_gib=7.5, hover_preview=True)
    assert len(problems) == 1
    assert "num_ahead is 99" in problems[0]


@pytest.mark.parametrize("content", [b"\x00\xff\xfe", b"[1, 2", b"- a\n- b", b"memory: 7", b"42"])
def test_a_file_of_nonsense_is_kept_aside_and_named(tmp_path, content):
    file = tmp_path / "s.yaml"
    file.write_bytes(content)
    store = SettingsStore(file)
    assert store.value == Settings()
    assert str(file) in store.problem
    assert (tmp_path / "s.yaml.bad").read_bytes() == content
    assert SettingsStore(file).problem == ""


def test_changes_are_told_written_and_read_by_the_next_start(tmp_path):
    store = SettingsStore(tmp_path / "new" / "s.yaml")
    heard = []
    store.changed.connect(heard.append)
    store.set(num_ahead=0, thumbnails=False)
    store.set(num_ahead=0)
    store.flush()
    assert heard == [store.value]
    assert SettingsStore(store.file).value == Settings(num_ahead=0, thumbnails=False)


def test_a_value_out_of_bounds_changes_nothing(tmp_path):
    store = SettingsStore(tmp_path / "s.yaml")
    with pytest.raises(ValidationError):
        store.set(num_ahead=5)
    assert store.value == Settings()


def test_two_windows_of_two_processes_keep_each_other_s_changes(tmp_path):
    first, second = SettingsStore(tmp_path / "s.yaml"), SettingsStore(tmp_path / "s.yaml")
    first.set(num_ahead=1)
    first.flush()
    second.set(thumbnails=False)
    second.flush()
    assert SettingsStore(tmp_path / "s.yaml").value == Settings(num_ahead=1, thumbnails=False)


def test_a_disk_that_takes_nothing_is_told_and_the_change_holds(tmp_path):
    (tmp_path / "no_folder").touch()
    store = SettingsStore(tmp_path / "no_folder" / "s.yaml")
    heard = []
    store.failed.connect(heard.append)
    store.set(num_ahead=1)
    store.flush()
    assert store.value.num_ahead == 1
    assert "could not be saved" in heard[0]


def test_restoring_gives_every_default(tmp_path):
    store = SettingsStore(tmp_path / "s.yaml")
    store.set(num_ahead=0, changed_keys="undo: X")
    store.restore()
    assert store.value == Settings()


def test_the_user_s_settings_lie_beside_napari_s(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_CONFIG", str(tmp_path / "settings.yaml"))
    assert settings_file() == tmp_path / "napari-icseg.yaml"
    assert user_settings() is user_settings()


def test_the_manifest_tells_napari_the_same_settings():
    shown = PluginManifest.from_distribution("napari-icseg").contributions.configurations
    types = {"boolean": bool, "integer": int, "number": float, "string": str}
    assert {name: group.title for name, group in shown.items()} == GROUPS
    found = {
        name: (group, types[str(p.type)], p.default, p.title, p.description, p.minimum, p.maximum)
        for group, contribution in shown.items()
        for name, p in contribution.properties.items()
    }
    ours = {
        name: (group_of(name), field.annotation, field.default, field.title, field.description)
        + (bounds_of(name) or (None, None))
        for name, field in Settings.model_fields.items()
    }
    assert found == ours
