"""Images: datasets, transforms and models, under torchvision's names."""

from __future__ import annotations

from . import datasets, models, transforms

__all__ = ["datasets", "models", "transforms"]
