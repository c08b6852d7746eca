"""`torch.backends`: which libraries do the work, and the switches scripts set on them.

Switches are plain attributes (`torch.backends.cudnn.benchmark = True`).
"""

from __future__ import annotations

from . import cpu, cuda, cudnn, mkl, mkldnn, mps, openmp, opt_einsum

__all__ = ["cpu", "cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp", "opt_einsum"]
