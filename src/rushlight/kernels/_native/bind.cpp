// The Python module rushlight.kernels._native._core: every kernel of families.h, the thread pool and
// the memory pool.
#include "_native/bind.h"

#include <algorithm>

#include "_native/blas.h"
#include "_native/dispatch.h"
#include "_native/parallel.h"
#include "_native/pool.h"
#include "autograd/_native/graph.h"

// One declaration of every kernel for each level that was built (hidden, so that a kernel without
// code fails at link time and not at import) ...
#pragma GCC visibility push(hidden)
#define RL_KERNEL(result, name, parameters) result name parameters;
#define RL_MAP(inputs, name, parameters) void name parameters;
#ifdef RL_HAS_plain
namespace rl::plain {
#include "_native/families.h"
}
#define RL_PLAIN(name) candidates.plain = &plain::name;
#else
#define RL_PLAIN(name)
#endif
#ifdef RL_HAS_v2
namespace rl::v2 {
#include "_native/families.h"
}
#define RL_V2(name) candidates.v2 = &v2::name;
#else
#define RL_V2(name)
#endif
#ifdef RL_HAS_v3
namespace rl::v3 {
#include "_native/families.h"
}
#define RL_V3(name) candidates.v3 = &v3::name;
#else
#define RL_V3(name)
#endif
#ifdef RL_HAS_v4
namespace rl::v4 {
#include "_native/families.h"
}
#define RL_V4(name) candidates.v4 = &v4::name;
#else
#define RL_V4(name)
#endif
#pragma GCC visibility pop
#undef RL_KERNEL
#undef RL_MAP

// ... and one binding, to the level chosen.
#define RL_PICK(F, name)      \
  [] {                        \
    Candidates<F> candidates; \
    RL_PLAIN(name)            \
    RL_V2(name)               \
    RL_V3(name)               \
    RL_V4(name)               \
    return candidates.pick(); \
  }()
