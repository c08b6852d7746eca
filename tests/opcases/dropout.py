"""Cases of `ops/dropout.py` where nothing is random; the others are in tests/nn/test_layers.py."""

from __future__ import annotations

from . import FLOATS, HALVES, Err, OpCase, S


def _dropout(x, p, training):
    return x * (1.0 - p if training else 1.0)


def _case(name, shape, **options):
    samples = [S(shape, 1.0, True), S(shape, 0.0, True), S(shape, 0.5, False)]
    return OpCase(f"nn.functional.{name}", samples, _dropout, dtypes=(*FLOATS, *HALVES), **options)


PROBABILITY = [
    Err(S((3, 4), 1.5), ValueError, "dropout probability has to be between 0 and 1, but got 1.5"),
    Err(S(3.0), TypeError, "must be Tensor"),
]

CASES = [
    _case("dropout", (3, 4), errors=PROBABILITY),
    _case(
        "dropout1d",
        (2, 3, 4),
        errors=[*PROBABILITY, Err(S((2, 3, 4, 4)), RuntimeError, "Expected 2D or 3D input")],
    ),
    _case("dropout2d", (2, 3, 4, 4), errors=PROBABILITY),
    _case("dropout3d", (2, 3, 2, 2, 2), errors=PROBABILITY),
    _case("alpha_dropout", (3, 4), errors=PROBABILITY),
    _case("feature_alpha_dropout", (3, 4, 2), errors=PROBABILITY),
]
