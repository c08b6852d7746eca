"""What `grad` says and returns where an input was not used."""

from __future__ import annotations

import pytest

import rushlight


def test_the_unused_input_is_named():
    x = rushlight.ones(2, requires_grad=True)
    other = rushlight.ones(1, requires_grad=True)
    with pytest.raises(RuntimeError, match="Tensor at index 1 appears to not have been used"):
        rushlight.autograd.grad(x.sum(), [x, other])


@pytest.mark.parametrize("create_graph", [False, True])
def test_zeros_in_its_place_belong_to_the_graph_that_is_made(torch, create_graph):
    def run(T):
        x, other = T.ones(2, requires_grad=True), T.ones(1, requires_grad=True)
        options = {"materialize_grads": True, "create_graph": create_graph}
        found = T.autograd.grad((x**3).sum(), [x, other], allow_unused=True, **options)
        return [(g.tolist(), g.requires_grad) for g in found]

    assert run(rushlight) == run(torch)
