"""Our page in napari's Preferences: both ways with our own settings, from napari 0.9 on."""

from __future__ import annotations

from typing import Any

from napari_icseg.controllers.settings import Settings, group_of
from napari_icseg.controllers.settings_store import PLUGIN, SettingsStore


class PreferencesPage:
    """Keeps napari's model of our settings and a store alike, until `close`.

    napari makes the model from the manifest's `configurations` and shows it in its dialog.
    It also writes it, not atomically; so its path is taken away, and the store writes.
    """

    def __init__(self, store: SettingsStore, model: Any) -> None:
        self.store, self._model = store, model
        self._path = model.config_path
        model.config_path = None
        self._is_showing = False
        self._show(store.value)
        store.changed.connect(self._show)
        model.events.changed.connect(self._on_model_changed)

    def close(self) -> None:
        """Lets go of both; napari keeps the values, and writes changes itself again."""
        self.store.changed.disconnect(self._show, missing_ok=True)
        self._model.events.changed.disconnect(self._on_model_changed)
        self._model.config_path = self._path

    def _show(self, settings: Settings) -> None:
        self._is_showing = True
        for name, value in settings.model_dump().items():
            group = getattr(self._model, group_of(name))
            if getattr(group, name) != value:
                setattr(group, name, value)
        self._is_showing = False

    def _on_model_changed(self, _event: object = None) -> None:
        if self._is_showing:
            return
        shown = {
            name: getattr(getattr(self._model, group_of(name)), name)
            for name in Settings.model_fields
        }
        self.store.set(**shown)


_page: PreferencesPage | None = None


def show_in_preferences(store: SettingsStore) -> PreferencesPage | None:
    """Makes the page once for a store; None where napari has none.

    That is so before napari 0.9, or while the plugin is switched off in napari.
    """
    global _page
    if _page is not None and _page.store is store:
        return _page
    if _page is not None:
        _page.close()
    try:
        from napari.settings import get_plugin_settings
    except ImportError:
        return None
    try:
        _page = PreferencesPage(store, get_plugin_settings(PLUGIN))
    except KeyError:
        _page = None
    return _page
