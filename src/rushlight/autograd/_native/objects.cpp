#include "autograd/_native/objects.h"

#include <structmember.h>

namespace rl::graph {

TensorClass tensors;
VersionClass versions;
SavedClass saveds;
ViewClass views;

bool Slot::find(PyTypeObject* type, const char* name) {
  nb::object found = nb::steal(PyObject_GetAttrString(reinterpret_cast<PyObject*>(type), name));
  if (!found.is_valid() || !Py_IS_TYPE(found.ptr(), &PyMemberDescr_Type)) {
    PyErr_Clear();
    return false;
  }
  const PyMemberDef* member = reinterpret_cast<PyMemberDescrObject*>(found.ptr())->d_member;
  offset_ = member->offset;
  return member->type == T_OBJECT_EX;
}

bool TensorClass::find(PyTypeObject* tensor) {
  type = tensor;
  return array.find(tensor, "array") && requires_grad.find(tensor, "_requires_grad") &&
         node.find(tensor, "_node") && index.find(tensor, "_index") &&
         grad.find(tensor, "_grad") && counter.find(tensor, "_counter") &&
         view.find(tensor, "_view") && hooks.find(tensor, "_hooks");
}

PyObject* TensorClass::wrap(PyObject* value) const {
  static PyObject* const zero = PyLong_FromLong(0);
  PyObject* tensor = make_instance(type);
  if (tensor == nullptr) return nullptr;
  array.init(tensor, value);
  requires_grad.init(tensor, Py_False);
  index.init(tensor, zero);
  for (const Slot* slot : {&node, &grad, &counter, &view, &hooks}) slot->init(tensor, Py_None);
  return tensor;
}

bool VersionClass::find(PyTypeObject* version) {
  type = version;
  return value.find(version, "value");
}

PyObject* VersionClass::share(PyObject* tensor) const {
  static PyObject* const zero = PyLong_FromLong(0);
  PyObject* have = tensors.counter.get(tensor);
  if (have != Py_None) return have;
  PyObject* made = make_instance(type);
  if (made == nullptr) return nullptr;
  value.init(made, zero);
  tensors.counter.set(tensor, made);
  Py_DECREF(made);
  return made;
}

bool SavedClass::find(PyTypeObject* saved) {
  type = saved;
  return array.find(saved, "array") && counter.find(saved, "counter") &&
         index.find(saved, "index") && version.find(saved, "version");
}

PyObject* SavedClass::make(PyObject* output, PyObject* place) const {
  PyObject* shared = versions.share(output);
  if (shared == nullptr) return nullptr;
  PyObject* made = make_instance(type);
  if (made == nullptr) return nullptr;
  array.init(made, tensors.array.get(output));
  counter.init(made, shared);
  index.init(made, place);
  version.init(made, versions.value.get(shared));
  return made;
}

bool ViewClass::find(PyTypeObject* view) {
  type = view;
  return parent.find(view, "parent") && base.find(view, "base") && op.find(view, "op") &&
         args.find(view, "args") && params.find(view, "params") && index.find(view, "index") &&
         made_in.find(view, "made_in") && version.find(view, "version");
}

}  // namespace rl::graph
