"""Library, functions that register by name, dispatch keys, registrations of compiled libraries."""

from __future__ import annotations

import gc
import itertools

import numpy as np
import pytest

import rushlight
from rushlight.library import _below, _register_native

_number = itertools.count()


@pytest.fixture
def ns() -> str:
    """A namespace that no other test uses."""
    return f"tests_library{next(_number)}"


@pytest.fixture
def lib(T, ns):
    with T.library._scoped_library(ns, "FRAGMENT") as made:
        yield made


def op(T, lib, name="f"):
    return getattr(getattr(T.ops, lib.ns), name)


def values(tensor):
    return tensor.detach().numpy().tolist()


def test_kinds(T, ns):
    with pytest.raises(ValueError, match="Unsupported kind: FOO"):
        T.library.Library(ns, "FOO")
    with pytest.raises(ValueError, match="prim is a reserved namespace"):
        T.library.Library("prim", "DEF")
    first = T.library.Library(ns, "DEF")
    with pytest.raises(RuntimeError, match="Only a single TORCH_LIBRARY can be used to register"):
        T.library.Library(ns, "DEF")
    with pytest.raises(
        RuntimeError, match="Cannot define an operator inside of a TORCH_LIBRARY_IM"
    ):
        T.library.Library(ns, "IMPL", "CPU").define("f(Tensor x) -> Tensor")
    assert first.define("f(Tensor x) -> Tensor") == "f"


def test_definitions_that_are_refused(T, lib):
    lib.define("f(Tensor x) -> Tensor")
    with pytest.raises(RuntimeError, match="with the same name and overload name multiple times"):
        lib.define("f(Tensor x) -> Tensor")
    with pytest.raises(RuntimeError, match=r"Explicitly provided namespace \(zz\)"):
        lib.define("zz::g(Tensor x) -> Tensor")
    with pytest.raises(RuntimeError, match="Invalid alias_analysis type FOO"):
        lib.define("h(Tensor x) -> Tensor", alias_analysis="FOO")
    with pytest.raises(RuntimeError, match="same name and overload name multiple times"):
        T.library.Library("aten", "FRAGMENT").define("sin(Tensor x) -> Tensor")


def test_kernels_that_are_refused(T, lib):
    lib.define("f(Tensor x) -> Tensor")
    with pytest.raises(TypeError, match="required to be a callable but found type <class 'int'>"):
        lib.impl("f", 3, "CPU")
    with pytest.raises(RuntimeError, match="should be passed either a name or an OpOverload"):
        lib.impl(3, abs, "CPU")
    with pytest.raises(RuntimeError, match="could not parse dispatch key: FOO"):
        lib.impl("f", abs, "FOO")


def test_no_kernel(T, lib):
    lib.define("f(Tensor x) -> Tensor")
    with pytest.raises(
        NotImplementedError, match=f"Could not run '{lib.ns}::f' with arguments fro"
    ):
        op(T, lib)(T.ones(1))
    lib.define("g(int x) -> Tensor")
    lib.impl("g", lambda x: T.ones(x), "CPU")
    with pytest.raises(
        NotImplementedError, match="There were no tensor arguments to this function"
    ):
        op(T, lib, "g")(1)


