"""Transforms of colour. Random ones draw what torchvision's draw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ... import nn
from ...ops.sampling import randperm
from . import functional as F
from ._random import draw, happens

Range = tuple[float, float]


class Grayscale(nn.Module):
    """Takes the colour out of an image.

    Args:
        num_output_channels: 1, or 3 equal ones.
    """

    def __init__(self, num_output_channels: int = 1):
        super().__init__()
        self.num_output_channels = num_output_channels

    def forward(self, img: Any) -> Any:
        """Make the image grey."""
        return F.rgb_to_grayscale(img, self.num_output_channels)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(num_output_channels={self.num_output_channels})"


class RandomGrayscale(nn.Module):
    """Takes the colour out of an image with probability `p`; the channels stay."""

    def __init__(self, p: float = 0.1):
        super().__init__()
        self.p = p

    def forward(self, img: Any) -> Any:
        """Make the image grey, or not."""
        channels = F.get_dimensions(img)[0]
        return F.rgb_to_grayscale(img, channels) if happens(self.p) else img

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"


class ColorJitter(nn.Module):
    """Changes brightness, contrast, saturation and hue, in random order.

    Args:
        brightness: least and largest factor; a number b stands for [max(0, 1 - b), 1 + b].
        contrast: the same.
        saturation: the same.
        hue: least and largest turn, in [-0.5, 0.5]; a number h stands for [-h, h].

    Raises:
        ValueError: a factor is negative, or a turn too large.
    """

    def __init__(self, brightness: Any = 0, contrast: Any = 0, saturation: Any = 0, hue: Any = 0):
        super().__init__()
        self.brightness = _range("brightness", brightness)
        self.contrast = _range("contrast", contrast)
        self.saturation = _range("saturation", saturation)
        self.hue = _range("hue", hue, center=0, bound=(-0.5, 0.5))

    @staticmethod
    def get_params(*ranges: Range | None) -> tuple[Any, ...]:
        """Draw the order, and a factor for each range that is not None."""
        return (randperm(4), *(None if r is None else draw(*r) for r in ranges))

    def forward(self, img: Any) -> Any:
        """Change the image."""
        ranges = (self.brightness, self.contrast, self.saturation, self.hue)
        order, *factors = self.get_params(*ranges)
        changes = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
        for i in order.tolist():
            if factors[i] is not None:
                img = changes[i](img, factors[i])
        return img

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(brightness={self.brightness}, contrast={self.contrast}, "
            f"saturation={self.saturation}, hue={self.hue})"
        )


def _range(
    name: str, value: Any, center: float = 1, bound: Range = (0, float("inf"))
) -> Range | None:
    if isinstance(value, (int, float)):
        if value < 0:
            raise ValueError(f"If {name} is a single number, it must be non negative.")
        low, high = center - float(value), center + float(value)
        low = max(low, 0.0) if name != "hue" else low
    elif isinstance(value, (tuple, list)) and len(value) == 2:
        low, high = float(value[0]), float(value[1])
    else:
        raise TypeError(f"{name} should be a single number or a list/tuple with length 2.")
    if not bound[0] <= low <= high <= bound[1]:
        raise ValueError(f"{name} values should be between {bound}, but got [{low}, {high}].")
    return None if low == high == center else (low, high)


class GaussianBlur(nn.Module):
    """Blurs an image by the normal distribution.

    Args:
        kernel_size: (width, height) of the kernel, odd, or one number.
        sigma: least and largest deviation, or one number.
    """

    def __init__(self, kernel_size: Any, sigma: Any = (0.1, 2.0)):
        super().__init__()
        sizes = (kernel_size,) * 2 if isinstance(kernel_size, int) else tuple(kernel_size)
        if any(size <= 0 or size % 2 == 0 for size in sizes):
            raise ValueError("Kernel size value should be an odd and positive number.")
        self.kernel_size = sizes
        self.sigma: Sequence[float] = (sigma, sigma) if isinstance(sigma, (int, float)) else sigma
        if not 0.0 < self.sigma[0] <= self.sigma[1]:
            raise ValueError(f"sigma values should be positive and of the form (min, max). Got "
                             f"{self.sigma}")  # fmt: skip

    @staticmethod
    def get_params(sigma_min: float, sigma_max: float) -> float:
        """Draw the deviation."""
        return draw(sigma_min, sigma_max)

    def forward(self, img: Any) -> Any:
        """Blur the image."""
        sigma = self.get_params(self.sigma[0], self.sigma[1])
        return F.gaussian_blur(img, self.kernel_size, [sigma, sigma])

    def __repr__(self) -> str:
        return f"{type(self).__name__}(kernel_size={self.kernel_size}, sigma={self.sigma})"


class _Sometimes(nn.Module):
    """A change that happens with probability `p`; `setting` is the change's argument, if any."""

    change: Callable[..., Any]
    setting = ""

    def __init__(self, *setting: Any, p: float = 0.5):
        super().__init__()
        self.p = p
        if self.setting:
            setattr(self, self.setting, *setting)

    def forward(self, img: Any) -> Any:
        """Change the image, or not."""
        arguments = [getattr(self, self.setting)] if self.setting else []
        return type(self).change(img, *arguments) if happens(self.p) else img

    def __repr__(self) -> str:
        own = f"{self.setting}={getattr(self, self.setting)}," if self.setting else ""
        return f"{type(self).__name__}({own}p={self.p})"


class RandomInvert(_Sometimes):
    """Makes the negative with probability `p`."""

    change = staticmethod(F.invert)

    def __init__(self, p: float = 0.5):
        super().__init__(p=p)


class RandomAutocontrast(_Sometimes):
    """Stretches the contrast with probability `p`."""

    change = staticmethod(F.autocontrast)

    def __init__(self, p: float = 0.5):
        super().__init__(p=p)


class RandomPosterize(_Sometimes):
    """Keeps only the first `bits` of each byte with probability `p`."""

    change, setting = staticmethod(F.posterize), "bits"

    def __init__(self, bits: int, p: float = 0.5):
        super().__init__(bits, p=p)


class RandomSolarize(_Sometimes):
    """Inverts the values from `threshold` on with probability `p`."""

    change, setting = staticmethod(F.solarize), "threshold"

    def __init__(self, threshold: float, p: float = 0.5):
        super().__init__(threshold, p=p)


class RandomAdjustSharpness(_Sometimes):
    """Changes the sharpness by a factor with probability `p`."""

    change, setting = staticmethod(F.adjust_sharpness), "sharpness_factor"

    def __init__(self, sharpness_factor: float, p: float = 0.5):
        super().__init__(sharpness_factor, p=p)
