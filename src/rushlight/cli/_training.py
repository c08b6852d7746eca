"""Training LeNet-5 for `rushlight train`: data, the loop, what is shown, checkpoints, curves."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rushlight
from rushlight import nn
from rushlight.nn import functional as F
from rushlight.optim.lr_scheduler import ExponentialLR
from rushlight.utils.data import DataLoader, TensorDataset

_DATASETS = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST"}
_PHASES = ("data", "forward", "backward", "optimizer")


def train_lenet5(options: argparse.Namespace) -> int:
    """Train as the options say; return the exit code."""
    if options.threads:
        rushlight.set_num_threads(options.threads)
    rushlight.manual_seed(options.seed)
    try:
        device = rushlight.device(options.device)
        train, test = (_load(options, part, device) for part in (True, False))
        run = _Run(options, device)
        run.resume()
    except (RuntimeError, AssertionError, OSError) as error:
        print(f"rushlight train: {error}", file=sys.stderr)
        return 1
    print(
        f"LeNet-5 ({run.parameters:,} parameters) on {options.data}: {len(train):,} training and "
        f"{len(test):,} test images, {options.optimizer} lr {options.lr:g} (x {options.decay:g} "
        f"each epoch), batch {options.batch_size}, {rushlight.get_num_threads()} threads\n"
    )
    try:
        run.train(train, test)
    except KeyboardInterrupt:
        print(f"\nStopped. {run.how_to_go_on()}", file=sys.stderr)
        return 130
    finally:
        run.close()
    print(f"\nSaved {options.save}{run.draw_curves()}")
    return 0


# --- data --------------------------------------------------------------------------------------


def _load(options: argparse.Namespace, train: bool, device: Any) -> TensorDataset:
    """Return all images, 28x28 and standardised, and their labels."""
    from rushlight.vision import datasets

    if options.data == "digits":
        source: Any = datasets.Digits(train=train)
        # 8x8 becomes 28x28: each pixel three times, and a border of 2.
        images = F.pad(source.data.repeat_interleave(3, 1).repeat_interleave(3, 2), (2, 2, 2, 2))
    else:
        root = options.root or os.environ.get("RUSHLIGHT_DATA") or "data"
        source = getattr(datasets, _DATASETS[options.data])(root, train=train, download=True)
        images = source.data
    scaled = images.unsqueeze(1).float() / 255
    return TensorDataset(((scaled - 0.1307) / 0.3081).to(device), source.targets.to(device))


# --- the run -----------------------------------------------------------------------------------


@dataclass
class _Epoch:
    """What an epoch came to."""

    number: int
    loss: float
    accuracy: float
    test_accuracy: float
    seconds: dict[str, float]

    @property
    def total(self) -> float:
        return sum(self.seconds.values())


@dataclass
class _Stopwatch:
    """Where the time of an epoch goes."""

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(_PHASES, 0.0))

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[phase] += time.perf_counter() - start


class _Run:
    """A network, its optimizer, and how far they are."""

    def __init__(self, options: argparse.Namespace, device: Any):
        from rushlight.vision.models import LeNet5

        self.options = options
        self.model: nn.Module = LeNet5().to(device)
        optimizer = getattr(rushlight.optim, options.optimizer)
        self.optimizer = optimizer(self.model.parameters(), lr=options.lr)
        self.schedule = ExponentialLR(self.optimizer, options.decay)
        self.history: list[_Epoch] = []
        self.writer = None
        if options.logdir:
            from rushlight.utils.tensorboard import SummaryWriter

            self.writer = SummaryWriter(options.logdir)

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(p.numel() for p in self.model.parameters())

    def train(self, train: TensorDataset, test: TensorDataset) -> None:
        """Train the epochs that are left."""
        loader = DataLoader(train, batch_size=self.options.batch_size, shuffle=True)
        print(_table_head())
        for epoch in self.history:
            print(_table_row(epoch))
        while len(self.history) < self.options.epochs:
            epoch = self._train_epoch(loader, len(self.history) + 1)
            epoch.test_accuracy = self._accuracy(test)
            self.schedule.step()
            self.history.append(epoch)
            self.save()
            print(_table_row(epoch), flush=True)
            if self.writer is not None:
                self.writer.add_scalar("accuracy/train", epoch.accuracy, epoch.number)
                self.writer.add_scalar("accuracy/test", epoch.test_accuracy, epoch.number)

    def _train_epoch(self, loader: DataLoader[Any], number: int) -> _Epoch:
        self.model.train()
        watch = _Stopwatch()
        total = correct = seen = 0.0
        bar = _Bar(f"epoch {number}/{self.options.epochs}", len(loader))
        batches = iter(loader)
        for step in range(len(loader)):
            with watch("data"):
                images, labels = next(batches)
            with watch("forward"):
                scores = self.model(images)
                loss = F.cross_entropy(scores, labels)
            with watch("backward"):
                self.optimizer.zero_grad()
                loss.backward()
            with watch("optimizer"):
                self.optimizer.step()
            count = len(labels)
            total += loss.item() * count
            correct += int((scores.argmax(1) == labels).sum())
            seen += count
            if self.writer is not None:
                self.writer.add_scalar("loss", loss.item(), (number - 1) * len(loader) + step)
            bar.show(step + 1, f"loss {total / seen:.4f}", seen)
        bar.clear()
        return _Epoch(number, total / seen, correct / seen, 0.0, watch.seconds)

    @rushlight.no_grad()
    def _accuracy(self, data: TensorDataset) -> float:
        self.model.eval()
        correct = 0
        for images, labels in DataLoader(data, batch_size=1000):
            correct += int((self.model(images).argmax(1) == labels).sum())
        return correct / len(data)

    # --- checkpoints ---

    def save(self) -> None:
        """Write the checkpoint; the file appears whole or not at all."""
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "random": rushlight.get_rng_state(),
            "data": self.options.data,
            "optimizer_name": self.options.optimizer,
            "history": [vars(epoch) for epoch in self.history],
        }
        rushlight.save(state, self.options.save)

    def resume(self) -> None:
        """Take up the checkpoint that --resume names.

        Raises:
            RuntimeError: it is missing, unreadable, or of another training.
        """
        if self.options.resume is None:
            return
        path = self.options.resume or self.options.save
        if not Path(path).exists():
            raise RuntimeError(
                f"no checkpoint {path} to resume from; leave out --resume to start anew"
            )
        try:
            state = rushlight.load(path)
            history = [_Epoch(**epoch) for epoch in state["history"]]
        except Exception as error:
            raise RuntimeError(f"cannot resume from {path}: {error}") from error
        for option, key in (("data", "data"), ("optimizer", "optimizer_name")):
            if state[key] != getattr(self.options, option):
                raise RuntimeError(
                    f"{path} was trained with --{option} {state[key]}, not "
                    f"{getattr(self.options, option)}"
                )
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        rushlight.set_rng_state(state["random"])
        self.history = history

    def how_to_go_on(self) -> str:
        """Say what an interrupted training has left."""
        if not self.history:
            return "No epoch was finished, so there is no checkpoint yet."
        return (
            f"{self.options.save} holds epoch {len(self.history)}; go on with "
            f"`rushlight train lenet5 --data {self.options.data} --resume {self.options.save}`."
        )

    def close(self) -> None:
        """Finish the log."""
        if self.writer is not None:
            self.writer.close()

    def draw_curves(self) -> str:
        """Draw loss and accuracy beside the checkpoint; return what to say about it."""
        try:
            import matplotlib
        except ImportError:
            return " (pip install 'rushlight[plot]' to get the curves as a picture)"
        matplotlib.use("Agg")
        from matplotlib import pyplot

        figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
        epochs = [epoch.number for epoch in self.history]
        left.plot(epochs, [epoch.loss for epoch in self.history], marker="o", markersize=3)
        left.set(xlabel="epoch", title="training loss")
        for label, name in (("training", "accuracy"), ("test", "test_accuracy")):
            values = [100 * getattr(epoch, name) for epoch in self.history]
            right.plot(epochs, values, marker="o", markersize=3, label=label)
        right.set(xlabel="epoch", title="accuracy, %")
        right.legend(frameon=False)
        for axes in (left, right):
            axes.spines[["top", "right"]].set_visible(False)
            axes.xaxis.get_major_locator().set_params(integer=True)
        path = Path(self.options.save).with_suffix(".png")
        figure.savefig(path, dpi=120)
        pyplot.close(figure)
        return f" and {path}"


# --- what is shown -----------------------------------------------------------------------------


def _table_head() -> str:
    phases = "".join(f"{phase:>11}" for phase in _PHASES)
    return f"{'epoch':>5}{'loss':>10}{'train':>10}{'test':>10}{'seconds':>10}   of which{phases}"


def _table_row(epoch: _Epoch) -> str:
    phases = "".join(f"{epoch.seconds[phase]:>10.2f}s" for phase in _PHASES)
    return (
        f"{epoch.number:>5}{epoch.loss:>10.4f}{epoch.accuracy:>10.2%}{epoch.test_accuracy:>10.2%}"
        f"{epoch.total:>10.2f}           {phases}"
    )


class _Bar:
    """A progress bar on a terminal; nothing elsewhere."""

    width = 30

    def __init__(self, title: str, steps: int):
        self.title, self.steps = title, steps
        self.start = self.drawn = time.perf_counter()
        self.visible = sys.stderr.isatty()

    def show(self, step: int, text: str, images: float) -> None:
        """Draw the bar, at most twenty times a second."""
        now = time.perf_counter()
        if not self.visible or (now - self.drawn < 0.05 and step < self.steps):
            return
        self.drawn = now
        full = self.width * step // self.steps
        rate = images / max(now - self.start, 1e-9)
        left = (now - self.start) * (self.steps - step) / step
        line = (
            f"{self.title} [{'#' * full}{'.' * (self.width - full)}] {text}, {rate:,.0f} images/s, "
            f"{left:.0f} s left"
        )
        sys.stderr.write(f"\r{line:<100}")
        sys.stderr.flush()

    def clear(self) -> None:
        """Make room for the table's next row."""
        if self.visible:
            sys.stderr.write("\r" + " " * 100 + "\r")
            sys.stderr.flush()
