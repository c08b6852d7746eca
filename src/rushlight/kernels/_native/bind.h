// Python on one side, View and scalars on the other. Only bind.cpp includes this.
#pragma once
#include <nanobind/nanobind.h>
#define PY_ARRAY_UNIQUE_SYMBOL rushlight_numpy
#include <numpy/arrayobject.h>

#include <array>
#include <tuple>
#include <type_traits>
#include <utility>

#include "_native/level.h"
#include "_native/view.h"

namespace nb = nanobind;

namespace rl {

// Type number of ml_dtypes.bfloat16, -1 while ml_dtypes has not been loaded.
inline int bfloat16_number = -1;

inline DType dtype_of(int type_number, int itemsize) {
  switch (type_number) {
    case NPY_FLOAT: return DType::float32;
    case NPY_DOUBLE: return DType::float64;
    case NPY_HALF: return DType::float16;
    case NPY_BOOL: return DType::boolean;
    case NPY_UBYTE: return DType::uint8;
    case NPY_BYTE: return DType::int8;
    case NPY_SHORT: return DType::int16;
    case NPY_INT: return DType::int32;
    case NPY_LONG:
    case NPY_LONGLONG: return itemsize == 8 ? DType::int64 : DType::int32;
    default: return type_number == bfloat16_number ? DType::bfloat16 : DType::other;
  }
}

inline bool fill_view(PyObject* o, View& v) {
  if (o == Py_None) {
    v = View{};
    return true;
  }
  if (!PyArray_Check(o)) return false;
  auto* a = reinterpret_cast<PyArrayObject*>(o);
  if (!PyArray_ISNOTSWAPPED(a) || !PyArray_ISALIGNED(a)) return false;
  static_assert(sizeof(npy_intp) == sizeof(int64_t), "64-bit platforms only");
  v.data = PyArray_DATA(a);
  v.shape = reinterpret_cast<const int64_t*>(PyArray_DIMS(a));
  v.byte_strides = reinterpret_cast<const int64_t*>(PyArray_STRIDES(a));
  v.size = PyArray_SIZE(a);
  v.ndim = PyArray_NDIM(a);
  v.itemsize = static_cast<int32_t>(PyArray_ITEMSIZE(a));
  v.dtype = dtype_of(PyArray_TYPE(a), v.itemsize);
  v.contiguous = PyArray_IS_C_CONTIGUOUS(a) != 0;
  return true;
}

// Work on more than this many bytes lets other Python threads run.
constexpr int64_t kReleaseBytes = 32 << 10;

template <class T>
int64_t bytes_of(const T& x) {
  if constexpr (std::is_same_v<T, View>) return x.bytes();
  if constexpr (std::is_same_v<T, Views>) {
    int64_t sum = 0;
    for (const View& v : x) sum += v.bytes();
    return sum;
  }
  return 0;
}

class ReleaseGil {
 public:
  explicit ReleaseGil(bool release) : state_(release ? PyEval_SaveThread() : nullptr) {}
  ~ReleaseGil() {
    if (state_ != nullptr) PyEval_RestoreThread(state_);
  }
  ReleaseGil(const ReleaseGil&) = delete;
  ReleaseGil& operator=(const ReleaseGil&) = delete;

