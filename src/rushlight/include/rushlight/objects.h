// Python's objects in pybind11's words: py::object, py::list, py::dict, ...
#pragma once

#include <rushlight/tensor.h>

namespace rushlight {
template <class T, class = void>
struct Caster;  // between C++ and Python; casters.h
}

namespace pybind11 {

using size_t = std::size_t;
using ssize_t = Py_ssize_t;
using error_already_set = ::rushlight::PythonError;

#define RUSHLIGHT_BUILTIN_ERROR(Name, python)                            \
  class Name : public c10::Error {                                       \
   public:                                                               \
    using Error::Error;                                                  \
    Name() : Error("") {}                                                \
    const char* python_name() const noexcept override { return python; } \
  };
RUSHLIGHT_BUILTIN_ERROR(stop_iteration, "StopIteration")
RUSHLIGHT_BUILTIN_ERROR(index_error, "IndexError")
RUSHLIGHT_BUILTIN_ERROR(key_error, "KeyError")
RUSHLIGHT_BUILTIN_ERROR(value_error, "ValueError")
RUSHLIGHT_BUILTIN_ERROR(type_error, "TypeError")
RUSHLIGHT_BUILTIN_ERROR(buffer_error, "BufferError")
RUSHLIGHT_BUILTIN_ERROR(import_error, "ImportError")
RUSHLIGHT_BUILTIN_ERROR(attribute_error, "AttributeError")
RUSHLIGHT_BUILTIN_ERROR(cast_error, "RuntimeError")
#undef RUSHLIGHT_BUILTIN_ERROR

class gil_scoped_acquire : ::rushlight::Gil {};
class gil_scoped_release {
 public:
  gil_scoped_release() : state_(PyEval_SaveThread()) {}
  ~gil_scoped_release() { PyEval_RestoreThread(state_); }
  gil_scoped_release(const gil_scoped_release&) = delete;

 private:
  PyThreadState* state_;
};

template <class... Guards>
struct call_guard {};

enum class return_value_policy : uint8_t {
  automatic, automatic_reference, take_ownership, copy, move, reference, reference_internal
};

class object;
class str;
class attribute_accessor;
class item_accessor;

// A reference that does not own. All members need the GIL.
class handle {
 public:
  handle() = default;
  handle(PyObject* pointer) : pointer_(pointer) {}
  handle(const ::rushlight::Object& owner) : pointer_(owner.get()) {}

  PyObject* ptr() const { return pointer_; }
  explicit operator bool() const { return pointer_ != nullptr; }
  bool is_none() const { return pointer_ == Py_None; }
  bool is(handle other) const { return pointer_ == other.pointer_; }
  const handle& inc_ref() const {
    Py_XINCREF(pointer_);
    return *this;
  }
  const handle& dec_ref() const {
    Py_XDECREF(pointer_);
    return *this;
  }
  handle get_type() const { return reinterpret_cast<PyObject*>(Py_TYPE(pointer_)); }

  attribute_accessor attr(const char* name) const;
  item_accessor operator[](const char* key) const;
  item_accessor operator[](handle key) const;
  item_accessor operator[](ssize_t index) const;
  template <class... Values>
  object operator()(Values&&... values) const;
  template <class T>
  T cast() const;
  bool contains(handle item) const {
    const int answer = PySequence_Contains(pointer_, item.ptr());
    ::rushlight::checked(answer);
    return answer != 0;
  }

 protected:
  PyObject* pointer_ = nullptr;
};

class object : public handle {
 public:
  object() = default;
  object(::rushlight::Object owner) : handle(owner.release()) {}
  object(const object& other) : handle(other.ptr()) { inc_ref(); }
  object(object&& other) noexcept : handle(std::exchange(other.pointer_, nullptr)) {}
  object& operator=(object other) noexcept {
    std::swap(pointer_, other.pointer_);
    return *this;
  }
  ~object() {
    if (pointer_ == nullptr || !Py_IsInitialized()) return;
    ::rushlight::Gil gil;
    dec_ref();
  }
  handle release() { return std::exchange(pointer_, nullptr); }
};

template <class T = object>
T reinterpret_borrow(handle from) {
  return T(::rushlight::Object::borrow(from.ptr()));
}
template <class T = object>
T reinterpret_steal(handle from) {
  return T(::rushlight::Object::steal(from.ptr()));
}

// `x.attr("name")`: reads when used, writes when assigned to.
class attribute_accessor : public object {
 public:
  attribute_accessor(handle owner, const char* name)
      : object(::rushlight::Object::steal(PyObject_GetAttrString(owner.ptr(), name))),
        owner_(owner), name_(name) {
    if (pointer_ == nullptr) PyErr_Clear();  // it may be about to be assigned
  }
  template <class T>
  void operator=(const T& value) &&;

 private:
  handle owner_;
  const char* name_;
};

class item_accessor : public object {
 public:
  item_accessor(handle owner, ::rushlight::Object key)
      : object(::rushlight::Object::steal(PyObject_GetItem(owner.ptr(), key.get()))),
        owner_(owner), key_(std::move(key)) {
    if (pointer_ == nullptr) PyErr_Clear();
  }
  template <class T>
  void operator=(const T& value) &&;

