// The interpreter: holding the GIL, owning objects, exceptions in both directions.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <rushlight/check.h>

#include <new>
#include <stdexcept>
#include <utility>

namespace rushlight {

// Holds the GIL, whether or not this thread had it.
class Gil {
 public:
  Gil() : state_(PyGILState_Ensure()) {}
  ~Gil() { PyGILState_Release(state_); }
  Gil(const Gil&) = delete;
  Gil& operator=(const Gil&) = delete;

 private:
  PyGILState_STATE state_;
};

// Owns a Python object. Copies and ends of life need the GIL.
class Object {
 public:
  Object() = default;
  static Object steal(PyObject* object) { return Object(object); }
  static Object borrow(PyObject* object) {
    Py_XINCREF(object);
    return Object(object);
  }
  Object(const Object& other) : object_(other.object_) { Py_XINCREF(object_); }
  Object(Object&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Object& operator=(Object other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Object() { Py_XDECREF(object_); }

  PyObject* get() const { return object_; }
  PyObject* release() { return std::exchange(object_, nullptr); }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  explicit Object(PyObject* object) : object_(object) {}
  PyObject* object_ = nullptr;
};

// An exception of Python on its way through C++; Python gets the same object back.
class PythonError : public c10::Error {
 public:
  // Takes the exception that is set. Needs the GIL.
  PythonError(std::string message, PyObject* exception)
      : Error(std::move(message)), exception_(exception) {}
  PythonError(const PythonError& other) : Error(other), exception_(other.exception_) {
    Gil gil;
    Py_XINCREF(exception_);
  }
  PythonError& operator=(const PythonError&) = delete;
  ~PythonError() override {
    if (!Py_IsInitialized()) return;
    Gil gil;
    Py_XDECREF(exception_);
  }
  const char* python_name() const noexcept override {
    return Py_TYPE(exception_)->tp_name;
  }
  PyObject* exception() const { return exception_; }
  bool matches(PyObject* type) const {
    Gil gil;
    return PyErr_GivenExceptionMatches(exception_, type) != 0;
  }
  // Makes it Python's current exception again.
  void restore() const {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception_)), exception_);
  }

 private:
  PyObject* exception_;
};

// Throws the exception that Python has set.
[[noreturn]] RUSHLIGHT_COLD inline void throw_python_error() {
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  if (type == nullptr) fail<c10::Error>("an exception was expected, and Python has set none");
  PyErr_NormalizeException(&type, &value, &traceback);
  if (traceback != nullptr) PyException_SetTraceback(value, traceback);
  Py_XDECREF(traceback);
  Py_DECREF(type);
  const Object text = Object::steal(PyObject_Str(value));
  const char* message = text ? PyUnicode_AsUTF8(text.get()) : nullptr;
  if (message == nullptr) PyErr_Clear();
  throw PythonError(message == nullptr ? "" : message, value);
}

// Owns what a function of Python's returned; throws if that was an exception.
inline Object checked(PyObject* result) {
  if (C10_UNLIKELY(result == nullptr)) throw_python_error();
  return Object::steal(result);
}
inline void checked(int result) {
  if (C10_UNLIKELY(result < 0)) throw_python_error();
}

inline Object import(const char* module) { return checked(PyImport_ImportModule(module)); }
inline Object attribute(PyObject* object, const char* name) {
  return checked(PyObject_GetAttrString(object, name));
}

// A module that is imported once; the reference is kept for ever.
inline PyObject* module_of(PyObject*& cache, const char* name) {
  if (cache == nullptr) cache = import(name).release();
  return cache;
}
inline PyObject* rushlight_module = nullptr;
inline PyObject* library() { return module_of(rushlight_module, "rushlight"); }
// What is written in Python because it is not worth compiling into every extension.
inline PyObject* runtime_module = nullptr;
inline PyObject* runtime() {
  return module_of(runtime_module, "rushlight.utils.cpp_extension._runtime");
}

// The type in Python of an exception of the C++ library.
inline PyObject* python_type(const std::exception& error) {
  const auto is = [&error](auto* type) { return dynamic_cast<decltype(type)>(&error) != nullptr; };
  if (is(static_cast<const std::out_of_range*>(nullptr))) return PyExc_IndexError;
  if (is(static_cast<const std::overflow_error*>(nullptr))) return PyExc_OverflowError;
  const bool is_value = is(static_cast<const std::invalid_argument*>(nullptr)) ||
                        is(static_cast<const std::domain_error*>(nullptr)) ||
                        is(static_cast<const std::length_error*>(nullptr)) ||
                        is(static_cast<const std::range_error*>(nullptr));
  return is_value ? PyExc_ValueError : PyExc_RuntimeError;
}

// Makes the C++ exception being handled Python's exception. To be called in a catch block.
RUSHLIGHT_COLD inline void raise_current_exception() {
  Gil gil;
  try {
    throw;
  } catch (const PythonError& error) {
    error.restore();
  } catch (const c10::Error& error) {
    PyObject* type =
        PyObject_CallMethod(runtime(), "exception_type", "s", error.python_name());
    if (type != nullptr) PyErr_SetString(type, error.what());
  } catch (const std::bad_alloc& error) {
    PyErr_SetString(PyExc_MemoryError, error.what());
  } catch (const std::exception& error) {
    PyErr_SetString(python_type(error), error.what());
  } catch (...) {
    PyErr_SetString(PyExc_RuntimeError, "Caught an unknown exception!");
  }
}

inline void warn(const std::string& message) {
  Gil gil;
  checked(PyErr_WarnEx(PyExc_UserWarning, message.c_str(), 1));
}

// A name known while compiling: its Python string, made at the first use. Needs the GIL.
struct Name {
  const char* text;
  PyObject* object = nullptr;
  PyObject* function = nullptr;  // what the name means in the library

  PyObject* get() {
    if (object == nullptr) object = checked(PyUnicode_InternFromString(text)).release();
    return object;
  }
};

}  // namespace rushlight
