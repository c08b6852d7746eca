"""custom_op: schemas from annotations, kernels, gradients.

Annotations name the framework at hand, so they are evaluated where they stand: this file goes
without `from __future__ import annotations`.
"""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

import rushlight

_number = itertools.count()


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"tests_custom::op{next(_number)}"


def scale_op(T, name):
    """y = a x, computed where autograd cannot see it."""

    @T.library.custom_op(name, mutates_args=())
    def scale(x: T.Tensor, a: float = 2.0) -> T.Tensor:
        return T.from_numpy(x.detach().numpy() * np.float32(a))

    def setup_context(ctx, inputs, output):
        ctx.a = inputs[1]

    scale.register_autograd(lambda ctx, g: (g * ctx.a, None), setup_context=setup_context)
    return scale


def values(tensor):
    return tensor.detach().numpy().tolist()


# --- schemas --------------------------------------------------------------------------------------


def test_inferred_schemas(T):
    def rich(
        x: T.Tensor, xs: Sequence[T.Tensor], a: T.Tensor | None, n: int | float | bool,
        b: bool = True, s: str = "q", *, f: float = 2.0, k: int | None = None,
        d: T.dtype = T.float32, v: T.device = T.device("cpu"),  # noqa: B008
    ) -> tuple[T.Tensor, int, list[T.Tensor]]: ...  # fmt: skip

    def writes(x: T.Tensor, ys: list[T.Tensor], n: int) -> None: ...

    infer = T.library.infer_schema
    assert infer(rich, mutates_args=()) == (
        '(Tensor x, Tensor[] xs, Tensor? a, Scalar n, bool b=True, str s="q", *, float f=2.0, '
        'SymInt? k=None, ScalarType d=float32, Device v="cpu") -> (Tensor, SymInt, Tensor[])'
    )
    assert infer(writes, mutates_args={"x", "ys"}) == (
        "(Tensor(a0!) x, Tensor(a1!)[] ys, SymInt n) -> ()"
    )
    assert infer(writes, mutates_args="unknown", op_name="w").startswith("w(Tensor(a0!) x, ")


def test_annotations_may_be_strings(T):
    namespace = {"Tensor": T.Tensor}
    exec("def f(x: 'Tensor', n: 'int | None' = None) -> 'Tensor': ...", namespace)
    schema = T.library.infer_schema(namespace["f"], mutates_args=())
    assert schema == "(Tensor x, SymInt? n=None) -> Tensor"


def _functions(T):
    def bare(x): ...
    def no_result(x: T.Tensor): ...
    def odd(x: dict) -> T.Tensor: ...
    def odd_result(x: T.Tensor) -> dict: ...
    def pair(x: tuple[int, int]) -> T.Tensor: ...
    def star(*x: T.Tensor) -> T.Tensor: ...
    def default(x: T.Tensor, n: Sequence[int] = (1, 2)) -> T.Tensor: ...
    def number(n: int) -> T.Tensor: ...

    return [
        (bare, (), "Parameter x must have a type annotation"),
        (no_result, (), "No return type annotation was provided"),
        (odd, (), "Parameter x has unsupported type <class 'dict'>"),
        (odd_result, (), "Return has unsupported type <class 'dict'>"),
        (pair, (), "We do not support Tuple inputs in schema"),
        (star, (), "We do not support positional-only args, varargs, or varkwargs"),
        (default, (), "Parameter n has an unsupported default value type <class 'tuple'>"),
        (number, ("n",), "Parameter n is in mutable_args but only Tensors or collections"),
        (number, ("z",), "{'z'} in mutates_args were not found in the custom op's signature"),
        (number, "n", "mutates_args must either be a sequence of the names"),
    ]  # fmt: skip


@pytest.mark.parametrize("case", range(10))
def test_functions_without_a_schema(T, case):
    function, mutates_args, words = _functions(T)[case]
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        T.library.infer_schema(function, mutates_args=mutates_args)
    assert words in str(caught.value)


def test_a_schema_must_agree_with_mutates_args(T, name):
    with pytest.raises(ValueError, match="make these consistent"):
        T.library.custom_op(name, lambda x: x, mutates_args=(), schema="(Tensor(a!) x) -> Tensor")


# --- calls ----------------------------------------------------------------------------------------


def test_called_like_the_function_and_through_ops(T, name):
    scale = scale_op(T, name)
    x = T.ones(2)
    namespace, _, short = name.partition("::")
    packet = getattr(getattr(T.ops, namespace), short)
    for call in (scale, packet, packet.default):
        assert values(call(x)) == [2, 2]
        assert values(call(x, 3)) == [3, 3]
        assert values(call(a=4.0, x=x)) == [4, 4]
    assert repr(scale) == f"<CustomOpDef({name})>"
    assert str(packet) == name.replace("::", ".")
    assert repr(packet.default) == f"<OpOverload(op='{packet}', overload='default')>"
    assert packet.overloads() == ["default"]
    assert packet.default.name() == name
    assert str(packet.default._schema) == f"{name}(Tensor x, float a=2.) -> Tensor"


