"""Sources written against torch's C++ headers: arguments, errors, classes, gradients, torch.ops."""

from __future__ import annotations

import warnings

import pytest

import rushlight
from rushlight.autograd import gradcheck, gradgradcheck
from rushlight.utils import cpp_extension

from .test_headers import SOURCES, assert_same


@pytest.fixture(scope="module")
def bound(compiler):
    source = SOURCES / "bound.cpp"
    return cpp_extension.load("headers_bound", [source], extra_cflags=["-O0"])


@pytest.fixture
def x():
    rushlight.manual_seed(0)
    return rushlight.rand(3, 4, dtype=rushlight.float64) + 0.1


# --- arguments and results ---


def test_every_kind_of_argument(bound, x):
    args = (x, 1, 2.5, True, "abc", None, [x, x], (1, 2), rushlight.float32, "cpu", (4, 0.5))
    assert bound.mixed(*args) == 12 + 1 + 2 + 1 + 3 + 0 + 2 + 2 + 1 + 1 + 4
    args = (x, 1, 2, True, "", x, [], [], rushlight.int32, rushlight.device("cpu"), (0, 1))
    assert bound.mixed(*args) == 12 + 1 + 2 + 1 + 1 + 1


def test_names_and_defaults(bound, x):
    assert_same(bound.scaled(x), x * 2)
    assert_same(bound.scaled(x, 3), x * 3)
    assert_same(bound.scaled(power=2, x=x), (x * 2) ** 2)
    assert_same(bound.scaled(x, power=2, by=1), x**2)


def test_several_results(bound, x):
    first, both, nothing = bound.many(x)
    assert_same(first, x)
    assert isinstance(both, list)
    assert_same(both[1], x + 1)
    assert nothing is None
    assert bound.none() is None


def test_the_same_tensor_comes_back(bound, x):
    assert bound.many(x)[0] is x


def test_overloads(bound, x):
    assert bound.overloaded(1) == 2
    assert bound.overloaded(n=1) == 2
    assert bound.overloaded("a") == "a!"
    assert_same(bound.overloaded(x[0, 0]), x[0, 0] + 1)


@pytest.mark.parametrize("value", [1, 2.5, True, 1j, -(2**40)])
def test_scalars(bound, value):
    found = bound.scalar(value)
    assert found == value
    assert type(found) is type(value)


def test_dtypes_and_devices(bound):
    assert bound.types(rushlight.bfloat16, None) == (rushlight.bfloat16, "nowhere", 2)
    assert bound.types(rushlight.complex128, "cuda:1") == (rushlight.complex128, "cuda:1", 16)
    assert bound.types(rushlight.bool, rushlight.device("cpu"))[1] == "cpu"
    with pytest.raises(RuntimeError, match="device type at start of device string: gpu"):
        bound.types(rushlight.bool, "gpu")


def test_containers(bound, x):
    assert bound.mapping({"a": x, "b": x[0]}) == {"a": 12, "b": 4}
    assert bound.sequence([x, None]) == [1, 0]
    assert bound.texts("a", "b") == "ab"


def test_python_objects(bound):
    class Marked:
        pass

    mapping, numbers, marked = {}, [1, 2.5], Marked()
    assert bound.objects(mapping, numbers, marked) == "done"
    assert (mapping, numbers, marked.mark) == ({"total": 3.5}, [1, 2.5, 3.5], "seen")


def test_operators_without_the_gil(bound, x):
    assert_same(bound.released(x), x.exp().sum())


def test_documentation(bound):
    assert bound.__doc__ == "a module for tests"
    assert bound.version == 3
    assert bound.sub.one() == 1
    assert bound.scaled.__name__ == "scaled"
    assert bound.scaled.__doc__ == (
        "scaled(x: torch.Tensor, by: typing.SupportsFloat | typing.SupportsIndex = 2.0, "
        "power: typing.SupportsInt | typing.SupportsIndex | None = None) -> torch.Tensor"
        "\n\nScales.\n"
    )
    assert bound.many.__doc__.endswith(
        "-> tuple[torch.Tensor, list[torch.Tensor], torch.Tensor | None]\n"
    )
    assert "2. overloaded(arg0: str) -> str\n" in bound.overloaded.__doc__


# --- errors ---


@pytest.mark.parametrize(
    ("args", "kwargs", "shown"),
    [
        ((1,), {}, "1"),
        ((), {}, ""),
        ((None,), {}, "None"),
        ((), {"by": "a"}, "kwargs: by='a'"),
        ((3,), {"speed": 1}, "3; kwargs: speed=1"),
        ((1, 2, 3, 4), {}, "1, 2, 3, 4"),
        (("x",), {"x": 2}, "'x'; kwargs: x=2"),
    ],
)
def test_wrong_arguments_show_the_signature(bound, args, kwargs, shown):
    with pytest.raises(TypeError) as caught:
        bound.scaled(*args, **kwargs)
    first, _, last = str(caught.value).partition("\n\nInvoked with: ")
    assert first.startswith(
        "scaled(): incompatible function arguments. The following argument types are supported:\n"
        "    1. (x: torch.Tensor, by: "
    )
    assert last == shown


def test_a_float_is_no_int(bound, x):
    with pytest.raises(TypeError, match="incompatible function arguments"):
        bound.scaled(x, 2.0, 1.5)


