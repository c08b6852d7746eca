"""`rushlight/module.h`: extensions over plain memory."""

from __future__ import annotations

import array
import math

import numpy as np
import pytest

import rushlight
from rushlight.utils.cpp_extension import load_inline

SOURCE = r"""
#include <rushlight/module.h>
#include <math.h>
#include <stdexcept>

using rushlight::View;

void gelu(View<const double> x, View<double> y) {
  rushlight::check(x.size() == y.size(), "gelu: x and y differ in size");
  for (int64_t i = 0; i < x.size(); ++i) y[i] = 0.5 * x[i] * (1 + erf(x[i] * M_SQRT1_2));
}
float at(const View<const float, 2>& x, int i, int j) { return x(i, j); }
int64_t count(View<const bool> x) {
  int64_t n = 0;
  for (int64_t i = 0; i < x.size(); ++i) n += x[i];
  return n;
}
int64_t rank(View<const long> x) { return x.rank(); }
bool dense(View<const int> x) { return x.is_contiguous(); }
bool invert(bool b) { return !b; }
const char* greet(const char* name) { return name[0] == 'A' ? "Ada" : "you"; }
unsigned char byte(unsigned char b) { return b; }
unsigned long wide(unsigned long b) { return b; }
double half(double x) { return x / 2; }
void fails(int how) {
  if (how == 0) throw std::runtime_error("from the standard library");
  if (how == 1) throw 1;
}

RUSHLIGHT_MODULE(m) {
  m.def("gelu", gelu, "y = gelu(x)").def("at", at).def("count", &count).def("rank", rank);
  m.def("dense", dense).def("invert", invert).def("greet", greet).def("byte", byte);
  m.def("wide", wide).def("half", half).def("fails", fails);
  m.attr("three", 3).attr("word", "lean");
}
"""


@pytest.fixture(scope="module")
def m(compiler):
    return load_inline("lean", SOURCE, extra_cflags=["-O1"])


def gelu(x):
    return 0.5 * x * (1 + math.erf(x / math.sqrt(2)))


def test_tensors(m):
    x = rushlight.randn(3, 4, dtype=rushlight.float64)
    y = rushlight.empty_like(x)
    assert m.gelu(x, y) is None
    assert (y - rushlight.nn.functional.gelu(x)).abs().max() <= 1e-15


def test_a_write_is_seen_by_gradients(m):
    x = rushlight.ones(3, dtype=rushlight.float64, requires_grad=True)
    y = x.exp()
    m.gelu(rushlight.ones(3, dtype=rushlight.float64), y.detach())
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_reading_raises_no_version(m):
    x = rushlight.zeros(2, 2, dtype=rushlight.float32)
    assert m.at(x, 0, 0) == 0
    assert x._version == 0


def test_strides(m):
    x = rushlight.randn(3, 4, dtype=rushlight.float64)
    y = rushlight.empty(4, 3, dtype=rushlight.float64)
    m.gelu(x.T, y)
    assert (y - rushlight.nn.functional.gelu(x.T)).abs().max() <= 1e-15
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert m.at(values.T[::-1], 0, 2) == values.T[::-1][0, 2]
    counts = np.zeros((4, 4), np.int32)
    assert m.dense(counts)
    assert not m.dense(counts[:, :2])
    assert m.dense(counts[:0, :2])


def test_other_arrays(m):
    y = array.array("d", [0.0])
    m.gelu(memoryview(array.array("d", [1.0])), y)
    assert y[0] == pytest.approx(gelu(1.0), rel=1e-15)
    assert m.count(np.array([True, False, True])) == 2
    assert m.rank(np.zeros((1, 2, 3), np.int64)) == 3
    assert m.rank(np.array(1, np.int64)) == 0


class OnlyDLPack:
    """An array of a library that has DLPack and nothing else."""

    def __init__(self, values, device=(1, 0)):
        self.values, self.device = values, device

    def __dlpack__(self, **options):
        return self.values.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.device


def test_dlpack(m):
    x, y = np.linspace(-1, 1, 6).reshape(2, 3), np.zeros((2, 3))
    m.gelu(OnlyDLPack(x.T), OnlyDLPack(y.T))
    np.testing.assert_allclose(y, np.vectorize(gelu)(x), rtol=1e-15)
    with pytest.raises(TypeError, match=r"argument 1 must be in the CPU's memory .* device is 2:0"):
        m.gelu(OnlyDLPack(x, (2, 0)), y)


def test_numbers(m):
    assert m.byte(255) == 255
    assert m.wide(2**64 - 1) == 2**64 - 1
    assert m.half(3) == 1.5
    assert m.invert(True) is False
    assert m.greet("Ava") == "Ada"
    assert (m.three, m.word, m.__name__, m.gelu.__doc__) == (3, "lean", "lean", "y = gelu(x)")


@pytest.mark.parametrize(
    ("name", "args", "error", "message"),
    [
        ("gelu", (np.zeros(1),), TypeError, r"gelu\(\) takes 2 arguments, got 1"),
        ("byte", (), TypeError, r"byte\(\) takes 1 argument, got 0"),
        ("gelu", (np.zeros(1, np.float32), np.zeros(1)), TypeError,
         r"gelu\(\): argument 1 must be an array of float64, not of float32"),
        ("gelu", (np.zeros(1), np.zeros(1, complex)), TypeError, r"argument 2 .*not of complex128"),
        ("gelu", (np.zeros(1, bool), np.zeros(1)), TypeError, "argument 1 .*not of bool"),
        ("gelu", (1.0, np.zeros(1)), TypeError, "argument 1 must be an array, not float"),
        ("gelu", (np.zeros(1), np.broadcast_to(0.0, 1)), TypeError, "argument 2 is written to, .*"),
        ("gelu", (np.zeros(2), np.zeros(1)), ValueError, "gelu: x and y differ in size"),
        ("at", (np.zeros(2, np.float32), 0, 0), TypeError, r"have 2 dimension\(s\), not 1"),
        ("byte", (256,), OverflowError, r"byte\(\): argument 1: 256 does not fit into uint8"),
        ("byte", (1.5,), TypeError, "argument 1 must be an int, not float"),
        ("byte", (2**70,), OverflowError, "too big"),
        ("wide", (-1,), OverflowError, "negative"),
        ("half", ("1",), TypeError, "argument 1 must be a float, not str"),
        ("invert", (1,), TypeError, "argument 1 must be a bool, not int"),
        ("greet", (b"A",), TypeError, "argument 1 must be a str, not bytes"),
        ("fails", (0,), RuntimeError, "from the standard library"),
        ("fails", (1,), RuntimeError, r"fails\(\): threw something"),
    ],
)  # fmt: skip
def test_errors(m, name, args, error, message):
    with pytest.raises(error, match=message):
        getattr(m, name)(*args)


def test_types_without_a_buffer(m):
    x = rushlight.zeros(1, dtype=rushlight.bfloat16)
    with pytest.raises(TypeError, match="argument 1 has elements that C"):
        m.gelu(x, np.zeros(1))


def test_functions_make_the_bindings(compiler):
    source = "#include <rushlight/module.h>\nint twice(int x) { return 2 * x; }\n"
    module = load_inline("twice", source, functions={"twice": "2 x"}, extra_cflags=["-O0"])
    assert module.twice(21) == 42
    assert module.twice.__doc__ == "2 x"
