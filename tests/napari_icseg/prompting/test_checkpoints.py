from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from napari_icseg.prompting.checkpoints import (
    EMBEDDED,
    MODELS,
    ModelSource,
    checkpoint_path,
    download,
    import_checkpoint,
    imported_models,
    is_available,
    load_predictor,
)
from napari_icseg.prompting.errors import DownloadError
from napari_icseg.prompting.protocol import Prompts
from tests.napari_icseg.prompting.file_server import FileServer
from trainers.checkpoint import save_checkpoint
from trainers.errors import CheckpointError, IcsegError
from trainers.models.sam2 import sources
from trainers.models.sam2.nano import build_sam2_nano
from trainers.models.sam2.official import build_official_sam2
from trainers.models.sam2.sam_task import load_sam, tile_sam_of
from trainers.models.sam_seg_task import SamSegOptions
from trainers.registry import build_task, make_config

IMAGE = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
CLICK = Prompts([[30, 30]], [1])
META = {"model": EMBEDDED, "config": {"model_options": {"width": 32, "num_blocks": 1}}}


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "models"


@pytest.fixture(scope="module")
def nano():
    return build_sam2_nano(seed=5, width=32, num_blocks=1).eval()


@pytest.fixture
def nano_file(nano, tmp_path) -> Path:
    path = tmp_path / "mine.safetensors"
    save_checkpoint(path, nano.state_dict(), META)
    return path


@pytest.fixture(scope="module")
def tiny_weights():
    torch.manual_seed(0)
    weights = build_official_sam2("sam2.1-tiny").state_dict()
    # an official file has the video model's memory too
    return {**weights, "memory_encoder.out_proj.bias": torch.zeros(64)}


