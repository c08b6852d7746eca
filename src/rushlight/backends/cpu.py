"""`torch.backends.cpu`: what the processor's kernels were built for."""

from __future__ import annotations

# torch's names for the instruction sets, by the name of the native extension's build.
_CAPABILITIES = {"v3": "AVX2", "v4": "AVX512"}


def get_cpu_capability() -> str:
    """Return the instruction set the kernels use: 'AVX512', 'AVX2' or 'DEFAULT'."""
    from ..kernels import _native

    return _CAPABILITIES.get(_native.level(), "DEFAULT")
