// Instances of the graph's Python classes, made, read and written without the interpreter.
//
// The classes stay what their Python files say. Where their `__slots__` lie in memory is read once
// from their member descriptors.
#pragma once
#include <nanobind/nanobind.h>

#include <cstddef>

namespace nb = nanobind;

namespace rl::graph {

// One name in a class's `__slots__`.
class Slot {
 public:
  // False if the class has no such slot: then nothing here may be used.
  bool find(PyTypeObject* type, const char* name);

  // Borrowed; null while nobody has set it.
  PyObject* get(PyObject* o) const { return *at(o); }
  // For instances just made, whose slots are empty.
  void init(PyObject* o, PyObject* value) const { *at(o) = Py_NewRef(value); }
  void set(PyObject* o, PyObject* value) const {
    PyObject* before = *at(o);
    *at(o) = Py_NewRef(value);
    Py_XDECREF(before);
  }

 private:
  PyObject** at(PyObject* o) const {
    return reinterpret_cast<PyObject**>(reinterpret_cast<char*>(o) + offset_);
  }
  Py_ssize_t offset_ = 0;
};

// What `object.__new__(type)` does; null with an exception set where that fails.
inline PyObject* make_instance(PyTypeObject* type) {
  static PyObject* const nothing = PyTuple_New(0);
  return PyBaseObject_Type.tp_new(type, nothing, nullptr);
}

struct TensorClass {
  PyTypeObject* type = nullptr;
  Slot array, requires_grad, node, index, grad, counter, view, hooks;

  bool find(PyTypeObject* tensor);
  bool is_instance(PyObject* o) const {
    return Py_TYPE(o) == type || PyType_IsSubtype(Py_TYPE(o), type);
  }
  // A new untracked Tensor over `array`; null with an exception set.
  PyObject* wrap(PyObject* array) const;
};

struct VersionClass {
  PyTypeObject* type = nullptr;
  Slot value;

  bool find(PyTypeObject* version);
  // The counter of `tensor`, made now if nobody asked for it before; borrowed.
  PyObject* share(PyObject* tensor) const;
};

struct SavedClass {
  PyTypeObject* type = nullptr;
  Slot array, counter, index, version;

  bool find(PyTypeObject* saved);
  // Stands for output `index`, the Tensor `output`, in the node that made it.
  PyObject* make(PyObject* output, PyObject* index) const;
};

struct ViewClass {
  PyTypeObject* type = nullptr;
  Slot parent, base, op, args, params, index, made_in, version;

  bool find(PyTypeObject* view);
};

extern TensorClass tensors;
extern VersionClass versions;
extern SavedClass saveds;
extern ViewClass views;

// An attribute's name, made once.
inline PyObject* interned(const char* name) { return PyUnicode_InternFromString(name); }

}  // namespace rl::graph
