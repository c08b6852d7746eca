"""A small network of depthwise convolutions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ... import nn
from ..._tensor import Tensor
from .weights import chosen, trained, weights_enum

Norm = Callable[[int], nn.Module]


def _make_divisible(v: float, divisor: int, min_value: int | None = None) -> int:
    """Round to a multiple of `divisor`, but not down by more than a tenth."""
    rounded = max(min_value or divisor, int(v + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * v else rounded


class Conv2dNormActivation(nn.Sequential):
    """A convolution that keeps the size, but for its stride, normalised, with an activation.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: size of the kernel, odd.
        stride: its stride.
        groups: its groups.
        norm_layer: makes the normalisation.
        activation_layer: makes the activation.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        stride: int = 1,
        groups: int = 1,
        norm_layer: Norm = nn.BatchNorm2d,
        activation_layer: Callable[..., nn.Module] = nn.ReLU,
    ):
        padding = (kernel_size - 1) // 2
        conv = nn.Conv2d(
            in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=False
        )
        super().__init__(conv, norm_layer(out_channels), activation_layer(inplace=True))
        self.out_channels = out_channels


class InvertedResidual(nn.Module):
    """1x1 to more channels, 3x3 on each by itself, 1x1 to fewer; added to the input if it fits.

    Args:
        inp: channels of the input.
        oup: channels of the output.
        stride: 1 or 2.
        expand_ratio: how many times as many channels inside.
        norm_layer: makes the normalisations.

    Raises:
        ValueError: the stride is another one.
    """

    def __init__(
        self, inp: int, oup: int, stride: int, expand_ratio: float, norm_layer: Norm | None = None
    ):
        super().__init__()
        if stride not in (1, 2):
            raise ValueError(f"stride should be 1 or 2 instead of {stride}")
        norm, hidden = norm_layer or nn.BatchNorm2d, round(inp * expand_ratio)
        self.stride, self.use_res_connect = stride, stride == 1 and inp == oup
        options: dict[str, Any] = {"norm_layer": norm, "activation_layer": nn.ReLU6}
        layers: list[nn.Module] = []
        if expand_ratio != 1:
            layers.append(Conv2dNormActivation(inp, hidden, 1, **options))
        layers.append(Conv2dNormActivation(hidden, hidden, 3, stride, hidden, **options))
        layers += [nn.Conv2d(hidden, oup, 1, bias=False), norm(oup)]
        self.conv = nn.Sequential(*layers)
        self.out_channels, self._is_cn = oup, stride > 1

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        return x + self.conv(x) if self.use_res_connect else self.conv(x)


# Expansion, channels, how many blocks, stride of the first.
_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
           (6, 160, 3, 2), (6, 320, 1, 1))  # fmt: skip


class MobileNetV2(nn.Module):
    """A network of inverted residual blocks.

    Args:
        num_classes: how many classes.
        width_mult: how many times as many channels as usual.
        inverted_residual_setting: (expansion, channels, blocks, stride) of each stage.
        round_nearest: numbers of channels are multiples of this.
        block: makes the blocks.
        norm_layer: makes the normalisations.
        dropout: probability in the classifier.

    Raises:
        ValueError: the setting has another form.

    Reference:
        Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        width_mult: float = 1.0,
        inverted_residual_setting: Sequence[Sequence[int]] | None = None,
        round_nearest: int = 8,
        block: Callable[..., nn.Module] = InvertedResidual,
        norm_layer: Norm = nn.BatchNorm2d,
        dropout: float = 0.2,
    ):
        super().__init__()
        setting = _STAGES if inverted_residual_setting is None else inverted_residual_setting
        if len(setting) == 0 or len(setting[0]) != 4:
            raise ValueError(
                "inverted_residual_setting should be non-empty or a 4-element list, got "
                f"{inverted_residual_setting}"
            )
        options: dict[str, Any] = {"norm_layer": norm_layer, "activation_layer": nn.ReLU6}
        channels = _make_divisible(32 * width_mult, round_nearest)
        self.last_channel = _make_divisible(1280 * max(1.0, width_mult), round_nearest)
        features: list[nn.Module] = [Conv2dNormActivation(3, channels, stride=2, **options)]
        for expansion, planes, count, first_stride in setting:
            outputs = _make_divisible(planes * width_mult, round_nearest)
            for i in range(count):
                stride = first_stride if i == 0 else 1
                features.append(
                    block(channels, outputs, stride, expand_ratio=expansion, norm_layer=norm_layer)
                )
                channels = outputs
        features.append(Conv2dNormActivation(channels, self.last_channel, 1, **options))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(self.last_channel, num_classes)
        )
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out")
            elif isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)) and m.weight is not None:
                nn.init.ones_(m.weight)
            elif isinstance(m, nn.Linear):
                nn.init.normal_(m.weight, 0, 0.01)
            if getattr(m, "bias", None) is not None:
                nn.init.zeros_(m.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores of the classes."""
        return self.classifier(self.features(x).mean((2, 3)))


MobileNet_V2_Weights = weights_enum(
    "MobileNet_V2_Weights", __name__, "mobilenet_v2-b0353104.pth", "mobilenet_v2-7ebf99e0.pth"
)


def mobilenet_v2(
    weights: Any = None, progress: bool = True, pretrained: bool | None = None, **kwargs: Any
) -> MobileNetV2:
    """Return the network of the paper.

    Args:
        weights: trained weights, such as `MobileNet_V2_Weights.DEFAULT`; they are downloaded.
        progress: tell about the download.
        pretrained: the former way to ask for weights.
        kwargs: arguments of `MobileNetV2`.
    """
    weights = chosen(MobileNet_V2_Weights, weights, pretrained)
    model: MobileNetV2 = trained(MobileNetV2, weights, progress, kwargs)
    return model
