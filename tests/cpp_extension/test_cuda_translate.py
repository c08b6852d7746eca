"""CUDA C++ to C++ for the host: launches and kernels are found, everything else stays."""

from __future__ import annotations

import re

import pytest

from rushlight.utils.cpp_extension._cuda import host_source
from rushlight.utils.cpp_extension._cuda_translate import translate


def squeezed(text):
    return re.sub(r"\s+", " ", text).strip()


LAUNCHES = {
    "k<<<1, 2>>>(x);": "RUSHLIGHT_LAUNCH((k), 1, 2)(x);",
    "k <<< 1, 2 >>> ( x );": "RUSHLIGHT_LAUNCH((k ), 1, 2 ) ( x );",
    "::a::k<int, 4><<<g, b, s, t>>>(x);": "RUSHLIGHT_LAUNCH((::a::k<int, 4>), g, b, s, t)(x);",
    "k<A<B<int>>><<<1, 2>>>();": "RUSHLIGHT_LAUNCH((k<A<B<int>>>), 1, 2)();",
    "a::template k<T><<<1, 2>>>();": "RUSHLIGHT_LAUNCH((a::template k<T>), 1, 2)();",
    "k<(N > 2)><<<1, 2>>>();": "RUSHLIGHT_LAUNCH((k<(N > 2)>), 1, 2)();",
    "(k)<<<1, 2>>>();": "RUSHLIGHT_LAUNCH(((k)), 1, 2)();",
    "if (n) k<<<1, 2>>>();": "if (n) RUSHLIGHT_LAUNCH((k), 1, 2)();",
    "k<<<dim3(f(a, b), 2), {16, 16}>>>();": (
        "RUSHLIGHT_LAUNCH((k), dim3(f(a, b), 2), {16, 16})();"
    ),
    "k<<<(n >> 8) + 1, c ? 1 : 2>>>();": "RUSHLIGHT_LAUNCH((k), (n >> 8) + 1, c ? 1 : 2)();",
    "k<<<1, /* , >>> */ 2>>>();": "RUSHLIGHT_LAUNCH((k), 1, /* , >>> */ 2)();",
    "k<<<1, 2>>>(x, NULL, 'a', \">>>\");": (
        "RUSHLIGHT_LAUNCH((k), 1, 2)(x, nullptr, 'a', \">>>\");"
    ),
    "k<int><<<1, 2>>>({1, 2}, x);": "RUSHLIGHT_TYPED_LAUNCH((k<int>), 1, 2)({1, 2}, x);",
    "return k<<<1, 2>>>();": "return RUSHLIGHT_LAUNCH((k), 1, 2)();",
    "#define RUN(k, n) k<<<n, 1>>>\n": "#define RUN(k, n) RUSHLIGHT_LAUNCH((k), n, 1)",
}


@pytest.mark.parametrize("source", LAUNCHES)
def test_launches(source):
    assert squeezed(translate(source)) == squeezed(LAUNCHES[source])


UNTOUCHED = [
    "// k<<<1, 2>>>();",
    "/* __global__ void k() { } */",
    'const char* s = "k<<<1, 2>>>() __shared__ ";',
    'auto s = R"x(k<<<1, 2>>>(); )" __global__ void f() {} )x";',
    "char c = '\"'; std::vector<std::vector<std::vector<int>>> v;",
    "int n = 1'000'000 >> 3 << 2;",
    "#include <k<<<1>>>>\n#error __global__ void k() { }",
    "__global__ void declared(int* x);",
    "template __global__ void k<float>(float*);",
    "__device__ int f(int a, int b = 2) { return a; }",
    "struct S { __device__ S& operator=(const S&); __device__ float x() const; int y; };",
    "auto f = [=] __device__ (int i) { return i; };",
    "extern __device__ int elsewhere;",
]


@pytest.mark.parametrize("source", UNTOUCHED)
def test_what_is_no_cuda_stays(source):
    assert translate(source) == source


def mode(source, name="k"):
    """How the threads of a kernel run."""
    found = re.search(rf"\b{name}\([^)]*\)\s*\{{ RUSHLIGHT_KERNEL(\w*)\((\w+)\)", translate(source))
    assert found, translate(source)
    return found[2] + found[1]


