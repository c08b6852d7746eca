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


def plain_cnn(T: Any, count: int) -> Any:
    """`count` 1-channel 3x3 convolutions with ReLU, then two linear layers, for 28x28."""
    nn = T.nn
    layers: list[Any] = []
    for _ in range(count):
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
    """A small GPT over `letters` characters, no biases, the embedding tied to the output."""
    nn, F = T.nn, T.nn.functional
    linear = functools.partial(nn.Linear, bias=False)

    class Block(nn.Module):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = (nn.LayerNorm(width, bias=False) for _ in range(2))
            self.qkv, self.project = linear(width, 3 * width), linear(width, width)
            self.mlp = nn.Sequential(linear(width, 4 * width), nn.GELU(), linear(4 * width, width))

        def forward(self, x: Any) -> Any:
            n, length, _ = x.shape
            q, k, v = (
                part.view(n, length, heads, width // heads).transpose(1, 2)
                for part in self.qkv(self.norm1(x)).chunk(3, dim=-1)
            )
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.project(y.transpose(1, 2).reshape(n, length, width))
            return x + self.mlp(self.norm2(x))

    class GPT(nn.Module):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.letters = nn.Embedding(letters, width)
            self.places = nn.Embedding(block, width)
            self.blocks = nn.Sequential(*[Block() for _ in range(layers)])
            self.norm = nn.LayerNorm(width, bias=False)
            self.head = linear(width, letters)
            for name, p in self.named_parameters():
                if p.dim() == 2:
                    last = name.endswith(("project.weight", "mlp.2.weight"))
                    nn.init.normal_(p, std=0.02 / math.sqrt(2 * layers) if last else 0.02)
            self.head.weight = self.letters.weight

        def forward(self, x: Any) -> Any:
            y = self.letters(x) + self.places(T.arange(x.shape[1]))
            return self.head(self.norm(self.blocks(y)))

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