 private:
  PyThreadState* state_;
};

// `None` is a valid argument everywhere: it becomes an empty View.
template <class T>
auto optional() {
  return nb::arg().none();
}

inline nb::object not_implemented() { return nb::borrow(Py_NotImplemented); }

template <class R, class... A>
void bind(nb::module_& m, const char* name, R (*f)(A...)) {
  m.def(name, [f](A... args) -> nb::object {
    bool done = true;
    {
      ReleaseGil release((int64_t{0} + ... + bytes_of<std::decay_t<A>>(args)) > kReleaseBytes);
      if constexpr (std::is_void_v<R>) {
        f(args...);
      } else {
        static_assert(std::is_same_v<R, bool>, "a kernel returns void, or bool: false = declined");
        done = f(args...);
      }
    }
    if (!done) return not_implemented();
    return nb::none();
  }, optional<A>()...);
}

// Elements fill one block without gaps, axes in any order (channels-last included).
inline bool is_dense(PyArrayObject* a) {
  if (PyArray_IS_C_CONTIGUOUS(a)) return true;
  npy_intp expected = PyArray_ITEMSIZE(a);
  uint32_t seen = 0;
  for (int found = 0; found < PyArray_NDIM(a); ++found) {
    int axis = 0;
    for (; axis < PyArray_NDIM(a); ++axis) {
      const bool fits = PyArray_DIM(a, axis) == 1 || PyArray_STRIDE(a, axis) == expected;
      if ((seen >> axis & 1) == 0 && fits) break;
    }
    if (axis == PyArray_NDIM(a) || axis > 31) return false;
    seen |= 1u << axis;
    expected *= PyArray_DIM(a, axis);
  }
  return true;
}

// Same shape, and element i of one lies at the same place as element i of the other.
inline bool same_layout(PyArrayObject* a, PyArrayObject* b) {
  if (PyArray_NDIM(a) != PyArray_NDIM(b)) return false;
  const bool both_c = PyArray_IS_C_CONTIGUOUS(a) && PyArray_IS_C_CONTIGUOUS(b);
  for (int i = 0; i < PyArray_NDIM(a); ++i) {
    if (PyArray_DIM(a, i) != PyArray_DIM(b, i)) return false;
    if (!both_c && PyArray_DIM(a, i) > 1 && PyArray_STRIDE(a, i) != PyArray_STRIDE(b, i))
      return false;
  }
  return true;
}

// Binds f(input..., output, n, scalar...) as name(input..., scalar...) -> output: dense float32
// inputs of one layout, a new output of that layout; NotImplemented for anything else.
template <size_t Inputs, class F, size_t... I, class... S>
void bind_map_as(nb::module_& m, const char* name, F f, std::index_sequence<I...>,
                 void (*)(S...)) {
  m.def(name, [f](std::conditional_t<true, nb::handle, decltype(I)>... inputs, S... scalars) {
    const std::array<PyObject*, Inputs> objects{inputs.ptr()...};
    std::array<const float*, Inputs> data;
    auto* first = reinterpret_cast<PyArrayObject*>(objects[0]);
    for (size_t i = 0; i < Inputs; ++i) {
      auto* a = reinterpret_cast<PyArrayObject*>(objects[i]);
      if (!PyArray_CheckExact(objects[i]) || PyArray_TYPE(a) != NPY_FLOAT ||
          !PyArray_ISBEHAVED_RO(a) || !(i == 0 ? is_dense(a) : same_layout(first, a)))
        return not_implemented();
      data[i] = static_cast<const float*>(PyArray_DATA(a));
    }
    PyObject* result = PyArray_NewLikeArray(first, NPY_KEEPORDER, nullptr, 0);
    if (result == nullptr) nb::raise_python_error();
    auto* out = reinterpret_cast<PyArrayObject*>(result);
    {
      const int64_t n = PyArray_SIZE(out);
      ReleaseGil release(n * 4 > kReleaseBytes);
      f(data[I]..., static_cast<float*>(PyArray_DATA(out)), n, scalars...);
    }
    return nb::steal(result);
  });
}

template <size_t Inputs, class... P>
void bind_map(nb::module_& m, const char* name, void (*f)(P...)) {
  constexpr size_t scalars = sizeof...(P) - Inputs - 2;
  using All = std::tuple<P...>;
  [&]<size_t... S>(std::index_sequence<S...>) {
    using Scalars = void (*)(std::tuple_element_t<Inputs + 2 + S, All>...);
    bind_map_as<Inputs>(m, name, f, std::make_index_sequence<Inputs>{}, Scalars{nullptr});
  }(std::make_index_sequence<scalars>{});
}

}  // namespace rl

template <>
struct nanobind::detail::type_caster<rl::View> {
  NB_TYPE_CASTER(rl::View, const_name("numpy.ndarray"))
  bool from_python(handle src, uint8_t, cleanup_list*) noexcept {
    return rl::fill_view(src.ptr(), value);
  }
};

template <>
struct nanobind::detail::type_caster<rl::Views> {
  NB_TYPE_CASTER(rl::Views, const_name("collections.abc.Sequence[numpy.ndarray]"))
  bool from_python(handle src, uint8_t, cleanup_list*) noexcept {
    PyObject* o = src.ptr();
    if (!PyList_Check(o) && !PyTuple_Check(o)) return false;
    const auto n = static_cast<size_t>(PySequence_Fast_GET_SIZE(o));
    PyObject** items = PySequence_Fast_ITEMS(o);
    value.resize(n);
    for (size_t i = 0; i < n; ++i)
      if (!rl::fill_view(items[i], value[i])) return false;
    return true;
  }
};
