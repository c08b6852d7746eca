"""Cases of `ops/loss.py`, `ops/margin_loss.py` and `ops/ctc.py`."""

from __future__ import annotations

import numpy as np

from . import FLOATS, Err, OpCase, S, ints


def _log_softmax(x):
    x = x - x.max(1, keepdims=True)
    return x - np.log(np.exp(x).sum(1, keepdims=True))


def _reduced(each, reduction="mean"):
    return each if reduction == "none" else getattr(np, reduction)(each)


def _nll(logp, t, weight=None, ignore_index=-100, reduction="mean"):
    factor = np.where(
        t == ignore_index,
        0.0,
        (np.ones(logp.shape[1]) if weight is None else weight)[np.where(t == ignore_index, 0, t)],
    )
    each = -factor * np.take_along_axis(
        logp, np.where(t == ignore_index, 0, t)[:, None], 1
    ).squeeze(1)
    return each.sum() / factor.sum() if reduction == "mean" else _reduced(each, reduction)


def _cross_entropy(x, t, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    logp = _log_softmax(x)
    if t.dtype.kind == "f":
        each = -(t * logp).sum(1)
        return (
            each.sum() / (each.size if reduction == "mean" else 1) if reduction != "none" else each
        )
    hard = _nll(logp, t, weight, ignore_index, reduction)
    if not label_smoothing:
        return hard
    w = np.ones(x.shape[1]) if weight is None else weight
    smooth = -(logp * w.reshape(1, -1, *(1,) * (x.ndim - 2))).sum(1) * (t != ignore_index)
    total = w[t][t != ignore_index].sum()
    smooth = smooth.sum() / total if reduction == "mean" else _reduced(smooth, reduction)
    return hard * (1 - label_smoothing) + smooth * label_smoothing / x.shape[1]


def _case(name, samples, ref=None, **options):
    return OpCase(f"nn.functional.{name}", samples, ref, **options)


def _pair(formula):
    return lambda x, y, reduction="mean", **k: _reduced(formula(x, y, **k), reduction)


def _norm(x, p=2.0, eps=1e-6):
    return (np.abs(x + eps) ** p).sum(-1) ** (1 / p)


def _smooth_l1(x, y, beta=1.0):
    d = np.abs(x - y)
    return np.where(d < beta, d * d / (2 * beta), d - beta / 2)


def _huber(x, y, delta=1.0):
    d = np.abs(x - y)
    return np.where(d < delta, d * d / 2, delta * (d - delta / 2))


def _triplet(a, p, n, margin=1.0, swap=False):
    far = _norm(a - n)
    return np.mean(
        np.maximum(_norm(a - p) - (np.minimum(far, _norm(p - n)) if swap else far) + margin, 0)
    )


def _cosine_embedding(a, b, y, margin=0.0):
    cosine = (a * b).sum(-1) / np.sqrt((a * a).sum(-1) * (b * b).sum(-1))
    return np.mean(np.where(y == 1, 1 - cosine, np.maximum(cosine - margin, 0)))


def _multi_margin(x, t, p=1, margin=1.0):
    each = np.maximum(margin - np.take_along_axis(x, t[:, None], 1) + x, 0) ** p
    np.put_along_axis(each, t[:, None], 0, 1)
    return np.mean(each.sum(1) / x.shape[1])


def _multilabel_margin(x, t):
    loss = 0.0
    for row, targets in zip(x, t, strict=True):
        named = [j for j in targets[: [*targets, -1].index(-1)]]
        loss += sum(
            max(0, 1 - row[j] + row[i]) for j in named for i in range(len(row)) if i not in named
        ) / len(row)
    return loss / len(x)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


SIGNS = ints([1, -1, 1, 1, -1], "float32")
CLASSES = ints([1, 0, 3, 2])
IMAGE_CLASSES = ints([[0, 2], [1, -100]])

CASES = [
    _case(
        "linear_cross_entropy",
        [
            S((4, 3), (5, 3), ints([0, 4, -100, 2])),
            S((4, 3), (5, 3), ints([0, 4, 1, 2]), linear_bias=(5,), reduction="none"),
        ],
        lambda x, w, t, linear_bias=0, reduction="mean": _cross_entropy(
            x @ w.T + linear_bias, t, reduction=reduction
        ),
        errors=[
            Err(S((2, 2, 3), (5, 3), ints([0, 1])), RuntimeError, "dimensionality 1 or 2"),
            Err(S((2, 3), (5, 4), ints([0, 1])), RuntimeError, "in_features"),
            Err(S((3,), (2, 4, 3), ints([0, 1])), RuntimeError, "requires batched input"),
        ],
    ),
    _case("linear_cross_entropy", [S((4, 3), (5, 2, 3), ints([[0, 4], [1, 1], [3, 0], [2, 2]]))]),
    _case(
        "cross_entropy",
        [
            S((4, 5), CLASSES),
            S((4, 5), CLASSES, reduction="sum"),
            S((2, 3, 2), IMAGE_CLASSES, reduction="none"),
            S((2, 3, 2), IMAGE_CLASSES),
            S((4, 5), CLASSES, ignore_index=3, reduction="none"),
            S((4, 5), CLASSES, label_smoothing=0.2),
            S((4, 5), (4, 5)),
            S((2, 3, 2), (2, 3, 2), reduction="none"),
        ],
        _cross_entropy,
        errors=[
            Err(
                S((3, 5), CLASSES),
                ValueError,
                r"Expected input batch_size \(3\) to match target batch_size \(4\)",
            ),
            Err(S((4, 3), CLASSES), IndexError, "Target 3 is out of bounds"),
            Err(
                S((4, 5), CLASSES, (4,)),
                RuntimeError,
                "weight tensor should be defined either for all 5",
            ),
            Err(
                S((4, 5), CLASSES, reduction="max"),
                ValueError,
                "max is not a valid value for reduction",
            ),
            Err(
                S((4, 5), CLASSES, label_smoothing=2.0),
                RuntimeError,
                "label_smoothing must be between 0.0 and 1.0",
            ),
            Err(S((4, 5), 3), TypeError, "must be Tensor"),
        ],
    ),
    _case(
        "cross_entropy",
        [
            S((4, 5), CLASSES, weight=(5,)),
            S((2, 3, 2), IMAGE_CLASSES, weight=(3,), reduction="none"),
        ],
        _cross_entropy,
        low=0.2,
    ),
    _case(
        "nll_loss",
        [
            S((4, 5), CLASSES),
            S((2, 3, 2), IMAGE_CLASSES, reduction="none"),
            S((4, 5), CLASSES, reduction="sum", weight=(5,)),
        ],
        _nll,
        errors=[Err(S((4, 3), CLASSES), IndexError, "out of bounds")],
    ),
    _case(
        "mse_loss",
        [
            S((3, 4), (3, 4)),
            S((3, 4), (3, 4), reduction="sum"),
            S((3, 4), (3, 4), reduction="none"),
        ],
        _pair(lambda x, y: (x - y) ** 2),
        errors=[
            Err(S((3,), 1.0), TypeError, "Tensor"),
            Err(
                S((3,), (3,), reduction="avg"), ValueError, "avg is not a valid value for reduction"
            ),
        ],
    ),
    _case(
        "l1_loss",
        [S((3, 4), (3, 4)), S((3, 4), (3, 4), reduction="none")],
        _pair(lambda x, y: np.abs(x - y)),
    ),
    _case(
        "smooth_l1_loss",
        [S((3, 4), (3, 4)), S((3, 4), (3, 4), beta=0.4, reduction="sum")],
        _pair(_smooth_l1),
        errors=[Err(S((3,), (3,), beta=-1.0), RuntimeError, "negative values for beta")],
    ),
    _case(
        "huber_loss",
        [S((3, 4), (3, 4)), S((3, 4), (3, 4), delta=0.4, reduction="none")],
        _pair(_huber),
        errors=[Err(S((3,), (3,), delta=0.0), RuntimeError, "non-positive values for delta")],
    ),
    _case(
        "binary_cross_entropy",
        [S((3, 4), (3, 4)), S((3, 4), (3, 4), reduction="none")],
        _pair(lambda p, t: -(t * np.log(p) + (1 - t) * np.log(1 - p))),
        low=0.1,
        high=0.9,
        errors=[
            Err(S(ints([2.0], "float32"), (1,)), RuntimeError, "between 0 and 1"),
            Err(S((3,), (4,)), ValueError, "target size"),
        ],
    ),
    _case(
        "binary_cross_entropy_with_logits",
        [S((3, 4), (3, 4)), S((3, 4), (3, 4), reduction="sum")],
        _pair(lambda x, t: -(t * np.log(_sigmoid(x)) + (1 - t) * np.log(1 - _sigmoid(x)))),
        errors=[Err(S((3,), (4,)), ValueError, "must be the same as input size")],
    ),
    _case(
        "kl_div",
        [S((3, 4), (3, 4)), S((3, 4), (3, 4), reduction="sum")],
        _pair(lambda x, t: t * (np.log(t) - x)),
        low=0.1,
    ),
    _case(
        "kl_div",
        [S((3, 4), (3, 4), reduction="batchmean", log_target=True)],
        lambda x, t, **_: (np.exp(t) * (t - x)).sum() / 3,
    ),
    _case(
        "poisson_nll_loss",
        [S((3, 4), (3, 4)), S((3, 4), (3, 4), log_input=False)],
        lambda x, t, log_input=True: np.mean(
            np.exp(x) - t * x if log_input else x - t * np.log(x + 1e-8)
        ),
        low=0.1,
    ),
    _case(
        "gaussian_nll_loss",
        [S((3, 4), (3, 4), (3, 4))],
        lambda x, t, v: np.mean(0.5 * (np.log(v) + (x - t) ** 2 / v)),
        low=0.2,
        errors=[
            Err(S((3, 4), (3, 4), (2, 4)), ValueError, "var is of incorrect size"),
            Err(S((1,), (1,), ints([-1.0], "float32")), ValueError, "negative entry"),
        ],
    ),
    _case(
        "margin_ranking_loss",
        [S((5,), (5,), SIGNS, margin=0.3)],
        lambda a, b, y, margin: np.mean(np.maximum(-y * (a - b) + margin, 0)),
        dtypes=("float32",),
        differentiable=False,
        errors=[Err(S((5,), (5, 1), SIGNS), RuntimeError, "same dimension")],
    ),
    _case(
        "hinge_embedding_loss",
        [S((5,), ints([1, -1, 1, 1, -1]))],
        lambda x, y: np.mean(np.where(y == 1, x, np.maximum(1 - x, 0))),
    ),
    _case(
        "soft_margin_loss",
        [S((5,), ints([1, -1, 1, 1, -1]))],
        lambda x, y: np.mean(np.log1p(np.exp(-y * x))),
    ),
    _case(
        "cosine_embedding_loss",
        [S((5, 3), (5, 3), ints([1, -1, 1, 1, -1]), margin=0.1)],
        _cosine_embedding,
        errors=[Err(S((5, 3), (5, 3), ints([[1]])), RuntimeError, "1D target tensor expected")],
    ),
    _case(
        "triplet_margin_loss",
        [S((4, 3), (4, 3), (4, 3)), S((4, 3), (4, 3), (4, 3), margin=0.5, swap=True)],
        _triplet,
        errors=[
            Err(S((4, 3), (4, 3), (4,)), RuntimeError, "same number of dimensions"),
            Err(
                S((4, 3), (4, 3), (4, 3), margin=-1.0), ValueError, "margin must be greater than 0"
            ),
        ],
    ),
    _case("triplet_margin_with_distance_loss", [S((4, 3), (4, 3), (4, 3), swap=True)], _triplet),
    _case(
        "multilabel_soft_margin_loss",
        [S((3, 4), ints([[0, 1, 1, 0]] * 3))],
        lambda x, t: np.mean(-(t * np.log(_sigmoid(x)) + (1 - t) * np.log(_sigmoid(-x)))),
    ),
    _case(
        "multi_margin_loss",
        [S((4, 5), CLASSES), S((4, 5), CLASSES, p=2, margin=0.5)],
        _multi_margin,
        errors=[Err(S((4, 5), CLASSES, p=3), ValueError, "only p == 1 and p == 2 supported")],
    ),
    _case(
        "multilabel_margin_loss",
        [S((2, 4), ints([[3, 0, -1, 1], [1, -1, -1, -1]]))],
        _multilabel_margin,
        errors=[Err(S((2, 4), ints([[3, 0, -1]])), RuntimeError, "inconsistent target size")],
    ),
    # The gradient is that of log-softmax and loss together: tests/ops/test_ctc.py.
    OpCase(
        "ctc_loss",
        [
            S((6, 2, 4), ints([[1, 2, 2], [3, 1, 1]]), [6, 5], [3, 1]),
            S((4, 3), ints([1, 2]), 4, 2, reduction="none"),
        ],
        dtypes=FLOATS,
        differentiable=False,
        errors=[
            Err(
                S((6, 2, 4), ints([[1], [2]]), [7, 6], [1, 1]),
                RuntimeError,
                "input_lengths to have value at most 6",
            ),
            Err(
                S((6, 2, 4), ints([[1], [2]]), [6], [1, 1]),
                RuntimeError,
                "input_lengths must be of size batch_size",
            ),
            Err(
                S((6, 2, 4), ints([[1], [2]]), [6, 6], [1, 1], blank=4),
                RuntimeError,
                "blank must be in label range",
            ),
            Err(S((6, 2, 4), ints([[1], [9]]), [6, 6], [1, 1]), RuntimeError, "classes"),
        ],
    ),
]
