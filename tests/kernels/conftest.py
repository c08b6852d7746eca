"""Kernels run as operators run them: infinities and NaNs arise without NumPy's warnings."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _quiet_float_errors():
    # Whether a BLAS raises the processor's flags for inf * 0 differs from one machine to the next.
    with np.errstate(all="ignore"):
        yield
