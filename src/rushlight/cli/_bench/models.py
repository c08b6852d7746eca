"""The networks that are measured; each function takes the framework's module."""

from __future__ import annotations

import functools
import math
from typing import Any


def lenet(T: Any) -> Any:
    """LeNet-5 with GELU for 28x28."""
    nn = T.nn
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.GELU(), nn.AvgPool2d(2), nn.GELU(), nn.Conv2d(6, 16, 5), nn.GELU(),
        nn.AvgPool2d(2), nn.GELU(), nn.Flatten(), nn.Linear(256, 120), nn.GELU(),
        nn.Linear(120, 84), nn.GELU(), nn.Linear(84, 10),
    )  # fmt: skip


def one_channel_cnn(T: Any, count: int, *, fused: bool = False) -> Any:
    """`count` 1-channel 3x3 convolutions with ReLU, then two linear layers, for 28x28.

    With `fused` a convolution and its ReLU are one operator, where the framework has one.
    """
    nn = T.nn
    layers: list[Any] = []
    for _ in range(count):
        if fused and hasattr(nn, "fused"):
            layers.append(nn.fused.ConvReLU2d(1, 1, 3, padding=1))
        else:
            layers += [nn.Conv2d(1, 1, 3, padding=1), nn.ReLU()]
    head = [nn.MaxPool2d(2), nn.Flatten(), nn.Linear(196, 64), nn.ReLU(), nn.Linear(64, 10)]
    return nn.Sequential(*layers, *head)


def mlp(T: Any) -> Any:
    """784-512-512-10 with ReLU."""
    nn = T.nn
    return nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)
    )


def ds_cnn(T: Any) -> Any:
    """A residual network of depthwise-separable convolutions for 96x96 (STL-10)."""
    nn, F = T.nn, T.nn.functional

    class Block(nn.Module):  # type: ignore[name-defined]
        def __init__(self, inputs: int, outputs: int) -> None:
            super().__init__()
            self.depthwise = nn.Conv2d(inputs, inputs, 3, 2, 1, groups=inputs, bias=False)
            self.norm1 = nn.BatchNorm2d(inputs)
            self.pointwise = nn.Conv2d(inputs, outputs, 1, bias=False)
            self.norm2 = nn.BatchNorm2d(outputs)
            self.shortcut = nn.Conv2d(inputs, outputs, 1, 2, bias=False)
            self.norm3 = nn.BatchNorm2d(outputs)

        def forward(self, x: Any) -> Any:
            y = F.relu(self.norm1(self.depthwise(x)))
            return F.relu(self.norm2(self.pointwise(y)) + self.norm3(self.shortcut(x)))

    return nn.Sequential(
        nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU(),
        nn.MaxPool2d(2), Block(64, 128), Block(128, 256), Block(256, 256),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(256, 10),
    )  # fmt: skip


def resnet18(T: Any) -> Any:
    """ResNet-18 for 32x32 (CIFAR-10)."""
    nn, F = T.nn, T.nn.functional

    def conv(inputs: int, outputs: int, size: int, stride: int) -> Any:
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs)
        )

    class Block(nn.Module):  # type: ignore[name-defined]
        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            super().__init__()
            self.conv1, self.conv2 = conv(inputs, outputs, 3, stride), conv(outputs, outputs, 3, 1)
            same = stride == 1 and inputs == outputs
            self.shortcut = nn.Identity() if same else conv(inputs, outputs, 1, stride)

        def forward(self, x: Any) -> Any:
            return F.relu(self.conv2(F.relu(self.conv1(x))) + self.shortcut(x))

    blocks = [
        Block(i, o, s)
        for i, o, s in ((64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2),
                        (256, 256, 1), (256, 512, 2), (512, 512, 1))
    ]  # fmt: skip
    return nn.Sequential(
        conv(3, 64, 3, 1), nn.ReLU(), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(512, 10),
    )  # fmt: skip


