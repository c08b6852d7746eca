"""What event files say: each function encodes one `Summary.Value` message.

Field numbers are those of TensorBoard's `.proto` files. In a Value: tag 1, simple_value 2,
image 4, histo 5, audio 6, tensor 8, metadata 9.
"""

from __future__ import annotations

import functools
import io
import numbers
import wave
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ._images import encode_png
from ._proto import blob, double, integer, packed, single

_DT_FLOAT, _DT_DOUBLE, _DT_STRING = 1, 2, 7
_HPARAM_STRING, _HPARAM_BOOL, _HPARAM_FLOAT = 1, 2, 3
_STATUS_SUCCESS = 1


def to_array(value: Any) -> np.ndarray[Any, Any]:
    """Return the values of a tensor, an array or a number as a NumPy array."""
    if isinstance(value, np.ndarray):
        return value
    if np.isscalar(value):
        return np.asarray([value])
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":
            value = value.float()
        array: np.ndarray[Any, Any] = value.numpy()
        return array
    raise NotImplementedError(f"Got {type(value)}, but numpy array or torch tensor are expected.")


def to_float(value: Any) -> float:
    """Return the one number in a tensor, an array or a Python number."""
    if isinstance(value, (float, int)):
        return float(value)
    if hasattr(value, "detach") and value.numel() == 1:
        return float(value.item())
    array = to_array(value)
    if array.size != 1:
        raise AssertionError(f"add_scalar: expected one element, got shape {array.shape}")
    return float(array.item())


def _metadata(plugin: str, content: bytes = b"") -> bytes:
    return blob(9, blob(1, blob(1, plugin) + blob(2, content)))


def _shape(*sizes: int) -> bytes:
    return blob(2, b"".join(blob(2, integer(1, size)) for size in sizes))


def _strings(*values: str | bytes, shape: bytes) -> bytes:
    """Tensor field that holds strings."""
    return blob(8, integer(1, _DT_STRING) + shape + b"".join(blob(8, value) for value in values))


def scalar(tag: str, value: float) -> bytes:
    """A number, as the scalars dashboard has always read it."""
    return blob(1, tag) + single(2, value)


def scalar_tensor(tag: str, value: float, double_precision: bool) -> bytes:
    """A number as a 0-d tensor, which TensorBoard loads faster."""
    if double_precision:
        tensor = integer(1, _DT_DOUBLE) + double(6, value)
    else:
        tensor = integer(1, _DT_FLOAT) + single(5, value)
    return blob(1, tag) + blob(8, tensor) + _metadata("scalars")


@functools.cache
def default_bins() -> np.ndarray[Any, Any]:
    """Return bucket edges that grow by a tenth, from 1e-12 to 1e20 and the same below zero."""
    positive = np.cumprod([1e-12] + 773 * [1.1])
    return np.concatenate((-positive[::-1], [0.0], positive))


