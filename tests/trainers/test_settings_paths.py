from __future__ import annotations

import pytest

from trainers.settings_paths import path_name, without_paths


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/home/me/tiles", "tiles"),
        ("/home/me/tiles/", "tiles"),
        (r"C:\Users\me\tiles", "tiles"),
        ("D:/tiles", "tiles"),
        ("tiles", "tiles"),
        (None, None),
    ],
)
def test_a_path_of_either_system_is_only_its_name(path: str | None, name: str | None) -> None:
    assert path_name(path) == name


def test_settings_of_the_model_keep_no_path_either() -> None:
    options = {"sam": "sam2.1-tiny", "sam_weights": "/home/me/w.pt", "widths": [8, "/x/y"]}
    clean = without_paths({"data": "/home/me/t", "lr": 1e-3, "model_options": options})
    expected = {"sam": "sam2.1-tiny", "sam_weights": "w.pt", "widths": [8, "y"]}
    assert clean == {"data": "t", "lr": 1e-3, "model_options": expected}
    assert without_paths(clean) == clean