def gpt(
    T: Any, letters: int, width: int = 128, heads: int = 4, layers: int = 4, block: int = 64
) -> Any:
    """A small GPT over `letters` characters, no biases, the embedding tied to the output.

    Called with a dict it also keeps the keys and values of every layer there, and takes its input
    for what follows the letters they belong to.
    """
    nn, F = T.nn, T.nn.functional
    linear = functools.partial(nn.Linear, bias=False)

    class Block(nn.Module):  # type: ignore[name-defined]
        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number
            self.norm1, self.norm2 = (nn.LayerNorm(width, bias=False) for _ in range(2))
            self.qkv, self.project = linear(width, 3 * width), linear(width, width)
            self.mlp = nn.Sequential(linear(width, 4 * width), nn.GELU(), linear(4 * width, width))

        def forward(self, x: Any, cache: dict[int, Any] | None) -> Any:
            n, length, _ = x.shape
            q, k, v = (
                part.view(n, length, heads, width // heads).transpose(1, 2)
                for part in self.qkv(self.norm1(x)).chunk(3, dim=-1)
            )
            if cache is not None:
                if self.number in cache:
                    before = cache[self.number]
                    k, v = T.cat([before[0], k], 2), T.cat([before[1], v], 2)
                cache[self.number] = (k, v)
            # A single letter sees all before it; several are a text from its beginning.
            y = F.scaled_dot_product_attention(q, k, v, is_causal=length > 1)
            x = x + self.project(y.transpose(1, 2).reshape(n, length, width))
            return x + self.mlp(self.norm2(x))

    class GPT(nn.Module):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.letters = nn.Embedding(letters, width)
            self.places = nn.Embedding(block, width)
            self.blocks = nn.ModuleList([Block(number) for number in range(layers)])
            self.norm = nn.LayerNorm(width, bias=False)
            self.head = linear(width, letters)
            for name, p in self.named_parameters():
                if p.dim() == 2:
                    last = name.endswith(("project.weight", "mlp.2.weight"))
                    nn.init.normal_(p, std=0.02 / math.sqrt(2 * layers) if last else 0.02)
            self.head.weight = self.letters.weight

        def forward(self, x: Any, cache: dict[int, Any] | None = None) -> Any:
            start = cache[0][0].shape[2] if cache else 0
            y = self.letters(x) + self.places(T.arange(start, start + x.shape[1]))
            for each in self.blocks:
                y = each(y, cache)
            return self.head(self.norm(y))

    return GPT()


def lstm_classifier(T: Any) -> Any:
    """An LSTM of 128 units over the rows of 28x28."""
    nn = T.nn

    class Rows(nn.Module):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(28, 128, batch_first=True)
            self.head = nn.Linear(128, 10)

        def forward(self, x: Any) -> Any:
            return self.head(self.lstm(x)[0][:, -1])

    return Rows()


def language_model(T: Any, words: int, width: int = 256, layers: int = 2) -> Any:
    """An LSTM language model: embedding, `layers` of `width` units, scores of each word."""
    nn = T.nn

    class LanguageModel(nn.Module):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(words, width)
            self.lstm = nn.LSTM(width, width, layers)
            self.head = nn.Linear(width, words)

        def forward(self, x: Any) -> Any:
            return self.head(self.lstm(self.embedding(x))[0])

    return LanguageModel()


def vgg11(T: Any) -> Any:
    """VGG-11 for 32x32, with a single linear layer."""
    nn = T.nn
    layers: list[Any] = []
    inputs = 3
    for outputs in (64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0):
        if outputs:
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
            inputs = outputs
        else:
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, 10))


def mobilenet(T: Any) -> Any:
    """A short MobileNetV2 for 32x32: inverted residuals, ReLU6."""
    nn = T.nn

    def conv(inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1) -> list[Any]:
        made = nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False)
        return [made, nn.BatchNorm2d(outputs)]

    class Block(nn.Module):  # type: ignore[name-defined]
        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            super().__init__()
            wide = 6 * inputs
            self.is_residual = stride == 1 and inputs == outputs
            self.body = nn.Sequential(
                *conv(inputs, wide, 1), nn.ReLU6(), *conv(wide, wide, 3, stride, wide), nn.ReLU6(),
                *conv(wide, outputs, 1),
            )  # fmt: skip

        def forward(self, x: Any) -> Any:
            return x + self.body(x) if self.is_residual else self.body(x)

    sizes = ((16, 24, 1), (24, 24, 1), (24, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1))
    blocks = [Block(*size) for size in sizes]
    return nn.Sequential(
        *conv(3, 16, 3), nn.ReLU6(), *blocks, *conv(64, 256, 1), nn.ReLU6(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 10),
    )  # fmt: skip


def vit(T: Any, width: int = 192, heads: int = 3, layers: int = 4) -> Any:
    """A small vision transformer for 32x32: 64 patches of 4x4, `nn.TransformerEncoderLayer`."""
    nn = T.nn

    class ViT(nn.Module):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.patches = nn.Conv2d(3, width, 4, 4)
            self.places = nn.Parameter(0.02 * T.randn(1, 64, width))
            self.blocks = nn.Sequential(*[
                nn.TransformerEncoderLayer(
                    width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True
                )
                for _ in range(layers)
            ])  # fmt: skip
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

        def forward(self, x: Any) -> Any:
            y = self.patches(x).flatten(2).transpose(1, 2) + self.places
            return self.head(self.norm(self.blocks(y)).mean(1))

    return ViT()
