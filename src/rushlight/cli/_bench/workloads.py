"""What is measured: each workload makes a model with its data and, for training, its optimizer.

The same code runs on PyTorch and on rushlight: `T` is the framework's module.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import models


@dataclass
class Task:
    """One step's ingredients; without an optimizer the step is inference."""

    model: Any
    inputs: Any
    labels: Any = None
    optimizer: Any = None
    new_letters: int = 0  # what inference adds to the text it is given; the step is one of them

    def to_channels_last(self, T: Any) -> None:
        """Store images and weights with the channels together."""
        self.model.to(memory_format=T.channels_last)
        self.inputs = self.inputs.to(memory_format=T.channels_last)

    def infer(self) -> Any:
        """Return the scores of the inputs or, letter by letter, what continues the text."""
        if not self.new_letters:
            return self.model(self.inputs)
        cache: dict[int, Any] = {}
        letter, text = self.inputs, []
        for _ in range(self.new_letters):
            letter = self.model(letter, cache)[:, -1].argmax(-1, keepdim=True)
            text.append(letter)
        return text


def _classification(T: Any, model: Any, optimizer: Any, images: Any) -> Task:
    return Task(model, images, T.randint(0, 10, (images.shape[0],)), optimizer)


def _adam(T: Any, model: Any) -> Any:
    return T.optim.Adam(model.parameters(), lr=1e-3)


def lenet(T: Any, batch: int = 64) -> Task:
    """LeNet-5 with GELU, batch 64 of 28x28, NAdam."""
    model = models.lenet(T)
    optimizer = T.optim.NAdam(model.parameters(), lr=3e-3)
    return _classification(T, model, optimizer, T.randn(batch, 1, 28, 28))


def _one_channel(T: Any, count: int, batch: int, *, fused: bool = False) -> Task:
    model = models.one_channel_cnn(T, count, fused=fused)
    return _classification(T, model, _adam(T, model), T.randn(batch, 1, 28, 28))


def cnn2(T: Any, batch: int = 64) -> Task:
    """Two 1-channel 3x3 convolutions with ReLU, batch 64 of 28x28, Adam."""
    return _one_channel(T, 2, batch)


def cnn10(T: Any, batch: int = 64) -> Task:
    """Ten 1-channel 3x3 convolutions with ReLU, batch 64 of 28x28, Adam."""
    return _one_channel(T, 10, batch)


def fused2(T: Any, batch: int = 64) -> Task:
    """cnn2 with Conv+ReLU as one operator (torch: as cnn2)."""
    return _one_channel(T, 2, batch, fused=True)


def fused10(T: Any, batch: int = 64) -> Task:
    """cnn10 with Conv+ReLU as one operator (torch: as cnn10)."""
    return _one_channel(T, 10, batch, fused=True)


def ds_cnn(T: Any, batch: int = 32) -> Task:
    """Depthwise-separable residual network, batch 32 of 96x96, AdamW."""
    model = models.ds_cnn(T)
    optimizer = T.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=5e-2)
    return _classification(T, model, optimizer, T.randn(batch, 3, 96, 96))


def resnet18(T: Any, batch: int = 32) -> Task:
    """ResNet-18 for 32x32, batch 32, SGD with momentum."""
    model = models.resnet18(T)
    optimizer = T.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    return _classification(T, model, optimizer, T.randn(batch, 3, 32, 32))


def gpt(T: Any, batch: int = 12) -> Task:
    """GPT: 4 layers, 4 heads, 128 wide, block 64, batch 12, 65 letters, AdamW."""
    model = models.gpt(T, 65)
    optimizer = T.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1)
    letters = T.randint(0, 65, (batch, 65))
    return Task(model, letters[:, :-1], letters[:, 1:], optimizer)


def lstm(T: Any, batch: int = 64) -> Task:
    """LSTM of 128 units over 28 rows, batch 64, Adam."""
    model = models.lstm_classifier(T)
    return _classification(T, model, _adam(T, model), T.randn(batch, 28, 28))


def _language_model(T: Any, words: int, batch: int, optimizer: Callable[[Any], Any]) -> Task:
    model = models.language_model(T, words)
    text = T.randint(0, words, (36, batch))
    return Task(model, text[:-1], text[1:], optimizer(model))


