"""autograd.Function: the whole of ctx, and what is refused."""

from __future__ import annotations

import pytest


def leaf(T, *values):
    return T.tensor(list(values), requires_grad=True)


def define(T, name="Custom", **members):
    """Make a Function class of these static methods."""
    return type(name, (T.autograd.Function,), {k: staticmethod(v) for k, v in members.items()})


def test_inputs_and_outputs_can_be_saved(T):
    def forward(ctx, x, y):
        z = x * y.exp()
        ctx.save_for_backward(x, None, y, z)
        return z

    def backward(ctx, g):
        _, nothing, y, z = ctx.saved_tensors
        assert nothing is None
        return g * y.exp(), g * z

    f = define(T, forward=forward, backward=backward)
    x, y = leaf(T, 1.0, 2.0), leaf(T, 0.0, 1.0)
    z = f.apply(x, y)
    assert z.requires_grad
    assert not z.is_leaf
    z.sum().backward()
    assert x.grad.tolist() == pytest.approx([1.0, 2.7182817])
    assert y.grad.tolist() == pytest.approx([1.0, 5.4365637])


def test_saved_tensors_keep_their_place_in_the_graph(T):
    f = define(
        T,
        forward=lambda ctx, x: (ctx.save_for_backward(x), x**3)[1],
        backward=lambda ctx, g: g * 3 * ctx.saved_tensors[0] ** 2,
    )
    x = leaf(T, 2.0)
    (g,) = T.autograd.grad(f.apply(x).sum(), x, create_graph=True)
    (gg,) = T.autograd.grad(g.sum(), x, create_graph=True)
    (ggg,) = T.autograd.grad(gg.sum(), x)
    assert [g.item(), gg.item(), ggg.item()] == [12.0, 12.0, 6.0]


def test_a_saved_output_is_differentiable_again(T):
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    f = define(T, forward=forward, backward=lambda ctx, g: g * ctx.saved_tensors[0])
    x = T.tensor([0.5, 1.0], dtype=T.float64, requires_grad=True)
    assert T.autograd.gradcheck(f.apply, (x,))
    assert T.autograd.gradgradcheck(f.apply, (x,))


def test_a_saved_output_makes_no_cycle(T):
    import gc
    import weakref

    f = define(
        T,
        forward=lambda ctx, x: (y := x.exp(), ctx.save_for_backward(y))[0],
        backward=lambda ctx, g: g * ctx.saved_tensors[0],
    )
    gc.collect()
    gc.disable()
    try:
        y = f.apply(leaf(T, 1.0))
        alive = weakref.ref(y)
        del y
        assert alive() is None
    finally:
        gc.enable()


def test_saved_tensors_are_checked_for_writes(T):
    f = define(
        T,
        forward=lambda ctx, x, w: (ctx.save_for_backward(w), x * w)[1],
        backward=lambda ctx, g: (g * ctx.saved_tensors[0], None),
    )
    w = T.ones(1)
    y = f.apply(leaf(T, 2.0), w)
    w.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_saved_tensors_are_freed(T):
    f = define(
        T,
        forward=lambda ctx, x: (ctx.save_for_backward(x), x * 2)[1],
        backward=lambda ctx, g: g * 2 + 0 * ctx.saved_tensors[0],
    )
    y = f.apply(leaf(T, 2.0)).sum()
    y.backward(retain_graph=True)
    y.backward()
    with pytest.raises(RuntimeError, match="a second time"):
        y.backward()


def test_only_tensors_are_saved(T):
    f = define(
        T, forward=lambda ctx, x: (ctx.save_for_backward(3), x * 2)[1], backward=lambda ctx, g: g
    )
    with pytest.raises(TypeError, match="save_for_backward can only save variables"):
        f.apply(leaf(T, 1.0))


def test_arguments_that_are_no_tensors(T):
    def forward(ctx, x, power, options, name="none"):
        ctx.power, ctx.scale = power, options["scale"]
        ctx.save_for_backward(x)
        return x**power * ctx.scale

    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * ctx.scale * ctx.power * x ** (ctx.power - 1), None, None, None

    f = define(T, forward=forward, backward=backward)
    x = leaf(T, 2.0)
    f.apply(x, 3, {"scale": 10.0}, "name").sum().backward()
    assert x.grad.tolist() == [120.0]


