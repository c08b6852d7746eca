// `Op.apply` for the plain case: no interceptors, or all of them passed; dense arrays, views up to
// date, one result that is an ndarray. The function in node.py says what is done; it is called for
// every other case.
//
// Cost of a call that records nothing: two dictionary look-ups, three context variables, the node,
// the Tensor, and the call of `forward`.
#define NO_IMPORT_ARRAY
#include <algorithm>

#include "_native/bind.h"
#include "autograd/_native/graph.h"

namespace rl::graph {

namespace {

constexpr Py_ssize_t kMaxArguments = 24;  // of forward, its keywords included

// What apply needs from Python, given once by `install_apply`. Never given back.
struct Names {
  PyObject *reference, *finish, *pack, *failed;  // functions of node.py
  PyObject *interception;                        // the module's dictionary
  PyObject *grad_mode, *saved_hooks;             // context variables
  PyObject* chain_done;                          // that the interceptors have seen this call
  PyObject *sequence;                            // itertools.count
  PyObject *inference_version;
  long recording, inference;  // values of grad_mode
} names;

struct Strings {
  PyObject* interceptors = interned("interceptors");
  PyObject* differentiable = interned("differentiable");
  PyObject* only_kernels = interned("only_kernels");
  PyObject* view = interned("view");
  PyObject* edges = interned("edges");
  PyObject* sequence = interned("sequence");
  PyObject* saved = interned("saved");
  PyObject* versions = interned("versions");
  PyObject* forward = interned("forward");
  PyObject* zero = PyLong_FromLong(0);
  PyObject* nothing = PyTuple_New(0);
};

const Strings& strings() {
  static const Strings made;
  return made;
}

// Whether a class attribute is true; negative with an exception set.
int class_flag(PyTypeObject* type, PyObject* name) {
  PyObject* value = PyObject_GetAttr(reinterpret_cast<PyObject*>(type), name);
  if (value == nullptr) return -1;
  const int flag = value == Py_False ? 0 : value == Py_True ? 1 : PyObject_IsTrue(value);
  Py_DECREF(value);
  return flag;
}

// One call of an operator.
class Call {
 public:
  Call(PyObject* const* args, Py_ssize_t count, PyObject* keywords)
      : cls_(reinterpret_cast<PyTypeObject*>(args[0])), inputs_(args + 1), count_(count - 1),
        keywords_(keywords), keyword_count_(keywords ? PyTuple_GET_SIZE(keywords) : 0) {}
  ~Call() {
    for (Py_ssize_t i = 0; i < read_; ++i) Py_DECREF(arrays()[i]);
    Py_XDECREF(node_);
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // Looks at everything that decides whether this is the plain case, and changes nothing. False
  // otherwise.
  bool prepare();
  // The operator's result; null with an exception set.
  PyObject* run();

 private:
  PyObject** arrays() { return stack_ + 2; }
  bool read_input(PyObject* x);
  bool start_afresh();
  bool record();
  PyObject* finish(PyObject* result);
  PyObject* finish_in_python(PyObject* result);
  PyObject* translate_error();
  bool share_view(PyObject* output);
  bool pack(PyObject* output);
  PyObject* pack_item(PyObject* item, PyObject* output, PyObject** version);
  bool pack_in_python(PyObject* output);
  nb::object inputs_tuple() const;
  nb::object arrays_list();
  nb::object params_dict() const;

  PyTypeObject* cls_;
  PyObject* const* inputs_;
  Py_ssize_t count_;
  PyObject* keywords_;
  Py_ssize_t keyword_count_;
  bool tracked_ = false;
  int view_ = 0;
  PyObject* grad_mode_ = nullptr;  // borrowed from a context: one of three small integers
  PyObject* node_ = nullptr;
  Py_ssize_t read_ = 0;
  PyObject* stack_[kMaxArguments + 2];  // a free place, the node, the arrays, keyword values
};

bool Call::read_input(PyObject* x) {
  PyObject* array = x;
  if (tensors.is_instance(x)) {
    array = tensors.array.get(x);
    PyObject* view = tensors.view.get(x);
    PyObject* wanted = tensors.requires_grad.get(x);
    if (array == nullptr || view == nullptr) return false;
    if (view != Py_None) {
      PyObject* counter = tensors.counter.get(x);
      if (!Py_IS_TYPE(view, views.type) || counter == nullptr || !Py_IS_TYPE(counter, versions.type))
        return false;
      PyObject *then = views.version.get(view), *now = versions.value.get(counter);
      if (then != now && (then == nullptr || now == nullptr ||
                          PyObject_RichCompareBool(then, now, Py_EQ) != 1))
        return false;
    }
    if (wanted == Py_True) {
      tracked_ = true;
    } else if (wanted != Py_False) {
      return false;
    }
  }
  arrays()[read_++] = Py_NewRef(array);
  return true;
}

bool Call::prepare() {
  PyObject* interceptors = PyDict_GetItem(names.interception, strings().interceptors);
  if (interceptors == nullptr || !PyTuple_CheckExact(interceptors) ||
      count_ + keyword_count_ > kMaxArguments)
    return false;
  const bool intercepted = PyTuple_GET_SIZE(interceptors) != 0;
  if (intercepted && context_value(names.chain_done, nullptr) != Py_True) return false;
  for (Py_ssize_t i = 0; i < count_; ++i)
    if (!read_input(inputs_[i])) return false;
  grad_mode_ = context_value(names.grad_mode, nullptr);
  if (grad_mode_ == nullptr || !PyLong_CheckExact(grad_mode_)) return false;
  if (tracked_) {
    const int differentiable =
        PyLong_AsLong(grad_mode_) == names.recording ? class_flag(cls_, strings().differentiable) : 0;
    if (differentiable < 0) return false;
    tracked_ = differentiable == 1;
  }
  return !intercepted || start_afresh();
}

// Operators that this one may call meet the interceptors again.
bool Call::start_afresh() {
  return nb::steal(PyContextVar_Set(names.chain_done, Py_False)).is_valid();
}

// The edge to where `x` came from; new.
PyObject* edge_to(PyObject* x) {
  if (!tensors.is_instance(x) || tensors.requires_grad.get(x) != Py_True)
    return Py_NewRef(Py_None);
  PyObject* node = tensors.node.get(x);
  return node == Py_None ? PyTuple_Pack(2, x, strings().zero)
                         : PyTuple_Pack(2, node, tensors.index.get(x));
}

bool Call::record() {
  nb::object edges = nb::steal(PyTuple_New(count_));
  if (!edges.is_valid()) return false;
  for (Py_ssize_t i = 0; i < count_; ++i) {
    PyObject* edge = edge_to(inputs_[i]);
    if (edge == nullptr) return false;
    PyTuple_SET_ITEM(edges.ptr(), i, edge);
  }
  nb::object sequence = nb::steal(PyIter_Next(names.sequence));
  return sequence.is_valid() && PyObject_SetAttr(node_, strings().edges, edges.ptr()) == 0 &&
         PyObject_SetAttr(node_, strings().sequence, sequence.ptr()) == 0;
}

PyObject* Call::run() {
  node_ = make_instance(cls_);
  if (node_ == nullptr || (tracked_ && !record())) return nullptr;
  view_ = class_flag(cls_, strings().view);
  const int by_kernels = view_ == 1 ? 1 : class_flag(cls_, strings().only_kernels);
  if (view_ < 0 || by_kernels < 0) return nullptr;
  stack_[1] = node_;
  std::copy_n(inputs_ + count_, keyword_count_, arrays() + count_);
  PyObject* result;
  {
    IgnoreFloatErrors ignore;
    if (by_kernels == 0 && !ignore.begin()) return nullptr;
    result = PyObject_VectorcallMethod(strings().forward, stack_ + 1,
                                       static_cast<size_t>(1 + count_) | PY_VECTORCALL_ARGUMENTS_OFFSET,
                                       keywords_);
  }
  if (result == nullptr)
    return PyErr_ExceptionMatches(PyExc_ValueError) ? translate_error() : nullptr;
  PyObject* finished = PyArray_CheckExact(result) ? finish(result) : finish_in_python(result);
  Py_DECREF(result);
  return finished;
}

PyObject* Call::finish(PyObject* result) {
  nb::object output = nb::steal(tensors.wrap(result));
  if (!output.is_valid()) return nullptr;
  if (view_ == 1) {
    if (count_ == 0 || !tensors.is_instance(inputs_[0])) return finish_in_python(result);
    if (!share_view(output.ptr())) return nullptr;
  } else if (PyLong_AsLong(grad_mode_) == names.inference) {
    tensors.counter.set(output.ptr(), names.inference_version);
  }
  if (tracked_) {
    tensors.requires_grad.set(output.ptr(), Py_True);
    tensors.node.set(output.ptr(), node_);
    if (!pack(output.ptr())) return nullptr;
  }
  return output.release().ptr();
}

// What View.__init__ does, and the shared version.
bool Call::share_view(PyObject* output) {
  PyObject* parent = inputs_[0];
  PyObject* outer = tensors.view.get(parent);
  PyObject* counter = versions.share(parent);
  if (counter == nullptr) return false;
  nb::object view = nb::steal(make_instance(views.type));
  nb::object args = nb::steal(PyTuple_New(count_ - 1));
  nb::object params = params_dict();
  if (!view.is_valid() || !args.is_valid() || !params.is_valid()) return false;
  for (Py_ssize_t i = 1; i < count_; ++i) PyTuple_SET_ITEM(args.ptr(), i - 1, Py_NewRef(inputs_[i]));
  PyObject* made_in = grad_mode_;
  if (outer != Py_None) {
    PyObject* before = views.made_in.get(outer);
    if (PyLong_AsLong(before) < PyLong_AsLong(made_in)) made_in = before;
  }
  PyObject* v = view.ptr();
  views.parent.init(v, parent);
  views.base.init(v, outer == Py_None ? parent : views.base.get(outer));
  views.op.init(v, reinterpret_cast<PyObject*>(cls_));
  views.args.init(v, args.ptr());
  views.params.init(v, params.ptr());
  views.index.init(v, Py_None);
  views.made_in.init(v, made_in);
  views.version.init(v, versions.value.get(counter));
  tensors.counter.set(output, counter);
  tensors.view.set(output, v);
  return true;
}

// Replaces saved arrays that are inputs or the output by what keeps them differentiable.
bool Call::pack(PyObject* output) {
  nb::object saved = nb::steal(PyObject_GetAttr(node_, strings().saved));
  if (!saved.is_valid()) return false;
  if (!PyTuple_CheckExact(saved.ptr())) return pack_in_python(output);
  const Py_ssize_t count = PyTuple_GET_SIZE(saved.ptr());
  if (count == 0) return true;
  PyObject* hooks = context_value(names.saved_hooks, strings().nothing);
  if (hooks == nullptr) return false;
  if (!PyTuple_CheckExact(hooks) || PyTuple_GET_SIZE(hooks) != 0) return pack_in_python(output);
  nb::object packed = nb::steal(PyList_New(count)), then = nb::steal(PyTuple_New(count));
  if (!packed.is_valid() || !then.is_valid()) return false;
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* version = strings().zero;
    PyObject* item = pack_item(PyTuple_GET_ITEM(saved.ptr(), i), output, &version);
    if (item == nullptr) return PyErr_Occurred() ? false : pack_in_python(output);
    PyList_SET_ITEM(packed.ptr(), i, item);
    PyTuple_SET_ITEM(then.ptr(), i, Py_NewRef(version));
  }
  return PyObject_SetAttr(node_, strings().saved, packed.ptr()) == 0 &&
         PyObject_SetAttr(node_, strings().versions, then.ptr()) == 0;
}

// What is kept for one saved item (new), and its version (borrowed). Null without an exception for
// an inference tensor, which the Python function refuses.
PyObject* Call::pack_item(PyObject* item, PyObject* output, PyObject** version) {
  for (Py_ssize_t place = 0; place < count_; ++place) {
    PyObject* x = inputs_[place];
    if (arrays()[place] != item || !tensors.is_instance(x)) continue;
    PyObject* counter = tensors.counter.get(x);
    if (counter == names.inference_version) return nullptr;
    if (counter != Py_None) *version = versions.value.get(counter);
    return Py_NewRef(x);
  }
  if (tensors.array.get(output) == item) return saveds.make(output, strings().zero);
  return Py_NewRef(item);
}

bool Call::pack_in_python(PyObject* output) {
  nb::object outputs = nb::steal(PyTuple_Pack(1, output));
  nb::object inputs = inputs_tuple(), arrays = arrays_list();
  if (!outputs.is_valid() || !inputs.is_valid() || !arrays.is_valid()) return false;
  PyObject* done = PyObject_CallFunctionObjArgs(names.pack, node_, inputs.ptr(), arrays.ptr(),
                                                outputs.ptr(), nullptr);
  Py_XDECREF(done);
  return done != nullptr;
}

PyObject* Call::finish_in_python(PyObject* result) {
  nb::object inputs = inputs_tuple(), arrays = arrays_list(), params = params_dict();
  if (!inputs.is_valid() || !arrays.is_valid() || !params.is_valid()) return nullptr;
  return PyObject_CallFunctionObjArgs(names.finish, node_, result, inputs.ptr(), arrays.ptr(),
                                      tracked_ ? Py_True : Py_False, grad_mode_, params.ptr(), nullptr);
}

// Raises what the user is to see of a ValueError; always null.
PyObject* Call::translate_error() {
  nb::object error = nb::steal(take_error());
  nb::object arrays = arrays_list();
  if (!arrays.is_valid()) return nullptr;
  return PyObject_CallFunctionObjArgs(names.failed, reinterpret_cast<PyObject*>(cls_), error.ptr(),
                                      arrays.ptr(), nullptr);
}

nb::object Call::inputs_tuple() const {
  nb::object inputs = nb::steal(PyTuple_New(count_));
  if (inputs.is_valid())
    for (Py_ssize_t i = 0; i < count_; ++i) PyTuple_SET_ITEM(inputs.ptr(), i, Py_NewRef(inputs_[i]));
  return inputs;
}

nb::object Call::arrays_list() {
  nb::object list = nb::steal(PyList_New(count_));
  if (list.is_valid())
    for (Py_ssize_t i = 0; i < count_; ++i) PyList_SET_ITEM(list.ptr(), i, Py_NewRef(arrays()[i]));
  return list;
}

nb::object Call::params_dict() const {
  nb::object params = nb::steal(PyDict_New());
  for (Py_ssize_t i = 0; params.is_valid() && i < keyword_count_; ++i)
    if (PyDict_SetItem(params.ptr(), PyTuple_GET_ITEM(keywords_, i), inputs_[count_ + i]) != 0)
      params.reset();
  return params;
}

PyObject* op_apply(PyObject*, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  if (enabled && count > 0 && PyType_Check(args[0])) {
    Call call(args, count, keywords);
    if (call.prepare()) return call.run();
    PyErr_Clear();
  }
  return PyObject_Vectorcall(names.reference, args, static_cast<size_t>(count), keywords);
}

PyObject* wrap(PyObject*, PyObject* array) { return tensors.wrap(array); }

template <class F>
PyCFunction as_c_function(F* f) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}

PyMethodDef apply_definition = {
    "apply", as_c_function(op_apply), METH_FASTCALL | METH_KEYWORDS,
    "Run the operator on Tensors (or Python scalars) and record it if a gradient is wanted."};

PyMethodDef wrap_definition = {"wrap", wrap, METH_O,
                               "wrap($module, array, /)\n--\n\n"
                               "Return a Tensor over `array`, untracked, without copying."};

PyTypeObject* type_of(nb::handle from, const char* name) {
  return reinterpret_cast<PyTypeObject*>(nb::object(from[name]).release().ptr());
}

// False if this Python or these classes are not what the code expects.
bool install_apply(nb::dict from) {
#if defined(Py_GIL_DISABLED) || PY_VERSION_HEX < 0x030B0000 || PY_VERSION_HEX >= 0x030F0000
  return false;
#endif
  if (tensors.type == nullptr || !versions.find(type_of(from, "Version")) ||
      !saveds.find(type_of(from, "Saved")) || !views.find(type_of(from, "View")))
    return false;
  const auto keep = [&](const char* name) { return nb::object(from[name]).release().ptr(); };
  names.reference = keep("apply");
  names.finish = keep("finish");
  names.pack = keep("pack");
  names.failed = keep("failed");
  names.interception = keep("interception");
  names.grad_mode = keep("grad_mode");
  names.saved_hooks = keep("saved_hooks");
  names.chain_done = keep("chain_done");
  names.sequence = keep("sequence");
  names.inference_version = keep("INFERENCE_VERSION");
  names.recording = nb::cast<long>(from["GRAD"]);
  names.inference = nb::cast<long>(from["INFERENCE"]);
  if (!PyIter_Check(names.sequence) || !PyContextVar_CheckExact(names.grad_mode) ||
      !PyContextVar_CheckExact(names.saved_hooks) || !PyContextVar_CheckExact(names.chain_done))
    return false;
  enabled = true;
  return true;
}

}  // namespace

void bind_apply(nb::module_& m) {
  add_function(m, apply_definition);
  add_function(m, wrap_definition);
  m.def("install_wrap", [](nb::handle tensor) {
    return PyType_Check(tensor.ptr()) && tensors.find(reinterpret_cast<PyTypeObject*>(tensor.ptr()));
  });
  m.def("install_apply", &install_apply);
}

}  // namespace rl::graph
