// The native paths through the graph: calls of operators, saved tensors, the reverse walk.
//
// Each does what the Python function it stands for does in the plain case, and hands everything
// else to that function. Nothing here is used unless Python installs it.
#pragma once
#include "autograd/_native/objects.h"

namespace rl::graph {

// False while the Python functions are to run instead, as tests that compare the two ask for.
extern bool enabled;

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

void bind_apply(nb::module_& m);
void bind_saved(nb::module_& m);
void bind_walk(nb::module_& m);
void bind_graph(nb::module_& m);

}  // namespace rl::graph
