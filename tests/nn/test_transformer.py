"""Attention with several heads and transformers: masks, forms of a call, and PyTorch's values."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight
from rushlight import nn


def close(a, b, atol=1e-5):
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), atol=atol)


@pytest.fixture
def attention():
    rushlight.manual_seed(0)
    return nn.MultiheadAttention(4, 2)


def test_weights_are_those_of_the_result(attention):
    x = rushlight.randn(3, 2, 4)
    y, weights = attention(x, x, x, average_attn_weights=False)
    assert weights.shape == (2, 2, 3, 3)
    close(weights.sum(-1), rushlight.ones(2, 2, 3))
    close(y, attention(x, x, x, need_weights=False)[0])
    close(y, attention(x, x.clone(), x.clone())[0])


def test_batch_first_and_no_batch(attention):
    x = rushlight.randn(3, 2, 4)
    y, weights = attention(x, x, x)
    alone, own = attention(x[:, 1], x[:, 1], x[:, 1])
    close(alone, y[:, 1])
    close(own, weights[1])
    attention.batch_first = True
    turned = x.transpose(0, 1)
    close(attention(turned, turned, turned)[0].transpose(0, 1), y)


def test_a_hidden_key_has_no_influence(attention):
    x = rushlight.randn(3, 1, 4)
    other = x.clone()
    other[2] = 9.0
    query = x[:2]
    padding = rushlight.tensor([[False, False, True]])
    mask = rushlight.tensor([[False, False, True]] * 2)
    for options in ({"key_padding_mask": padding}, {"attn_mask": mask}):
        close(attention(query, x, x, **options)[0], attention(query, other, other, **options)[0])
    assert attention(query, x, x, key_padding_mask=padding)[1][..., 2].abs().max() == 0


def test_causal_hint_equals_the_mask(attention):
    x = rushlight.randn(4, 2, 4)
    mask = nn.Transformer.generate_square_subsequent_mask(4)
    plain = attention(x, x, x, attn_mask=mask)[0]
    close(attention(x, x, x, attn_mask=mask, need_weights=False, is_causal=True)[0], plain)


@pytest.mark.parametrize(
    ("call", "exception", "words"),
    [
        (lambda a, x: a(x[0, 0], x, x), AssertionError, "unbatched 2D or batched 3D"),
        (lambda a, x: a(x, x[0], x), AssertionError, "`key` and `value` to be 3-D"),
        (lambda a, x: a(x, x, x[:1]), AssertionError, "does not match value shape"),
        (lambda a, x: a(x, x, x, is_causal=True), RuntimeError, "Need attn_mask"),
        (
            lambda a, x: a(x, x, x, attn_mask=rushlight.zeros(2, 2)),
            RuntimeError,
            "shape of the 2D attn_mask",
        ),
        (
            lambda a, x: a(x, x, x, attn_mask=rushlight.zeros(3, 3, dtype=rushlight.int64)),
            AssertionError,
            "only bool and floating types of attn_mask",
        ),
        (lambda a, x: nn.MultiheadAttention(5, 2), AssertionError, "divisible by num_heads"),
        (lambda a, x: nn.TransformerEncoderLayer(4, 2, activation="x"), RuntimeError, "relu/gelu"),
        (lambda a, x: nn.Transformer(4, 2, 1, 1, 8)(x, x[:, :1]), RuntimeError, "batch number"),
    ],
)
def test_errors(attention, call, exception, words):
    with pytest.raises(exception, match=words):
        call(attention, rushlight.zeros(3, 2, 4))


def both(make):
    """The same seeded module of both libraries."""
    torch = pytest.importorskip("torch")
    rushlight.manual_seed(3)
    torch.manual_seed(3)
    return make(nn), make(torch.nn), torch


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_encoder_has_pytorch_values(norm_first):
    def make(lib):
        layer = lib.TransformerEncoderLayer(4, 2, 8, norm_first=norm_first, activation="gelu")
        return lib.TransformerEncoder(layer, 2, norm=lib.LayerNorm(4))

    ours, theirs, torch = both(make)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    x = np.random.default_rng(0).standard_normal((5, 2, 4)).astype(np.float32)
    padding = np.array([[False] * 5, [False, False, False, True, True]])
    for mode in (True, False):
        results = []
        for module, lib in ((ours, rushlight), (theirs, torch)):
            module.train(mode)
            lib.manual_seed(1)
            mask = lib.triu(lib.ones(5, 5), 1).bool()
            source = lib.from_numpy(x).requires_grad_()
            y = module(source, mask=mask, src_key_padding_mask=lib.from_numpy(padding))
            (y * y).sum().backward()
            results.append((y, source.grad, module.layers[1].linear1.weight.grad))
        for a, b in zip(*results, strict=True):
            close(a, b, 1e-4)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_transformer_has_pytorch_values():
    ours, theirs, torch = both(lambda lib: lib.Transformer(4, 2, 2, 2, 8, batch_first=True))
    assert repr(ours) == repr(theirs)
    rng = np.random.default_rng(0)
    src = rng.standard_normal((2, 5, 4)).astype(np.float32)
    tgt = rng.standard_normal((2, 3, 4)).astype(np.float32)
    results = []
    for module, lib in ((ours, rushlight), (theirs, torch)):
        lib.manual_seed(1)
        mask = module.generate_square_subsequent_mask(3)
        y = module(lib.from_numpy(src), lib.from_numpy(tgt), tgt_mask=mask)
        (y * lib.from_numpy(tgt)).sum().backward()
        results.append([y, *(p.grad for p in module.parameters())])
    for a, b in zip(*results, strict=True):
        close(a, b, 1e-4)