def histogram(tag: str, values: Any, bins: Any, max_bins: int | None) -> bytes:
    """Count values in buckets; empty buckets at both ends are left out."""
    flat = to_array(values).astype(np.float64).ravel()
    if not flat.size:
        raise ValueError("add_histogram: expected at least one value, got an empty input")
    counts, edges = np.histogram(
        flat, bins=default_bins() if isinstance(bins, str) and bins == "tensorflow" else bins
    )
    if max_bins is not None and len(counts) > max_bins:
        starts = np.arange(0, len(counts), len(counts) // max_bins)
        counts, edges = np.add.reduceat(counts, starts), np.append(edges[starts], edges[-1])
    filled = np.flatnonzero(counts)
    if not filled.size:
        raise ValueError("add_histogram: none of the values lies within the bins")
    first, last = filled[0], filled[-1]
    # A bucket is known by its right edge, so an empty one in front tells where the first begins.
    moments = (flat.min(), flat.max(), flat.size, flat.sum(), flat @ flat)
    limits, counts = edges[first : last + 2], np.concatenate(([0], counts[first : last + 1]))
    return histogram_raw(tag, moments, limits, counts)


def histogram_raw(
    tag: str, moments: Sequence[Any], bucket_limits: Any, bucket_counts: Any
) -> bytes:
    """Buckets that have been counted; moments are minimum, maximum, number, sum, sum of squares."""
    encoded = b"".join(double(field, float(moment)) for field, moment in enumerate(moments, 1))
    buckets = packed(6, bucket_limits, "<f8") + packed(7, bucket_counts, "<f8")
    return blob(1, tag) + blob(5, encoded + buckets)


def image(tag: str, pixels: np.ndarray[Any, Any]) -> bytes:
    """A picture from uint8 pixels of shape (H, W, C)."""
    height, width, channels = pixels.shape
    sizes = integer(1, height) + integer(2, width) + integer(3, channels)
    return blob(1, tag) + blob(4, sizes + blob(4, encode_png(pixels)))


def audio(tag: str, sound: Any, sample_rate: int) -> bytes:
    """One channel of sound with values between -1 and 1, as a WAV file."""
    samples = np.squeeze(to_array(sound))
    if samples.ndim != 1:
        raise AssertionError(f"add_audio: expected one dimension, got shape {samples.shape}")
    data = (np.clip(samples, -1, 1) * np.iinfo(np.int16).max).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(sample_rate)
        out.writeframes(data.tobytes())
    facts = single(1, sample_rate) + integer(2, 1) + integer(3, len(data))
    return blob(1, tag) + blob(6, facts + blob(4, file.getvalue()) + blob(5, "audio/wav"))


def text(tag: str, string: str) -> bytes:
    """Markdown text."""
    return blob(1, f"{tag}/text_summary") + _strings(string, shape=_shape(1)) + _metadata("text")


def pr_curve_counts(
    labels: np.ndarray[Any, Any], predictions: np.ndarray[Any, Any], thresholds: int, weights: Any
) -> np.ndarray[Any, Any]:
    """Count true and false positives and negatives above evenly spaced thresholds.

    Returns:
        Six rows: tp, fp, tn, fn, precision, recall.
    """
    labels = labels.astype(np.float64).ravel()
    weights = np.broadcast_to(
        np.float64(1.0) if weights is None else to_array(weights), labels.shape
    )
    bucket = np.floor(predictions.ravel() * (thresholds - 1)).astype(np.intp)
    inside = (bucket >= 0) & (bucket < thresholds)
    rows = []
    for kind in (labels * weights, (1.0 - labels) * weights):
        found = np.bincount(bucket[inside], kind[inside], minlength=thresholds)
        rows.append(np.cumsum(found[::-1])[::-1])
    tp, fp = rows
    fn, tn = tp[0] - tp, fp[0] - fp
    smallest = 1e-7
    precision, recall = tp / np.maximum(smallest, tp + fp), tp / np.maximum(smallest, tp + fn)
    return np.stack((tp, fp, tn, fn, precision, recall))


def pr_curve(tag: str, counts: np.ndarray[Any, Any], thresholds: int) -> bytes:
    """A precision-recall curve from the six rows of `pr_curve_counts`."""
    tensor = integer(1, _DT_FLOAT) + _shape(*counts.shape) + packed(5, counts, "<f4")
    content = integer(2, thresholds)
    return blob(1, tag) + blob(8, tensor) + _metadata("pr_curves", content)


def custom_scalars(layout: Mapping[str, Mapping[str, Sequence[Any]]]) -> bytes:
    """Charts that combine several scalars: `{category: {title: [kind, tags]}}`."""
    categories = b""
    for category, charts in layout.items():
        body = b"".join(blob(2, _chart(title, *content)) for title, content in charts.items())
        categories += blob(2, blob(1, category) + body)
    tensor = _strings(categories, shape=_shape())
    return blob(1, "custom_scalars__config__") + tensor + _metadata("custom_scalars")


def _chart(title: str, kind: str, tags: Sequence[str]) -> bytes:
    if kind != "Margin":
        return blob(1, title) + blob(2, b"".join(blob(1, tag) for tag in tags))
    if len(tags) != 3:
        raise AssertionError(f"Expected 3 tags, got {len(tags)}.")
    series = b"".join(blob(field, tag) for field, tag in enumerate(tags, 1))
    return blob(1, title) + blob(3, blob(1, series))


def hparams(
    values: Mapping[str, Any], metrics: Mapping[str, Any], discrete: Mapping[str, list[Any]]
) -> list[bytes]:
    """Encode an experiment, the start of a session with these values, and its successful end."""
    known = {name: value for name, value in values.items() if value is not None}
    infos, entries = b"", b""
    for name, value in known.items():
        kind, encoded = _hparam(name, value)
        domain = b"".join(blob(1, _hparam(name, choice)[1]) for choice in discrete.get(name, ()))
        infos += blob(4, blob(1, name) + integer(4, kind) + (blob(5, domain) if domain else b""))
        entries += blob(1, blob(1, name) + blob(2, encoded))
    tracked = b"".join(blob(5, blob(1, blob(2, name))) for name in metrics)
    messages = {
        "experiment": blob(2, infos + tracked),
        "session_start_info": blob(3, entries),
        "session_end_info": blob(4, integer(1, _STATUS_SUCCESS)),
    }
    return [
        blob(1, f"_hparams_/{name}") + _metadata("hparams", message)
        for name, message in messages.items()
    ]


def _hparam(name: str, value: Any) -> tuple[int, bytes]:
    """Return the type of a hyperparameter and its value as a `google.protobuf.Value`."""
    if isinstance(value, (bool, np.bool_)):
        return _HPARAM_BOOL, integer(4, int(value))
    if isinstance(value, str):
        return _HPARAM_STRING, blob(3, value)
    if isinstance(value, numbers.Real) or hasattr(value, "detach"):
        return _HPARAM_FLOAT, double(2, to_float(value))
    raise ValueError(
        f"add_hparams: expected int, float, str, bool or a one-element tensor for {name!r}, "
        f"got {type(value).__name__}"
    )