ERRORS = {
    0: (RuntimeError, "plain 3 2.5 [2, 3] float Float cpu 1"),
    1: (RuntimeError, "Expected x.dim() == 17 to be true, but got false."),
    2: (IndexError, "index"),
    3: (ValueError, "value"),
    4: (TypeError, "type"),
    5: (RuntimeError, "x.dim() == 17 INTERNAL ASSERT FAILED at "),
    6: (NotImplementedError, "later"),
    7: (RuntimeError, "old 3"),
    8: (RuntimeError, "Check failed: x.dim() == 17 (2 vs. 17). "),
    9: (ValueError, "standard"),
    10: (RuntimeError, "expected scalar type Double but found Float"),
    11: (RuntimeError, "TensorAccessor expected 5 dims but tensor has 2"),
    12: (RuntimeError, "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)"),
    13: (RuntimeError, "a Tensor with 6 elements cannot be converted to Scalar"),
    14: (NotImplementedError, "\"my_op\" not implemented for 'Int'"),
    15: (IndexError, "Dimension out of range (expected to be in range of [-2, 1], but got 7)"),
    16: (RuntimeError, "Expected a proper Tensor but got None"),
    17: (IndexError, "far"),
    19: (KeyError, "'key'"),
    20: (RuntimeError, "Caught an unknown exception!"),
    21: (rushlight.linalg.LinAlgError, "singular"),
    22: (RuntimeError, "shape '[5]' is invalid for input of size 6"),
    23: (RuntimeError, "expected scalar type Double but found Float"),
}


@pytest.mark.parametrize("which", ERRORS)
def test_errors(bound, which):
    kind, text = ERRORS[which]
    with pytest.raises(kind) as caught:
        bound.failing(which, rushlight.ones(2, 3))
    assert type(caught.value) is kind
    assert str(caught.value).startswith(text)


def test_warnings(bound):
    with pytest.warns(UserWarning, match="^beware 1$"):
        bound.failing(18, rushlight.ones(1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="beware"):
            bound.failing(18, rushlight.ones(1))


def test_python_exceptions_pass_through(bound):
    error = KeyError("mine")

    class Broken(rushlight.Tensor):
        @property
        def array(self):
            raise error

    def fail():
        raise error

    assert bound.caught(fail) == "'mine'"
    assert bound.caught(lambda: 1) == "nothing"
    with pytest.raises(KeyError) as caught:
        bound.objects({}, _raising_list(error), None)
    assert caught.value is error


def _raising_list(error):
    class Raising(list):
        def __iter__(self):
            raise error

    return Raising()


# --- classes ---


def test_classes(bound, x):
    counter = bound.Counter(2, weight=x)
    assert repr(counter) == "Counter(2)"
    assert (counter.add(), counter.add(n=5)) == (3, 8)
    assert_same(counter(x), x * x * 8)
    assert_same(counter.apply(x), x * x * 8)
    counter.count = 4
    assert (counter.count, counter.twice, bound.count_of(counter)) == (4, 8, 4)
    counter.twice = 10
    assert counter.count == 5
    assert counter.weight is x
    assert bound.Counter.zero(x).count == 0
    assert bound.Counter.__doc__ == "Counts."
    with pytest.raises(AttributeError):
        counter.weight = x
    counter.remark = "objects take attributes"
    assert counter.remark


def test_classes_check_their_arguments(bound, x):
    with pytest.raises(TypeError, match=r"__init__\(\): incompatible constructor arguments"):
        bound.Counter("a")
    with pytest.raises(TypeError, match=r"\(arg0: headers_bound.Counter\) -> int"):
        bound.count_of(3)


def test_subclasses_in_python(bound, x):
    class Named(bound.Counter):
        def __init__(self, name):
            super().__init__(1, x)
            self.name = name

    class Unready(bound.Counter):
        def __init__(self):
            pass

    assert bound.count_of(Named("n")) == 1
    with pytest.raises(TypeError, match="must be called when overriding __init__"):
        bound.count_of(Unready())


def test_enumerations(bound):
    assert bound.flip(bound.Mode.Fast) is bound.Mode.Slow
    assert bound.Fast is bound.Mode.Fast
    assert int(bound.Mode.Slow) == 2


# --- gradients ---


def test_autograd_function(bound, x):
    x.requires_grad_()
    assert gradcheck(lambda x: bound.square(x, 3.0), (x,))
    assert gradgradcheck(lambda x: bound.square(x, 3.0), (x,))
    assert bound.square(x, 1.0).grad_fn.name() == "SquareBackward"
    assert not bound.square(x.detach(), 1.0).requires_grad


def test_autograd_function_of_several_tensors(bound, x):
    y = rushlight.rand(3, 4, dtype=rushlight.float64)
    for needs in ((True, True), (False, True)):
        inputs = x.clone().requires_grad_(needs[0]), y.clone().requires_grad_(needs[1])
        assert gradcheck(lambda x, y: tuple(bound.two_outputs(x, y)), inputs)


def test_gradients_asked_for_in_cpp(bound, x):
    x.requires_grad_()
    first, second = bound.gradient(x)
    assert_same(first.detach(), 3 * x.detach() ** 2)
    assert_same(second.detach(), 6 * x.detach())
    assert_same(bound.backward(x), 2 * x.detach())
    assert not bound.without_grad(x).requires_grad
    assert rushlight.is_grad_enabled()


# --- operators for torch.ops ---


def test_registered_operators(bound, x):
    ops = rushlight.ops.rl_headers
    assert_same(ops.scale(x), x * 2)
    assert_same(ops.scale(x, by=0.5), x * 0.5)
    assert_same(ops.total(x, [x, x]), x * 3)
    row, whole = ops.first(x, [1])
    assert_same(row, x[1])
    assert whole is x
    assert_same(bound.dispatched_scale(x), x * 3)
    assert str(ops.total.default._schema) == ("rl_headers::total(Tensor _0, Tensor[] _1) -> Tensor")
