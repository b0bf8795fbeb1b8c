"""A process that behaves like a training, without torch: `fake_trainer.py RUN BEHAVIOUR`.

polite     steps until the cancel file appears, then says "cancelled"; waits while told to pause
stubborn   ignores the cancel file and SIGTERM, and has a child that does so, too
silent     never writes an event, as while a library is being imported
quick      finishes at once
failing    says "failed" at once
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from trainers.progress import CANCEL_FILE, EVENTS_FILE, PAUSE_FILE, PROCESS_FILE, EventWriter

run_dir, behaviour = Path(sys.argv[1]), sys.argv[2]
events = EventWriter(run_dir / EVENTS_FILE)
if behaviour == "silent":
    time.sleep(120)
if behaviour == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # children inherit it
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
    (run_dir / "child.txt").write_text(str(child.pid))
process = psutil.Process()
(run_dir / PROCESS_FILE).write_text(
    json.dumps({"pid": os.getpid(), "create_time": process.create_time()})
)
events.write("started", model="unet", num_epochs=1000, num_steps=1000)
if behaviour == "quick":
    events.write("finished", metrics={})
    sys.exit(0)
if behaviour == "failing":
    events.write("failed", reason="The loss became nan")
    sys.exit(1)
for step in range(1, 1000):
    events.write("step", step=step, num_steps=1000, epoch=1, loss=1.0, lr=0.1)
    time.sleep(0.1)
    if behaviour == "polite" and (run_dir / PAUSE_FILE).exists():
        events.write("paused", epoch=0, step=step)
        while (run_dir / PAUSE_FILE).exists() and not (run_dir / CANCEL_FILE).exists():
            time.sleep(0.05)
        events.write("continued", epoch=0, step=step)
    if behaviour == "polite" and (run_dir / CANCEL_FILE).exists():
        events.write("cancelled")
        break
