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
  bool equal(handle other) const {
    const int answer = PyObject_RichCompareBool(pointer_, other.pointer_, Py_EQ);
    ::rushlight::checked(answer);
    return answer != 0;
  }
  handle get_type() const { return reinterpret_cast<PyObject*>(Py_TYPE(pointer_)); }

  attribute_accessor attr(const char* name) const;
  item_accessor operator[](const char* key) const;
  item_accessor operator[](const std::string& key) const;
  item_accessor operator[](handle key) const;
  template <class Index, class = std::enable_if_t<std::is_integral_v<Index>>>
  item_accessor operator[](Index index) const;
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

}  // namespace pybind11

namespace rushlight {
// The object itself if it is of a type of Python's, or what the type makes of it.
RUSHLIGHT_COLD inline Object as_type(pybind11::handle from, PyTypeObject* type) {
  if (from && PyObject_TypeCheck(from.ptr(), type)) return Object::borrow(from.ptr());
  TORCH_CHECK_TYPE(from, "the object to convert to ", type->tp_name, " does not exist");
  return checked(PyObject_CallOneArg(reinterpret_cast<PyObject*>(type), from.ptr()));
}
}  // namespace rushlight

namespace pybind11 {

struct arg_v;

// An object of one Python type. From another object it is made as in Python.
#define RUSHLIGHT_OBJECT(name, base)         \
  class name : public base {                 \
   public:                                   \
    name(::rushlight::Object owner) : base(std::move(owner)) {}
#define RUSHLIGHT_FROM_OBJECT(name, type) \
  name(const object& other) : object(::rushlight::as_type(other, &type)) {}
RUSHLIGHT_OBJECT(none, object)
  none() : object(::rushlight::Object::borrow(Py_None)) {}
};
RUSHLIGHT_OBJECT(str, object)
  str(std::string_view text = "") : object(::rushlight::Arg(text).object()) {}
  str(const char* text) : str(std::string_view(text)) {}
  str(const std::string& text) : str(std::string_view(text)) {}
  template <class... Values>
  str format(Values&&... values) const {
    return str(handle(attr("format")(values...)));
  }
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
  RUSHLIGHT_FROM_OBJECT(int_, PyLong_Type)
  int_(int64_t value = 0) : object(::rushlight::Arg(value).object()) {}
  operator int64_t() const { return ::rushlight::Result<int64_t>::from(::rushlight::Object::borrow(ptr())); }
};
RUSHLIGHT_OBJECT(float_, object)
  RUSHLIGHT_FROM_OBJECT(float_, PyFloat_Type)
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
  RUSHLIGHT_FROM_OBJECT(tuple, PyTuple_Type)
  explicit tuple(size_t size = 0)
      : object(::rushlight::checked(PyTuple_New(static_cast<ssize_t>(size)))) {}
  size_t size() const { return static_cast<size_t>(PyTuple_GET_SIZE(ptr())); }
  bool empty() const { return size() == 0; }
};
RUSHLIGHT_OBJECT(list, object)
  RUSHLIGHT_FROM_OBJECT(list, PyList_Type)
  explicit list(size_t size = 0)
      : object(::rushlight::checked(PyList_New(static_cast<ssize_t>(size)))) {}
  size_t size() const { return static_cast<size_t>(PyList_GET_SIZE(ptr())); }
  bool empty() const { return size() == 0; }
  template <class T>
  void append(const T& value) const;
};
RUSHLIGHT_OBJECT(dict, object)
  RUSHLIGHT_FROM_OBJECT(dict, PyDict_Type)
  dict() : object(::rushlight::checked(PyDict_New())) {}
  // `py::dict("x"_a = 1)`
  template <class... Items, class = std::enable_if_t<sizeof...(Items) != 0 &&
                                                     (std::is_same_v<Items, arg_v> && ...)>>
  dict(const Items&... items) : dict() {
    (add(items), ...);
  }
  size_t size() const { return static_cast<size_t>(PyDict_Size(ptr())); }
  bool empty() const { return size() == 0; }
  bool contains(const char* key) const { return handle::contains(str(key)); }
  bool contains(const std::string& key) const { return handle::contains(str(key)); }
  using handle::contains;
  void clear() const { PyDict_Clear(ptr()); }

 private:
  template <class Item>
  void add(const Item& item) const {
    ::rushlight::checked(PyDict_SetItemString(ptr(), item.name, item.value.ptr()));
  }
};
// The last parameters of a function: `*args`, `**kwargs`.
RUSHLIGHT_OBJECT(args, tuple)
  args() = default;
};
RUSHLIGHT_OBJECT(kwargs, dict)
  kwargs() = default;
};
// Owns something of C++; `pybind11::capsule(pointer, [](void* p) { ... })`.
RUSHLIGHT_OBJECT(capsule, object)
  capsule(const void* pointer, void (*destroy)(void*))
      : object(::rushlight::checked(PyCapsule_New(const_cast<void*>(pointer), nullptr, &finish))) {
    PyCapsule_SetContext(ptr(), reinterpret_cast<void*>(destroy));
  }
  explicit capsule(const void* pointer) : capsule(pointer, [](void*) {}) {}
  template <class T>
  operator T*() const {
    return static_cast<T*>(PyCapsule_GetPointer(ptr(), nullptr));
  }

 private:
  static void finish(PyObject* self) {
    reinterpret_cast<void (*)(void*)>(PyCapsule_GetContext(self))(PyCapsule_GetPointer(self, nullptr));
  }
};
#undef RUSHLIGHT_FROM_OBJECT
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
inline iterator begin(handle from) { return iterator(from); }
inline iterator end(handle) { return iterator(); }

// Steps through the pairs of a dict.
class dict_iterator {
 public:
  explicit dict_iterator(handle of) : dict_(of) { ++*this; }
  dict_iterator() = default;
  std::pair<handle, handle> operator*() const { return {key_, value_}; }
  dict_iterator& operator++() {
    if (PyDict_Next(dict_.ptr(), &place_, &key_, &value_) == 0) key_ = value_ = nullptr;
    return *this;
  }
  bool operator!=(const dict_iterator& other) const { return key_ != other.key_; }
  bool operator==(const dict_iterator& other) const { return key_ == other.key_; }

 private:
  handle dict_;
  ssize_t place_ = 0;
  PyObject *key_ = nullptr, *value_ = nullptr;
};
inline dict_iterator begin(const dict& from) { return dict_iterator(from); }
inline dict_iterator end(const dict&) { return dict_iterator(); }

inline attribute_accessor handle::attr(const char* name) const { return {*this, name}; }
inline item_accessor handle::operator[](const char* key) const {
  return {*this, ::rushlight::Arg(key).object()};
}
inline item_accessor handle::operator[](handle key) const {
  return {*this, ::rushlight::Object::borrow(key.ptr())};
}
inline item_accessor handle::operator[](const std::string& key) const {
  return {*this, ::rushlight::Arg(std::string_view(key)).object()};
}
template <class Index, class>
item_accessor handle::operator[](Index index) const {
  return {*this, ::rushlight::Arg(static_cast<int64_t>(index)).object()};
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