@pytest.mark.parametrize(
    ("args", "kwargs", "words"),
    [
        (
            (1,),
            {},
            "Expected a value of type 'Tensor' for argument 'x' but instead found type 'int'",
        ),
        (("X", "a"), {}, "Expected a value of type 'float' for argument 'a'"),
        ((), {}, "is missing value for argument 'x'"),
        (("X", 1, 2), {}, "expected at most 2 argument(s) but received 3 argument(s)"),
        (("X",), {"b": 1}, "Unknown keyword argument 'b' for operator"),
        (("X",), {"x": 1}, "Argument 'x' specified both as positional and keyword argument"),
    ],
)
def test_wrong_arguments(T, name, args, kwargs, words):
    scale = scale_op(T, name)
    args = [T.ones(1) if a == "X" else a for a in args]
    with pytest.raises(RuntimeError) as caught:
        scale(*args, **kwargs)
    assert words in str(caught.value)


def test_what_does_not_exist(T, name):
    scale_op(T, name)
    namespace, _, short = name.partition("::")
    with pytest.raises(AttributeError, match=f"'_OpNamespace' '{namespace}' object has no attri"):
        getattr(T.ops, namespace).nothing
    with pytest.raises(AttributeError, match="has no overload name 'nothing'"):
        getattr(getattr(T.ops, namespace), short).nothing


def test_results_may_not_share_memory(T, name):
    @T.library.custom_op(name, mutates_args=())
    def first(x: T.Tensor) -> T.Tensor:
        return x[0]

    with pytest.raises(RuntimeError, match="may not alias any inputs to this custom operator"):
        first(T.ones(2))


def test_results_of_the_wrong_kind(T, name):
    @T.library.custom_op(name, mutates_args=())
    def number(x: T.Tensor) -> T.Tensor:
        return 1

    with pytest.raises(RuntimeError, match="Unable to cast 1 to Tensor"):
        number(T.ones(2))


def test_writes_are_noted(T, name):
    @T.library.custom_op(name, mutates_args={"x"})
    def increase(x: T.Tensor) -> None:
        x.numpy()[...] += 1

    x = T.zeros(2)
    version = x._version
    assert increase(x) is None
    assert values(x) == [1, 1]
    assert x._version > version
    with pytest.raises(RuntimeError, match="Cannot register autograd formula for non-functional"):
        increase.register_autograd(lambda ctx: None)


def test_a_write_to_a_saved_tensor_is_found(T, name):
    @T.library.custom_op(name, mutates_args={"x"})
    def increase(x: T.Tensor) -> None:
        x.detach().numpy()[...] += 1

    x = T.ones(2, requires_grad=True) * 1
    y = x * x
    increase(x)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_defined_again(T, name):
    scale_op(T, name)

    @T.library.custom_op(name, mutates_args=())
    def other(x: T.Tensor) -> T.Tensor:
        return x + 1

    assert values(other(T.zeros(1))) == [1]


def test_only_for_one_kind_of_device(T, name):
    @T.library.custom_op(name, mutates_args=(), device_types="cuda")
    def f(x: T.Tensor) -> T.Tensor:
        return x.clone()

    with pytest.raises(NotImplementedError, match=f"Could not run '{name}' with arguments from"):
        f(T.ones(1))


def test_kernels_for_kinds_of_device(T, name, caplog):
    scale = scale_op(T, name)
    scale.register_kernel("cpu")(lambda x, a=2.0: x * 100)
    x = T.ones(1)
    assert values(scale(x)) == [100]
    with scale.set_kernel_enabled("cpu", False):
        assert values(scale(x)) == [2]
        with scale.set_kernel_enabled("cpu"):
            assert values(scale(x)) == [100]
    assert values(scale(x)) == [100]


def test_no_tensor_at_all(T, name):
    @T.library.custom_op(name, mutates_args=())
    def zeros(n: int) -> T.Tensor:
        return T.zeros(n)

    assert zeros(3).shape == (3,)


# --- gradients ------------------------------------------------------------------------------------


def test_gradient(T, name):
    x = T.ones(2, requires_grad=True)
    y = scale_op(T, name)(x, 5.0)
    assert type(y.grad_fn).__name__.startswith("GeneratedBackwardFor_") or "Generated" in str(y)
    y.sum().backward()
    assert values(x.grad) == [5, 5]