def test_kernels_without_waiting_run_as_loops():
    assert mode("__global__ void k(int* x) { x[threadIdx.x] = max(1, 2); }") == "LOOP"
    attributes = 'extern "C" __global__ void __launch_bounds__(256, 2) k(int* x) { *x = 1; }'
    assert mode(attributes) == "LOOP"
    assert mode("template <class T> static __global__ void k(T x) { atomicAdd(x, 1); }") == "LOOP"


@pytest.mark.parametrize(
    "source",
    [
        "__global__ void k() { __syncthreads(); }",
        "__device__ void f() { __syncwarp(); } __global__ void k() { f(); }",
        "__device__ void g(); __device__ void f() { g(); } __device__ void g() { __syncthreads(); }"
        " __global__ void k() { f(); }",
        "#define WAIT __syncthreads()\n__global__ void k() { WAIT; }",
        "__device__ int f() { return threadIdx.x; } __global__ void k() { f(); }",
        "#define I threadIdx.x\n__device__ int f() { return I; }"
        " __global__ void k(int* x) { x[threadIdx.x] = f(); }",
        "#define SUM(v) __shfl_down_sync(~0u, v, 1)\n#define ALL SUM(1)\n"
        "__global__ void k() { ALL; }",
        "namespace cg = cooperative_groups; __global__ void k() { cg::sync(g); }",
        "struct S { __device__ void wait() { __syncthreads(); } };"
        " __global__ void k(S s) { s.wait(); }",
        "struct S { __device__ void operator()() { __syncthreads(); } };"
        " __global__ void k(S s) { s(); }",
        "__global__ void k(int* x) { assert(*x); }",
        "template <class T> __device__ T f(T x) noexcept { return __shfl_sync(~0u, x, 0); }"
        " template <> __device__ int f<int>(int x) { return x; } __global__ void k() { f(1); }",
    ],
)
def test_kernels_that_may_wait_run_in_fibers(source):
    assert mode(source) == "FIBERS"


def test_indices_in_macros_are_the_kernels_own():
    source = (
        "#define I (blockIdx.x * blockDim.x + threadIdx.x)\n__global__ void k(int* x) { x[I] = 1; }"
    )
    assert mode(source) == "LOOP"


def test_a_macro_for_shared_memory():
    assert translate("#define LOCAL __shared__\n") == "#define LOCAL static thread_local\n"


def test_lambdas_that_capture_nothing_see_the_built_in_variables():
    source = "__global__ void k(int* x) { auto f = [](int i) { return i + threadIdx.x; }; f(1); }"
    assert mode(source) == "FIBERS_WITHOUT_INDICES"


def test_a_kernel_in_a_macro():
    source = (
        "#define MAKE(name, op) \\\n  __global__ void name(int* x) { \\\n    *x op 1; \\\n  }\n"
    )
    translated = translate(source)
    assert "__global__ void name(int* x) { RUSHLIGHT_KERNEL(LOOP) \\\n" in translated
    assert "RUSHLIGHT_KERNEL_END }\n" in translated


@pytest.mark.parametrize(
    ("declaration", "expected"),
    [
        ("extern __shared__ float s[];", "auto* const s = @dynamic_shared<float []>();"),
        (
            "extern __shared__ __align__(16) unsigned char s[];",
            "auto* const s = @dynamic_shared<unsigned char []>();",
        ),
        ("extern __shared__ T s[][4];", "auto* const s = @dynamic_shared<T [][4]>();"),
        (
            "extern volatile __shared__ float2 s[];",
            "auto* const s = @dynamic_shared<volatile float2 []>();",
        ),
    ],
)
def test_dynamic_shared_memory(declaration, expected):
    expected = expected.replace("@", "::rushlight::emu::")
    inside = translate(f"__global__ void k() {{ {declaration} }}")
    assert expected in inside
    assert "static thread_local" not in inside
    assert translate(declaration) == f"static thread_local {expected}"


