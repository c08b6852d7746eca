"""Operators of your own: definitions, kernels, gradients, checks."""

from __future__ import annotations

from ._parser import parse_schema
from ._registry import register_native as _register_native

__all__ = ["parse_schema"]
