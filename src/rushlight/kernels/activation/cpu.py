"""Native activation kernels: dense float32."""

from __future__ import annotations

import numpy as np

from .._native import core
from . import relu, relu_grad

relu.fast(np.ndarray)(core.relu)
relu_grad.fast(np.ndarray)(core.relu_grad)
