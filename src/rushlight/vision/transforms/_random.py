"""Transforms of place: crops, flips, turns. Random ones draw what torchvision's draw."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

from ... import nn
from ..._tensor import Tensor
from ...ops.creation import empty
from ...ops.from_data import tensor
from ...ops.sampling import rand, randint
from . import functional as F
from ._classes import Compose, InterpolationMode


def draw(low: float, high: float) -> float:
    """Draw a number between two."""
    return float(empty(1).uniform_(low, high))


def draw_index(count: int) -> int:
    """Draw one of the numbers below `count`."""
    return int(randint(0, count, (1,)))


def happens(p: float) -> bool:
    """Tell whether something of probability `p` happens this time."""
    return float(rand(1)) < p


def _size(size: Any) -> tuple[int, int]:
    if isinstance(size, int):
        return size, size
    if len(size) not in (1, 2):
        raise ValueError("Please provide only two dimensions (h, w) for size.")
    return int(size[0]), int(size[-1])


class _Flip(nn.Module):
    """A flip that happens with probability `p`."""

    flip: Callable[[Any], Any]

    def __init__(self, p: float = 0.5):
        super().__init__()
        self.p = p

    def forward(self, img: Any) -> Any:
        """Flip the image, or not."""
        return type(self).flip(img) if happens(self.p) else img

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"


class RandomHorizontalFlip(_Flip):
    """Exchanges left and right with probability `p`."""

    flip = staticmethod(F.hflip)


class RandomVerticalFlip(_Flip):
    """Exchanges top and bottom with probability `p`."""

    flip = staticmethod(F.vflip)


class CenterCrop(nn.Module):
    """Keeps the middle of an image.

    Args:
        size: (H, W), or both in one number.
    """

    def __init__(self, size: Any):
        super().__init__()
        self.size = _size(size)

    def forward(self, img: Any) -> Any:
        """Crop the image."""
        return F.center_crop(img, self.size)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size})"


class Pad(nn.Module):
    """Puts a border around an image.

    Args:
        padding: its width: one number, (left and right, top and bottom), or
            (left, top, right, bottom).
        fill: its colour.
        padding_mode: "constant", "edge", "reflect" or "symmetric".
    """

    def __init__(self, padding: Any, fill: Any = 0, padding_mode: str = "constant"):
        super().__init__()
        if not isinstance(padding, (int, tuple, list)):
            raise TypeError("Got inappropriate padding arg")
        if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
            raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")
        self.padding, self.fill, self.padding_mode = padding, fill, padding_mode

    def forward(self, img: Any) -> Any:
        """Pad the image."""
        return F.pad(img, self.padding, self.fill, self.padding_mode)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(padding={self.padding}, fill={self.fill}, "
            f"padding_mode={self.padding_mode})"
        )


class RandomCrop(nn.Module):
    """Keeps a part of an image, anywhere.

    Args:
        size: (H, W), or both in one number.
        padding: a border that is put around the image first; see `Pad`.
        pad_if_needed: put one around images that are too small.
        fill: the border's colour.
        padding_mode: as for `Pad`.

    Raises:
        ValueError: the image is too small.
    """

    def __init__(
        self,
        size: Any,
        padding: Any = None,
        pad_if_needed: bool = False,
        fill: Any = 0,
        padding_mode: str = "constant",
    ):
        super().__init__()
        self.size, self.padding, self.pad_if_needed = _size(size), padding, pad_if_needed
        self.fill, self.padding_mode = fill, padding_mode

    @staticmethod
    def get_params(img: Any, output_size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Draw (top, left, height, width)."""
        (height, width), (_, h, w) = output_size, F.get_dimensions(img)
        if h < height or w < width:
            raise ValueError(
                f"Required crop size {(height, width)} is larger than input image size {(h, w)}"
            )
        if (h, w) == (height, width):
            return 0, 0, h, w
        return draw_index(h - height + 1), draw_index(w - width + 1), height, width

    def forward(self, img: Any) -> Any:
        """Crop the image."""
        if self.padding is not None:
            img = F.pad(img, self.padding, self.fill, self.padding_mode)
        height, width = self.size
        if self.pad_if_needed:
            _, h, w = F.get_dimensions(img)
            if w < width:
                img = F.pad(img, [width - w, 0], self.fill, self.padding_mode)
            if h < height:
                img = F.pad(img, [0, height - h], self.fill, self.padding_mode)
        return F.crop(img, *self.get_params(img, self.size))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size}, padding={self.padding})"


