"""Whole trainings on rushlight and on PyTorch from the same seed: losses side by side, and time.

    RUSHLIGHT_DATA=DIR python -m benchmarks.curves                    # all three, 2 threads
    RUSHLIGHT_DATA=DIR python -m benchmarks.curves --task gpt --steps 100 --rounds 3
    RUSHLIGHT_DATA=DIR python -m benchmarks.curves --plot curves.png

gpt: 4 layers, 4 heads, 128 wide, block 64, batch 12, on tiny Shakespeare. lstm: rows of MNIST
digits as time, 128 units, batch 64. resnet18: 512 CIFAR-10 images, batch 32. A round runs each
framework once, in a process of its own, one after the other; the losses are those of the first.
"""

from __future__ import annotations

import argparse
import gzip
import importlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from _bench import models

FRAMEWORKS = ("rushlight", "torch")
STEPS = {"gpt": 500, "lstm": 300, "resnet18": 32}


def data_folder() -> Path:
    """Return the folder of the data sets."""
    return Path(os.environ["RUSHLIGHT_DATA"])


def gpt(T: Any) -> Callable[[], Any]:
    """Return a function that takes one step of the language model and returns the loss."""
    nn, F = T.nn, T.nn.functional
    block, batch = 64, 12
    text = (data_folder() / "tinyshakespeare" / "input.txt").read_text()
    number = {letter: i for i, letter in enumerate(sorted(set(text)))}
    data = T.tensor([number[letter] for letter in text])[: int(0.9 * len(text))]
    model = models.gpt(T, len(number), block=block)
    optimizer = T.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1)

    def step() -> Any:
        starts = T.randint(len(data) - block, (batch,)).tolist()
        x = T.stack([data[i : i + block] for i in starts])
        y = T.stack([data[i + 1 : i + 1 + block] for i in starts])
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    return step


def classifier(
    T: Any, model: Any, images: Any, labels: Any, batch: int, optimizer: Any
) -> Callable[[], Any]:
    """Return a function that takes one step on a random batch."""

    def step() -> Any:
        chosen = T.randint(len(images), (batch,))
        loss = T.nn.functional.cross_entropy(model(images[chosen]), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


def lstm(T: Any) -> Callable[[], Any]:
    """Return a function that takes one step of the LSTM on rows of digits."""
    folder = data_folder() / "MNIST" / "raw"
    pixels, labels = (
        np.frombuffer(
            gzip.decompress((folder / f"{name}-ubyte.gz").read_bytes()), np.uint8, -1, skip
        )
        for name, skip in (("train-images-idx3", 16), ("train-labels-idx1", 8))
    )
    rows = pixels.reshape(-1, 28, 28)[:20000].astype(np.float32) / 255
    model = models.lstm_classifier(T)
    optimizer = T.optim.Adam(model.parameters(), lr=1e-3)
    wanted = labels[:20000].astype(np.int64)
    return classifier(T, model, T.from_numpy(rows), T.from_numpy(wanted), 64, optimizer)


def resnet18(T: Any) -> Callable[[], Any]:
    """Return a function that takes one step of ResNet-18 on 512 images."""
    file = data_folder() / "cifar-10-batches-bin" / "data_batch_1.bin"
    raw = np.fromfile(file, np.uint8).reshape(-1, 3073)[:512]
    images = raw[:, 1:].reshape(-1, 3, 32, 32).astype(np.float32) / 255 - 0.5
    model = models.resnet18(T)
    optimizer = T.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    wanted = T.from_numpy(raw[:, 0].astype(np.int64))
    return classifier(T, model, T.from_numpy(images), wanted, 32, optimizer)


TASKS: dict[str, Callable[[Any], Callable[[], Any]]] = {
    "gpt": gpt,
    "lstm": lstm,
    "resnet18": resnet18,
}


def measure(framework: str, task: str, steps: int, threads: int) -> dict[str, Any]:
    """Train in this process; return the losses and the seconds all steps took."""
    T = importlib.import_module(framework)
    T.set_num_threads(threads)
    T.manual_seed(0)
    step = TASKS[task](T)
    losses = []
    start = time.perf_counter()
    for _ in range(steps):
        losses.append(step().item())
    return {"losses": losses, "seconds": time.perf_counter() - start}


def run(framework: str, task: str, steps: int, threads: int) -> dict[str, Any]:
    """Train in a process of its own."""
    command = [
        sys.executable, "-m", "benchmarks.curves", "--measure", framework, "--task", task,
        "--steps", str(steps), "--threads", str(threads),
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    reply = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(reply.stdout.splitlines()[-1])
    return found


def table(task: str, by_name: dict[str, list[dict[str, Any]]]) -> str:
    """Return losses at ten places of the curves, and the seconds."""
    ours, theirs = (by_name[name][0]["losses"] for name in FRAMEWORKS)
    places = sorted({round(i * (len(ours) - 1) / 10) for i in range(11)})
    lines = [f"{task:<10} step  rushlight      torch  difference"]
    lines += [
        f"{n + 1:15d} {ours[n]:10.5f} {theirs[n]:10.5f} {ours[n] - theirs[n]:11.1e}" for n in places
    ]
    tenth = max(len(ours) // 10, 1)
    means = [statistics.mean(losses[-tenth:]) for losses in (ours, theirs)]
    lines.append(f"mean of last {tenth:2d} {means[0]:10.5f} {means[1]:10.5f}")
    seconds = [[found["seconds"] for found in by_name[name]] for name in FRAMEWORKS]
    least = [min(each) for each in seconds]
    middle = [statistics.median(each) for each in seconds]
    for name, (a, b) in (("seconds, min", least), ("median", middle)):
        lines.append(f"{name:<15} {a:10.2f} {b:10.2f}   torch / rushlight {b / a:.2f}")
    return "\n".join(lines)


def plot(results: dict[str, dict[str, list[dict[str, Any]]]], path: Path) -> None:
    """Draw the losses of both, a panel per task."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(results), figsize=(5 * len(results), 4), squeeze=False)
    for axis, (task, by_name) in zip(axes[0], results.items(), strict=True):
        for name, width in (("torch", 3), ("rushlight", 1)):
            axis.plot(by_name[name][0]["losses"], label=name, linewidth=width)
        axis.set(title=task, xlabel="step", ylabel="loss")
        axis.legend()
    figure.tight_layout()
    figure.savefig(path)


def main() -> None:
    """Run the trainings the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--task", action="append", choices=list(TASKS))
    parser.add_argument("--steps", type=int, help="in place of 500, 300 and 32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--plot", type=Path, help="also draw the curves into this file")
    parser.add_argument("--json", type=Path, help="also write losses and seconds here")
    parser.add_argument("--measure", choices=FRAMEWORKS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    chosen = options.task or list(TASKS)
    if options.measure:
        task = chosen[0]
        print(json.dumps(measure(options.measure, task, options.steps, options.threads)))
        return
    results: dict[str, Any] = {}
    for task in chosen:
        steps = options.steps or STEPS[task]
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in FRAMEWORKS}
        for _ in range(options.rounds):
            for name in FRAMEWORKS:
                found[name].append(run(name, task, steps, options.threads))
        results[task] = found
        print(table(task, found), end="\n\n", flush=True)
    if options.plot:
        plot(results, options.plot)
    if options.json:
        options.json.write_text(json.dumps(results))


if __name__ == "__main__":
    main()