def test_without_a_gradient(T, name):
    @T.library.custom_op(name, mutates_args=())
    def f(x: T.Tensor) -> T.Tensor:
        return x.clone()

    y = f(T.ones(2, requires_grad=True))
    with pytest.raises(RuntimeError, match="but no autograd formula was registered"):
        y.sum().backward()


def test_second_derivative(T, name):
    @T.library.custom_op(name, mutates_args=())
    def cube(x: T.Tensor) -> T.Tensor:
        return T.from_numpy(x.detach().numpy() ** 3)

    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 * x * x

    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])

    cube.register_autograd(backward, setup_context=setup_context)
    x = T.tensor([1.0, 2.0], dtype=T.float64, requires_grad=True)
    assert T.autograd.gradcheck(cube, (x,))
    assert T.autograd.gradgradcheck(cube, (x,))


def test_lists_of_tensors(T, name):
    @T.library.custom_op(name, mutates_args=())
    def scaled(xs: Sequence[T.Tensor], a: float) -> list[T.Tensor]:
        return [x * a for x in xs]

    wanted = []

    def backward(ctx, gs):
        wanted.append(ctx.needs_input_grad)
        return [g * 3 for g in gs], None

    scaled.register_autograd(backward)
    x, y = T.ones(2, requires_grad=True), T.ones(2)
    a, b = scaled([x, y], 3.0)
    (a * 2 + b).sum().backward()
    assert values(x.grad) == [6, 6]
    assert [list(flags) if isinstance(flags, (list, tuple)) else flags for flags in wanted[0]] == [
        [True, False], False,
    ]  # fmt: skip


def test_several_results_and_keyword_only_arguments(T, name):
    @T.library.custom_op(name, mutates_args=())
    def both(x: T.Tensor, *, a: float = 2.0) -> tuple[T.Tensor, int, T.Tensor]:
        return x * a, 7, x + a

    def setup_context(ctx, inputs, keyword_only_inputs, output):
        ctx.a = keyword_only_inputs["a"]
        assert output[1] == 7
        assert len(inputs) == 1

    both.register_autograd(lambda ctx, g, _, h: g * ctx.a + h, setup_context=setup_context)
    x = T.ones(2, requires_grad=True)
    y, n, z = both(x, a=3.0)
    assert n == 7
    (y + z).sum().backward()
    assert values(x.grad) == [4, 4]


def test_wrong_gradients(T, name):
    @T.library.custom_op(name, mutates_args=())
    def f(x: T.Tensor, n: int) -> T.Tensor:
        return x * n

    x = T.ones(2, requires_grad=True)
    for backward, words in [
        (lambda ctx, g: g, "returned an incorrect number of gradients"),
        (lambda ctx, g: (g, g), "returned a gradient different than None at position 2"),
        (lambda ctx, g: (g[:1].expand(3), None), "returned an invalid gradient at index 0"),
    ]:
        f.register_autograd(backward)
        with pytest.raises(RuntimeError, match=words):
            f(x, 2).sum().backward()


def test_nothing_is_recorded_without_need(T, name):
    scale = scale_op(T, name)
    with T.no_grad():
        assert not scale(T.ones(1, requires_grad=True)).requires_grad
    assert not scale(T.ones(1)).requires_grad


# --- vmap, autocast -------------------------------------------------------------------------------


def test_vmap_sample_by_sample():
    scale = scale_op(rushlight, "tests_custom::by_sample")
    x = rushlight.arange(6.0).reshape(3, 2)
    assert rushlight.vmap(scale)(x).equal(2 * x)
    gradient = rushlight.func.grad(lambda v: scale(v, 3.0).sum())
    assert rushlight.vmap(gradient)(x).equal(rushlight.full((3, 2), 3.0))


def test_vmap_by_rule(T, name):
    scale = scale_op(T, name)
    seen = []

    @scale.register_vmap
    def _(info, in_dims, x, a):
        seen.append((info.batch_size, in_dims))
        return x * a, in_dims[0]

    x = T.arange(6.0).reshape(3, 2)
    y = T.vmap(lambda v: scale(v, 4.0))(x)
    assert values(y) == values(4 * x)
    assert seen == [(3, (0, None))]
    y = T.vmap(lambda v: scale(v, 4.0), in_dims=1, out_dims=1)(x)
    assert values(y) == values(4 * x)


def test_autocast(T, name):
    @T.library.custom_op(name, mutates_args=())
    def same(x: T.Tensor, n: T.Tensor) -> T.Tensor:
        assert n.dtype is T.int64
        return x.clone()

    same.register_autocast("cpu", T.bfloat16)
    x, n = T.ones(2), T.ones(1, dtype=T.int64)
    assert same(x, n).dtype is T.float32
    with T.autocast("cpu", dtype=T.bfloat16):
        assert same(x, n).dtype is T.bfloat16
