"""Peak memory of a training step of RSPrompter on the CPU, in a process of its own.

`pytest tests/benchmarks/bench_rsprompter.py -m bench -s` writes bench-out/rsprompter-memory.json.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from trainers.io.atomic import write_text_atomic

OUT = Path("bench-out")
MAX_GIB = 6.0
"""What the paper's query variant may need at 256 px, 12 queries and a batch of 8."""
SIDE_PX, NUM_QUERIES, BATCH_SIZE = 256, 12, 8
STEP = f"""
import json, resource, sys, time
from pathlib import Path
import torch
from trainers.models.rsprompter_task import RSPrompterTask
from trainers.optimizer import build_optimizer
from trainers.registry import make_config

options = {{"sam_weights": "untrained", "cache_gib": 0.0, "num_queries": {NUM_QUERIES},
           "decode_layers": sys.argv[1], "drawn_per_tile": None, "num_points": 12_544}}
config = make_config("rsprompter", out=Path("run"), data=Path("data"), class_names=("metal",),
                     model_options=options)
task = RSPrompterTask()
model = task.build_model(config).train()
optimizer = build_optimizer(model, config)
target = torch.zeros({BATCH_SIZE}, {SIDE_PX}, {SIDE_PX}, dtype=torch.uint8)
for row in range(4):  # as many objects as queries: SAM draws {BATCH_SIZE * NUM_QUERIES} masks
    for col in range(3):
        target[:, 60 * row + 8 : 60 * row + 48, 80 * col + 8 : 80 * col + 72] = 1
image = 0.2 + 0.5 * target[:, None] + 0.1 * torch.rand({BATCH_SIZE}, 1, {SIDE_PX}, {SIDE_PX})
for _ in range(2):  # the second one with the optimiser's state
    started_s = time.perf_counter()
    loss = task.training_loss(model, {{"image": image, "target": target}})["loss"]
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**30 if sys.platform == "darwin"
                                                             else 2**20)
print(json.dumps({{"peak_gib": peak, "step_s": time.perf_counter() - started_s}}))
"""
pytestmark = [pytest.mark.bench, pytest.mark.timeout(1200)]


@pytest.mark.skipif(sys.platform == "win32", reason="the peak is read from getrusage")
@pytest.mark.parametrize("layers", ["last", "all"])
def test_peak_memory_of_a_batch_of_8(layers):
    command = [sys.executable, "-c", STEP, layers]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    found |= {"side_px": SIDE_PX, "num_queries": NUM_QUERIES, "batch_size": BATCH_SIZE}
    write_text_atomic(OUT / f"rsprompter-memory-{layers}.json", json.dumps(found, indent=2) + "\n")
    print(layers, found)
    assert found["peak_gib"] <= MAX_GIB
