from __future__ import annotations

# Runs an example on PyTorch; holds no tests.
collect_ignore = ["on_torch.py"]
