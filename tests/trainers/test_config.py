from pathlib import Path

import pytest

from trainers.config import TrainConfig, parse_config, read_config
from trainers.errors import TrainingError


def test_a_configuration_survives_its_file(tmp_path: Path) -> None:
    config = TrainConfig(
        model="unet", out=tmp_path, data=Path("tiles"), class_names=("metal", "via"), lr=3e-4
    )
    path = tmp_path / "config.json"
    path.write_text(config.to_json())
    assert read_config(path) == config
    assert config.num_classes == 2


def test_paths_do_not_depend_on_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = TrainConfig(model="unet", out=Path("run"), data=Path("tiles"))
    assert (config.out, config.data) == (tmp_path / "run", tmp_path / "tiles")


@pytest.mark.parametrize(
    ("field", "value"), [("lr", -1.0), ("epochs", 0), ("batch_size", "many"), ("learn_rate", 1.0)]
)
def test_a_wrong_setting_is_named(tmp_path: Path, field: str, value: object) -> None:
    with pytest.raises(TrainingError, match=field):
        parse_config({"model": "unet", "out": tmp_path, field: value})


@pytest.mark.parametrize(("stored", "meant"), [(True, "full"), (False, "none")])
def test_runs_that_knew_only_yes_and_no_can_be_resumed(
    tmp_path: Path, stored: bool, meant: str
) -> None:
    config = parse_config({"model": "unet", "out": tmp_path, "augment": stored})
    assert config.augment == meant


def test_replacing_a_setting_is_checked_too(tmp_path: Path) -> None:
    config = TrainConfig(model="unet", out=tmp_path)
    assert config.replace(epochs=3).epochs == 3
    with pytest.raises(TrainingError, match="val_fraction"):
        config.replace(val_fraction=1.0)


def test_a_folder_without_configuration_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="not a run folder"):
        read_config(tmp_path / "config.json")


def test_a_damaged_configuration_is_reported(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(TrainingError, match="cannot be read"):
        read_config(tmp_path / "config.json")