def test_trailing_nones_may_be_left_over(T):
    f = define(T, forward=lambda ctx, x: x * 2, backward=lambda ctx, g: (g * 2, None, None))
    x = leaf(T, 1.0)
    f.apply(x).sum().backward()
    assert x.grad.tolist() == [2.0]


@pytest.mark.parametrize("count", [1, 3])
def test_a_wrong_number_of_gradients(T, count):
    f = define(T, forward=lambda ctx, x, y: x * y, backward=lambda ctx, g: (g,) * count)
    y = f.apply(leaf(T, 1.0), leaf(T, 1.0))
    words = rf"returned an incorrect number of gradients \(expected 2, got {count}\)"
    with pytest.raises(RuntimeError, match="function CustomBackward " + words):
        y.sum().backward()


def test_a_gradient_that_is_no_tensor(T):
    f = define(T, forward=lambda ctx, x: x * 1, backward=lambda ctx, g: 3.0)
    with pytest.raises((TypeError, RuntimeError), match=r"expected a Tensor|expected Variable"):
        f.apply(leaf(T, 1.0)).sum().backward()


def test_a_gradient_of_the_wrong_shape(T):
    f = define(T, forward=lambda ctx, x: x.sum(), backward=lambda ctx, g: T.ones(3))
    with pytest.raises(RuntimeError, match="returned an invalid gradient at index 0 - got \\[3\\]"):
        f.apply(leaf(T, 1.0, 2.0)).backward()


def test_a_gradient_of_a_broadcast_shape_is_summed(T):
    f = define(T, forward=lambda ctx, x: x * T.ones(3, 2), backward=lambda ctx, g: g)
    x = leaf(T, 1.0, 2.0)
    f.apply(x).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_a_gradient_of_another_dtype_is_cast(T):
    f = define(T, forward=lambda ctx, x: x * 1, backward=lambda ctx, g: g.double())
    x = leaf(T, 1.0)
    h = x * 2
    h.retain_grad()
    seen = []
    h.register_hook(lambda g: seen.append(g.dtype))
    f.apply(h).sum().backward()
    assert x.grad.dtype == T.float32
    assert seen == [T.float32]


def test_backward_may_be_missing(T):
    f = define(T, forward=lambda ctx, x: x * 1)
    with pytest.raises(NotImplementedError, match="You must implement either the backward or vjp"):
        f.apply(leaf(T, 1.0)).sum().backward()
    with pytest.raises(NotImplementedError, match="You must implement the forward function"):
        define(T).apply(leaf(T, 1.0))


def test_needs_input_grad(T):
    seen = []

    def backward(ctx, g):
        seen.append(tuple(ctx.needs_input_grad))
        return g, None, None, g

    def forward(ctx, x, y, n, z):
        seen.append(tuple(ctx.needs_input_grad))
        return x * z

    f = define(T, forward=forward, backward=backward)
    f.apply(leaf(T, 1.0), T.ones(1), 3, leaf(T, 2.0)).sum().backward()
    assert seen == [(True, False, False, True)] * 2


def test_forward_does_not_record(T):
    seen = []
    f = define(
        T,
        forward=lambda ctx, x: (seen.append((T.is_grad_enabled(), (x * 2).requires_grad)), x * 1)[
            1
        ],
        backward=lambda ctx, g: g,
    )
    f.apply(leaf(T, 1.0))
    assert seen == [(False, False)]


def test_nothing_is_recorded_under_no_grad(T):
    f = define(T, forward=lambda ctx, x: x * 1, backward=lambda ctx, g: g)
    with T.no_grad():
        y = f.apply(leaf(T, 1.0))
    assert not y.requires_grad
    assert not f.apply(T.ones(1)).requires_grad