class RandomResizedCrop(nn.Module):
    """Keeps a part of random area and shape, and resamples it to a size.

    Args:
        size: (H, W), or both in one number.
        scale: least and largest share of the area.
        ratio: least and largest width/height.
        interpolation: how it is resampled.
        antialias: smooth when shrinking (tensors; Pillow always does).
    """

    def __init__(
        self,
        size: Any,
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3.0 / 4.0, 4.0 / 3.0),
        interpolation: InterpolationMode = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ):
        super().__init__()
        self.size, self.scale, self.ratio = _size(size), scale, ratio
        self.interpolation, self.antialias = interpolation, antialias

    @staticmethod
    def get_params(
        img: Any, scale: Sequence[float], ratio: Sequence[float]
    ) -> tuple[int, int, int, int]:
        """Draw (top, left, height, width)."""
        _, h, w = F.get_dimensions(img)
        low, high = tensor(ratio).log().tolist()
        for _ in range(10):
            area = h * w * draw(scale[0], scale[1])
            aspect = float(empty(1).uniform_(low, high).exp())
            width, height = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if 0 < width <= w and 0 < height <= h:
                return draw_index(h - height + 1), draw_index(w - width + 1), height, width
        # Nothing fitted: the largest part in the middle of an allowed shape.
        height, width = h, w
        if w / h < min(ratio):
            height = round(w / min(ratio))
        elif w / h > max(ratio):
            width = round(h * max(ratio))
        return (h - height) // 2, (w - width) // 2, height, width

    def forward(self, img: Any) -> Any:
        """Crop and resample the image."""
        place = self.get_params(img, self.scale, self.ratio)
        return F.resized_crop(img, *place, list(self.size), self.interpolation, self.antialias)

    def __repr__(self) -> str:
        scale, ratio = (tuple(round(v, 4) for v in pair) for pair in (self.scale, self.ratio))
        return (
            f"{type(self).__name__}(size={self.size}, scale={scale}, ratio={ratio}, "
            f"interpolation={self.interpolation.value}, antialias={self.antialias})"
        )


def _around_zero(value: Any, name: str, lengths: tuple[int, ...] = (2,)) -> list[float]:
    """Return the range of a parameter: a single number stands for [-number, number]."""
    if isinstance(value, (int, float)):
        if value < 0:
            raise ValueError(f"If {name} is a single number, it must be positive.")
        return [0.0 - value, float(value)]
    if len(value) not in lengths:
        raise ValueError(f"{name} should be a sequence of length {' or '.join(map(str, lengths))}.")
    return [float(v) for v in value]


class RandomRotation(nn.Module):
    """Turns an image against the clock.

    Args:
        degrees: least and largest angle; one number stands for both, with either sign.
        interpolation: "nearest" or "bilinear" (Pillow: also "bicubic").
        expand: make the result as large as the turned image.
        center: (x, y) of the point that stays (default: the middle).
        fill: the colour outside.
    """

    def __init__(
        self,
        degrees: Any,
        interpolation: InterpolationMode = InterpolationMode.NEAREST,
        expand: bool = False,
        center: Sequence[float] | None = None,
        fill: Any = 0,
    ):
        super().__init__()
        self.degrees, self.interpolation = _around_zero(degrees, "degrees"), interpolation
        self.expand, self.center, self.fill = expand, center, 0 if fill is None else fill

    @staticmethod
    def get_params(degrees: Sequence[float]) -> float:
        """Draw the angle."""
        return draw(degrees[0], degrees[1])

    def forward(self, img: Any) -> Any:
        """Turn the image."""
        fill = _for_channels(self.fill, img)
        angle = self.get_params(self.degrees)
        return F.rotate(img, angle, self.interpolation, self.expand, self.center, fill)

    def __repr__(self) -> str:
        center = "" if self.center is None else f", center={self.center}"
        return (
            f"{type(self).__name__}(degrees={self.degrees}, "
            f"interpolation={self.interpolation.value}, expand={self.expand}{center}, "
            f"fill={self.fill})"
        )