def test_a_kernel_gets_what_differs_from_the_defaults(T, lib):
    lib.define(
        "f(Tensor x, float a, int n=1, int[2] k=3, str s='q', *, bool b=False, Scalar? c=None)"
        " -> Tensor"
    )
    calls = []

    def kernel(*args, **kwargs):
        calls.append((args[1:], kwargs))
        return args[0].clone()

    lib.impl("f", kernel, "CPU")
    x, f = T.ones(1), op(T, lib)
    f(x, 1)
    f(x, T.tensor(2.5), True)
    f(x, np.float32(1), np.int64(2), 4)
    f(x, 1.0, k=(1, 2))
    f(x, 1.0, b=1, c=2 + 1j)
    assert calls == [
        ((1.0,), {}),
        ((2.5,), {}),
        ((1.0, 2, [4, 4]), {}),
        ((1.0, 1, [1, 2]), {}),
        ((1.0,), {"b": True, "c": 2 + 1j}),
    ]
    assert type(calls[0][0][0]) is float
    assert calls[4][1]["b"] is True


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("int", 1.5, "int"),
        ("int", 2**70, "int"),
        ("float", "a", "float"),
        ("float", 1j, "float"),
        ("int[]", 1, "List[int]"),
        ("int[]", [1.0], "List[int]"),
        ("float[]", 2, "List[float]"),
        ("str", 3, "str"),
        ("Scalar?", "a", "Optional[number]"),
        ("ScalarType?", "float", "Optional[int]"),
        ("Device?", 0, "Optional[Device]"),
        ("Tensor[]", [1], "List[Tensor]"),
        ("Tensor", np.ones(2), "Tensor"),
    ],
)
def test_values_of_another_type(T, lib, kind, value, shown):
    lib.define(f"f(Tensor x, {kind} a) -> Tensor")
    lib.impl("f", lambda x, a: x, "CPU")
    with pytest.raises(RuntimeError) as caught:
        op(T, lib)(T.ones(1), value)
    assert f"Expected a value of type '{shown}' for argument 'a' but instead found type" in str(
        caught.value
    )
    assert "Position: 1" in str(caught.value)


def test_values_that_are_converted(T, lib):
    lib.define("f(Tensor x, ScalarType d, Device v, Tensor[] xs, Tensor?[] ys, int[] n) -> Tensor")
    seen = []
    lib.impl("f", lambda *args: (seen.append(args[1:]), args[0].clone())[1], "CPU")
    x = T.ones(2, 3)
    op(T, lib)(x, 6, "cpu", (x, x), [None, x], x.shape)
    dtype, device, xs, ys, n = seen[0]
    assert (dtype, device) == (T.float32, T.device("cpu"))
    assert type(xs) is list
    assert ys[0] is None
    assert n == [2, 3]


def test_results(T, lib):
    lib.define("f(Tensor x) -> (Tensor, int)")
    lib.impl("f", lambda x: [x * 2, 3], "CPU")
    y, n = op(T, lib)(T.ones(1))
    assert (values(y), n) == ([2], 3)
    lib.define("g(Tensor x) -> ()")
    lib.impl("g", lambda x: 3, "CPU")
    with pytest.raises(RuntimeError, match="to return None but it returned something else"):
        op(T, lib, "g")(T.ones(1))
    lib.define("h(Tensor(a!) x) -> Tensor(a!)")
    lib.impl("h", lambda x: x.add_(1), "CPU")
    x = T.ones(1)
    op(T, lib, "h")(x)
    assert values(x) == [2]


def test_overloads(T, lib):
    lib.define("f.a(Tensor x) -> Tensor")
    lib.define("f.b(Tensor x, int y) -> Tensor")
    lib.impl("f.a", lambda x: x.clone(), "CPU")
    lib.impl("f.b", lambda x, y: x * y, "CPU")
    f = op(T, lib)
    assert values(f(T.ones(1))) == [1]
    assert values(f(T.ones(1), 3)) == [3]
    assert sorted(f.overloads()) == ["a", "b"]
    assert f.b.name() == f"{lib.ns}::f.b"
    with pytest.raises(RuntimeError, match="failed to match any schema"):
        f(3)
    with pytest.raises(AttributeError, match="has no overload name 'default'"):
        f.default


# --- dispatch keys --------------------------------------------------------------------------------


def test_composite_kernels_are_differentiated_through(T, lib):
    lib.define("f(Tensor x) -> Tensor")
    lib.impl("f", lambda x: x * x, "CompositeImplicitAutograd")
    x = T.full((2,), 3.0, requires_grad=True)
    op(T, lib)(x).sum().backward()
    assert values(x.grad) == [6, 6]


