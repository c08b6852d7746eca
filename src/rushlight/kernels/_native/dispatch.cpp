// A kernel as Python calls it: looks up the fast path for the first argument's exact type.
//
// `kernel()` in _kernel.py says what is done and makes these. The closure there costs 0.4 us a call,
// this 0.05.
#include "_native/dispatch.h"

#include <structmember.h>

#include <cstddef>

#include "_native/interpreter.h"

namespace rl {
namespace {

struct Kernel {
  PyObject_HEAD
  vectorcallfunc call;
  PyObject* reference;
  PyObject* active;    // dict: type -> fast path
  PyObject* declined;  // called instead of a fast path that returns NotImplemented
  PyObject* dict;
  PyObject* weak;
};

// Calls a function that computes with NumPy.
PyObject* call_quietly(PyObject* function, PyObject* const* args, size_t nargsf, PyObject* keywords) {
  IgnoreFloatErrors ignore;
  return ignore.begin() ? PyObject_Vectorcall(function, args, nargsf, keywords) : nullptr;
}

PyObject* call_kernel(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* keywords) {
  auto* k = reinterpret_cast<Kernel*>(self);
  if (PyVectorcall_NARGS(nargsf) > 0) {
    auto* type = reinterpret_cast<PyObject*>(Py_TYPE(args[0]));
    PyObject* path = PyDict_GetItemWithError(k->active, type);
    if (path != nullptr) {
      Py_INCREF(path);
      PyObject* result = PyObject_Vectorcall(path, args, nargsf, keywords);
      Py_DECREF(path);
      if (result != Py_NotImplemented) return result;
      Py_DECREF(result);
      return call_quietly(k->declined, args, nargsf, keywords);
    }
    if (PyErr_Occurred()) return nullptr;
  }
  return call_quietly(k->reference, args, nargsf, keywords);
}

// Kernel(reference, active, declined)
PyObject* new_kernel(PyTypeObject* type, PyObject* args, PyObject* keywords) {
  PyObject *reference, *active, *declined;
  if (keywords != nullptr && PyDict_GET_SIZE(keywords) != 0) {
    PyErr_SetString(PyExc_TypeError, "Kernel() takes no keyword arguments");
    return nullptr;
  }
  if (!PyArg_ParseTuple(args, "OO!O", &reference, &PyDict_Type, &active, &declined)) return nullptr;
  auto* k = reinterpret_cast<Kernel*>(type->tp_alloc(type, 0));
  if (k == nullptr) return nullptr;
  k->call = call_kernel;
  k->reference = Py_NewRef(reference);
  k->active = Py_NewRef(active);
  k->declined = Py_NewRef(declined);
  return reinterpret_cast<PyObject*>(k);
}

int traverse_kernel(PyObject* self, visitproc visit, void* arg) {
  auto* k = reinterpret_cast<Kernel*>(self);
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(k->reference);
  Py_VISIT(k->active);
  Py_VISIT(k->declined);
  Py_VISIT(k->dict);
  return 0;
}

int clear_kernel(PyObject* self) {
  auto* k = reinterpret_cast<Kernel*>(self);
  Py_CLEAR(k->reference);
  Py_CLEAR(k->active);
  Py_CLEAR(k->declined);
  Py_CLEAR(k->dict);
  return 0;
}

void free_kernel(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (reinterpret_cast<Kernel*>(self)->weak != nullptr) PyObject_ClearWeakRefs(self);
  clear_kernel(self);
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* show_kernel(PyObject* self) {
  PyObject* name = PyObject_GetAttrString(self, "__name__");
  if (name == nullptr) return nullptr;
  PyObject* text = PyUnicode_FromFormat("<kernel %U>", name);
  Py_DECREF(name);
  return text;
}

PyMemberDef members[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(Kernel, dict), READONLY, nullptr},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Kernel, weak), READONLY, nullptr},
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Kernel, call), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

PyGetSetDef properties[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

template <class F>
void* slot(F* function) {
  return reinterpret_cast<void*>(function);
}

}  // namespace

void bind_dispatch(nb::module_& m) {
  static PyType_Slot slots[] = {
      {Py_tp_new, slot(new_kernel)},       {Py_tp_dealloc, slot(free_kernel)},
      {Py_tp_traverse, slot(traverse_kernel)}, {Py_tp_clear, slot(clear_kernel)},
      {Py_tp_call, slot(PyVectorcall_Call)},   {Py_tp_repr, slot(show_kernel)},
      {Py_tp_members, members},            {Py_tp_getset, properties},
      {0, nullptr}};
  static PyType_Spec spec = {
      "rushlight.kernels._native._core.Kernel", sizeof(Kernel), 0,
      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL, slots};
  PyObject* type = PyType_FromSpec(&spec);
  if (type == nullptr) nb::raise_python_error();
  m.attr("Kernel") = nb::steal(type);
  m.def("install_float_errors", &IgnoreFloatErrors::install);
}

}  // namespace rl
