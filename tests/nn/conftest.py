"""Layers with a state or a choice of options, with inputs that fit."""

from __future__ import annotations

import pytest

# Names under nn, constructor arguments, and the input's shape; "ids" marks integer inputs.
LAYERS = [
    ("Linear", (4, 3), {}, (2, 4)),
    ("Linear", (4, 3), {"bias": False}, (2, 4)),
    ("Conv1d", (4, 6, 3), {"padding": 1, "groups": 2}, (2, 4, 9)),
    ("Conv2d", (3, 5, 3), {"stride": 2, "padding_mode": "reflect", "padding": 1}, (2, 3, 8, 8)),
    ("Conv3d", (2, 3, 2), {}, (1, 2, 4, 4, 4)),
    ("ConvTranspose1d", (4, 2, 3), {"stride": 2}, (2, 4, 5)),
    ("ConvTranspose2d", (4, 2, 3), {"output_padding": 1, "stride": 2}, (2, 4, 5, 5)),
    ("ConvTranspose3d", (2, 2, 2), {"bias": False}, (1, 2, 3, 3, 3)),
    ("BatchNorm1d", (4,), {}, (6, 4)),
    ("BatchNorm1d", (4,), {"momentum": None}, (6, 4, 5)),
    ("BatchNorm2d", (3,), {"affine": False}, (4, 3, 5, 5)),
    ("BatchNorm2d", (3,), {"track_running_stats": False}, (4, 3, 5, 5)),
    ("BatchNorm3d", (2,), {"eps": 0.1}, (2, 2, 3, 3, 3)),
    ("InstanceNorm1d", (3,), {"affine": True}, (2, 3, 7)),
    ("InstanceNorm2d", (3,), {"affine": True, "track_running_stats": True}, (2, 3, 4, 4)),
    ("InstanceNorm3d", (2,), {"affine": True}, (2, 2, 3, 3, 3)),
    ("LayerNorm", ((3, 4),), {}, (2, 3, 4)),
    ("LayerNorm", (4,), {"bias": False}, (2, 3, 4)),
    ("GroupNorm", (2, 4), {}, (2, 4, 5)),
    ("RMSNorm", (4,), {}, (2, 3, 4)),
    ("PReLU", (3,), {}, (2, 3, 4)),
    ("Embedding", (9, 4), {"padding_idx": 2}, "ids"),
    ("EmbeddingBag", (9, 4), {"mode": "sum"}, "ids"),
]


def _identity(layer) -> str:
    return "-".join([layer[0], *layer[2]])


@pytest.fixture(params=LAYERS, ids=_identity)
def layer(request):
    """Each layer in turn: (name, args, kwargs, input shape)."""
    return request.param