@pytest.fixture(scope="module")
def tiny_file(tiny_weights, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("official") / "sam2.1_hiera_tiny.pt"
    torch.save({"model": tiny_weights}, path)
    return path


@pytest.fixture
def pinned_tiny(tiny_file, monkeypatch) -> ModelSource:
    """The registry, with the hash of this test's own file in the place of the official one."""
    sha256 = hashlib.sha256(tiny_file.read_bytes()).hexdigest()
    source = ModelSource("sam2.1-tiny", "SAM 2.1 tiny", tiny_file.name, 149, sha256)
    monkeypatch.setitem(MODELS, "sam2.1-tiny", source)
    return source


class Boom:
    """Unpickling this leaves a file behind: the proof that code was run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_the_registry_is_that_of_the_official_release():
    official = [source for source in MODELS.values() if not source.is_embedded]
    assert next(iter(MODELS)) == EMBEDDED
    assert [source.file for source in official] == [
        f"sam2.1_hiera_{size}.pt" for size in ("tiny", "small", "base_plus", "large")
    ]
    assert all(len(source.sha256) == 64 for source in official)
    assert len({source.sha256 for source in official}) == 4


def test_the_registry_needs_no_torch():
    import subprocess
    import sys

    code = (
        "import sys, napari_icseg.prompting.checkpoints, napari_icseg.prompting.worker;"
        "sys.exit(any(name in sys.modules for name in ('torch', 'sam2', 'qtpy', 'napari')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_downloads_lie_in_the_users_folder_unless_told_otherwise(folder):
    assert checkpoint_path("sam2.1-large", folder=folder) == folder / "sam2.1_hiera_large.pt"
    assert "napari-icseg" in checkpoint_path("sam2.1-large").parts
    assert not is_available("sam2.1-large")


def test_a_model_is_downloaded_from_a_mirror_and_answers(
    folder, pinned_tiny, tiny_file, monkeypatch
):
    with FileServer() as server:
        server.behaviour.data = tiny_file.read_bytes()
        server.behaviour.breaks_after = [20_000_000]
        monkeypatch.setenv("ICSEG_SAM2_URL", server.url + "/mirror/")
        path = download("sam2.1-tiny", folder=folder)
    assert set(server.behaviour.paths) == {"/mirror/sam2.1_hiera_tiny.pt"}
    assert len(server.behaviour.paths) == 2
    assert is_available("sam2.1-tiny", folder=folder)
    assert path.read_bytes() == tiny_file.read_bytes()
    predictor = load_predictor("sam2.1-tiny", "cpu", folder=folder)
    assert predictor.name == "sam2.1-tiny"
    assert predictor.checkpoint_id == pinned_tiny.sha256[:16]


def test_a_wrong_file_on_a_mirror_is_refused_and_removed(folder):
    with FileServer() as server:
        server.behaviour.data = b"not a model"
        with pytest.raises(DownloadError, match="SHA-256 differs"):
            download("sam2.1-tiny", folder=folder, base_url=server.url)
    assert list(folder.iterdir()) == []
    assert not is_available("sam2.1-tiny", folder=folder)


def test_the_built_in_model_is_never_downloaded(folder):
    assert download(EMBEDDED, folder=folder, base_url="http://127.0.0.1:9").name.startswith("sam2")


def test_a_model_that_nobody_knows_is_told_with_those_that_exist(folder):
    for use in (lambda: download("sam3", folder=folder), lambda: load_predictor("sam3")):
        with pytest.raises(CheckpointError, match=r"no model 'sam3'.*sam2\.1-tiny"):
            use()


def test_a_model_that_was_not_downloaded_is_told_with_what_to_do(folder):
    with pytest.raises(CheckpointError, match=r"Download it \(856 MiB\) or import"):
        load_predictor("sam2.1-large", folder=folder)


def test_a_missing_built_in_model_is_a_broken_installation(monkeypatch, tmp_path):
    monkeypatch.setattr(sources.resources, "files", lambda package: tmp_path)
    with pytest.raises(CheckpointError, match="install the package again"):
        load_predictor(EMBEDDED)


def test_a_file_of_the_users_own_training_is_loaded_by_its_path(nano, nano_file):
    predictor = load_predictor(nano_file, "cpu")
    assert predictor.name == "mine"
    assert predictor.predict(predictor.embed(IMAGE), CLICK)
    loaded = predictor._model.state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in nano.state_dict().items())
    assert not predictor._model.training


def test_a_run_folder_is_loaded_by_its_best_checkpoint(nano, tmp_path):
    run = tmp_path / "run 7"
    with pytest.raises(CheckpointError, match="no model"):
        load_predictor(run, "cpu")
    run.mkdir()
    with pytest.raises(CheckpointError, match="no checkpoint yet"):
        load_predictor(run, "cpu")
    save_checkpoint(run / "checkpoints" / "best.safetensors", nano.state_dict(), META)
    assert load_predictor(run, "cpu").name == "run 7"


def test_other_weights_have_another_id(nano_file, nano, tmp_path):
    weights = {key: value.clone() for key, value in nano.state_dict().items()}
    next(iter(weights.values())).add_(1)
    save_checkpoint(tmp_path / "other.safetensors", weights, META)
    first, second = load_predictor(nano_file), load_predictor(tmp_path / "other.safetensors")
    assert first.checkpoint_id != second.checkpoint_id
    assert first.checkpoint_id == load_predictor(nano_file).checkpoint_id


def test_an_official_file_is_imported_to_its_own_place(folder, tiny_file, pinned_tiny):
    assert import_checkpoint(tiny_file, folder=folder) == "sam2.1-tiny"
    assert is_available("sam2.1-tiny", folder=folder)
    assert checkpoint_path("sam2.1-tiny", folder=folder).read_bytes() == tiny_file.read_bytes()


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_other_weights_are_imported_under_a_name_of_their_own(
    folder, tiny_weights, tmp_path, suffix
):
    path = tmp_path / f"our fab{suffix}"
    if suffix == ".pt":
        torch.save({"model": tiny_weights}, path)
    else:
        save_file(tiny_weights, path)
    assert imported_models(folder=folder) == ()
    assert import_checkpoint(path, folder=folder) == "our fab"
    path.unlink()
    assert imported_models(folder=folder) == ("our fab",)
    assert is_available("our fab", folder=folder)
    assert load_predictor("our fab", "cpu", folder=folder).name == "our fab"


def test_importing_never_replaces_what_is_there(folder, nano_file, tmp_path):
    other = tmp_path / "elsewhere" / "mine.safetensors"
    save_checkpoint(other, build_sam2_nano(seed=6, width=32, num_blocks=1).state_dict(), META)
    assert import_checkpoint(nano_file, folder=folder) == "mine"
    assert import_checkpoint(other, folder=folder) == "mine-2"
    ids = {load_predictor(name, folder=folder).checkpoint_id for name in ("mine", "mine-2")}
    assert len(ids) == 2


# torch says so of any foreign pickle before it refuses this one
@pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning")
def test_a_pickle_with_code_is_refused_and_nothing_runs(folder, tmp_path):
    witness = tmp_path / "it ran"
    plain, wrapped = tmp_path / "plain.pt", tmp_path / "wrapped.pt"
    plain.write_bytes(pickle.dumps(Boom(witness)))
    torch.save({"model": Boom(witness)}, wrapped)
    for path in (plain, wrapped):
        with pytest.raises(CheckpointError):
            import_checkpoint(path, folder=folder)
        with pytest.raises(CheckpointError):
            load_predictor(path)
    assert not witness.exists()
    assert imported_models(folder=folder) == ()


@pytest.mark.parametrize("kind", ["missing", "empty", "truncated", "text", "unet", "other size"])
def test_what_is_no_sam2_is_refused_with_a_reason(folder, tmp_path, nano, tiny_weights, kind):
    path = tmp_path / "file.safetensors"
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "truncated":
        save_checkpoint(path, nano.state_dict(), META)
        path.write_bytes(path.read_bytes()[:5000])
    elif kind == "text":
        path = tmp_path / "file.txt"
        path.write_text("weights")
    elif kind == "unet":
        save_checkpoint(path, {"w": torch.zeros(3)}, {"model": "unet"})
    elif kind == "other size":
        save_checkpoint(path, build_sam2_nano(width=64).state_dict(), META)
    with pytest.raises(IcsegError) as caught:
        import_checkpoint(path, folder=folder)
    assert path.name in str(caught.value)
    assert imported_models(folder=folder) == ()


def test_an_official_file_with_a_part_missing_is_refused(folder, tiny_weights, tmp_path):
    weights = dict(tiny_weights)
    del weights["no_mem_embed"]
    save_file(weights, tmp_path / "half.safetensors")
    with pytest.raises(CheckpointError, match=r"not those of sam2\.1-tiny"):
        import_checkpoint(tmp_path / "half.safetensors", folder=folder)


def test_a_device_that_is_not_there_is_told(nano_file):
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    with pytest.raises(CheckpointError, match="no CUDA device"):
        load_predictor(nano_file, "cuda")


def sam_seg_run(folder: Path, **options: object) -> tuple[Path, torch.nn.Module]:
    """A run folder of SAM-SEG whose decoder has learned something, and its model."""
    config = make_config(
        "sam_seg", out=folder, data=folder, class_names=("metal",), model_options=options
    )
    model = build_task("sam_seg").build_model(config)
    load_sam(tile_sam_of(model), SamSegOptions())
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.01 * torch.randn_like(parameter))
    meta = {"model": "sam_seg", "config": json.loads(config.to_json())}
    save_checkpoint(folder / "checkpoints" / "best.safetensors", model.state_dict(), meta)
    return folder, model


def test_a_sam_seg_run_answers_clicks_with_the_decoder_it_has_trained(tmp_path: Path) -> None:
    run_dir, model = sam_seg_run(tmp_path / "run")

    tuned, base = load_predictor(run_dir, "cpu"), load_predictor(EMBEDDED, "cpu")

    embedding = tuned.embed(IMAGE)
    assert tuned.checkpoint_id != base.checkpoint_id
    # the encoder is frozen: only the decoder differs
    torch.testing.assert_close(embedding.features.embedding, base.embed(IMAGE).features.embedding)
    with torch.no_grad():
        features = tile_sam_of(model).sam.encode(torch.from_numpy(IMAGE)[None, None] / 255.0)
        points = torch.tensor([[[30.0, 30.0]]])
        own = tile_sam_of(model).sam.decode(features, points + 0.5, torch.ones(1, 1))
        theirs = tuned._model.decode(features, points + 0.5, torch.ones(1, 1))
    torch.testing.assert_close(theirs.logits, own.logits)
    assert tuned.predict(embedding, CLICK) != base.predict(base.embed(IMAGE), CLICK)


def test_a_sam_seg_run_of_unknown_settings_is_refused_with_a_reason(tmp_path: Path) -> None:
    run_dir, model = sam_seg_run(tmp_path / "run")
    meta = {"model": "sam_seg", "config": {"model_options": {"sam": 7}}}
    save_checkpoint(run_dir / "checkpoints" / "best.safetensors", model.state_dict(), meta)

    with pytest.raises(CheckpointError, match="which SAM-2 it was made of"):
        load_predictor(run_dir, "cpu")


def test_a_run_of_another_model_answers_no_clicks(tmp_path: Path) -> None:
    weights = {"head.weight": torch.zeros(1)}
    save_checkpoint(tmp_path / "checkpoints" / "best.safetensors", weights, {"model": "unet"})

    with pytest.raises(CheckpointError, match="a unet model, not a SAM-2"):
        load_predictor(tmp_path, "cpu")
