// What native code that calls back into Python needs of the interpreter.
#pragma once
#include <nanobind/nanobind.h>

namespace nb = nanobind;

namespace rl {

// Adds a C function to a module, with its name and documentation.
void add_function(nb::module_& m, PyMethodDef& definition);

// Takes the exception that is set, if there is one (new), and sets it again.
PyObject* take_error();
void raise_again(PyObject* error);

// Borrowed value of a context variable, `fallback` (borrowed) where it has none; null with an
// exception set.
inline PyObject* context_value(PyObject* variable, PyObject* fallback) {
  PyObject* value = nullptr;
  if (PyContextVar_Get(variable, fallback, &value) != 0) return nullptr;
  Py_XDECREF(value);  // the context keeps it
  return value != nullptr ? value : Py_None;
}

// NumPy's floating point errors are ignored while one of these lives, as between `set_errors(IGNORE)`
// and `restore_errors` of _float_errors.py. Costs a quarter of a microsecond, unless they are already.
class IgnoreFloatErrors {
 public:
  IgnoreFloatErrors() = default;
  ~IgnoreFloatErrors();
  IgnoreFloatErrors(const IgnoreFloatErrors&) = delete;
  IgnoreFloatErrors& operator=(const IgnoreFloatErrors&) = delete;

  // NumPy's context variable and the value to hold; given once.
  static void install(nb::object variable, nb::object value);
  // False with an exception set.
  bool begin();

 private:
  PyObject* token_ = nullptr;
};

}  // namespace rl