def lstm_lm_10k(T: Any, batch: int = 20) -> Task:
    """LSTM language model, 2 layers of 256, 35 steps, batch 20, 10,000 words, SGD."""
    return _language_model(T, 10000, batch, lambda m: T.optim.SGD(m.parameters(), lr=1.0))


def lstm_lm_65(T: Any, batch: int = 20) -> Task:
    """LSTM language model, 2 layers of 256, 35 steps, batch 20, 65 letters, Adam."""
    return _language_model(T, 65, batch, lambda m: _adam(T, m))


def mlp(T: Any, batch: int = 128) -> Task:
    """784-512-512-10 with ReLU, batch 128, Adam."""
    model = models.mlp(T)
    return _classification(T, model, _adam(T, model), T.randn(batch, 784))


def lenet_inference(T: Any, batch: int = 1) -> Task:
    """LeNet-5, one image."""
    return Task(models.lenet(T), T.randn(batch, 1, 28, 28))


def resnet18_inference(T: Any, batch: int = 1) -> Task:
    """ResNet-18, one image of 32x32."""
    return Task(models.resnet18(T), T.randn(batch, 3, 32, 32))


def gpt_inference(T: Any, batch: int = 1) -> Task:
    """GPT, the next letter after 64: a whole block each time, batch 1."""
    return Task(models.gpt(T, 65), T.randint(0, 65, (batch, 64)))


def gpt_tokens_inference(T: Any, batch: int = 1) -> Task:
    """GPT with a key-value cache, 32 letters after 32: the time of one.

    The first of them includes reading the text it continues.
    """
    return Task(models.gpt(T, 65), T.randint(0, 65, (batch, 32)), new_letters=32)


def vgg11(T: Any, batch: int = 32) -> Task:
    """VGG-11 for 32x32 with ReLU, batch 32, SGD with momentum."""
    model = models.vgg11(T)
    optimizer = T.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    return _classification(T, model, optimizer, T.randn(batch, 3, 32, 32))


def mobilenet(T: Any, batch: int = 32) -> Task:
    """A short MobileNetV2 for 32x32, batch 32, AdamW."""
    model = models.mobilenet(T)
    optimizer = T.optim.AdamW(model.parameters(), lr=1e-3)
    return _classification(T, model, optimizer, T.randn(batch, 3, 32, 32))


def vit(T: Any, batch: int = 32) -> Task:
    """Vision transformer for 32x32, 4 layers of 192, batch 32, AdamW."""
    model = models.vit(T)
    optimizer = T.optim.AdamW(model.parameters(), lr=1e-3)
    return _classification(T, model, optimizer, T.randn(batch, 3, 32, 32))


# Those with targets, and others of kinds that users bring along.
USUAL: dict[str, Callable[..., Task]] = {
    "lenet": lenet,
    "cnn2": cnn2,
    "cnn10": cnn10,
    "fused2": fused2,
    "fused10": fused10,
    "ds_cnn": ds_cnn,
    "resnet18": resnet18,
    "gpt": gpt,
    "lstm": lstm,
    "lstm_lm_10k": lstm_lm_10k,
    "lstm_lm_65": lstm_lm_65,
    "mlp": mlp,
    "lenet_inference": lenet_inference,
    "resnet18_inference": resnet18_inference,
    "gpt_inference": gpt_inference,
    "gpt_tokens_inference": gpt_tokens_inference,
}
OTHERS: dict[str, Callable[..., Task]] = {"vgg11": vgg11, "mobilenet": mobilenet, "vit": vit}
WORKLOADS = USUAL | OTHERS

# Those whose inputs are images (N, C, H, W); the others have no channels to store last.
IMAGES = frozenset(
    ("lenet", "cnn2", "cnn10", "fused2", "fused10", "ds_cnn", "resnet18", "lenet_inference",
     "resnet18_inference", "vgg11", "mobilenet", "vit")
)  # fmt: skip


def summary(name: str) -> str:
    """Return what a workload is, in a line."""
    return (WORKLOADS[name].__doc__ or "").splitlines()[0]
