"""Pruning chooses what PyTorch's chooses."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

import rushlight


def prune_of(T):
    """Return the module, which PyTorch does not import by itself."""
    return importlib.import_module(f"{T.__name__}.nn.utils.prune")


METHODS = {
    "random": lambda p, m: p.random_unstructured(m, "weight", 0.4),
    "l1": lambda p, m: p.l1_unstructured(m, "weight", 5),
    "random channels": lambda p, m: p.random_structured(m, "weight", 2, 0),
    "ln": lambda p, m: p.ln_structured(m, "weight", 0.5, n=2, dim=1),
    "ln inf": lambda p, m: p.ln_structured(m, "weight", 1, n=float("inf"), dim=-1),
    "identity": lambda p, m: p.identity(m, "weight"),
    "twice": lambda p, m: p.l1_unstructured(p.ln_structured(m, "weight", 1, 2, 0), "weight", 0.5),
    "unstructured, then channels": lambda p, m: p.ln_structured(
        p.l1_unstructured(m, "weight", 6), "weight", 1, 1, 1
    ),
    "bias": lambda p, m: p.l1_unstructured(p.identity(m, "weight"), "bias", 2),
    "nothing": lambda p, m: p.random_unstructured(m, "weight", 0),
}


@pytest.mark.parametrize("name", METHODS)
def test_methods_agree(name, torch):
    seen = []
    for T in (rushlight, torch):
        T.manual_seed(0)
        layer = METHODS[name](prune_of(T), T.nn.Linear(4, 6))
        out = layer(T.randn(3, 4))
        out.sum().backward()
        seen.append((list(layer.state_dict()), layer, out, layer.weight_orig.grad))
    (keys, ours, out, grad), (their_keys, theirs, their_out, their_grad) = seen
    assert keys == their_keys
    for key, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[key].numpy(), value.numpy(), rtol=1e-6)
    np.testing.assert_allclose(out.detach().numpy(), their_out.detach().numpy(), atol=1e-6)
    np.testing.assert_allclose(grad.numpy(), their_grad.numpy(), atol=1e-5)


def test_global(torch):
    masks = []
    for T in (rushlight, torch):
        T.manual_seed(0)
        net = T.nn.Sequential(T.nn.Linear(4, 5), T.nn.Linear(5, 3))
        prune = prune_of(T)
        pairs = [(net[0], "weight"), (net[1], "weight"), (net[1], "bias")]
        prune.global_unstructured(pairs, pruning_method=prune.L1Unstructured, amount=0.3)
        prune.global_unstructured(pairs, pruning_method=prune.L1Unstructured, amount=0.3)
        masks.append([getattr(m, n + "_mask").numpy() for m, n in pairs])
    for a, b in zip(*masks, strict=True):
        np.testing.assert_array_equal(a, b)


def test_masks_given_and_taken_off(T):
    prune, layer = prune_of(T), T.nn.Linear(2, 2)
    before = layer.weight
    assert not prune.is_pruned(layer)
    prune.custom_from_mask(layer, "weight", T.tensor([[1.0, 0.0], [0.0, 1.0]]))
    assert prune.is_pruned(T.nn.Sequential(layer))
    assert layer.weight_orig is before
    assert layer.weight[0, 1].item() == 0.0
    prune.remove(layer, "weight")
    assert layer.weight is before
    assert sorted(layer.state_dict()) == ["bias", "weight"]
    assert layer.weight[1, 0].item() == 0.0
    assert not prune.is_pruned(layer)


def test_scores_decide(T):
    prune, layer = prune_of(T), T.nn.Linear(2, 1)
    prune.l1_unstructured(layer, "weight", 1, importance_scores=T.tensor([[5.0, 1.0]]))
    assert layer.weight_mask.tolist() == [[1.0, 0.0]]
    kept = prune.L1Unstructured(1).prune(T.tensor([1.0, -3.0]))
    assert kept.tolist() == [0.0, -3.0]


def test_methods_of_the_user(T):
    prune = prune_of(T)

    class EveryOther(prune.BasePruningMethod):
        PRUNING_TYPE = "unstructured"

        def compute_mask(self, t, default_mask):
            mask = default_mask.clone()
            mask.view(-1)[::2] = 0
            return mask

    layer = T.nn.Linear(4, 1)
    EveryOther.apply(layer, "weight")
    assert layer.weight_mask.tolist() == [[0.0, 1.0, 0.0, 1.0]]
    EveryOther.apply(layer, "weight")
    assert layer.weight_mask.tolist() == [[0.0, 0.0, 0.0, 1.0]]
    [hook] = layer._forward_pre_hooks.values()
    assert isinstance(hook, prune.PruningContainer)
    assert len(hook) == 2


def test_mistakes_are_told(T):
    prune, layer = prune_of(T), T.nn.Linear(2, 2)
    with pytest.raises(TypeError, match="Invalid type for amount"):
        prune.l1_unstructured(layer, "weight", "half")
    with pytest.raises(ValueError, match=r"float in the range \[0, 1\]"):
        prune.l1_unstructured(layer, "weight", 1.5)
    with pytest.raises(ValueError, match="smaller than the number"):
        prune.l1_unstructured(layer, "weight", 9)
    assert sorted(layer.state_dict()) == ["bias", "weight"]
    with pytest.raises(ValueError, match="multidimensional"):
        prune.ln_structured(layer, "bias", 1, 2, 0)
    with pytest.raises(IndexError, match="Invalid index 3"):
        prune.random_structured(layer, "weight", 1, 3)
    with pytest.raises(ValueError, match="has to be pruned"):
        prune.remove(layer, "weight")
    with pytest.raises(TypeError, match="unstructured"):
        prune.global_unstructured([(layer, "weight")], prune.LnStructured, amount=1, n=2)
    with pytest.raises(AssertionError, match="same shape"):
        prune.l1_unstructured(layer, "weight", 1, importance_scores=T.ones(3))
