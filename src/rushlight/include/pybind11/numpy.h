// NumPy's arrays: py::array, py::array_t<float>.
#pragma once

#include <rushlight/classes.h>

namespace rushlight {

// NumPy's name of a C++ type: its kind and its size.
template <class T>
std::string numpy_code() {
  using V = std::remove_cv_t<T>;
  if constexpr (std::is_same_v<V, bool>) return "?";
  else if constexpr (std::is_floating_point_v<V>) return text_of('f', sizeof(V));
  else if constexpr (std::is_integral_v<V>) return text_of(std::is_signed_v<V> ? 'i' : 'u', sizeof(V));
  else return text_of('c', sizeof(V));
}

inline Object numpy_call(const char* name, const pybind11::tuple& args) {
  const Object function = attribute(import("numpy").get(), name);
  return checked(PyObject_CallObject(function.get(), args.ptr()));
}

}  // namespace rushlight

namespace pybind11 {

class dtype : public object {
 public:
  dtype(::rushlight::Object owner) : object(std::move(owner)) {}
  explicit dtype(const std::string& code) : object(::rushlight::numpy_call("dtype", pybind11::make_tuple(code))) {}
  template <class T>
  static dtype of() {
    return dtype(::rushlight::numpy_code<T>());
  }
  ssize_t itemsize() const { return attr("itemsize").template cast<ssize_t>(); }
  char kind() const { return attr("kind").template cast<std::string>()[0]; }
};

// What `request()` tells of an array.
struct buffer_info {
  void* ptr = nullptr;
  ssize_t itemsize = 0, size = 0;
  std::string format;
  ssize_t ndim = 0;
  std::vector<ssize_t> shape, strides;  // strides in bytes
  bool readonly = false;
};

// Elements by their indices, without checks.
template <class T, ssize_t Dims>
class unchecked_reference {
 public:
  unchecked_reference(void* data, const Py_intptr_t* shape, const Py_intptr_t* strides, ssize_t rank)
      : data_(static_cast<char*>(data)), shape_(shape), strides_(strides), rank_(rank) {}
  template <class... Indices>
  T& operator()(Indices... indices) const {
    ssize_t offset = 0, d = 0;
    ((offset += static_cast<ssize_t>(indices) * strides_[d++]), ...);
    return *reinterpret_cast<T*>(data_ + offset);
  }
  T& operator[](ssize_t index) const { return (*this)(index); }
  ssize_t shape(ssize_t d) const { return shape_[d]; }
  ssize_t ndim() const { return rank_; }
  ssize_t size() const {
    ssize_t count = 1;
    for (ssize_t d = 0; d < rank_; ++d) count *= shape_[d];
    return count;
  }

 private:
  char* data_;
  const Py_intptr_t *shape_, *strides_;
  ssize_t rank_;
};

class array : public object {
 public:
  enum { c_style = 1, f_style = 2, forcecast = 16 };
  using ShapeContainer = std::vector<ssize_t>;

  array() : object(::rushlight::numpy_call("empty", pybind11::make_tuple(0))) {}
  array(::rushlight::Object owner) : object(std::move(owner)) {}
  array(const object& other) : object(::rushlight::numpy_call("asarray", pybind11::make_tuple(other))) {}
  array(const pybind11::dtype& type, const ShapeContainer& shape)
      : object(::rushlight::numpy_call("empty", pybind11::make_tuple(tuple_of(shape), type))) {}

  pybind11::dtype dtype() const { return pybind11::dtype(::rushlight::attribute(ptr(), "dtype")); }
  ssize_t ndim() const { return self()->rank; }
  const Py_intptr_t* shape() const { return self()->shape; }
  ssize_t shape(ssize_t d) const { return self()->shape[checked_dim(d)]; }
  const Py_intptr_t* strides() const { return self()->strides; }
  ssize_t strides(ssize_t d) const { return self()->strides[checked_dim(d)]; }
  ssize_t size() const {
    ssize_t count = 1;
    for (ssize_t d = 0; d < ndim(); ++d) count *= self()->shape[d];
    return count;
  }
  ssize_t itemsize() const { return attr("itemsize").template cast<ssize_t>(); }
  ssize_t nbytes() const { return size() * itemsize(); }
  bool writeable() const { return attr("flags").attr("writeable").template cast<bool>(); }
  template <class... Indices>
  const void* data(Indices... indices) const {
    return self()->data + offset(indices...);
  }
  template <class... Indices>
  void* mutable_data(Indices... indices) const {
    check_writeable();
    return self()->data + offset(indices...);
  }
  buffer_info request(bool writable = false) const {
    if (writable) check_writeable();
    return {self()->data, itemsize(), size(), str(attr("dtype").attr("char")), ndim(),
            {shape(), shape() + ndim()}, {strides(), strides() + ndim()}, !writeable()};
  }
  template <class Shape>
  array reshape(const Shape& shape) const {
    return array(object(attr("reshape")(shape)));
  }
  static array ensure(handle from) { return array(reinterpret_borrow<object>(from)); }

 protected:
  ::rushlight::NumpyArray* self() const {
    return reinterpret_cast<::rushlight::NumpyArray*>(ptr());
  }
  void check_writeable() const {
    TORCH_CHECK_WITH(ValueError, writeable(), "array is not writeable");
  }
  ssize_t checked_dim(ssize_t d) const {
    TORCH_CHECK_INDEX(d >= 0 && d < ndim(), "invalid axis: ", d, " (ndim = ", ndim(), ")");
    return d;
  }
  template <class... Indices>
  ssize_t offset(Indices... indices) const {
    ssize_t sum = 0, d = 0;
    ((sum += static_cast<ssize_t>(indices) * strides(d++)), ...);
    return sum;
  }
  static tuple tuple_of(const ShapeContainer& shape) {
    return tuple(object(::rushlight::list_of(shape)));
  }
};

template <class T, int Flags = array::forcecast>
class array_t : public array {
 public:
  using value_type = T;

