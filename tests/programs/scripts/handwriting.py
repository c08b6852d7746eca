"""Handwritten digits as tensors: MNIST from its raw files, or a small set in one npz file."""

import argparse
import gzip
import struct
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import TensorDataset


def options(description, **defaults):
    """Parse the command line that all these programs share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--root", help="folder with MNIST/raw")
    parser.add_argument("--digits", help="npz file with 8x8 images, in place of MNIST")
    for name, value in defaults.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    return parser.parse_args()


def read_idx(path):
    packed = Path(f"{path}.gz")
    raw = gzip.decompress(packed.read_bytes()) if packed.exists() else Path(path).read_bytes()
    _, _, kind, dims = struct.unpack(">BBBB", raw[:4])
    assert kind == 8, "expected unsigned bytes"
    shape = struct.unpack(f">{dims}I", raw[4 : 4 + 4 * dims])
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * dims).reshape(shape)


def load(args, train_count, test_count):
    """Return two TensorDatasets of images (1, 28, 28), standardised, and labels."""
    if args.root:
        raw = Path(args.root) / "MNIST" / "raw"
        parts = []
        for prefix, count in (("train", train_count), ("t10k", test_count)):
            images = read_idx(raw / f"{prefix}-images-idx3-ubyte")[:count]
            labels = read_idx(raw / f"{prefix}-labels-idx1-ubyte")[:count]
            parts.append((images.astype(np.float32) / 255, labels))
    else:
        with np.load(args.digits) as file:
            images, labels = file["images"], file["labels"]
        # Every pixel becomes 3x3, with a border of 2: 28x28 like MNIST.
        images = np.kron(images.astype(np.float32) / 16, np.ones((1, 3, 3), np.float32))
        images = np.pad(images, ((0, 0), (2, 2), (2, 2)))
        end = train_count + test_count
        parts = [
            (images[:train_count], labels[:train_count]),
            (images[train_count:end], labels[train_count:end]),
        ]
    dtype = torch.get_default_dtype()
    return [
        TensorDataset(
            (torch.from_numpy(images).unsqueeze(1).to(dtype) - 0.1307) / 0.3081,
            torch.from_numpy(labels.astype(np.int64)),
        )
        for images, labels in parts
    ]
