#include "_native/interpreter.h"

namespace rl {
namespace {

PyObject* float_errors = nullptr;  // NumPy's context variable
PyObject* ignored = nullptr;       // its value

}  // namespace

#if PY_VERSION_HEX >= 0x030C0000
PyObject* take_error() { return PyErr_GetRaisedException(); }
void raise_again(PyObject* error) { PyErr_SetRaisedException(error); }
#else
PyObject* take_error() {
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  if (type == nullptr) return nullptr;
  PyErr_NormalizeException(&type, &value, &traceback);
  if (traceback != nullptr) PyException_SetTraceback(value, traceback);
  Py_DECREF(type);
  Py_XDECREF(traceback);
  return value;
}

void raise_again(PyObject* error) {
  if (error == nullptr) return;
  PyErr_Restore(Py_NewRef(Py_TYPE(error)), error, PyException_GetTraceback(error));
}
#endif

void add_function(nb::module_& m, PyMethodDef& definition) {
  nb::object module_name = m.attr("__name__");
  PyObject* function = PyCFunction_NewEx(&definition, nullptr, module_name.ptr());
  if (function == nullptr) nb::raise_python_error();
  m.attr(definition.ml_name) = nb::steal(function);
}

void IgnoreFloatErrors::install(nb::object variable, nb::object value) {
  if (!PyContextVar_CheckExact(variable.ptr())) throw nb::type_error("not a context variable");
  float_errors = variable.release().ptr();
  ignored = value.release().ptr();
}

bool IgnoreFloatErrors::begin() {
  PyObject* now = context_value(float_errors, nullptr);
  if (now == nullptr) return false;
  if (now == ignored) return true;  // within another operator or a reverse pass
  token_ = PyContextVar_Set(float_errors, ignored);
  return token_ != nullptr;
}

IgnoreFloatErrors::~IgnoreFloatErrors() {
  if (token_ == nullptr) return;
  PyObject* raised = take_error();
  if (PyContextVar_Reset(float_errors, token_) != 0) PyErr_Clear();
  raise_again(raised);
  Py_DECREF(token_);
}

}  // namespace rl
