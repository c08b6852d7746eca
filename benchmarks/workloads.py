"""What is measured: each workload is a function of the framework's module that returns one step.

The same code runs on PyTorch and on rushlight. A step returns the seconds of its parts; a training
step has forward, backward, optimizer and step, an inference step has step alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from . import models

Step = Callable[[], dict[str, float]]


def _training(T: Any, model: Any, optimizer: Any, inputs: Any, labels: Any) -> Step:
    F = T.nn.functional

    def step() -> dict[str, float]:
        start = time.perf_counter()
        optimizer.zero_grad()
        scores = model(inputs)
        loss = F.cross_entropy(scores.reshape(-1, scores.shape[-1]), labels.reshape(-1))
        forward = time.perf_counter()
        loss.backward()
        backward = time.perf_counter()
        optimizer.step()
        end = time.perf_counter()
        return {
            "forward": forward - start,
            "backward": backward - forward,
            "optimizer": end - backward,
            "step": end - start,
        }

    return step


def _classification(T: Any, model: Any, optimizer: Any, images: Any, classes: int) -> Step:
    return _training(T, model, optimizer, images, T.randint(0, classes, (images.shape[0],)))


def _adam(T: Any, model: Any) -> Any:
    return T.optim.Adam(model.parameters(), lr=1e-3)


def lenet(T: Any) -> Step:
    """LeNet-5 with GELU, batch 64 of 28x28, NAdam."""
    model = models.lenet(T)
    optimizer = T.optim.NAdam(model.parameters(), lr=3e-3)
    return _classification(T, model, optimizer, T.randn(64, 1, 28, 28), 10)


def cnn2(T: Any) -> Step:
    """Two 1-channel 3x3 convolutions with ReLU, batch 64 of 28x28, Adam."""
    model = models.plain_cnn(T, 2)
    return _classification(T, model, _adam(T, model), T.randn(64, 1, 28, 28), 10)


def cnn10(T: Any) -> Step:
    """Ten 1-channel 3x3 convolutions with ReLU, batch 64 of 28x28, Adam."""
    model = models.plain_cnn(T, 10)
    return _classification(T, model, _adam(T, model), T.randn(64, 1, 28, 28), 10)


def ds_cnn(T: Any) -> Step:
    """Depthwise-separable residual network, batch 32 of 96x96, AdamW."""
    model = models.ds_cnn(T)
    optimizer = T.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=5e-2)
    return _classification(T, model, optimizer, T.randn(32, 3, 96, 96), 10)


def resnet18(T: Any) -> Step:
    """ResNet-18 for 32x32, batch 32, SGD with momentum."""
    model = models.resnet18(T)
    optimizer = T.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    return _classification(T, model, optimizer, T.randn(32, 3, 32, 32), 10)


def gpt(T: Any) -> Step:
    """GPT: 4 layers, 4 heads, 128 wide, block 64, batch 12, 65 letters, AdamW."""
    model = models.gpt(T, 65)
    optimizer = T.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1)
    letters = T.randint(0, 65, (12, 65))
    return _training(T, model, optimizer, letters[:, :-1], letters[:, 1:])


def lstm(T: Any) -> Step:
    """LSTM of 128 units over 28 rows, batch 64, Adam."""
    model = models.lstm_classifier(T)
    return _classification(T, model, _adam(T, model), T.randn(64, 28, 28), 10)


def _language_model(T: Any, words: int, batch: int, optimizer: Callable[[Any], Any]) -> Step:
    model = models.language_model(T, words)
    text = T.randint(0, words, (36, batch))
    return _training(T, model, optimizer(model), text[:-1], text[1:])


def lstm_lm_10k(T: Any) -> Step:
    """LSTM language model, 2 layers of 256, 35 steps, batch 20, 10,000 words, SGD."""
    return _language_model(T, 10000, 20, lambda m: T.optim.SGD(m.parameters(), lr=1.0))


def lstm_lm_65(T: Any) -> Step:
    """LSTM language model, 2 layers of 256, 35 steps, batch 20, 65 letters, Adam."""
    return _language_model(T, 65, 20, lambda m: _adam(T, m))


def mlp(T: Any) -> Step:
    """784-512-512-10 with ReLU, batch 128, Adam."""
    model = models.mlp(T)
    return _classification(T, model, _adam(T, model), T.randn(128, 784), 10)


def _inference(T: Any, model: Any, inputs: Any) -> Step:
    model.eval()

    def step() -> dict[str, float]:
        with T.no_grad():
            start = time.perf_counter()
            model(inputs)
            return {"step": time.perf_counter() - start}

    return step


def lenet_inference(T: Any) -> Step:
    """LeNet-5, one image."""
    return _inference(T, models.lenet(T), T.randn(1, 1, 28, 28))


def resnet18_inference(T: Any) -> Step:
    """ResNet-18, one image of 32x32."""
    return _inference(T, models.resnet18(T), T.randn(1, 3, 32, 32))


def gpt_inference(T: Any) -> Step:
    """GPT, the next letter after 64: a whole block each time, batch 1."""
    return _inference(T, models.gpt(T, 65), T.randint(0, 65, (1, 64)))


WORKLOADS: dict[str, Callable[[Any], Step]] = {
    "lenet": lenet,
    "cnn2": cnn2,
    "cnn10": cnn10,
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
}