  array_t() : array_t(ShapeContainer{0}) {}
  array_t(::rushlight::Object owner) : array(std::move(owner)) {}
  array_t(const object& other) : array(converted(other.ptr())) {}
  explicit array_t(size_t size) : array_t(ShapeContainer{static_cast<ssize_t>(size)}) {}
  explicit array_t(ssize_t size, const T* values = nullptr, handle base = {})
      : array_t(ShapeContainer{size}, values, base) {}
  // Copies the values; looks at them where `base` keeps them alive.
  array_t(const ShapeContainer& shape, const T* values = nullptr, handle base = {})
      : array(::rushlight::numpy_call(
            "empty", pybind11::make_tuple(tuple_of(shape), pybind11::dtype::of<T>()))) {
    if (values == nullptr) return;
    if (base) {
      look_at(shape, values, base);
    } else if (size() > 0) {
      std::memcpy(self()->data, values, sizeof(T) * static_cast<size_t>(size()));
    }
  }
  template <class Int, size_t N>
  array_t(const std::array<Int, N>& shape, const T* values = nullptr, handle base = {})
      : array_t(ShapeContainer(shape.begin(), shape.end()), values, base) {}
  explicit array_t(const buffer_info& like) : array_t(like.shape, static_cast<const T*>(like.ptr)) {}

  template <class... Indices>
  const T* data(Indices... indices) const {
    return static_cast<const T*>(array::data(indices...));
  }
  template <class... Indices>
  T* mutable_data(Indices... indices) const {
    return static_cast<T*>(array::mutable_data(indices...));
  }
  template <class... Indices>
  const T& at(Indices... indices) const {
    check_indices(indices...);
    return *data(indices...);
  }
  template <class... Indices>
  T& mutable_at(Indices... indices) const {
    check_indices(indices...);
    return *mutable_data(indices...);
  }
  template <ssize_t Dims = -1>
  unchecked_reference<const T, Dims> unchecked() const {
    return reference<const T, Dims>();
  }
  template <ssize_t Dims = -1>
  unchecked_reference<T, Dims> mutable_unchecked() const {
    this->check_writeable();
    return reference<T, Dims>();
  }
  static array_t ensure(handle from) { return array_t(converted(from.ptr())); }

  // The array itself if it is as wanted, or a copy.
  static ::rushlight::Object converted(PyObject* from) {
    const bool is_dense = (Flags & (array::c_style | array::f_style)) != 0;
    const char* order = (Flags & array::f_style) != 0 ? "F" : is_dense ? "C" : "A";
    return ::rushlight::numpy_call("asarray", pybind11::make_tuple(handle(from), pybind11::dtype::of<T>(), order));
  }

 private:
  template <class Element, ssize_t Dims>
  unchecked_reference<Element, Dims> reference() const {
    TORCH_CHECK_WITH(ValueError, Dims < 0 || ndim() == Dims, "array has incorrect number of dimensions: ",
                     ndim(), "; expected ", Dims);
    return {self()->data, self()->shape, self()->strides, ndim()};
  }
  template <class... Indices>
  void check_indices(Indices... indices) const {
    TORCH_CHECK_INDEX(sizeof...(Indices) <= static_cast<size_t>(ndim()), "too many indices for an array: ",
                      sizeof...(Indices), " (ndim = ", ndim(), ")");
    ssize_t d = 0;
    ((check_index(d++, static_cast<ssize_t>(indices))), ...);
  }
  void check_index(ssize_t d, ssize_t index) const {
    TORCH_CHECK_INDEX(index >= 0 && index < shape(d), "index ", index, " is out of bounds for axis ", d,
                      " with size ", shape(d));
  }
  void look_at(const ShapeContainer& shape, const T* values, handle base) {
    const object view(::rushlight::checked(PyMemoryView_FromMemory(
        reinterpret_cast<char*>(const_cast<T*>(values)), nbytes(), PyBUF_WRITE)));
    const object flat(::rushlight::numpy_call("frombuffer", pybind11::make_tuple(view, pybind11::dtype::of<T>())));
    object::operator=(object(flat.attr("reshape")(tuple_of(shape))));
    // The array that owns what the memory view only looks at.
    PyObject_SetAttrString(ptr(), "_base", base.ptr());
  }
};

}  // namespace pybind11

namespace rushlight {

inline bool has_type(const pybind11::array*, PyObject* object) { return is_numpy_array(object); }

template <class T, int Flags>
inline constexpr bool has_own_caster<pybind11::array_t<T, Flags>> = true;
template <class T, int Flags>
struct Caster<pybind11::array_t<T, Flags>> {
  pybind11::array_t<T, Flags> value;
  bool load(PyObject* object) {
    const bool is_exact = is_numpy_array(object) && is_of_type(object);
    if (strictly && !is_exact) return false;
    if ((Flags & pybind11::array::forcecast) == 0 && is_numpy_array(object) && !is_exact) return false;
    try {
      value = pybind11::array_t<T, Flags>(pybind11::array_t<T, Flags>::converted(object));
    } catch (const PythonError&) {
      return false;
    }
    return true;
  }
  static Object make(const pybind11::array_t<T, Flags>& value) { return Object::borrow(value.ptr()); }
  static Object name(bool) { return Arg(std::string_view("numpy.ndarray[" + numpy_code<T>() + "]")).object(); }

 private:
  static bool is_of_type(PyObject* object) {
    return attribute(object, "dtype").get() != nullptr &&
           pybind11::object(attribute(object, "dtype")).equal(pybind11::dtype::of<T>());
  }
};

}  // namespace rushlight