def test_an_autograd_kernel_comes_first(T, lib):
    lib.define("f(Tensor x) -> Tensor")
    lib.impl("f", lambda x: T.from_numpy(x.detach().numpy() * 2), "CPU")
    f = op(T, lib)
    below = T._C._AutoDispatchBelowAutograd if hasattr(T, "_C") else lambda: _below("Autograd")

    class Twice(T.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            with below():
                return f(x)

        @staticmethod
        def backward(ctx, g):
            return g * 2

    lib.impl("f", Twice.apply, "Autograd")
    x = T.ones(2, requires_grad=True)
    f(x).sum().backward()
    assert values(x.grad) == [2, 2]


def test_a_kernel_without_gradient_says_so(T, lib):
    lib.define("f(Tensor x) -> Tensor")
    lib.impl("f", lambda x: T.from_numpy(x.detach().numpy() * 2), "CPU")
    x = T.ones(2, requires_grad=True)
    y = op(T, lib)(x)
    assert "WarnNotImplemented" in str(y)
    with pytest.warns(UserWarning, match="an autograd kernel was not registered to the Autograd"):
        y.sum().backward()
    assert x.grad is None


def test_an_autocast_kernel():
    with rushlight.library._scoped_library("tests_autocast", "FRAGMENT") as lib:
        lib.define("f(Tensor x) -> Tensor")
        f = rushlight.ops.tests_autocast.f
        lib.impl("f", lambda x: x.clone(), "CPU")
        lib.impl("f", lambda x: f(x.bfloat16()), "AutocastCPU")
        x = rushlight.ones(1)
        assert f(x).dtype is rushlight.float32
        with rushlight.autocast("cpu", dtype=rushlight.bfloat16):
            assert f(x).dtype is rushlight.bfloat16


def test_the_end_of_a_library_takes_everything_back(T, ns):
    lib = T.library.Library(ns, "DEF")
    lib.define("f(Tensor x) -> Tensor")
    lib.impl("f", lambda x: x + 1, "CPU")
    assert values(op(T, lib)(T.ones(1))) == [2]
    del lib
    gc.collect()
    again = T.library.Library(ns, "DEF")
    again.define("f(Tensor x) -> Tensor")
    with pytest.raises(NotImplementedError):
        getattr(T.ops, ns).f(T.ones(1))


# --- by name --------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Warning only once for all operators")
def test_everything_by_name(T, ns):
    name, library = f"{ns}::f", T.library
    library.define(name, "(Tensor x, float a) -> Tensor")

    @library.impl(name, "cpu")
    def _(x, a):
        return T.from_numpy(x.detach().numpy() * np.float32(a))

    @library.register_fake(name)
    def _(x, a):
        return T.empty_like(x)

    def setup_context(ctx, inputs, output):
        ctx.a = inputs[1]

    library.register_autograd(name, lambda ctx, g: (g * ctx.a, None), setup_context=setup_context)
    library.register_vmap(name, lambda info, dims, x, a: (x * a, dims[0]))
    x, f = T.ones(2, requires_grad=True), getattr(T.ops, ns).f
    f(x, 3.0).sum().backward()
    assert values(x.grad) == [3, 3]
    assert values(T.vmap(lambda v: f(v, 4.0))(T.ones(3, 2))) == [[4, 4]] * 3
    library.register_kernel(name, "cpu", lambda x, a: x + a)
    assert values(f(T.ones(1), 4.0)) == [5]


def test_names_that_are_refused(T, ns):
    library = T.library
    with pytest.raises(
        ValueError, match=r'Expected `qualname` to be of the form "namespace::name"'
    ):
        library.define("f", "(Tensor x) -> Tensor")
    with pytest.raises(ValueError, match=r"expected schema to look like e.g."):
        library.define(f"{ns}::f", "f(Tensor x) -> Tensor")
    with pytest.raises(RuntimeError, match=f"operator {ns}::g does not exist"):
        library.register_fake(f"{ns}::g", lambda x: x)
    with pytest.raises(RuntimeError, match=r"device type at start of device string: foo"):
        library.impl(f"{ns}::g", "foo", lambda x: x)
    with pytest.raises(OSError, match=r"Could not load this library: /nothing.so"):
        T.ops.load_library("/nothing.so")


# --- ours only ------------------------------------------------------------------------------------


def test_registrations_of_compiled_libraries(ns):
    _register_native(ns, "twice(Tensor x) -> Tensor")
    _register_native(ns, "twice", lambda x: rushlight.from_numpy(x.detach().numpy() * 2), "CPU")
    _register_native(ns, "square(Tensor x) -> Tensor", lambda x: x * x)
    namespace = getattr(rushlight.ops, ns)
    assert namespace.twice(rushlight.ones(1)).tolist() == [2]
    x = rushlight.full((1,), 3.0, requires_grad=True)
    namespace.square(x).sum().backward()
    assert x.grad.tolist() == [6]
    _register_native(ns, "twice(Tensor x, int n=2) -> Tensor", lambda x, n: x * n)  # rebuilt
    assert namespace.twice(rushlight.ones(1)).tolist() == [2]
    assert namespace.twice(rushlight.ones(1), 5).tolist() == [5]


@pytest.mark.skipif(rushlight.cuda.is_available(), reason="the kernel would run on the GPU")
def test_a_compiled_cuda_kernel_is_emulated_without_a_gpu(ns):
    _register_native(ns, "f(Tensor x) -> Tensor")
    _register_native(ns, "f", lambda x: x.detach() + 1, "CUDA")
    f = getattr(rushlight.ops, ns).f
    assert f(rushlight.zeros(1)).tolist() == [1]
    rushlight.library.impl(f"{ns}::f", "cpu", lambda x: x.detach() + 2)
    assert f(rushlight.zeros(1)).tolist() == [2]


def test_a_namespace_named_like_a_family_of_operators():
    with rushlight.library._scoped_library("fused", "FRAGMENT") as lib:
        lib.define("tests_f(Tensor x) -> Tensor")
        lib.impl("tests_f", lambda x: x + 1)
        assert rushlight.ops.fused.tests_f(rushlight.zeros(1)).tolist() == [1]
    from rushlight.ops import fused

    assert fused.ConvReLU.__module__ == "rushlight.ops.fused"


def test_aten_names(T):
    x, aten = T.tensor([-1.0, 2.0]), T.ops.aten
    assert values(aten.relu(x)) == [0, 2]
    assert values(aten.add.Tensor(x, x, alpha=2)) == [-3, 6]
    assert values(aten.sum.dim_IntList(x, [0], keepdim=True)) == [1]
    assert values(aten.mm.default(T.ones(1, 2), x.reshape(2, 1))) == [[1]]
    image, weight = T.ones(1, 1, 3, 3), T.ones(1, 1, 2, 2)
    y = aten.convolution(image, weight, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1)
    assert values(y) == [[[[4, 4], [4, 4]]]]
    assert values(aten.slice.Tensor(image, -1, 1, 3, 2)) == [[[[1], [1], [1]]]]
    assert values(aten.index.Tensor(image, [None, None, T.tensor([0])])) == [[[[1, 1, 1]]]]
    assert values(aten.alias.default(x)) == [-1, 2]
    assert str(aten.add.Tensor) == "aten.add.Tensor"
    assert aten.add.Tensor.name() == "aten::add.Tensor"
    with pytest.raises(
        AttributeError, match="'_OpNamespace' 'aten' object has no attribute 'nope'"
    ):
        aten.nope


def test_what_is_left_out_says_so():
    for function in ("register_torch_dispatch", "triton_op", "wrap_triton"):
        with pytest.raises(NotImplementedError):
            getattr(rushlight.library, function)("a::b", None)


def test_a_subclass_sees_the_call(T, lib):
    lib.define("f(Tensor x) -> Tensor")
    lib.impl("f", lambda x: x + 1, "CompositeImplicitAutograd")
    seen = []

    class Watching(T.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            seen.append(str(func))
            return super().__torch_function__(func, types, args, kwargs or {})

    op(T, lib)(T.ones(1).as_subclass(Watching))
    assert any(f"{lib.ns}.f" in name for name in seen)
