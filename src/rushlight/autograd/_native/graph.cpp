#include "autograd/_native/graph.h"

namespace rl::graph {

bool enabled = false;

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

void bind_graph(nb::module_& m) {
  bind_apply(m);
  bind_saved(m);
  bind_walk(m);
  m.def("use_native_calls", [](bool on) { enabled = on; });
}

}  // namespace rl::graph
