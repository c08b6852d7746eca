// Python on one side, View and scalars on the other. Only bind.cpp includes this.
#pragma once
#include <nanobind/nanobind.h>
#define PY_ARRAY_UNIQUE_SYMBOL rushlight_numpy
#include <numpy/arrayobject.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <type_traits>
#include <utility>

#include "_native/level.h"
#include "_native/parallel.h"
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

// The kernel of kernels/cast, for the level in use.
bool convert(const View& x, const View& y);

// n elements, one after the other, as a View.
struct Row {
  int64_t size, step;
  View view;
  Row(void* data, DType type, int itemsize, int64_t n)
      : size(n), step(itemsize), view{data, &size, &step, n, 1, itemsize, type, true} {}
  Row(const Row&) = delete;
  Row& operator=(const Row&) = delete;
};

// Runs f(float*..., n), the last array the output, on n half elements: a block of every array is widened
// in the L1 cache, the output's is rounded back.
template <size_t Arrays, class F>
void map_halves(DType type, const std::array<void*, Arrays>& data, int64_t n, F&& f) {
  constexpr int64_t kBlock = 2048, kGrain = 8;
  parallel_for((n + kBlock - 1) / kBlock, kGrain, [&](int64_t begin, int64_t end) {
    alignas(64) float room[Arrays][kBlock];
    std::array<float*, Arrays> wide;
    for (size_t k = 0; k < Arrays; ++k) wide[k] = room[k];
    for (int64_t i = begin * kBlock; i < end * kBlock && i < n; i += kBlock) {
      const int64_t count = std::min(kBlock, n - i);
      for (size_t k = 0; k < Arrays; ++k) {
        const Row half(static_cast<uint16_t*>(data[k]) + i, type, 2, count);
        const Row single(room[k], DType::float32, 4, count);
        if (k + 1 < Arrays) {
          convert(half.view, single.view);
        } else {
          f(wide, count);
          convert(single.view, half.view);
        }
      }
    }
  });
}

// Binds f(input..., output, n, scalar...) as name(input..., scalar...) -> output: dense inputs of one
// layout, all float32 or all of one half type, a new output like them; NotImplemented for anything else.
template <size_t Inputs, class F, size_t... I, class... S>
void bind_map_as(nb::module_& m, const char* name, F f, std::index_sequence<I...>,
                 void (*)(S...)) {
  m.def(name, [f](std::conditional_t<true, nb::handle, decltype(I)>... inputs, S... scalars) {
    const std::array<PyObject*, Inputs> objects{inputs.ptr()...};
    std::array<void*, Inputs + 1> data;
    std::array<View, Inputs> views;
    for (size_t i = 0; i < Inputs; ++i) {
      View& v = views[i];
      if (!PyArray_CheckExact(objects[i]) || !fill_view(objects[i], v)) return not_implemented();
      const bool fits = i == 0 ? (v.is(DType::float32) || is_half(v.dtype)) && is_dense(v)
                               : v.is(views[0].dtype) && same_layout(views[0], v);
      if (!fits) return not_implemented();
      data[i] = v.data;
    }
    const DType type = views[0].dtype;
    auto* first = reinterpret_cast<PyArrayObject*>(objects[0]);
    PyObject* result = PyArray_NewLikeArray(first, NPY_KEEPORDER, nullptr, 0);
    if (result == nullptr) nb::raise_python_error();
    auto* out = reinterpret_cast<PyArrayObject*>(result);
    data[Inputs] = PyArray_DATA(out);
    {
      const int64_t n = PyArray_SIZE(out);
      const auto on_floats = [&](const auto& p, int64_t count) {
        f(static_cast<const float*>(p[I])..., static_cast<float*>(p[Inputs]), count, scalars...);
      };
      ReleaseGil release(n * 4 > kReleaseBytes);
      if (type == DType::float32) on_floats(data, n);
      else map_halves(type, data, n, on_floats);
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
