"""Sources that use much of torch's C++ interface and of pybind11, as published ones do."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import rushlight
from rushlight.autograd import gradcheck
from rushlight.library import opcheck
from rushlight.utils import cpp_extension
from rushlight.utils.cpp_extension import _implied

from .test_headers import SOURCES, assert_same


@pytest.fixture(scope="module")
def bound(compiler):
    return cpp_extension.load("python", [SOURCES / "python.cpp"], extra_cflags=["-O0"])


@pytest.fixture
def x():
    return rushlight.arange(6.0)


def test_the_interface(compiler):
    source = SOURCES / "interface.cpp"
    module = cpp_extension.load("interface", [source], extra_cflags=["-O0"])
    assert module.run() == []


# --- pybind11 ---


def test_numpy_arrays(bound):
    a = np.arange(4.0)
    np.testing.assert_array_equal(bound.add_arrays(a, [1, 2, 3, 4]), a + np.arange(1, 5))
    with pytest.raises(RuntimeError, match=r"^Number of dimensions must be one$"):
        bound.add_arrays(np.ones((2, 2)), a)
    assert bound.trace(np.arange(9).reshape(3, 3)) == 12
    ones = np.ones(3, np.float32)
    bound.scale_(ones, 3)
    assert ones.tolist() == [3, 3, 3]
    assert_same(bound.from_np(np.ones((2, 3), np.float32)), rushlight.ones(2, 3))
    np.testing.assert_array_equal(bound.matrix(3), np.arange(9).reshape(3, 3))


def test_classes_and_what_derives_from_them(bound, x):
    pooler = bound.Pooler(2)
    assert_same(pooler(x), rushlight.tensor([1.0, 5, 9]))
    assert_same(pooler.forward(x=x), pooler(x))
    assert (pooler.calls, repr(pooler)) == (3, "<Pooler k=2>")
    assert_same(bound.Pooler(3, mode=bound.Mode.Max)(x), rushlight.tensor([2.0, 5]))
    assert bound.Pooler(3, bound.Mean).mode is bound.Mode.Mean
    pooler.k = 3
    pooler.state = {"x": x}
    assert pooler.state["x"] is x
    assert pickle.loads(pickle.dumps(pooler)).k == 3
    assert bound.Big(2).name() == "Big"
    assert isinstance(bound.Big(2), bound.Pooler)
    with pytest.raises(TypeError) as caught:
        bound.Pooler("a")
    first, _, last = str(caught.value).partition("\n    1. ")
    assert first.startswith("__init__(): incompatible constructor arguments. The following")
    assert last.startswith("python.Pooler(k: typing.SupportsInt | typing.SupportsIndex, mode: ")
    assert last.endswith("\n\nInvoked with: 'a'")


def test_shared_pointers(bound, x):
    cache = bound.Cache()
    cache.put("x", x)
    assert cache.get("x") is x
    assert (len(cache), "x" in cache, bound.cache_size(cache)) == (1, True, 1)
    assert len(bound.Cache.create()) == 0
    with pytest.raises(KeyError):
        cache.get("y")


def test_arguments_of_any_number(bound, x):
    assert_same(bound.kw(x, scale=2.0, shift=1), (x + 1) * 2)
    assert bound.nargs(1, 2, a=3) == 301
    with pytest.raises(TypeError, match=r"1\. \(arg0: torch.Tensor, \*\*kwargs\) -> torch.Tensor"):
        bound.kw(1, scale=2.0)


def test_objects_callables_and_containers(bound, x):
    stats = bound.stats(x)
    assert (stats["mean"], stats["shape"], stats["n"]) == (2.5, [6], 6)
    assert stats["x"] is x
    assert bound.doubled([1, "a", x])[:2] == [2, "a!"]
    assert_same(bound.call_py(lambda x, dim: x.sum(dim), x), x.sum())
    assert_same(bound.apply_fn(rushlight.exp, x), x.exp() + 1)
    assert bound.mapping({"a": 1}) == {"a": [1, 2]}
    assert bound.tup((2, 1.5), [1, 2, 3])[1:] == (4, "s", True)
    assert_same(bound.opt(x, s=2.0), x * 2)
    assert_same(bound.opt(x, x, c=x), x * 3)
    assert bound.par(1000) == 499500


def test_module_attributes(bound):
    assert (bound.VERSION, bound.answer, bound.dt) == ("1.2", 42, rushlight.float16)
    assert bound.sub.one() == 1
    with pytest.raises(IndexError, match="bad"):
        getattr(bound.sub, "raise")()


# --- headers that nobody includes ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("auto y = x * 2;", []),
        ("std::cout << x;", ["iostream"]),
        ("std::max(1, 2); std::vector<int> v;", []),
        ("// std::sort\n/* std::map */", []),
        ("std :: sort(a, b); std::accumulate(a, b, 0);", ["algorithm", "numeric"]),
        ("using namespace std; unordered_map<int, int> m;", ["unordered_map"]),
        ("unordered_map<int, int> m; float f = FLT_MAX;", ["cfloat"]),
        ("F::Conv2dFuncOptions().stride(1)", ["rushlight/nn_options.h"]),
        ("torch::fft::rfft(x)", ["rushlight/namespaces.h"]),
        ('at::TensorArg a{x, "x", 1};', ["rushlight/tensor_args.h"]),
    ],
)
def test_headers_for_names(text, expected):
    flags = _implied.flags(f"#include <ATen/ATen.h>\n{text}", "cpp_sources", [])
    assert [flag for flag in flags if flag != "-include"] == expected


def test_headers_for_names_in_headers_of_the_users(tmp_path):
    (tmp_path / "mine.h").write_text("inline std::map<int, int> table;\n")
    text = '#include <torch/extension.h>\n#include "mine.h"\n'
    flags = _implied.flags(text, "cpp_sources", [str(tmp_path)])
    assert flags == ["-include", "torch/extension.h", "-include", "map"]
    assert _implied.flags(text.replace("torch/extension.h", "rushlight/module.h"), "", []) == []


# --- operators for the CPU beside operators for the GPU ---

MULADD_CPP = r"""
#include <ATen/Operators.h>
#include <ATen/ops/empty_like.h>
#include <torch/all.h>
#include <torch/library.h>

