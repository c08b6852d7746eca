"""`torch.backends.opt_einsum`: the optional package that orders the products of an einsum."""

from __future__ import annotations

enabled = False
strategy = None


def is_available() -> bool:
    """Tell whether opt_einsum is used: no."""
    return False
