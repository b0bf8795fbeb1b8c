"""Under a launcher of several processes, each works on rows of its own."""

from __future__ import annotations

import os

_OF_LAUNCHER = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_RANK")
_SIGN = "TORCHELASTIC_RUN_ID"


def work_alone() -> int:
    """Leave the launcher's group, if this process is in one, and return its number (0 alone).

    With `torchrun --nproc-per-node 8 -m trainers experiment …` eight processes share the rows of
    a matrix, each with the GPU of its number: rows are many and small, so this is faster than
    eight GPUs on one row after the other. To be called before torch looks for GPUs.
    """
    if _SIGN not in os.environ:
        return 0
    number = int(os.environ.get("LOCAL_RANK", "0"))
    visible = [each for each in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if each]
    if not visible:
        os.environ["CUDA_VISIBLE_DEVICES"] = str(number)
    elif number < len(visible):
        os.environ["CUDA_VISIBLE_DEVICES"] = visible[number]
    for name in [*_OF_LAUNCHER, *(each for each in os.environ if each.startswith("TORCHELASTIC"))]:
        os.environ.pop(name, None)
    return number
