"""Residual networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

from ... import nn
from ..._tensor import Tensor
from .weights import chosen, trained, weights_enum

Norm = Callable[[int], nn.Module]


def conv3x3(
    in_planes: int, out_planes: int, stride: int = 1, groups: int = 1, dilation: int = 1
) -> nn.Conv2d:
    """Return a 3x3 convolution that keeps the size, but for its stride."""
    return nn.Conv2d(
        in_planes, out_planes, 3, stride, dilation, dilation=dilation, groups=groups, bias=False
    )


def conv1x1(in_planes: int, out_planes: int, stride: int = 1) -> nn.Conv2d:
    """Return a 1x1 convolution."""
    return nn.Conv2d(in_planes, out_planes, 1, stride, bias=False)


class BasicBlock(nn.Module):
    """y = relu(x' + conv(relu(conv(x)))), each convolution normalised; x' is x or its projection.

    Args:
        inplanes: channels of the input.
        planes: channels of the output.
        stride: stride of the first convolution.
        downsample: what makes x' of x.
        groups: 1.
        base_width: 64.
        dilation: 1.
        norm_layer: makes the normalisations.

    Raises:
        ValueError: there are groups, or another width.
        NotImplementedError: there is a dilation.
    """

    expansion: ClassVar[int] = 1

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: Norm | None = None,
    ):
        super().__init__()
        if groups != 1 or base_width != 64:
            raise ValueError("BasicBlock only supports groups=1 and base_width=64")
        if dilation > 1:
            raise NotImplementedError("Dilation > 1 not supported in BasicBlock")
        norm = norm_layer or nn.BatchNorm2d
        self.conv1 = conv3x3(inplanes, planes, stride)
        self.bn1 = norm(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv3x3(planes, planes)
        self.bn2 = norm(planes)
        self.downsample, self.stride = downsample, stride

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        y += x if self.downsample is None else self.downsample(x)
        return self.relu(y)


class Bottleneck(nn.Module):
    """The block of deeper networks: 1x1 to fewer channels, 3x3, 1x1 to four times as many.

    Args:
        inplanes: channels of the input.
        planes: a quarter of the channels of the output.
        stride: stride of the 3x3 convolution.
        downsample: makes what is added of the input.
        groups: groups of the 3x3 convolution.
        base_width: its channels are `planes * base_width / 64` in each group.
        dilation: its dilation.
        norm_layer: makes the normalisations.
    """

    expansion: ClassVar[int] = 4

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: Norm | None = None,
    ):
        super().__init__()
        norm, width = norm_layer or nn.BatchNorm2d, int(planes * (base_width / 64.0)) * groups
        self.conv1 = conv1x1(inplanes, width)
        self.bn1 = norm(width)
        self.conv2 = conv3x3(width, width, stride, groups, dilation)
        self.bn2 = norm(width)
        self.conv3 = conv1x1(width, planes * self.expansion)
        self.bn3 = norm(planes * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample, self.stride = downsample, stride

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        y += x if self.downsample is None else self.downsample(x)
        return self.relu(y)


class ResNet(nn.Module):
    """A residual network for images.

    Args:
        block: `BasicBlock` or `Bottleneck`.
        layers: how many blocks in each of the four stages.
        num_classes: how many classes.
        zero_init_residual: start with blocks that do nothing.
        groups: see `Bottleneck`.
        width_per_group: see `Bottleneck`.
        replace_stride_with_dilation: for the last three stages, whether they keep the size.
        norm_layer: makes the normalisations (default: `BatchNorm2d`).

    Shape:
        (N, 3, H, W) to (N, num_classes).

    Reference:
        He et al., "Deep Residual Learning for Image Recognition", 2015.
    """

    def __init__(
        self,
        block: type[BasicBlock | Bottleneck],
        layers: Sequence[int],
        num_classes: int = 1000,
        zero_init_residual: bool = False,
        groups: int = 1,
        width_per_group: int = 64,
        replace_stride_with_dilation: Sequence[bool] | None = None,
        norm_layer: Norm | None = None,
    ):
        super().__init__()
        dilate = replace_stride_with_dilation or (False, False, False)
        if len(dilate) != 3:
            raise ValueError(
                "replace_stride_with_dilation should be None or a 3-element tuple, got "
                f"{replace_stride_with_dilation}"
            )
        self._norm_layer = norm_layer or nn.BatchNorm2d
        self.inplanes, self.dilation, self.groups, self.base_width = 64, 1, groups, width_per_group
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = self._norm_layer(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self._make_layer(block, 64, layers[0])
        self.layer2 = self._make_layer(block, 128, layers[1], 2, dilate[0])
        self.layer3 = self._make_layer(block, 256, layers[2], 2, dilate[1])
        self.layer4 = self._make_layer(block, 512, layers[3], 2, dilate[2])
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * block.expansion, num_classes)
        self._reset(zero_init_residual)

    def _reset(self, zero_init_residual: bool) -> None:
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)) and m.weight is not None:
                nn.init.ones_(m.weight)
                if m.bias is not None:
                    nn.init.zeros_(m.bias)
        for m in self.modules() if zero_init_residual else ():
            if isinstance(m, (BasicBlock, Bottleneck)):
                last = m.bn3 if isinstance(m, Bottleneck) else m.bn2
                nn.init.zeros_(last.weight)

    def _make_layer(
        self,
        block: type[BasicBlock | Bottleneck],
        planes: int,
        blocks: int,
        stride: int = 1,
        dilate: bool = False,
    ) -> nn.Sequential:
        before, norm = self.dilation, self._norm_layer
        if dilate:
            self.dilation, stride = self.dilation * stride, 1
        outputs, downsample = planes * block.expansion, None
        if stride != 1 or self.inplanes != outputs:
            downsample = nn.Sequential(conv1x1(self.inplanes, outputs, stride), norm(outputs))
        shape = (self.groups, self.base_width)
        stage = [block(self.inplanes, planes, stride, downsample, *shape, before, norm)]
        self.inplanes = outputs
        for _ in range(1, blocks):
            stage.append(block(outputs, planes, 1, None, *shape, self.dilation, norm))
        return nn.Sequential(*stage)

    def _forward_impl(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores of the classes."""
        return self._forward_impl(x)


def _weights(model: str, first: str, second: str | None = None) -> Any:
    return weights_enum(model + "_Weights", __name__, first, second)


ResNet18_Weights = _weights("ResNet18", "resnet18-f37072fd.pth")
ResNet34_Weights = _weights("ResNet34", "resnet34-b627a593.pth")
ResNet50_Weights = _weights("ResNet50", "resnet50-0676ba61.pth", "resnet50-11ad3fa6.pth")
ResNet101_Weights = _weights("ResNet101", "resnet101-63fe2227.pth", "resnet101-cd907fc2.pth")
ResNet152_Weights = _weights("ResNet152", "resnet152-394f9c45.pth", "resnet152-f82ba261.pth")
ResNeXt50_32X4D_Weights = _weights(
    "ResNeXt50_32X4D", "resnext50_32x4d-7cdf4587.pth", "resnext50_32x4d-1a0047aa.pth"
)
Wide_ResNet50_2_Weights = _weights(
    "Wide_ResNet50_2", "wide_resnet50_2-95faca4d.pth", "wide_resnet50_2-9ba9bcbe.pth"
)


def _factory(
    name: str,
    block: type[BasicBlock | Bottleneck],
    layers: Sequence[int],
    kind: Any,
    **shape: int,
) -> Callable[..., ResNet]:
    def make(
        weights: Any = None, progress: bool = True, pretrained: bool | None = None, **kwargs: Any
    ) -> ResNet:
        weights = chosen(kind, weights, pretrained)
        return trained(partial(ResNet, block, layers), weights, progress, {**shape, **kwargs})

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"""Return the network {name}.

    Args:
        weights: trained weights, such as `{kind.__name__}.DEFAULT`; they are downloaded.
        progress: tell about the download.
        pretrained: the former way to ask for weights.
        kwargs: arguments of `ResNet`.
    """
    return make


resnet18 = _factory("resnet18", BasicBlock, (2, 2, 2, 2), ResNet18_Weights)
resnet34 = _factory("resnet34", BasicBlock, (3, 4, 6, 3), ResNet34_Weights)
resnet50 = _factory("resnet50", Bottleneck, (3, 4, 6, 3), ResNet50_Weights)
resnet101 = _factory("resnet101", Bottleneck, (3, 4, 23, 3), ResNet101_Weights)
resnet152 = _factory("resnet152", Bottleneck, (3, 8, 36, 3), ResNet152_Weights)
resnext50_32x4d = _factory(
    "resnext50_32x4d", Bottleneck, (3, 4, 6, 3), ResNeXt50_32X4D_Weights,
    groups=32, width_per_group=4,
)  # fmt: skip
wide_resnet50_2 = _factory(
    "wide_resnet50_2", Bottleneck, (3, 4, 6, 3), Wide_ResNet50_2_Weights, width_per_group=128
)
