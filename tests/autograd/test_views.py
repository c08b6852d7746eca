"""Views, versions and in-place writes."""

from __future__ import annotations

import pytest


def leaf(T, *values):
    return T.tensor(list(values), requires_grad=True)


# --- sharing memory and versions ---


def test_views_share_memory_and_version(T):
    base = T.zeros(2, 3)
    views = [base.view(6), base[0], base.t(), base[:, 1:], base.unsqueeze(0), base.expand(2, 3)]
    base.add_(1)
    assert [v._version for v in views] == [base._version] * len(views) == [1] * len(views)
    views[0][0] = 5
    assert base[0, 0].item() == 5
    assert base._version == 2
    assert all(v._base is base for v in views)


def test_chained_views_know_the_first_base(T):
    base = T.zeros(2, 3, 4)
    view = base.permute(2, 0, 1)[1:].transpose(0, 1)[0]
    assert view._base is base
    assert view._is_view()
    assert not base._is_view()
    view.fill_(2)
    assert base.sum().item() == 18
    assert base._version == 1


def test_detach_shares_memory_and_version(T):
    x = leaf(T, 1.0, 2.0)
    h = x * 2
    d = h.detach()
    assert not d.requires_grad
    assert d.is_leaf
    d.add_(1)
    assert h.tolist() == [3.0, 5.0]
    assert h._version == d._version == 1


def test_data_shares_memory_with_a_version_of_its_own(T):
    x = leaf(T, 1.0, 2.0)
    h = x.exp()
    h.data.zero_()
    assert h._version == 0
    h.sum().backward()
    assert x.grad.tolist() == [0.0, 0.0]  # data is the way around the check, at one's own risk


def test_assigning_data(T):
    x = leaf(T, 1.0, 2.0)
    x.data = T.tensor([5.0, 6.0, 7.0])
    assert x.tolist() == [5.0, 6.0, 7.0]
    assert x.requires_grad
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0, 2.0]


def test_writes_count_without_recording_too(T):
    x = T.zeros(2)
    with T.no_grad():
        x.add_(1)
        x[0] = 3
        x.fill_(1)
    assert x._version == 3


# --- a write to saved memory is noticed ---


@pytest.mark.parametrize(
    "write",
    [
        lambda h: h.add_(1),
        lambda h: h[0].mul_(2),
        lambda h: h.view(-1)[1:].zero_(),
        lambda h: h.detach().fill_(3),
        lambda h: h.__setitem__(0, 1.0),
        lambda h: h.copy_(h * 2),
    ],
    ids=["add_", "row", "slice", "detach", "setitem", "copy_"],
)
def test_a_modified_saved_tensor(T, write):
    x = leaf(T, 1.0, 2.0)
    h = x.exp()
    write(h)
    with pytest.raises(
        RuntimeError,
        match=r"one of the variables needed for gradient computation has been modified by an "
        r"inplace operation: \[.*\].* is at version 1; expected version 0 instead",
    ):
        h.sum().backward()


def test_a_modified_input(T):
    x, w = leaf(T, 1.0, 2.0), T.ones(2)
    y = x * w
    w.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_what_was_not_saved_may_be_written(T):
    x = leaf(T, 1.0, 2.0)
    h = x + 1
    y = h + 5
    h.mul_(10)
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    "product",
    [
        lambda h, c: h * c,
        lambda h, c: c * h,
        lambda h, c: h * 2.0,
        lambda h, c: h / c,
        lambda h, c: h @ c,
        lambda h, c: c @ h,
        lambda h, c: h.mm(c),
        lambda h, c: h[None].bmm(c[None]),
        lambda h, c: (h @ c.t()) + c[0],
    ],
)
def test_factors_of_constants_may_be_written(T, product):
    x, z = T.ones(2, 2, requires_grad=True), T.ones(2, 2, requires_grad=True)
    h, c = x * 1, T.tensor([[1.0, 2.0], [3.0, 4.0]])
    y = product(h, c)
    h.add_(1)
    y.sum().backward()
    product(z, c).sum().backward()
    assert x.grad.tolist() == z.grad.tolist()


