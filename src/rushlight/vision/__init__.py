"""Images: datasets, transforms and models, under torchvision's names."""

from __future__ import annotations

from . import datasets, grids, io, models, ops, transforms

__all__ = ["datasets", "grids", "io", "models", "ops", "transforms"]