def test_several_outputs(T):
    f = define(T, forward=lambda ctx, x: (x * 2, x * 3), backward=lambda ctx, a, b: a * 2 + b * 3)
    x = leaf(T, 1.0)
    a, b = f.apply(x)
    assert a.grad_fn is b.grad_fn
    assert (a.output_nr, b.output_nr) == (0, 1)
    (a * 10 + b).sum().backward()
    assert x.grad.tolist() == [23.0]


@pytest.mark.parametrize("materialize", [True, False])
def test_set_materialize_grads(T, materialize):
    seen = []

    def forward(ctx, x):
        ctx.set_materialize_grads(materialize)
        return x * 2, x * 3

    def backward(ctx, a, b):
        seen.append(None if b is None else b.tolist())
        return a * 2

    f = define(T, forward=forward, backward=backward)
    x = leaf(T, 1.0)
    a, _ = f.apply(x)
    a.sum().backward()
    assert seen == ([[0.0]] if materialize else [None])
    assert x.grad.tolist() == [2.0]


def test_mark_non_differentiable(T):
    def forward(ctx, x):
        values, places = x * 2, x.argmax()
        rounded = x.round()
        ctx.mark_non_differentiable(places, rounded)
        return values, places, rounded

    f = define(T, forward=forward, backward=lambda ctx, g, gp, gr: g * 2)
    x = leaf(T, 1.0, 2.0)
    values, places, rounded = f.apply(x)
    assert values.requires_grad
    assert not places.requires_grad
    assert not rounded.requires_grad
    values.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_integer_outputs_carry_no_gradient(T):
    f = define(T, forward=lambda ctx, x: (x * 2, x.argmax()), backward=lambda ctx, g, _: g * 2)
    y, place = f.apply(leaf(T, 1.0, 3.0))
    assert y.requires_grad
    assert not place.requires_grad


def test_mark_dirty(T):
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(3)

    f = define(T, forward=forward, backward=lambda ctx, g: g * 3)
    x = leaf(T, 2.0)
    h = x * 1
    version = h._version
    y = f.apply(h)
    assert y is h
    assert h.tolist() == [6.0]
    assert h._version > version
    (h * 2).sum().backward()
    assert x.grad.tolist() == [6.0]


def test_mark_dirty_of_a_leaf(T):
    f = define(
        T, forward=lambda ctx, x: (ctx.mark_dirty(x), x.mul_(3))[1], backward=lambda ctx, g: g
    )
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        f.apply(leaf(T, 2.0))


def test_mark_dirty_without_a_gradient(T):
    f = define(
        T, forward=lambda ctx, x: (ctx.mark_dirty(x), x.mul_(3))[1], backward=lambda ctx, g: g
    )
    x = T.ones(2)
    assert f.apply(x) is x
    assert x.tolist() == [3.0, 3.0]


def test_mark_dirty_of_a_view_reaches_the_base(T):
    f = define(
        T, forward=lambda ctx, x: (ctx.mark_dirty(x), x.mul_(3))[1], backward=lambda ctx, g: g * 3
    )
    x = leaf(T, 1.0, 2.0)
    h = x * 1
    f.apply(h[0])
    assert h.tolist() == [3.0, 2.0]
    (h * T.tensor([1.0, 10.0])).sum().backward()
    assert x.grad.tolist() == [3.0, 10.0]


def test_an_input_returned_as_it_is(T):
    f = define(T, forward=lambda ctx, x: x, backward=lambda ctx, g: g * 5)
    x = leaf(T, 2.0)
    y = f.apply(x)
    assert y is not x
    assert x.is_leaf
    assert y.grad_fn is not None
    y.sum().backward()
    assert x.grad.tolist() == [5.0]


def test_a_view_of_an_input_returned(T):
    f = define(T, forward=lambda ctx, x: x.view(2, 1), backward=lambda ctx, g: g.view(2) * 5)
    x = leaf(T, 2.0, 3.0)
    f.apply(x).sum().backward()
    assert x.grad.tolist() == [5.0, 5.0]