def test_the_input_of_a_frozen_layer_may_be_written(T):
    layer = T.nn.Linear(2, 2).requires_grad_(False)
    x = T.ones(2, 2, requires_grad=True)
    h = x * 1
    y = layer(h)
    h.add_(1)
    y.sum().backward()
    assert x.grad.tolist() == [layer.weight.sum(0).tolist()] * 2


# --- recorded writes ---


def test_a_value_written_into_a_base(T):
    value = T.tensor(3.0, requires_grad=True)
    base = T.zeros(3)
    base[1] = value
    assert base.requires_grad
    assert base.tolist() == [0.0, 3.0, 0.0]
    (base * T.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert value.grad.item() == 10.0


def test_a_write_cuts_the_old_value_off(T):
    x = leaf(T, 1.0, 2.0, 3.0)
    h = x * 2
    h[1] = 0
    (h * h).sum().backward()
    assert x.grad.tolist() == [8.0, 0.0, 24.0]


def test_a_view_taken_before_a_write_sees_it(T):
    x = leaf(T, 1.0, 2.0, 3.0)
    h = x * 1
    row = h[1:]
    h.mul_(3)
    assert row.tolist() == [6.0, 9.0]
    row.sum().backward()
    assert x.grad.tolist() == [0.0, 3.0, 3.0]


def test_a_write_through_a_view_changes_the_base(T):
    x = leaf(T, 1.0, 2.0, 3.0)
    h = x * 1
    h[1:].mul_(10)
    assert h.tolist() == [1.0, 20.0, 30.0]
    (h * T.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert x.grad.tolist() == [1.0, 20.0, 30.0]


def test_views_of_one_base_see_each_others_writes(T):
    x = leaf(T, 1.0, 2.0, 3.0, 4.0)
    h = x * 1
    first, all_of_it, matrix = h[:2], h.view(4), h.view(2, 2)
    first.mul_(2)
    matrix[:, 1].add_(x[0])
    assert all_of_it.tolist() == [2.0, 5.0, 3.0, 5.0]
    (all_of_it * T.tensor([1.0, 10.0, 100.0, 1000.0])).sum().backward()
    assert x.grad.tolist() == [2.0 + 1010.0, 20.0, 100.0, 1000.0]


def test_a_leaf_that_gets_a_history(T):
    base = T.zeros(2, 2)
    row = base[0]
    assert not row.requires_grad
    w = leaf(T, 1.0, 2.0)
    base.copy_(w * 3)
    assert row.requires_grad
    assert not row.is_leaf
    row.sum().backward()
    assert w.grad.tolist() == [3.0, 3.0]


def test_a_history_that_comes_through_a_view(T):
    base = T.zeros(2, 2)
    w = leaf(T, 1.0, 2.0)
    base[1] += w
    assert base.requires_grad
    (base * base).sum().backward()
    assert w.grad.tolist() == [2.0, 4.0]


def test_writing_twice_to_the_same_place(T):
    a, b = leaf(T, 1.0), leaf(T, 5.0)
    base = T.zeros(3)
    base[0:1] = a
    base[0:1] = b
    base.sum().backward()
    assert a.grad is None or a.grad.tolist() == [0.0]
    assert b.grad.tolist() == [1.0]


def test_a_loop_that_fills_a_buffer(T):
    x = leaf(T, 0.5)
    buffer = T.zeros(5, 1)
    state = x
    for i in range(5):
        state = state * 2
        buffer[i] = state
    buffer.sum().backward()
    assert x.grad.tolist() == [62.0]


def test_broadcast_values(T):
    x = leaf(T, 2.0)
    base = T.zeros(2, 3)
    base[:, 1] = x
    base[0] = x * 10
    base.sum().backward()
    assert x.grad.tolist() == [30.0 + 1.0]


def test_second_order_through_writes(T):
    x = leaf(T, 1.0, 2.0)
    h = x**2
    h[0] = h[1].clone() * x[0]
    (g,) = T.autograd.grad((h**2).sum(), x, create_graph=True)
    (gg,) = T.autograd.grad(g.sum(), x)
    # h = (x1^2 x0, x1^2); L = x1^4 x0^2 + x1^4
    assert g.tolist() == [32.0, 64.0]
    assert gg.tolist() == [32.0 + 64.0, 64.0 + 24.0 + 12.0 * 4.0 + 24.0]


# --- operators on themselves ---


@pytest.mark.parametrize(
    ("step", "slope"),
    [
        (lambda h, y: h.mul_(y), 5.0),
        (lambda h, y: h.mul_(2).mul_(3), 6.0),
        (lambda h, y: h.add_(h), 2.0),
        (lambda h, y: h.sub_(y, alpha=2), 1.0),
        (lambda h, y: h.div_(y), 0.2),
        (lambda h, y: h.pow_(2), 6.0),
        (lambda h, y: h.copy_(y), 0.0),
        (lambda h, y: h.zero_(), 0.0),
        (lambda h, y: h.fill_(7), 0.0),
        (lambda h, y: h.neg_(), -1.0),
        (lambda h, y: h.clamp_(max=2), 0.0),
        (lambda h, y: h.relu_(), 1.0),
        (lambda h, y: h.square_().sqrt_(), 1.0),
        (lambda h, y: h.lerp_(y, 0.25), 0.75),
        (lambda h, y: h.addcmul_(y, y), 1.0),
        (lambda h, y: h.masked_fill_(y > 0, 1.0), 0.0),
    ],
)
def test_in_place_gradients(T, step, slope):
    x, y = leaf(T, 3.0), leaf(T, 5.0)
    h = x * 1
    assert step(h, y) is h
    h.sum().backward()
    assert (0.0 if x.grad is None else x.grad.item()) == pytest.approx(slope)


@pytest.mark.parametrize(
    "name", ["sigmoid_", "tanh_", "exp_", "sin_", "log_", "rsqrt_", "reciprocal_"]
)
def test_in_place_functions_save_what_they_need(T, name):
    x, z = leaf(T, 0.5, 1.5), leaf(T, 0.5, 1.5)
    h = x * 1
    getattr(h, name)()
    h.sum().backward()
    getattr(z, name[:-1])().sum().backward()
    assert x.grad.tolist() == pytest.approx(z.grad.tolist())


@pytest.mark.parametrize(
    "name", ["silu", "elu", "leaky_relu", "relu", "hardtanh", "selu", "celu", "mish"]
)
def test_in_place_activations(T, name):
    F = T.nn.functional
    x, z = leaf(T, 0.5, 1.5), leaf(T, 0.5, 1.5)
    h = x * 1
    assert getattr(F, name)(h, inplace=True) is h
    h.sum().backward()
    getattr(F, name)(z).sum().backward()
    assert x.grad.tolist() == pytest.approx(z.grad.tolist())


def test_a_tensor_multiplied_into_itself(T):
    x = leaf(T, 3.0)
    h = x * 1
    h.mul_(h)
    assert h.tolist() == [9.0]
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        h.sum().backward()


def test_augmented_assignment_keeps_the_object(T):
    x = leaf(T, 1.0)
    h = x * 1
    kept = h
    h += 1
    h *= 3
    h -= x
    h /= 2
    assert h is kept
    h.sum().backward()
    assert x.grad.tolist() == [1.0]


# --- what is refused ---


@pytest.mark.parametrize(
    "write", [lambda x: x.add_(1), lambda x: x.__setitem__(0, 1.0), lambda x: x.zero_()]
)
def test_leaves_that_require_grad(T, write):
    with pytest.raises(
        RuntimeError, match="a leaf Variable that requires grad is being used in an in-place"
    ):
        write(leaf(T, 1.0, 2.0))


def test_views_of_leaves_that_require_grad(T):
    x = leaf(T, 1.0, 2.0)
    with pytest.raises(
        RuntimeError,
        match="a view of a leaf Variable that requires grad is being used in an in-place",
    ):
        x[0].add_(1)
    with pytest.raises(RuntimeError, match="a view of a leaf Variable"):
        x.view(2).zero_()


def test_refused_writes_change_nothing(T):
    x = leaf(T, 1.0, 2.0)
    with pytest.raises(RuntimeError):
        x.add_(1)
    assert x.tolist() == [1.0, 2.0]
    assert x._version == 0


@pytest.mark.parametrize("split", ["unbind", "split", "chunk"])
def test_outputs_of_functions_with_several_views(T, split):
    x = leaf(T, 1.0, 2.0, 3.0, 4.0)
    h = x * 1
    part = h.unbind()[1] if split == "unbind" else getattr(h, split)(2)[1]
    with pytest.raises(
        RuntimeError, match=r"Output 1 of .* is a view and is being modified inplace"
    ):
        part.mul_(2)


def test_several_views_of_a_constant_may_be_written(T):
    x = T.zeros(4)
    for i, part in enumerate(x.split(2)):
        part.fill_(i + 1)
    assert x.tolist() == [1.0, 1.0, 2.0, 2.0]


def test_views_made_without_recording(T):
    x = leaf(T, 1.0, 2.0)
    h = x * 1
    with T.no_grad():
        view = h[:1]
    with pytest.raises(RuntimeError, match="created in no_grad mode"):
        view.mul_(2)
    with T.no_grad():
        view.mul_(2)
    assert h.tolist() == [2.0, 2.0]


def test_expanded_memory(T):
    x = T.zeros(1).expand(3)
    with pytest.raises(
        RuntimeError, match="more than one element of the written-to tensor refers to a single"
    ):
        x.add_(1)
    with pytest.raises(RuntimeError, match="Please clone"):
        T.zeros(2, 1).expand(2, 3)[0].add_(1)
    clone = x.clone()
    clone.add_(1)
    assert clone.tolist() == [1.0] * 3


def test_overlapping_memory_may_be_read(T):
    x = leaf(T, 2.0)
    (x.expand(3) * T.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert x.grad.tolist() == [6.0]


def test_results_that_the_dtype_cannot_hold(T):
    with pytest.raises(
        RuntimeError, match=r"result type Float can't be cast to the desired output type"
    ):
        T.zeros(2, dtype=T.int64).add_(1.5)
    with pytest.raises(RuntimeError, match="can't be cast"):
        T.zeros(2, dtype=T.bool).add_(T.ones(2, dtype=T.int64))


def test_results_of_another_shape(T):
    with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
        T.zeros(2).add_(T.zeros(3, 2))


def test_detach_in_place(T):
    x = leaf(T, 1.0)
    h = x * 2
    h.detach_()
    assert h.is_leaf
    assert not h.requires_grad
    with pytest.raises(RuntimeError, match="Can't detach views in-place"):
        (x * 2).view(1).detach_()


def test_chains_of_many_views(T):
    x = T.arange(4.0).requires_grad_()
    h = x * 1
    view = h
    for _ in range(100):
        view = view.view(2, 2).view(4)
    view[0] = 10.0
    h.mul_(2)
    assert view.tolist() == [20.0, 2.0, 4.0, 6.0]
    view.sum().backward()
    assert x.grad.tolist() == [0.0, 2.0, 2.0, 2.0]


@pytest.mark.parametrize(
    "look",
    [
        lambda h: h.t(),
        lambda h: h.permute(1, 0),
        lambda h: h.diagonal(),
        lambda h: h[:, 1],
        lambda h: h[1:, :2],
        lambda h: h[..., None],
        lambda h: h.unsqueeze(1).squeeze(1),
        lambda h: h.narrow(1, 1, 2),
        lambda h: h.select(0, 1),
        lambda h: h.view(-1),
        lambda h: h.reshape(9)[::2],
        lambda h: h.flatten()[1:4],
        lambda h: h.unflatten(1, (3, 1)),
        lambda h: h.movedim(0, 1),
        lambda h: h.view_as(h),
        lambda h: h.as_strided((2, 2), (3, 1), 1),
    ],
)
def test_every_kind_of_view_carries_a_write(T, look):
    x = T.arange(1.0, 10.0).reshape(3, 3).requires_grad_()
    h = x * 1
    view = look(h)
    view.mul_(x[0, 1])
    weights = T.arange(9.0).reshape(3, 3) - 3
    (h * weights).sum().backward()
    expected = T.ones(3, 3)
    look(expected).fill_(2.0)
    mask = expected - 1
    gx = weights * expected
    gx[0, 1] += (weights * mask * x.detach()).sum()
    assert x.grad.tolist() == gx.tolist()
