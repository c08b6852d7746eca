"""Where trained weights are to be had: members of `ResNet18_Weights` and its like."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from enum import Enum
from functools import partial
from typing import Any

from ... import nn
from ..._tensor import Tensor
from ...backend.dtype import float32
from ..transforms import functional as F

_ADDRESS = "https://download.pytorch.org/models/"


class ImageClassification(nn.Module):
    """What is done to an image before a classifier of ImageNet sees it.

    Args:
        crop_size: the classifier's size of images.
        resize_size: the length of the shorter side before the middle is cut out.
        mean: the colours' means.
        std: their deviations.
    """

    def __init__(
        self,
        *,
        crop_size: int,
        resize_size: int = 256,
        mean: Sequence[float] = (0.485, 0.456, 0.406),
        std: Sequence[float] = (0.229, 0.224, 0.225),
    ):
        super().__init__()
        self.crop_size, self.resize_size = [crop_size], [resize_size]
        self.mean, self.std = [*mean], [*std]

    def forward(self, img: Any) -> Tensor:
        """Resize, crop, and normalise an image or a batch."""
        img = F.center_crop(F.resize(img, self.resize_size), self.crop_size)
        tensor = img if isinstance(img, Tensor) else F.pil_to_tensor(img)
        return F.normalize(F.convert_image_dtype(tensor, float32), self.mean, self.std)


class Weights(Enum):
    """Trained weights; the value is the file's name at PyTorch's server and the size before the
    crop.
    """

    @property
    def url(self) -> str:
        """The file's address."""
        return _ADDRESS + str(self.value[0])

    @property
    def transforms(self) -> Callable[[], ImageClassification]:
        """Makes what has to be done to images first."""
        return partial(ImageClassification, crop_size=224, resize_size=self.value[1])

    def get_state_dict(self, progress: bool = True, check_hash: bool = True) -> dict[str, Any]:
        """Load the weights, from the network the first time."""
        from ...hub import load_state_dict_from_url

        return load_state_dict_from_url(self.url, progress=progress, check_hash=check_hash)


def weights_enum(name: str, module: str, first: str, second: str | None = None) -> Any:
    """Make the enumeration of a model's weights: of the first recipe, and of the second."""
    members = {"IMAGENET1K_V1": (first, 256)}
    if second is not None:
        members["IMAGENET1K_V2"] = (second, 232)
    members["DEFAULT"] = list(members.values())[-1]
    make: Any = Weights  # the call that makes a class, not a member
    return make(name, members, module=module)


def chosen(kind: Any, weights: Any, pretrained: bool | None) -> Any:
    """Return the weights that a factory of models is asked for, None if it is not.

    Raises:
        TypeError: the weights are those of another model.
        KeyError: there are no weights of that name.
    """
    if pretrained is not None:
        warnings.warn(
            "The parameter 'pretrained' is deprecated since 0.13 and may be removed in the future, "
            "please use 'weights' instead.",
            stacklevel=3,
        )
        weights = bool(pretrained)
    if weights is None or isinstance(weights, bool):  # a first argument used to be `pretrained`
        return kind.IMAGENET1K_V1 if weights else None
    if isinstance(weights, str):
        return kind[weights]
    if not isinstance(weights, kind):
        raise TypeError(
            f"Invalid Weight class provided; expected {kind.__name__} but received "
            f"{type(weights).__name__}."
        )
    return weights


def trained(
    build: Callable[..., Any], weights: Any, progress: bool, options: dict[str, Any]
) -> Any:
    """Return the model that `build` makes, with weights if there are any.

    Raises:
        ValueError: the model is to have another number of classes than the weights.
    """
    if weights is None:
        return build(**options)
    if options.setdefault("num_classes", 1000) != 1000:
        raise ValueError(
            "The parameter 'num_classes' expected value 1000 but got "
            f"{options['num_classes']} instead."
        )
    model = build(**options)
    model.load_state_dict(weights.get_state_dict(progress=progress))
    return model