at::Tensor muladd_cpu(const at::Tensor& a, const at::Tensor& b, double c) {
  TORCH_CHECK(a.dtype() == at::kFloat);
  TORCH_INTERNAL_ASSERT(a.device().type() == at::DeviceType::CPU);
  at::Tensor x = a.contiguous(), y = b.contiguous(), result = torch::empty(x.sizes(), x.options());
  TORCH_INTERNAL_ASSERT(result.device().is_cpu() && !result.is_cuda());
  std::transform(x.data_ptr<float>(), x.data_ptr<float>() + x.numel(), y.data_ptr<float>(),
                 result.data_ptr<float>(), [c](float p, float q) { return p * q + c; });
  return result;
}
at::Tensor muladd_cuda(const at::Tensor& a, const at::Tensor& b, double c);
at::Tensor noise(c10::optional<at::Generator> given);
at::Tensor of_the_cpu(const at::Tensor& x) {
  TORCH_CHECK(!x.is_cuda(), "x must be a CPU tensor");
  return x + 1;
}

// An operator whose kernel for gradients calls the operator again.
at::Tensor twice(const at::Tensor& x) {
  static auto op = c10::Dispatcher::singleton().findSchemaOrThrow("rl_interface::twice", "");
  return op.typed<decltype(twice)>().call(x);
}
at::Tensor twice_cpu(const at::Tensor& x) { return x + x; }
struct Twice : torch::autograd::Function<Twice> {
  static at::Tensor forward(torch::autograd::AutogradContext*, at::Tensor x) {
    at::AutoDispatchBelowADInplaceOrView guard;
    return twice(x);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext*,
                                                 torch::autograd::variable_list grads) {
    return {grads[0] * 2};
  }
};
at::Tensor twice_autograd(const at::Tensor& x) { return Twice::apply(x); }