def test_shared_arrays_are_named():
    source = "__global__ void k() { static __shared__ Pair<int, 2> a[N][M + 1], b; a; }"
    translated = translate(source)
    number = re.search(r"RUSHLIGHT_SHARED\((\d+)\)", translated)[1]
    assert f"RUSHLIGHT_SHARED({number}) Pair<int, 2> a[N][M + 1], b;" in translated
    assert f'RUSHLIGHT_SHARED_END({number}, "a, b")' in translated
    assert f"RUSHLIGHT_SHARED_NAME({number}, b)" in translated
    assert "static" not in translated


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("__constant__ float c[4];", "static __constant__ float c[4];"),
        ("__device__ int n = 0;", "static __device__ int n = 0;"),
        ("__device__ __constant__ A<B, C> a{};", "static __device__ __constant__ A<B, C> a{};"),
        ("static __constant__ int c;", "static __constant__ int c;"),
        ("__constant__ extern int c;", "__constant__ extern int c;"),
        ("struct S { __device__ int f(); static __device__ int x; };", None),
    ],
)
def test_variables_of_the_device_are_of_their_source_alone(source, expected):
    assert translate(source) == (expected or source)


@pytest.mark.parametrize("cast", ["(void*)", "(const void*)", "reinterpret_cast<const void*>"])
def test_kernels_keep_their_type(cast):
    translated = translate(f"cudaLaunchKernel({cast}(k<int>), g, b, args, 0, 0);")
    assert squeezed(translated) == "cudaLaunchKernel((k<int>), g, b, args, 0, 0);"


def test_inline_ptx_is_refused_where_it_stands():
    translated = translate('int f() {\n  asm volatile("mov.u32 %0, %laneid;" : "=r"(x));\n}')
    assert translated.splitlines()[1].strip().startswith("RUSHLIGHT_INLINE_PTX(")


def test_lines_stay():
    source = (
        "#define A(k) \\\n  k<<<1, \\\n    2>>>\n\n__global__ void k(\n    int* x,\n    int n) {\n"
        "  extern __shared__\n    float\n      s[];\n  x[n] = 1;\n}\n\nvoid f() {\n  k<<<1,\n"
        "      2>>>(\n    x,\n    1);\n  marker();\n}\n"
    )
    translated = translate(source)
    assert translated.count("\n") == source.count("\n")
    line = next(i for i, text in enumerate(source.splitlines()) if "marker" in text)
    assert "marker" in translated.splitlines()[line]


def test_a_file_begins_with_its_name():
    text = host_source("int x;\n", "/some/where.cu")
    assert text == '#include <cuda_runtime.h>\n#line 1 "/some/where.cu"\nint x;\n'


def test_headers_with_cuda_are_translated_too(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "plain.h").write_text("int plain();\n")
    (tmp_path / "inner" / "k.cuh").write_text(
        '#pragma once\n#include "plain.h"\n__global__ void k() {}\n'
    )
    source = '// first\n#include "inner/k.cuh"\n#include <vector>\nint last;\n'
    text = host_source(source, str(tmp_path / "a.cu"))
    assert "__global__ void k() { RUSHLIGHT_KERNEL(LOOP)RUSHLIGHT_KERNEL_END }" in text
    assert f'#include "{tmp_path / "inner" / "plain.h"}"' in text
    assert f'#line 3 "{tmp_path / "a.cu"}"\n#include <vector>\nint last;\n' in text
    assert "#pragma once" not in text


def test_headers_on_the_include_path_are_found(tmp_path):
    (tmp_path / "k.cuh").write_text("__global__ void k() {}\n")
    source = '#line 1 "cuda_sources"\n#include <k.cuh>\nint x;\n'
    text = host_source(source, "cuda_sources", [str(tmp_path)])
    assert "RUSHLIGHT_KERNEL(LOOP)" in text
    assert '#line 2 "cuda_sources"\nint x;' in text


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "}",
        "(((",
        "<<<",
        ">>>",
        "__global__",
        "k<<<",
        "__shared__",
        "extern __shared__",
        "#define",
        "#define X k<<<",
        '"',
        'R"(',
        "\\",
        "__device__",
        "__global__ void k(",
        "operator",
        "<",
        "x<y>(",
        "/*",
    ],
)
def test_broken_sources_are_left_to_the_compiler(text):
    assert isinstance(translate(text), str)
