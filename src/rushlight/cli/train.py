"""`rushlight train`: train a network that comes with rushlight."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

_DESCRIPTION = """\
Train LeNet-5 on handwritten digits and show how it goes: a progress bar with loss and images per
second, and for each epoch loss, accuracy and where the time went."""

_EPILOG = """\
examples:
  rushlight train lenet5                          8x8 digits that come with rushlight; no download
  rushlight train lenet5 --data mnist             MNIST, downloaded into ./data
  rushlight train lenet5 --data mnist --root DIR  MNIST from DIR/MNIST/raw (torchvision's layout)
  rushlight train lenet5 --resume                 go on from the last checkpoint
  rushlight train lenet5 --logdir runs            then: tensorboard --logdir runs

A checkpoint is written after every epoch (--save), so Ctrl-C loses at most one epoch; PyTorch can
read it with torch.load. With matplotlib installed the curves are drawn beside it as a PNG."""


def parser() -> argparse.ArgumentParser:
    """Return what reads the command's arguments."""
    made = argparse.ArgumentParser(
        prog="rushlight train",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("model", choices=["lenet5"], help="the network")
    data = made.add_argument_group("data")
    data.add_argument(
        "--data",
        choices=["digits", "mnist", "fashion-mnist"],
        default="digits",
        help="default: digits",
    )
    data.add_argument(
        "--root", help="folder of the data sets (default: $RUSHLIGHT_DATA, else ./data)"
    )
    how = made.add_argument_group("training")
    how.add_argument("--epochs", type=_positive, default=10, help="default: 10")
    how.add_argument("--batch-size", type=_positive, default=64, help="default: 64")
    how.add_argument("--lr", type=float, default=3e-3, help="learning rate (default: 0.003)")
    how.add_argument(
        "--decay",
        type=float,
        default=0.8,
        help="factor of the learning rate after each epoch; 1 keeps it (default: 0.8)",
    )
    how.add_argument(
        "--optimizer",
        default="NAdam",
        choices=["SGD", "Adam", "AdamW", "NAdam", "RMSprop", "Adagrad"],
        help="default: NAdam",
    )
    how.add_argument("--seed", type=int, default=0, help="of weights and shuffling (default: 0)")
    where = made.add_argument_group("machine")
    where.add_argument("--threads", type=_positive, help="default: all cores")
    where.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    files = made.add_argument_group("files")
    files.add_argument("--save", default="lenet5.pt", help="checkpoint (default: lenet5.pt)")
    files.add_argument(
        "--resume",
        nargs="?",
        const="",
        metavar="FILE",
        help="go on from FILE (default: that of --save)",
    )
    files.add_argument("--logdir", help="write TensorBoard scalars into this folder")
    return made


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return value


def main(words: Sequence[str]) -> int:
    """Train the network that the words name; return the exit code."""
    options = parser().parse_args(words)

    from ._training import train_lenet5

    return train_lenet5(options)