TORCH_LIBRARY(rl_interface, m) {
  m.def("muladd(Tensor a, Tensor b, float c) -> Tensor");
  m.def("twice(Tensor x) -> Tensor");
  m.impl("twice", c10::DispatchKey::CPU, TORCH_FN(twice_cpu));
}
TORCH_LIBRARY_IMPL(rl_interface, Autograd, m) { m.impl("twice", TORCH_FN(twice_autograd)); }
TORCH_LIBRARY_IMPL(rl_interface, CPU, m) { m.impl("muladd", &muladd_cpu); }
TORCH_LIBRARY_IMPL(rl_interface, CUDA, m) { m.impl("muladd", &muladd_cuda); }
"""
MULADD_CU = r"""
#include <ATen/cuda/CUDAGeneratorImpl.h>
#include <curand_kernel.h>

__global__ void draw(float* out, at::PhiloxCudaState philox) {
  auto seeds = at::cuda::philox::unpack(philox);
  curandStatePhilox4_32_10_t state;
  curand_init(std::get<0>(seeds), threadIdx.x, std::get<1>(seeds), &state);
  out[threadIdx.x] = curand_uniform(&state);
}
at::Tensor noise(c10::optional<at::Generator> given) {
  auto generator = at::get_generator_or_default<at::CUDAGeneratorImpl>(
      given, at::cuda::detail::getDefaultCUDAGenerator());
  std::lock_guard<std::mutex> lock(generator->mutex_);
  auto out = torch::empty({64}, torch::kCUDA);
  draw<<<1, 64>>>(out.data_ptr<float>(), generator->philox_cuda_state(4));
  return out;
}
__global__ void muladd(int n, const float* a, const float* b, float c, float* result) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) result[i] = a[i] * b[i] + c;
}
at::Tensor muladd_cuda(const at::Tensor& a, const at::Tensor& b, double c) {
  TORCH_INTERNAL_ASSERT(a.device().type() == at::DeviceType::CUDA);
  at::Tensor result = torch::empty_like(a);
  const int n = a.numel();
  muladd<<<(n + 255) / 256, 256>>>(n, a.data_ptr<float>(), b.data_ptr<float>(), c,
                                   result.data_ptr<float>());
  return result;
}
"""


def test_kernels_for_both_kinds_of_device(compiler):
    module = cpp_extension.load_inline(
        "interface_muladd", MULADD_CPP, MULADD_CU, functions=["muladd_cuda", "of_the_cpu", "noise"],
        extra_cflags=["-O0"], extra_cuda_cflags=["-O0"],
    )  # fmt: skip
    operator = rushlight.ops.rl_interface.muladd
    a, b = rushlight.randn(2, 5, 3).requires_grad_()
    assert_same(operator(a, b, 2.0), (a * b + 2).detach())
    assert_same(module.muladd_cuda(a.detach(), b.detach(), 2.0), (a * b + 2).detach())
    assert_same(module.of_the_cpu(a), a + 1)
    rushlight.manual_seed(0)
    first, second = module.noise(None), module.noise(rushlight.default_generator)
    rushlight.manual_seed(0)
    assert rushlight.equal(module.noise(None), first)
    assert 0.2 < first.mean() < 0.8
    assert not rushlight.equal(first, second)

    @rushlight.library.register_fake("rl_interface::muladd")
    def _(a, b, c):
        rushlight._check(a.shape == b.shape, lambda: "shapes differ")
        return rushlight.empty_like(a)

    def backward(ctx, grad):
        a, b = ctx.saved_tensors
        return grad * b, grad * a, None

    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs[:2])

    rushlight.library.register_autograd(
        "rl_interface::muladd", backward, setup_context=setup_context
    )
    opcheck(operator.default, (a, b, 1.0))
    x = rushlight.ones(2, dtype=rushlight.float64, requires_grad=True)
    assert gradcheck(rushlight.ops.rl_interface.twice, (x,))
    (found,) = rushlight.autograd.grad(operator(a, b, 1.0).sum(), a)
    assert_same(found, b.detach())
