// Extensions over plain memory: functions of numbers and array views, and nothing of torch.
//
//     #include <rushlight/module.h>
//
//     void scale(rushlight::View<const double> x, double factor, rushlight::View<double> y) {
//       rushlight::check(x.size() == y.size(), "scale: x and y differ in size");
//       for (int64_t i = 0; i < x.size(); ++i) y[i] = factor * x[i];
//     }
//
//     RUSHLIGHT_MODULE(m) { m.def("scale", scale, "y = factor * x"); }
//
// A View is given by a rushlight Tensor, by anything with Python's buffer protocol (NumPy arrays,
// memoryviews) or by anything with DLPack (arrays of other libraries) whose memory the CPU can
// read. Results are written to arrays the caller has made. Functions run without the GIL: they get
// memory and numbers, so there is no Python for them to touch.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <rushlight/view.h>

#include <exception>

namespace rushlight {

// What `check` throws; Python sees a ValueError.
class ValueError : public std::exception {
 public:
  explicit ValueError(const char* message) : message_(message) {}
  const char* what() const noexcept override { return message_; }

 private:
  const char* message_;  // a literal
};

inline void check(bool condition, const char* message) {
  if (!condition) throw ValueError(message);
}

namespace detail {

// Numbers an argument list from 0; <utility> would cost a tenth of the compile time.
template <int... I>
struct Indices {};
template <int N, int... I>
struct CountTo : CountTo<N - 1, N - 1, I...> {};
template <int... I>
struct CountTo<0, I...> {
  using type = Indices<I...>;
};

// Where an argument is: for messages.
struct Place {
  const char* function;
  int index;
};

inline bool wrong_type(Place place, const char* expected, PyObject* got) {
  if (!PyErr_Occurred() || PyErr_ExceptionMatches(PyExc_TypeError)) {
    PyErr_Format(PyExc_TypeError, "%s(): argument %d must be %s, not %.200s", place.function,
                 place.index + 1, expected, Py_TYPE(got)->tp_name);
  }
  return false;
}

// An argument: made of a Python object by `load`, given to the function by `value`.
template <class T>
struct Argument {
  static_assert(Kind<T>::letter != '?', "this type cannot be an argument");
  T number;

  bool load(Place place, PyObject* object) {
    if constexpr (Kind<T>::letter == 'f') {
      double value = PyFloat_AsDouble(object);
      if (value == -1 && PyErr_Occurred()) return wrong_type(place, "a float", object);
      number = static_cast<T>(value);
      return true;
    } else if constexpr (Kind<T>::letter == 'u' && sizeof(T) == 8) {
      PyObject* index = PyNumber_Index(object);
      if (index == nullptr) return wrong_type(place, "an int", object);
      number = PyLong_AsUnsignedLongLong(index);
      Py_DECREF(index);
      return !PyErr_Occurred();
    } else {
      PyObject* index = PyNumber_Index(object);
      if (index == nullptr) return wrong_type(place, "an int", object);
      long long value = PyLong_AsLongLong(index);
      Py_DECREF(index);
      if (value == -1 && PyErr_Occurred()) return false;
      number = static_cast<T>(value);
      if (static_cast<long long>(number) == value) return true;
      PyErr_Format(PyExc_OverflowError, "%s(): argument %d: %lld does not fit into %s",
                   place.function, place.index + 1, value, Kind<T>::name);
      return false;
    }
  }
  T value() const { return number; }
};

template <>
struct Argument<bool> {
  bool truth;

  bool load(Place place, PyObject* object) {
    if (!PyBool_Check(object)) return wrong_type(place, "a bool", object);
    truth = object == Py_True;
    return true;
  }
  bool value() const { return truth; }
};

template <>
struct Argument<const char*> {
  const char* text;

  bool load(Place place, PyObject* object) {
    text = PyUnicode_Check(object) ? PyUnicode_AsUTF8(object) : nullptr;
    return text != nullptr || wrong_type(place, "a str", object);
  }
  const char* value() const { return text; }
};

template <class T, int N>
struct Argument<View<T, N>> {
  Memory memory;

  bool load(Place place, PyObject* object) {
    using Element = typename WithoutConst<T>::type;
    constexpr bool is_const = WithoutConst<T>::is_const;
    return memory.open(object, !is_const, place.function, place.index + 1) &&
           memory.has_type(Kind<Element>::letter, sizeof(T), Kind<Element>::name) &&
           memory.has_rank(N);
  }
  View<T, N> value() const {
    return View<T, N>(static_cast<T*>(memory.data), memory.rank, memory.shape, memory.strides);
  }
};

template <class T>
struct Argument<const T&> : Argument<T> {};

inline PyObject* to_python(bool value) { return PyBool_FromLong(value); }
inline PyObject* to_python(const char* value) { return PyUnicode_FromString(value); }
template <class T>
PyObject* to_python(T value) {
  static_assert(Kind<T>::letter != '?', "this type cannot be a result");
  if constexpr (Kind<T>::letter == 'f') {
    return PyFloat_FromDouble(static_cast<double>(value));
  } else if constexpr (Kind<T>::letter == 'u') {
    return PyLong_FromUnsignedLongLong(value);
  } else {
    return PyLong_FromLongLong(value);
  }
}

class WithoutGil {
 public:
  WithoutGil() : state_(PyEval_SaveThread()) {}
  ~WithoutGil() { PyEval_RestoreThread(state_); }
  WithoutGil(const WithoutGil&) = delete;

