"""What only a real graphics card can show; skipped where there is none."""

from __future__ import annotations

import pytest
import torch

BYTES_LEFT = 48 * 2**20


@pytest.fixture(autouse=True)
def _needs_cuda():
    """Leave no limit and no tensor of one test to the next."""
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    torch.cuda.empty_cache()
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)
    torch.cuda.empty_cache()


def leave_little_memory(num_bytes: int = BYTES_LEFT) -> None:
    """Let this process have only so much more of the card than it holds now."""
    torch.cuda.empty_cache()
    most = torch.cuda.memory_reserved() + num_bytes
    torch.cuda.set_per_process_memory_fraction(most / torch.cuda.mem_get_info()[1])
