"""Deep plain convolutional networks, and AlexNet before them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ... import nn
from ..._tensor import Tensor
from .weights import chosen, trained, weights_enum


class _Classifier(nn.Module):
    """Features, pooled to a fixed size, and a classifier."""

    features: nn.Module
    avgpool: nn.Module
    classifier: nn.Module

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores of the classes."""
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


class AlexNet(_Classifier):
    """Five convolutions and three linear layers.

    Args:
        num_classes: how many classes.
        dropout: probability in the classifier.

    Reference:
        Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014.
    """

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
            nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
        )  # fmt: skip
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(256 * 6 * 6, 4096), nn.ReLU(inplace=True),
            nn.Dropout(dropout), nn.Linear(4096, 4096), nn.ReLU(inplace=True),
            nn.Linear(4096, num_classes),
        )  # fmt: skip


class VGG(_Classifier):
    """3x3 convolutions, pooled now and then, and three linear layers.

    Args:
        features: the convolutional part, with 512 channels at its end.
        num_classes: how many classes.
        init_weights: draw the weights anew.
        dropout: probability in the classifier.

    Reference:
        Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
        Recognition", 2014.
    """

    def __init__(
        self,
        features: nn.Module,
        num_classes: int = 1000,
        init_weights: bool = True,
        dropout: float = 0.5,
    ):
        super().__init__()
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096), nn.ReLU(True), nn.Dropout(dropout),
            nn.Linear(4096, 4096), nn.ReLU(True), nn.Dropout(dropout),
            nn.Linear(4096, num_classes),
        )  # fmt: skip
        for m in self.modules() if init_weights else ():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(m, nn.Linear):
                nn.init.normal_(m.weight, 0, 0.01)
            if isinstance(m, (nn.Conv2d, nn.Linear)) and m.bias is not None:
                nn.init.zeros_(m.bias)


# Channels of the convolutions; M is a pooling.
cfgs: dict[str, list[int | str]] = {
    "A": [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "B": [64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "D": [64, 64, "M", 128, 128, "M", *[256] * 3, "M", *[512] * 3, "M", *[512] * 3, "M"],
    "E": [64, 64, "M", 128, 128, "M", *[256] * 4, "M", *[512] * 4, "M", *[512] * 4, "M"],
}


def make_layers(cfg: Sequence[int | str], batch_norm: bool = False) -> nn.Sequential:
    """Return the convolutional part that a list of channels describes."""
    layers: list[nn.Module] = []
    channels = 3
    for item in cfg:
        if not isinstance(item, int):
            layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
            continue
        layers.append(nn.Conv2d(channels, item, 3, padding=1))
        layers += [nn.BatchNorm2d(item)] if batch_norm else []
        layers.append(nn.ReLU(inplace=True))
        channels = item
    return nn.Sequential(*layers)


def _factory(name: str, build: Callable[..., nn.Module], kind: Any) -> Callable[..., Any]:
    def make(
        weights: Any = None, progress: bool = True, pretrained: bool | None = None, **kwargs: Any
    ) -> Any:
        weights = chosen(kind, weights, pretrained)
        if weights is not None and build is not AlexNet:
            kwargs["init_weights"] = False
        return trained(build, weights, progress, kwargs)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"""Return the network {name}.

    Args:
        weights: trained weights, such as `{kind.__name__}.DEFAULT`; they are downloaded.
        progress: tell about the download.
        pretrained: the former way to ask for weights.
        kwargs: arguments of the network's class.
    """
    return make


def _vgg(name: str, letter: str, kind: Any) -> Callable[..., Any]:
    def build(**options: Any) -> VGG:
        return VGG(make_layers(cfgs[letter], name.endswith("_bn")), **options)

    return _factory(name, build, kind)


def _weights(model: str, file: str) -> Any:
    return weights_enum(model + "_Weights", __name__, file)


AlexNet_Weights = _weights("AlexNet", "alexnet-owt-7be5be79.pth")
VGG11_Weights = _weights("VGG11", "vgg11-8a719046.pth")
VGG11_BN_Weights = _weights("VGG11_BN", "vgg11_bn-6002323d.pth")
VGG13_Weights = _weights("VGG13", "vgg13-19584684.pth")
VGG13_BN_Weights = _weights("VGG13_BN", "vgg13_bn-abd245e5.pth")
VGG16_Weights = _weights("VGG16", "vgg16-397923af.pth")
VGG16_BN_Weights = _weights("VGG16_BN", "vgg16_bn-6c64b313.pth")
VGG19_Weights = _weights("VGG19", "vgg19-dcbb9e9d.pth")
VGG19_BN_Weights = _weights("VGG19_BN", "vgg19_bn-c79401a0.pth")

alexnet = _factory("alexnet", AlexNet, AlexNet_Weights)
vgg11 = _vgg("vgg11", "A", VGG11_Weights)
vgg11_bn = _vgg("vgg11_bn", "A", VGG11_BN_Weights)
vgg13 = _vgg("vgg13", "B", VGG13_Weights)
vgg13_bn = _vgg("vgg13_bn", "B", VGG13_BN_Weights)
vgg16 = _vgg("vgg16", "D", VGG16_Weights)
vgg16_bn = _vgg("vgg16_bn", "D", VGG16_BN_Weights)
vgg19 = _vgg("vgg19", "E", VGG19_Weights)
vgg19_bn = _vgg("vgg19_bn", "E", VGG19_BN_Weights)