def test_setup_context(T):
    class Scale(T.autograd.Function):
        @staticmethod
        def forward(x, factor):
            return x * factor

        @staticmethod
        def setup_context(ctx, inputs, output):
            x, ctx.factor = inputs
            ctx.save_for_backward(x, output)

        @staticmethod
        def backward(ctx, g):
            x, output = ctx.saved_tensors
            assert output.tolist() == (x * ctx.factor).tolist()
            return g * ctx.factor, None

    x = leaf(T, 2.0)
    Scale.apply(x, 4.0).sum().backward()
    assert x.grad.tolist() == [4.0]


def test_once_differentiable(T):
    class Square(T.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @T.autograd.function.once_differentiable
        def backward(ctx, g):
            assert not T.is_grad_enabled()
            return g * 2 * ctx.saved_tensors[0]

    x = leaf(T, 3.0)
    Square.apply(x).sum().backward()
    assert x.grad.tolist() == [6.0]
    (g,) = T.autograd.grad((Square.apply(x) * x).sum(), x, create_graph=True)
    with pytest.raises(
        RuntimeError, match="trying to differentiate twice a function that was marked"
    ):
        g.sum().backward()


def test_double_backward_of_a_function_that_calls_another(T):
    class Inner(T.autograd.Function):
        @staticmethod
        def forward(ctx, g, x):
            ctx.save_for_backward(g, x)
            return g * x.cos()

        @staticmethod
        def backward(ctx, gg):
            g, x = ctx.saved_tensors
            return gg * x.cos(), -gg * g * x.sin()

    class Sine(T.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.sin()

        @staticmethod
        def backward(ctx, g):
            return Inner.apply(g, ctx.saved_tensors[0])

    x = T.tensor([0.3, 1.1], dtype=T.float64, requires_grad=True)
    assert T.autograd.gradcheck(Sine.apply, (x,))
    assert T.autograd.gradgradcheck(Sine.apply, (x,))


def test_attributes_of_ctx(T):
    def forward(ctx, x):
        ctx.note = {"shape": tuple(x.shape)}
        return x * 1

    def backward(ctx, g):
        assert ctx.note["shape"] == (1,)
        return g

    y = define(T, forward=forward, backward=backward).apply(leaf(T, 1.0))
    assert y.grad_fn.note == {"shape": (1,)}
    y.sum().backward()


def test_the_name_in_print(T):
    f = define(T, "Gelu", forward=lambda ctx, x: x * 1, backward=lambda ctx, g: g)
    y = f.apply(leaf(T, 1.0))
    assert y.grad_fn.name() == "GeluBackward"
    assert repr(y) == "tensor([1.], grad_fn=<GeluBackward>)"


def test_non_tensor_outputs_pass_through(T):
    f = define(
        T, forward=lambda ctx, x: (x * 2, 7, None, "words"), backward=lambda ctx, g, *_: g * 2
    )
    x = leaf(T, 1.0)
    y, *rest = f.apply(x)
    assert rest == [7, None, "words"]
    y.sum().backward()
    assert x.grad.tolist() == [2.0]


def test_none_for_an_input_that_wants_a_gradient(T):
    f = define(T, forward=lambda ctx, x, y: x * y, backward=lambda ctx, g: (g, None))
    x, y = leaf(T, 1.0), leaf(T, 1.0)
    f.apply(x, y).sum().backward()
    assert x.grad.tolist() == [1.0]
    assert y.grad is None


def test_a_straight_through_estimator(T):
    f = define(T, forward=lambda ctx, x: (x > 0).float(), backward=lambda ctx, g: g.clamp(-1, 1))
    x = leaf(T, -1.0, 2.0)
    (f.apply(x) * T.tensor([3.0, 0.5])).sum().backward()
    assert x.grad.tolist() == [1.0, 0.5]


def test_subclasses_share_methods(T):
    class Base(T.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    class Louder(Base):
        @staticmethod
        def backward(ctx, g):
            return Base.backward(ctx, g) * 10

    x = leaf(T, 1.0)
    Louder.apply(x).sum().backward()
    assert x.grad.tolist() == [20.0]
