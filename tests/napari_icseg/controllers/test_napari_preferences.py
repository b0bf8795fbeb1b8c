from __future__ import annotations

import pytest
from npe2 import PluginManifest

from napari_icseg.controllers import napari_preferences
from napari_icseg.controllers.settings import Settings
from napari_icseg.controllers.settings_store import SettingsStore

napari_settings = pytest.importorskip("napari.settings")
pytestmark = pytest.mark.skipif(
    not hasattr(napari_settings, "get_plugin_settings"), reason="napari has no plugin settings"
)


@pytest.fixture
def model(plugin_settings, npe2pm):
    npe2pm.register(PluginManifest.from_distribution("napari-icseg"))
    return napari_settings.get_plugin_settings("napari-icseg")


@pytest.fixture
def store(model, tmp_path):
    store = SettingsStore(tmp_path / "ours" / "s.yaml")
    assert napari_preferences.show_in_preferences(store) is not None
    yield store
    store.flush()
    napari_preferences._page.close()
    napari_preferences._page = None


def test_a_change_of_ours_shows_in_napari_s_preferences(store, model):
    store.set(num_ahead=4, hover_preview=True)
    assert model.memory.num_ahead == 4
    assert model.labelling.hover_preview is True


def test_a_change_in_napari_s_preferences_is_ours_and_saved(store, model):
    model.memory.update({"num_ahead": 0, "disk_cache_gib": 9.0})
    store.flush()
    assert store.value == Settings(num_ahead=0, disk_cache_gib=9.0)
    assert SettingsStore(store.file).value == store.value


def test_restoring_in_napari_restores_ours(store, model):
    store.set(thumbnails=False)
    model.reset()
    assert store.value == Settings()


# napari's page of shortcuts warns where there is no window
@pytest.mark.filterwarnings("ignore:Could not resolve type hint")
def test_napari_s_own_dialog_shows_every_group(store, model, qtbot):
    from napari._qt.dialogs.preferences_dialog import PreferencesDialog

    dialog = PreferencesDialog()
    qtbot.addWidget(dialog)
    names = [dialog._list.item(row).text() for row in range(dialog._list.count())]
    assert "IC segmentation" in names
    store.set(num_ahead=3)
    dialog.reject()
