"""The same seed and number of threads give the same bits, whatever else the machine does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import rushlight
from rushlight.kernels import _native, fast_paths_enabled

TRAIN = """
import hashlib, json, sys
import rushlight
from rushlight.cli._bench import steps

threads = int(sys.argv[1])
rushlight.set_num_threads(threads)
found = {}
for workload, batch in (("lenet", 32), ("ds_cnn", 3), ("lstm", 24), ("gpt", 6), ("mlp", 64)):
    rushlight.manual_seed(3)
    task = steps.make_task(rushlight, {"workload": workload, "batch": batch})
    step = steps.training_step(rushlight, task)
    for _ in range(3):
        step()
    state = task.model.state_dict().values()
    found[workload] = hashlib.sha256(b"".join(v.numpy().tobytes() for v in state)).hexdigest()
print(json.dumps(found))
"""


@pytest.mark.skipif(
    _native.core is None or not fast_paths_enabled(), reason="the reference kernels have no threads"
)
@pytest.mark.parametrize("threads", [2, 3])
def test_training_twice_gives_the_same_bits(threads):
    source = str(Path(rushlight.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": source, "RUSHLIGHT_QUIET": "1"}
    # Both at once: they take the cores from one another, so chunks of work end in other orders.
    running = [
        subprocess.Popen(
            [sys.executable, "-c", TRAIN, str(threads)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    first, second = (json.loads(text) for text in outputs)
    assert first == second
    assert len(set(first.values())) == 5
