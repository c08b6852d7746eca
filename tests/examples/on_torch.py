"""Run an example on PyTorch: `import rushlight` gives torch, and Digits gives torch's tensors."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
import torch.utils.data


class Digits:
    """What the examples use of `rushlight.vision.datasets.Digits`."""

    def __init__(self, train: bool = True):
        package = Path(__file__).parents[2] / "src" / "rushlight"
        with np.load(package / "vision" / "datasets" / "digits.npz") as file:
            images, labels = file["images"], file["labels"]
        chosen = (np.arange(len(labels)) % 5 != 0) == train
        self.data = torch.tensor(np.round(images[chosen] * (255 / 16)).astype(np.uint8))
        self.targets = torch.tensor(labels[chosen].astype(np.int64))

    def __len__(self) -> int:
        return len(self.data)


if __name__ == "__main__":
    for name in ("", ".nn", ".nn.functional", ".utils", ".utils.data"):
        sys.modules["rushlight" + name] = sys.modules["torch" + name]
    vision, datasets = ModuleType("rushlight.vision"), ModuleType("rushlight.vision.datasets")
    datasets.Digits = Digits  # type: ignore[attr-defined]
    sys.modules[vision.__name__], sys.modules[datasets.__name__] = vision, datasets
    script = sys.argv[1]
    sys.argv = sys.argv[1:]
    sys.path.insert(0, str(Path(script).parent))
    runpy.run_path(script, run_name="__main__")
