"""`icseg demo --headless`: the real GUI, driven through the whole workflow."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

from napari_icseg.demo.display import SIZE_PX, virtual_display
from trainers.errors import IcsegError
from trainers.io.atomic import write_text_atomic


def run_headless(out: Path) -> int:
    """Go through the workflow; leave pictures, `export/` and `summary.json` in `out`.

    Returns:
        The exit code: 0 if every step did what it should, else 1.

    Raises:
        IcsegError: the folder is in use, or there is no display.
    """
    out = out.expanduser().absolute()
    _clear(out)
    with virtual_display():
        # a process of its own: the GUI must be gone before its display is
        return subprocess.run([sys.executable, "-m", __name__, str(out)], check=False).returncode


def _clear(out: Path) -> None:
    """Remove what an earlier demo left, and nothing else."""
    if not out.exists():
        out.mkdir(parents=True)
    elif not any(out.iterdir()):
        return
    elif (out / "summary.json").is_file():
        shutil.rmtree(out)
        out.mkdir()
    else:
        raise IcsegError(f"{out} holds other files. Give a new or empty folder with --out.")


def _run(out: Path) -> int:
    """Open napari on the sample tiles, work, close, and report."""
    import napari

    from napari_icseg.controllers.application import open_docks
    from napari_icseg.controllers.sample_folder import make_sample
    from napari_icseg.demo.driver import Driver
    from napari_icseg.demo.workflow import Workflow

    samples = make_sample(out / "samples")
    tiles = out / "tiles"
    shutil.copytree(samples / "images", tiles)
    viewer = napari.Viewer(title="icseg")
    viewer.window.resize(*SIZE_PX)
    labelling, training = open_docks(viewer)
    workflow = Workflow(
        Driver(viewer, out),
        labelling,
        training.dock,
        images=tiles,
        masks=samples / "masks",
        out=out,
    )
    error: Exception | None = None
    try:
        workflow.run()
    except Exception as caught:  # the summary must say what failed, whatever it was
        error = caught
        traceback.print_exc()
    finally:
        viewer.close()
    return _report(workflow.summary, error, out)


def _report(summary: dict[str, Any], error: Exception | None, out: Path) -> int:
    summary["failed"] = None if error is None else f"{type(error).__name__}: {error}"
    write_text_atomic(out / "summary.json", json.dumps(summary, indent=2) + "\n")
    if error is not None:
        print(f"The demo failed after {summary['steps']}: {error}", file=sys.stderr)
        return 1
    clicks = summary["click_to_mask_ms"]
    print(
        f"{len(summary['objects'])} objects in {summary['num_clicks']} clicks, mean IoU "
        f"{summary['mean_iou']:.3f}; click to mask {clicks['p50']:.0f} ms (p95 "
        f"{clicks['p95']:.0f} ms). Pictures, export/ and summary.json are in {out}."
    )
    return 0


if __name__ == "__main__":
    sys.exit(_run(Path(sys.argv[1])))