#define RL_BIND(binder, result, name, parameters) \
  binder(m, #name, RL_PICK(result(*) parameters, name));
#define RL_KERNEL(result, name, parameters) RL_BIND(bind, result, name, parameters)
#define RL_MAP(inputs, name, parameters) RL_BIND(bind_map<inputs>, void, name, parameters)

namespace rl {

bool convert(const View& x, const View& y) {
  static const auto picked = RL_PICK(bool (*)(const View&, const View&), convert);
  return picked(x, y);
}

namespace {

void bind_kernels(nb::module_& m) {
#include "_native/families.h"
}

// ---- conversions, which make their own result ----

// A copy of x in another dtype, in C order or in x's own; NotImplemented if the kernel declines.
nb::object converted(nb::handle array, nb::handle dtype, bool rows) {
  View x, y;
  if (!PyArray_CheckExact(array.ptr()) || !fill_view(array.ptr(), x) ||
      !PyArray_DescrCheck(dtype.ptr()))
    return not_implemented();
  auto* descr = reinterpret_cast<PyArray_Descr*>(dtype.ptr());
  const DType to = dtype_of(descr->type_num, static_cast<int>(PyDataType_ELSIZE(descr)));
  const bool halves = x.is(DType::float32) ? is_half(to) : is_half(x.dtype) && to == DType::float32;
  if (!halves || !PyArray_ISNBO(descr->byteorder)) return not_implemented();
  Py_INCREF(descr);  // the new array keeps it
  nb::object result = nb::steal(PyArray_NewLikeArray(
      reinterpret_cast<PyArrayObject*>(array.ptr()), rows ? NPY_CORDER : NPY_KEEPORDER, descr, 0));
  if (!result.is_valid()) nb::raise_python_error();
  fill_view(result.ptr(), y);
  bool done;
  {
    ReleaseGil release(x.bytes() > kReleaseBytes);
    done = convert(x, y);
  }
  return done ? result : not_implemented();
}

// ---- products that make their own result: the way to them is shorter than the work they do ----

using Gemm = bool (*)(const View&, const View&, const View&, const View&, const View&, int64_t, bool);

// `o` as a float32 or half array of exactly NumPy's type.
bool float_view(nb::handle o, View& v) {
  return PyArray_CheckExact(o.ptr()) && fill_view(o.ptr(), v) &&
         (v.is(DType::float32) || is_half(v.dtype));
}

// An optional operand: None, or an array in C order with this dtype and these dimensions.
bool extra_view(nb::handle o, View& v, DType dtype, const int64_t* shape, int ndim) {
  if (o.is_none()) return true;
  return float_view(o, v) && v.is(dtype) && v.contiguous && v.ndim == ndim &&
         std::equal(shape, shape + ndim, v.shape);
}

// activation(a b + bias + residual) for a (*, M, K) and a matrix b (K, N).
nb::object product(Gemm gemm, nb::handle left, const View& a, const View& b, nb::handle bias,
                   nb::handle residual, int64_t activation) {
  if (a.ndim < 2 || a.ndim > 8 || a.dim(-1) != b.dim(0) || !b.is(a.dtype)) return not_implemented();
  npy_intp shape[8];
  std::copy(a.shape, a.shape + a.ndim, shape);
  shape[a.ndim - 1] = b.dim(1);
  View bias_view, residual_view, c;
  if (!extra_view(bias, bias_view, a.dtype, shape + a.ndim - 1, 1) ||
      !extra_view(residual, residual_view, a.dtype, shape, a.ndim))
    return not_implemented();
  const int type = PyArray_TYPE(reinterpret_cast<PyArrayObject*>(left.ptr()));
  nb::object result = nb::steal(PyArray_SimpleNew(a.ndim, shape, type));
  if (!result.is_valid()) nb::raise_python_error();
  fill_view(result.ptr(), c);
  {
    ReleaseGil release(a.bytes() + b.bytes() > kReleaseBytes);
    gemm(a, b, c, bias_view, residual_view, activation, false);
  }
  return result;
}

void bind_products(nb::module_& m) {
  static const Gemm gemm = RL_PICK(Gemm, gemm);
  // matmul(a, b): b a matrix
  m.def("matmul", [](nb::handle left, nb::handle right) {
    View a, b;
    if (!float_view(left, a) || !float_view(right, b) || b.ndim != 2) return not_implemented();
    return product(gemm, left, a, b, nb::none(), nb::none(), 0);
  });
  // linear(x, w, bias, activation, residual): x w^T
  m.def("linear", [](nb::handle x, nb::handle weight, nb::handle bias, int64_t activation,
                     nb::handle residual) {
    View a, w;
    if (!float_view(x, a) || !float_view(weight, w) || w.ndim != 2) return not_implemented();
    const int64_t shape[] = {w.shape[1], w.shape[0]};
    const int64_t strides[] = {w.byte_strides[1], w.byte_strides[0]};
    w.shape = shape;
    w.byte_strides = strides;
    return product(gemm, x, a, w, bias, residual, activation);
  }, nb::arg(), nb::arg(), nb::arg().none(), nb::arg(), nb::arg().none());
}

// ---- views ----

// numpy.broadcast_to, at a twentieth of what its iterator costs: a read-only view, stride 0 where an
// axis is stretched.
nb::object broadcast_to(nb::handle x, nb::tuple shape) {
  npy_intp extents[8], strides[8];
  const int ndim = static_cast<int>(shape.size());
  if (!PyArray_CheckExact(x.ptr()) || shape.size() > 8) return not_implemented();
  auto* a = reinterpret_cast<PyArrayObject*>(x.ptr());
  const int lead = ndim - PyArray_NDIM(a);
  if (lead < 0) return not_implemented();
  for (int axis = 0; axis < ndim; ++axis) {
    nb::handle extent = shape[static_cast<size_t>(axis)];
    if (!PyLong_CheckExact(extent.ptr())) return not_implemented();
    extents[axis] = PyLong_AsSsize_t(extent.ptr());
    const npy_intp have = axis < lead ? 1 : PyArray_DIM(a, axis - lead);
    if (extents[axis] < 0 || (have != extents[axis] && have != 1)) {
      PyErr_Clear();
      return not_implemented();
    }
    strides[axis] = have == extents[axis] && axis >= lead ? PyArray_STRIDE(a, axis - lead) : 0;
  }
  PyArray_Descr* dtype = PyArray_DESCR(a);
  Py_INCREF(dtype);
  nb::object view = nb::steal(PyArray_NewFromDescr(&PyArray_Type, dtype, ndim, extents, strides,
                                                   PyArray_DATA(a), 0, nullptr));
  if (!view.is_valid() ||
      PyArray_SetBaseObject(reinterpret_cast<PyArrayObject*>(view.ptr()), Py_NewRef(x.ptr())) != 0)
    nb::raise_python_error();
  return view;
}

// ---- memory: NumPy's allocation hook (NEP 49) ----

void* numpy_malloc(void*, size_t bytes) { return pool_malloc(bytes); }
void* numpy_calloc(void*, size_t count, size_t size) {
  size_t bytes;
  return __builtin_mul_overflow(count, size, &bytes) ? nullptr : pool_calloc(bytes);
}
void* numpy_realloc(void*, void* p, size_t bytes) { return pool_realloc(p, bytes); }
void numpy_free(void*, void* p, size_t) { pool_free(p); }

PyDataMem_Handler pool_handler = {
    "rushlight_pool", 1, {nullptr, numpy_malloc, numpy_calloc, numpy_realloc, numpy_free}};

// Makes arrays created in this thread's context from now on live in the pool. Arrays remember the
// handler they came from, so it may be switched at any time.
nb::object install_pool() {
  nb::object capsule = nb::steal(PyCapsule_New(&pool_handler, "mem_handler", nullptr));
  if (!capsule.is_valid()) nb::raise_python_error();
  PyObject* old = PyDataMem_SetHandler(capsule.ptr());
  if (old == nullptr) nb::raise_python_error();
  return nb::steal(old);
}

void restore_handler(nb::handle capsule) {
  PyObject* old = PyDataMem_SetHandler(capsule.ptr());
  if (old == nullptr) nb::raise_python_error();
  Py_DECREF(old);
}

nb::dict memory_stats() {
  const PoolStats s = pool_stats();
  nb::dict d;
  d["allocated"] = s.allocated;
  d["cached"] = s.cached;
  d["peak"] = s.peak;
  d["hits"] = s.hits;
  d["misses"] = s.misses;
  d["limit"] = s.limit;
  return d;
}

void bind_engine(nb::module_& m) {
  m.def("level", [] { return level_name(level()); });
  m.def("num_threads", &num_threads);
  m.def("set_num_threads", &set_num_threads);
  m.def("limit_blas_threads", &limit_blas_threads);
  m.def("install_pool", &install_pool);
  m.def("restore_handler", &restore_handler);
  m.def("memory_stats", &memory_stats);
  m.def("reset_peak", &pool_reset_peak);
  m.def("set_cache_limit", &pool_set_limit);
  m.def("empty_cache", &pool_empty_cache, nb::call_guard<nb::gil_scoped_release>());
  m.def("broadcast_to", &broadcast_to);
  m.def("register_bfloat16", [](int type_number) { bfloat16_number = type_number; });
}

int load_numpy() {
  import_array1(-1);
  return 0;
}

}  // namespace
}  // namespace rl

NB_MODULE(_core, m) {
  if (rl::load_numpy() != 0) nb::raise_python_error();
  nb::set_leak_warnings(false);
  rl::bind_engine(m);
  rl::bind_kernels(m);
  m.def("converted", &rl::converted, nb::arg(), nb::arg(), nb::arg() = false);
  rl::bind_products(m);
  rl::bind_dispatch(m);
  rl::graph::bind_graph(m);
}