def _for_channels(fill: Any, img: Any) -> Any:
    if not isinstance(img, Tensor):
        return fill
    if isinstance(fill, (int, float)):
        return [float(fill)] * F.get_dimensions(img)[0]
    return [float(f) for f in fill]


class RandomAffine(nn.Module):
    """Turns, moves, scales and shears an image.

    Args:
        degrees: least and largest angle; one number stands for both, with either sign.
        translate: the largest move, as shares of width and height.
        scale: least and largest factor.
        shear: range of angles along x, or ranges along x and y.
        interpolation: "nearest" or "bilinear" (Pillow: also "bicubic").
        fill: the colour outside.
        center: (x, y) of the point that is turned about (default: the middle).
    """

    def __init__(
        self,
        degrees: Any,
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: Any = None,
        interpolation: InterpolationMode = InterpolationMode.NEAREST,
        fill: Any = 0,
        center: Sequence[float] | None = None,
    ):
        super().__init__()
        self.degrees, self.interpolation = _around_zero(degrees, "degrees"), interpolation
        for share in translate or ():
            if not 0.0 <= share <= 1.0:
                raise ValueError("translation values should be between 0 and 1")
        if scale is not None and min(scale) <= 0:
            raise ValueError("scale values should be positive")
        self.translate, self.scale, self.fill, self.center = translate, scale, fill, center
        self.shear = None if shear is None else _around_zero(shear, "shear", (2, 4))

    @staticmethod
    def get_params(
        degrees: Sequence[float],
        translate: Sequence[float] | None,
        scale_ranges: Sequence[float] | None,
        shears: Sequence[float] | None,
        img_size: Sequence[int],
    ) -> tuple[float, tuple[int, int], float, tuple[float, float]]:
        """Draw angle, move, scale and shear for an image of size (width, height)."""
        angle, moves, shear_x, shear_y = draw(degrees[0], degrees[1]), (0, 0), 0.0, 0.0
        if translate is not None:
            reach = [float(share * size) for share, size in zip(translate, img_size, strict=True)]
            moves = round(draw(-reach[0], reach[0])), round(draw(-reach[1], reach[1]))
        scale = 1.0 if scale_ranges is None else draw(scale_ranges[0], scale_ranges[1])
        if shears is not None:
            shear_x = draw(shears[0], shears[1])
            if len(shears) == 4:
                shear_y = draw(shears[2], shears[3])
        return angle, moves, scale, (shear_x, shear_y)

    def forward(self, img: Any) -> Any:
        """Transform the image."""
        _, h, w = F.get_dimensions(img)
        drawn = self.get_params(self.degrees, self.translate, self.scale, self.shear, (w, h))
        fill = _for_channels(self.fill, img)
        return F.affine(img, *drawn, self.interpolation, fill, self.center)

    def __repr__(self) -> str:
        parts = [f"degrees={self.degrees}"]
        for name in ("translate", "scale", "shear"):
            if getattr(self, name) is not None:
                parts.append(f"{name}={getattr(self, name)}")
        if self.interpolation is not InterpolationMode.NEAREST:
            parts.append(f"interpolation={self.interpolation.value}")
        if self.fill != 0:
            parts.append(f"fill={self.fill}")
        if self.center is not None:
            parts.append(f"center={self.center}")
        return f"{type(self).__name__}({', '.join(parts)})"


class FiveCrop(nn.Module):
    """Makes five images: the four corners and the middle.

    Args:
        size: (H, W), or both in one number.
    """

    def __init__(self, size: Any):
        super().__init__()
        self.size = _size(size)

    def forward(self, img: Any) -> tuple[Any, ...]:
        """Crop the image."""
        return F.five_crop(img, self.size)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size})"


class TenCrop(nn.Module):
    """Makes ten images: five crops of the image and of its mirror image.

    Args:
        size: (H, W), or both in one number.
        vertical_flip: mirror top and bottom instead.
    """

    def __init__(self, size: Any, vertical_flip: bool = False):
        super().__init__()
        self.size, self.vertical_flip = _size(size), vertical_flip

    def forward(self, img: Any) -> tuple[Any, ...]:
        """Crop the image."""
        return F.ten_crop(img, self.size, self.vertical_flip)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size}, vertical_flip={self.vertical_flip})"


