// `Node.saved_tensors` where everything saved is a tensor, an output, an array or a number that
// nobody wrote to since. The property in node.py says what is done; it gets every other case.
#define NO_IMPORT_ARRAY
#include "_native/bind.h"
#include "autograd/_native/graph.h"

namespace rl::graph {
namespace {

PyObject* reference = nullptr;  // the property's function in node.py

bool same(PyObject* a, PyObject* b) {
  return a == b || (a != nullptr && b != nullptr && PyObject_RichCompareBool(a, b, Py_EQ) == 1);
}

// Saved.open; null if it is to be done in Python.
PyObject* open_output(PyObject* node, PyObject* item) {
  PyObject* counter = saveds.counter.get(item);
  if (!Py_IS_TYPE(counter, versions.type) ||
      !same(versions.value.get(counter), saveds.version.get(item)))
    return nullptr;
  PyObject* output = tensors.wrap(saveds.array.get(item));
  if (output == nullptr) return nullptr;
  tensors.counter.set(output, counter);
  tensors.requires_grad.set(output, Py_True);
  tensors.node.set(output, node);
  tensors.index.set(output, saveds.index.get(item));
  return output;
}

// One item as `backward` sees it (new); null if it is to be done in Python.
PyObject* unpack(PyObject* node, PyObject* item, PyObject* version) {
  if (item == Py_None || PyFloat_CheckExact(item) || PyLong_CheckExact(item)) return Py_NewRef(item);
  if (PyArray_CheckExact(item)) return tensors.wrap(item);
  if (Py_IS_TYPE(item, saveds.type)) return open_output(node, item);
  if (!tensors.is_instance(item)) return nullptr;
  PyObject* counter = tensors.counter.get(item);
  if (counter != Py_None && (counter == nullptr || !Py_IS_TYPE(counter, versions.type) ||
                             !same(versions.value.get(counter), version)))
    return nullptr;
  return Py_NewRef(item);
}

PyObject* unpack_all(PyObject* node) {
  static PyObject* const saved_name = interned("saved");
  static PyObject* const versions_name = interned("versions");
  nb::object saved = nb::steal(PyObject_GetAttr(node, saved_name));
  nb::object then = nb::steal(PyObject_GetAttr(node, versions_name));
  // Packed items are a list; a node without any has the class's empty tuples.
  if (!saved.is_valid() || !then.is_valid() || !PyList_CheckExact(saved.ptr()) ||
      !PyTuple_CheckExact(then.ptr()) ||
      PyList_GET_SIZE(saved.ptr()) != PyTuple_GET_SIZE(then.ptr()))
    return nullptr;
  const Py_ssize_t count = PyTuple_GET_SIZE(then.ptr());
  nb::object result = nb::steal(PyTuple_New(count));
  for (Py_ssize_t i = 0; result.is_valid() && i < count; ++i) {
    PyObject* item = unpack(node, PyList_GET_ITEM(saved.ptr(), i), PyTuple_GET_ITEM(then.ptr(), i));
    if (item == nullptr) return nullptr;
    PyTuple_SET_ITEM(result.ptr(), i, item);
  }
  return result.release().ptr();
}

PyObject* saved_tensors(PyObject*, PyObject* node) {
  if (enabled) {
    PyObject* tensors = unpack_all(node);
    if (tensors != nullptr) return tensors;
    PyErr_Clear();
  }
  return PyObject_CallOneArg(reference, node);
}

PyMethodDef definition = {
    "saved_tensors", saved_tensors, METH_O,
    "What `forward` saved, as Tensors; checks that nobody wrote to them since."};

}  // namespace

void bind_saved(nb::module_& m) {
  add_function(m, definition);
  m.def("install_saved_tensors", [](nb::object function) { reference = function.release().ptr(); });
}

}  // namespace rl::graph