 private:
  handle owner_;
  object key_;
};

// An object of one Python type.
#define RUSHLIGHT_OBJECT(name, base)         \
  class name : public base {                 \
   public:                                   \
    name(::rushlight::Object owner) : base(std::move(owner)) {}
RUSHLIGHT_OBJECT(none, object)
  none() : object(::rushlight::Object::borrow(Py_None)) {}
};
RUSHLIGHT_OBJECT(str, object)
  str(std::string_view text = "") : object(::rushlight::Arg(text).object()) {}
  str(const char* text) : str(std::string_view(text)) {}
  str(const std::string& text) : str(std::string_view(text)) {}
  explicit str(handle other) : object(::rushlight::checked(PyObject_Str(other.ptr()))) {}
  operator std::string() const {
    return ::rushlight::Result<std::string>::from(::rushlight::Object::borrow(ptr()));
  }
};
RUSHLIGHT_OBJECT(bytes, object)
  bytes(std::string_view data = "")
      : object(::rushlight::checked(
            PyBytes_FromStringAndSize(data.data(), static_cast<ssize_t>(data.size())))) {}
  operator std::string() const {
    return {PyBytes_AS_STRING(ptr()), static_cast<size_t>(PyBytes_GET_SIZE(ptr()))};
  }
};
RUSHLIGHT_OBJECT(int_, object)
  int_(int64_t value = 0) : object(::rushlight::Arg(value).object()) {}
  operator int64_t() const { return ::rushlight::Result<int64_t>::from(::rushlight::Object::borrow(ptr())); }
};
RUSHLIGHT_OBJECT(float_, object)
  float_(double value = 0) : object(::rushlight::Arg(value).object()) {}
  operator double() const { return PyFloat_AsDouble(ptr()); }
};
RUSHLIGHT_OBJECT(bool_, object)
  bool_(bool value = false) : object(::rushlight::Arg(value).object()) {}
  operator bool() const { return ptr() == Py_True; }
};
RUSHLIGHT_OBJECT(function, object)
};
RUSHLIGHT_OBJECT(tuple, object)
  explicit tuple(size_t size = 0)
      : object(::rushlight::checked(PyTuple_New(static_cast<ssize_t>(size)))) {}
  size_t size() const { return static_cast<size_t>(PyTuple_GET_SIZE(ptr())); }
  bool empty() const { return size() == 0; }
};
RUSHLIGHT_OBJECT(list, object)
  explicit list(size_t size = 0)
      : object(::rushlight::checked(PyList_New(static_cast<ssize_t>(size)))) {}
  size_t size() const { return static_cast<size_t>(PyList_GET_SIZE(ptr())); }
  bool empty() const { return size() == 0; }
  template <class T>
  void append(const T& value) const;
};
RUSHLIGHT_OBJECT(dict, object)
  dict() : object(::rushlight::checked(PyDict_New())) {}
  size_t size() const { return static_cast<size_t>(PyDict_Size(ptr())); }
  bool empty() const { return size() == 0; }
  bool contains(const char* key) const { return handle::contains(str(key)); }
};
#undef RUSHLIGHT_OBJECT

// Steps through anything that can be iterated.
class iterator {
 public:
  iterator() = default;
  explicit iterator(handle from) : source_(::rushlight::checked(PyObject_GetIter(from.ptr()))) {
    ++*this;
  }
  handle operator*() const { return item_; }
  iterator& operator++() {
    item_ = object(::rushlight::Object::steal(PyIter_Next(source_.ptr())));
    if (!item_ && PyErr_Occurred()) ::rushlight::throw_python_error();
    return *this;
  }
  bool operator!=(const iterator& other) const { return item_.ptr() != other.item_.ptr(); }
  bool operator==(const iterator& other) const { return item_.ptr() == other.item_.ptr(); }

 private:
  object source_, item_;
};
inline iterator begin(const object& from) { return iterator(from); }
inline iterator end(const object&) { return iterator(); }

inline attribute_accessor handle::attr(const char* name) const { return {*this, name}; }
inline item_accessor handle::operator[](const char* key) const {
  return {*this, ::rushlight::Arg(key).object()};
}
inline item_accessor handle::operator[](handle key) const {
  return {*this, ::rushlight::Object::borrow(key.ptr())};
}
inline item_accessor handle::operator[](ssize_t index) const {
  return {*this, ::rushlight::Arg(int64_t{index}).object()};
}

inline size_t len(handle of) {
  const ssize_t size = PyObject_Size(of.ptr());
  ::rushlight::checked(size < 0 ? -1 : 0);
  return static_cast<size_t>(size);
}
inline bool hasattr(handle of, const char* name) {
  return PyObject_HasAttrString(of.ptr(), name) != 0;
}
inline object getattr(handle of, const char* name) {
  return object(::rushlight::attribute(of.ptr(), name));
}
inline str repr(handle of) { return str(::rushlight::checked(PyObject_Repr(of.ptr()))); }

}  // namespace pybind11