class RandomErasing(nn.Module):
    """Replaces a random part of a tensor image with probability `p`.

    Args:
        p: the probability.
        scale: least and largest share of the area.
        ratio: least and largest height/width.
        value: what is put there: a number, one for each channel, or "random".
        inplace: write into the given tensor.

    Reference:
        Zhong et al., "Random Erasing Data Augmentation", 2017.
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: Any = 0,
        inplace: bool = False,
    ):
        super().__init__()
        if isinstance(value, str) and value != "random":
            raise ValueError("If value is str, it should be 'random'")
        if scale[0] < 0 or scale[1] > 1:
            raise ValueError("Scale should be between 0 and 1")
        if p < 0 or p > 1:
            raise ValueError("Random erasing probability should be between 0 and 1")
        self.p, self.scale, self.ratio = p, scale, ratio
        self.value, self.inplace = value, inplace

    @staticmethod
    def get_params(
        img: Tensor, scale: Sequence[float], ratio: Sequence[float], value: list[float] | None
    ) -> tuple[int, int, int, int, Tensor]:
        """Draw (top, left, height, width, values)."""
        channels, h, w = img.array.shape[-3:]
        low, high = tensor(ratio).log().tolist()
        for _ in range(10):
            area = h * w * draw(scale[0], scale[1])
            aspect = float(empty(1).uniform_(low, high).exp())
            height, width = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if not (height < h and width < w):
                continue
            if value is None:
                content = empty(channels, height, width).normal_()
            else:
                content = tensor(value)[:, None, None]
            return draw_index(h - height + 1), draw_index(w - width + 1), height, width, content
        return 0, 0, h, w, img

    def forward(self, img: Tensor) -> Tensor:
        """Erase a part of the image, or not."""
        if not happens(self.p):
            return img
        if not isinstance(img, Tensor):
            raise TypeError(f"img should be Tensor Image. Got {type(img)}")
        value: Any = self.value
        if isinstance(value, (int, float)):
            value = [float(value)]
        elif isinstance(value, str):
            value = None
        elif len(value) not in (1, img.array.shape[-3]):
            raise ValueError(
                "If value is a sequence, it should have either a single value or "
                f"{img.array.shape[-3]} (number of input channels)"
            )
        return F.erase(img, *self.get_params(img, self.scale, self.ratio, value), self.inplace)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(p={self.p}, scale={self.scale}, ratio={self.ratio}, "
            f"value={self.value}, inplace={self.inplace})"
        )


# --- which transforms happen ---


class RandomApply(nn.Module):
    """Applies transforms, all of them, with probability `p`.

    Args:
        transforms: the transforms.
        p: the probability.
    """

    def __init__(self, transforms: Sequence[Callable[..., Any]], p: float = 0.5):
        super().__init__()
        self.transforms, self.p = transforms, p

    def forward(self, img: Any) -> Any:
        """Transform the image, or not."""
        if self.p < float(rand(1)):
            return img
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        lines = [
            f"{type(self).__name__}(",
            f"    p={self.p}",
            *(f"    {t}" for t in self.transforms),
        ]
        return "\n".join([*lines, ")"])


class RandomChoice(Compose):
    """Applies one of several transforms.

    Args:
        transforms: the transforms.
        p: their weights.
    """

    def __init__(self, transforms: Sequence[Callable[..., Any]], p: Sequence[float] | None = None):
        super().__init__(transforms)
        self.p = p

    def __call__(self, *args: Any) -> Any:
        """Transform the image."""
        return random.choices(self.transforms, weights=self.p)[0](*args)

    def __repr__(self) -> str:
        return f"{super().__repr__()}(p={self.p})"


class RandomOrder(Compose):
    """Applies several transforms in random order.

    Args:
        transforms: the transforms.
    """

    def __call__(self, img: Any) -> Any:
        """Transform the image."""
        order = list(range(len(self.transforms)))
        random.shuffle(order)
        for i in order:
            img = self.transforms[i](img)
        return img