 private:
  PyThreadState* state_;
};

template <int I, class T>
struct Slot : Argument<T> {};

template <class Sequence, class... Args>
struct Arguments;

template <int... I, class... Args>
struct Arguments<Indices<I...>, Args...> : Slot<I, Args>... {
  bool load([[maybe_unused]] const char* function, [[maybe_unused]] PyObject* const* objects) {
    return (Slot<I, Args>::load(Place{function, I}, objects[I]) && ...);
  }
  template <class R>
  R call(R (*function)(Args...)) {
    WithoutGil without_gil;
    return function(Slot<I, Args>::value()...);
  }
};

// A function of the module, as long as the module lives.
struct Function {
  PyMethodDef definition;
  void (*pointer)();
};

template <class R, class... Args>
PyObject* call(PyObject* self, PyObject* const* objects, Py_ssize_t count) {
  auto* record = static_cast<Function*>(PyCapsule_GetPointer(self, nullptr));
  const char* name = record->definition.ml_name;
  constexpr int expected = sizeof...(Args);
  if (count != expected) {
    PyErr_Format(PyExc_TypeError, "%s() takes %d argument%s, got %zd", name, expected,
                 expected == 1 ? "" : "s", count);
    return nullptr;
  }
  try {
    Arguments<typename CountTo<expected>::type, Args...> arguments;
    if (!arguments.load(name, objects)) return nullptr;
    auto function = reinterpret_cast<R (*)(Args...)>(record->pointer);
    if constexpr (Kind<R>::letter == 'v') {
      arguments.call(function);
      Py_RETURN_NONE;
    } else {
      return to_python(arguments.call(function));
    }
  } catch (const ValueError& error) {
    PyErr_SetString(PyExc_ValueError, error.what());
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  } catch (...) {
    PyErr_Format(PyExc_RuntimeError, "%s(): threw something that is no std::exception", name);
  }
  return nullptr;
}

}  // namespace detail

// The Python module being made; `ok` is false once Python has raised an exception.
class Module {
 public:
  explicit Module(PyObject* object) : object_(object), ok_(object != nullptr) {}

  // Adds a function. Its arguments and its result tell how it is called.
  template <class R, class... Args>
  Module& def(const char* name, R (*function)(Args...), const char* doc = nullptr) {
    auto pointer = reinterpret_cast<PyCFunction>(
        reinterpret_cast<void (*)()>(&detail::call<R, Args...>));
    add(new detail::Function{{name, pointer, METH_FASTCALL, doc},
                             reinterpret_cast<void (*)()>(function)});
    return *this;
  }

  // Adds a constant.
  template <class T>
  Module& attr(const char* name, T value) {
    set(name, detail::to_python(value));
    return *this;
  }

  bool ok() const { return ok_; }

 private:
  void add(detail::Function* record) {
    PyObject* self = PyCapsule_New(record, nullptr, nullptr);
    PyObject* module_name = PyModule_GetNameObject(object_);
    PyObject* function = nullptr;
    if (self != nullptr && module_name != nullptr) {
      function = PyCFunction_NewEx(&record->definition, self, module_name);
    }
    Py_XDECREF(module_name);
    Py_XDECREF(self);
    set(record->definition.ml_name, function);
  }
  void set(const char* name, PyObject* value) {
    ok_ = ok_ && value != nullptr && PyModule_AddObjectRef(object_, name, value) == 0;
    Py_XDECREF(value);
  }

  PyObject* object_;
  bool ok_;
};

namespace detail {

inline PyObject* make_module(PyModuleDef* definition, void (*fill)(Module&)) {
  PyObject* object = PyModule_Create(definition);
  Module module(object);
  if (module.ok()) fill(module);
  if (module.ok()) return object;
  Py_XDECREF(object);
  return nullptr;
}

}  // namespace detail
}  // namespace rushlight

#define RUSHLIGHT_JOIN_(a, b) a##b
#define RUSHLIGHT_JOIN(a, b) RUSHLIGHT_JOIN_(a, b)
#define RUSHLIGHT_TEXT_(a) #a
#define RUSHLIGHT_TEXT(a) RUSHLIGHT_TEXT_(a)

// Makes the Python module; `m` is what the functions are added to. The build names the module
// (TORCH_EXTENSION_NAME).
#define RUSHLIGHT_MODULE(m)                                                                      \
  static void rushlight_fill_module(::rushlight::Module& m);                                     \
  PyMODINIT_FUNC RUSHLIGHT_JOIN(PyInit_, TORCH_EXTENSION_NAME)() {                               \
    static PyModuleDef definition = {                                                            \
        PyModuleDef_HEAD_INIT, RUSHLIGHT_TEXT(TORCH_EXTENSION_NAME), nullptr, -1, nullptr,       \
        nullptr, nullptr, nullptr, nullptr};                                                     \
    return ::rushlight::detail::make_module(&definition, rushlight_fill_module);                 \
  }                                                                                              \
  static void rushlight_fill_module(::rushlight::Module& m)
