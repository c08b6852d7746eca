// The reverse walk. `_Walk` in engine.py says what is done; its dictionaries are the state here too,
// and its methods get every node and leaf that has hooks, keeps its gradient, or has several outputs.
#define NO_IMPORT_ARRAY
#include <algorithm>
#include <utility>
#include <vector>

#include "_native/bind.h"
#include "autograd/_native/graph.h"

namespace rl::graph {
namespace {

// What the walk needs from Python, given once by `install_walk`. Never given back.
struct Names {
  PyObject *add, *accumulate;  // functions of engine.py
  PyObject* accumulating;      // its lock
  PyObject* anomaly;           // the module's dictionary
  PyObject* plain_run;         // Node.run
} names;

struct Strings {
  PyObject* pending = interned("pending");
  PyObject* grads = interned("grads");
  PyObject* shared = interned("shared");
  PyObject* ready = interned("ready");
  PyObject* accumulates = interned("accumulates");
  PyObject* arrived = interned("_arrived");
  PyObject* run_node = interned("_run_node");
  PyObject* finish_leaf = interned("_finish_leaf");
  PyObject* send = interned("send");
  PyObject* edges = interned("edges");
  PyObject* sequence = interned("sequence");
  PyObject* outputs = interned("outputs");
  PyObject* tensor_hooks = interned("tensor_hooks");
  PyObject* retained = interned("retained");
  PyObject* prehooks = interned("prehooks");
  PyObject* hooks = interned("hooks");
  PyObject* gives_away = interned("gives_away");
  PyObject* release = interned("release");
  PyObject* backward = interned("backward");
  PyObject* run = interned("run");
  PyObject* enabled = interned("enabled");
  PyObject* locked = interned("locked");
  PyObject* shared_keyword = PyTuple_Pack(1, shared);
  PyObject* take_keyword = PyTuple_Pack(1, interned("take"));
  PyObject* zero = PyLong_FromLong(0);
};

const Strings& strings() {
  static const Strings made;
  return made;
}

// A function below that fails has set a Python exception; this carries it up through C++.
[[noreturn]] void fail() { throw nb::python_error(); }

nb::object checked(PyObject* made) {
  if (made == nullptr) fail();
  return nb::steal(made);
}

nb::object attribute(PyObject* o, PyObject* name) { return checked(PyObject_GetAttr(o, name)); }

bool is_none(PyObject* o, PyObject* name) { return attribute(o, name).is_none(); }

bool is_true(PyObject* o) {
  const int truth = PyObject_IsTrue(o);
  if (truth < 0) fail();
  return truth == 1;
}

nb::object method(PyObject* o, PyObject* name, PyObject* argument) {
  return checked(PyObject_CallMethodOneArg(o, name, argument));
}

// Borrowed, or null.
PyObject* look_up(PyObject* dict, PyObject* key) {
  PyObject* found = PyDict_GetItemWithError(dict, key);
  if (found == nullptr && PyErr_Occurred()) fail();
  return found;
}

void put(PyObject* dict, PyObject* key, PyObject* value) {
  if (PyDict_SetItem(dict, key, value) != 0) fail();
}

// Takes a value out of a dictionary; invalid if it is not there.
nb::object pop(PyObject* dict, PyObject* key) {
  nb::object found = nb::borrow(look_up(dict, key));
  if (found.is_valid() && PyDict_DelItem(dict, key) != 0) fail();
  return found;
}

PyObject* edge_target(PyObject* edge) {
  if (!PyTuple_Check(edge) || PyTuple_GET_SIZE(edge) != 2) {
    PyErr_SetString(PyExc_TypeError, "an edge is a pair of a node or leaf and an index");
    fail();
  }
  return PyTuple_GET_ITEM(edge, 0);
}

// A node's edges as a tuple.
nb::object edges_of(PyObject* node) {
  nb::object edges = attribute(node, strings().edges);
  return PyTuple_CheckExact(edges.ptr()) ? edges : checked(PySequence_Tuple(edges.ptr()));
}

// ---- counting ----

// The edges that lead to everything reachable from `sources`: _count_edges.
nb::object count_edges(nb::handle sources) {
  nb::object pending = checked(PyDict_New());
  std::vector<nb::object> stack;
  nb::object first = checked(PySequence_List(sources.ptr()));
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(first.ptr()); ++i) {
    PyObject* source = PyList_GET_ITEM(first.ptr(), i);
    if (look_up(pending.ptr(), source) != nullptr) continue;
    put(pending.ptr(), source, strings().zero);
    if (!tensors.is_instance(source)) stack.push_back(nb::borrow(source));
  }
  while (!stack.empty()) {
    nb::object node = std::move(stack.back());
    stack.pop_back();
    nb::object edges = edges_of(node.ptr());
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(edges.ptr()); ++i) {
      PyObject* edge = PyTuple_GET_ITEM(edges.ptr(), i);
      if (edge == Py_None) continue;
      PyObject* target = edge_target(edge);
      PyObject* count = look_up(pending.ptr(), target);
      const long before = count == nullptr ? 0 : PyLong_AsLong(count);
      nb::object after = checked(PyLong_FromLong(before + 1));
      put(pending.ptr(), target, after.ptr());
      if (count == nullptr && !tensors.is_instance(target)) stack.push_back(nb::borrow(target));
    }
  }
  return pending;
}

// ---- walking ----

class Walk {
 public:
  explicit Walk(nb::handle walk)
      : walk_(walk.ptr()), pending_(attribute(walk_, strings().pending)),
        grads_(attribute(walk_, strings().grads)), shared_(attribute(walk_, strings().shared)),
        accumulates_(is_true(attribute(walk_, strings().accumulates).ptr())) {}

  // Takes over the nodes that wait in `_Walk.ready`. False, with nothing changed, if a leaf is
  // among them.
  bool take_ready();
  void run(bool keep_graph);

 private:
  using Entry = std::pair<long long, nb::object>;  // sequence, node
  static bool later(const Entry& a, const Entry& b) { return a.first < b.first; }

  void push(PyObject* node);
  nb::object pop_latest();
  void run_node(PyObject* node, bool keep_graph);
  nb::object arrived(PyObject* node);
  nb::object results_of(PyObject* node, PyObject* grads);
  void send(PyObject* edge, PyObject* grad, bool shared);
  void add_gradient(PyObject* source, PyObject* have, PyObject* grad);
  void count_down(PyObject* target);
  void finish_leaf(PyObject* leaf);

  PyObject* walk_;
  nb::object pending_, grads_, shared_;
  bool accumulates_;
  std::vector<Entry> heap_;
};

void Walk::push(PyObject* node) {
  nb::object sequence = attribute(node, strings().sequence);
  const long long number = PyLong_AsLongLong(sequence.ptr());
  if (number == -1 && PyErr_Occurred()) fail();
  heap_.emplace_back(number, nb::borrow(node));
  std::push_heap(heap_.begin(), heap_.end(), later);
}

nb::object Walk::pop_latest() {
  std::pop_heap(heap_.begin(), heap_.end(), later);
  nb::object node = std::move(heap_.back().second);
  heap_.pop_back();
  return node;
}

bool Walk::take_ready() {
  nb::object ready = attribute(walk_, strings().ready);
  const Py_ssize_t count = PyList_GET_SIZE(ready.ptr());
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* key = PyTuple_GET_ITEM(PyList_GET_ITEM(ready.ptr(), i), 0);
    if (PyLong_AsLongLong(key) >= 0) return false;
  }
  for (Py_ssize_t i = 0; i < count; ++i)
    push(PyTuple_GET_ITEM(PyList_GET_ITEM(ready.ptr(), i), 1));
  if (PyList_SetSlice(ready.ptr(), 0, count, nullptr) != 0) fail();
  return true;
}

// The gradients of a node's outputs, a list, after hooks; empty if none has come.
nb::object Walk::arrived(PyObject* node) {
  if (!is_none(node, strings().outputs) || !is_none(node, strings().tensor_hooks) ||
      !is_none(node, strings().retained))
    return method(walk_, strings().arrived, node);
  nb::object grad = pop(grads_.ptr(), node);
  nb::object list = checked(PyList_New(grad.is_valid() ? 1 : 0));
  if (grad.is_valid()) PyList_SET_ITEM(list.ptr(), 0, grad.release().ptr());
  return list;
}

bool is_falsy(PyObject* node, PyObject* name) {
  nb::object value = attribute(node, name);
  return value.is_none() || !is_true(value.ptr());
}

// What the node's gradient function returns, as a tuple.
nb::object Walk::results_of(PyObject* node, PyObject* grads) {
  PyObject* anomaly = look_up(names.anomaly, strings().enabled);
  const bool plain = anomaly == Py_False && is_falsy(node, strings().prehooks) &&
                     is_falsy(node, strings().hooks);
  if (!plain) {
    PyObject* args[] = {walk_, node, grads};
    return checked(PyObject_VectorcallMethod(strings().run_node, args, 3, nullptr));
  }
  nb::object results;
  nb::object run = attribute(reinterpret_cast<PyObject*>(Py_TYPE(node)), strings().run);
  if (run.ptr() == names.plain_run && PyList_GET_SIZE(grads) == 1) {
    nb::object grad = nb::borrow(PyList_GET_ITEM(grads, 0));
    results = method(node, strings().backward, grad.ptr());
  } else {
    results = method(node, strings().run, grads);
  }
  if (PyTuple_CheckExact(results.ptr())) return results;
  return checked(PyList_Check(results.ptr()) ? PyList_AsTuple(results.ptr())
                                             : PyTuple_Pack(1, results.ptr()));
}

void Walk::add_gradient(PyObject* source, PyObject* have, PyObject* grad) {
  if (have == nullptr) {
    put(grads_.ptr(), source, grad);
    return;
  }
  nb::object kept = nb::borrow(have);
  PyObject* args[] = {have, grad};
  nb::object sum = checked(PyObject_Vectorcall(names.add, args, 2, nullptr));
  put(grads_.ptr(), source, sum.ptr());
}

void Walk::send(PyObject* edge, PyObject* grad, bool shared) {
  PyObject* source = PyTuple_GET_ITEM(edge, 0);
  if (tensors.is_instance(source)) {
    PyObject* have = look_up(grads_.ptr(), source);
    const bool first = have == nullptr;
    add_gradient(source, have, grad);
    const int done = first && shared ? PySet_Add(shared_.ptr(), source)
                                     : PySet_Discard(shared_.ptr(), source);
    if (done < 0) fail();
  } else if (is_none(source, strings().outputs)) {
    add_gradient(source, look_up(grads_.ptr(), source), grad);
  } else {
    PyObject* args[] = {walk_, edge, grad, shared ? Py_True : Py_False};
    checked(PyObject_VectorcallMethod(strings().send, args, 3, strings().shared_keyword));
  }
}

void Walk::count_down(PyObject* target) {
  PyObject* count = look_up(pending_.ptr(), target);
  if (count == nullptr) {
    PyErr_SetObject(PyExc_KeyError, target);
    fail();
  }
  const long left = PyLong_AsLong(count) - 1;
  nb::object after = checked(PyLong_FromLong(left));
  put(pending_.ptr(), target, after.ptr());
  if (left != 0) return;
  if (tensors.is_instance(target)) {
    finish_leaf(target);
  } else {
    push(target);
  }
}

// Whether elements of a leaf and of its gradient lie in one order of dimensions.
bool in_one_order(PyArrayObject* a, PyArrayObject* b) {
  if (PyArray_IS_C_CONTIGUOUS(a) && PyArray_IS_C_CONTIGUOUS(b)) return true;
  return PyArray_NDIM(a) == PyArray_NDIM(b) &&
         std::equal(PyArray_STRIDES(a), PyArray_STRIDES(a) + PyArray_NDIM(a), PyArray_STRIDES(b));
}

// Whether `grad` may become the first gradient of `leaf` as it is: the case of `_accumulate` and
// `_own` that copies nothing.
bool can_take(PyObject* leaf, PyObject* grad) {
  PyObject* of_leaf = tensors.array.get(leaf);
  if (!Py_IS_TYPE(grad, tensors.type) || tensors.grad.get(leaf) != Py_None || of_leaf == nullptr ||
      !PyArray_CheckExact(of_leaf) || tensors.requires_grad.get(grad) != Py_False ||
      tensors.view.get(grad) != Py_None)
    return false;
  PyObject* array = tensors.array.get(grad);
  if (array == nullptr || !PyArray_CheckExact(array) || Py_REFCNT(array) != 1) return false;
  auto *a = reinterpret_cast<PyArrayObject*>(array), *b = reinterpret_cast<PyArrayObject*>(of_leaf);
  return PyArray_BASE(a) == nullptr && PyArray_DESCR(a) == PyArray_DESCR(b) && in_one_order(a, b);
}

void Walk::finish_leaf(PyObject* leaf) {
  if (tensors.hooks.get(leaf) != Py_None || !accumulates_) {
    method(walk_, strings().finish_leaf, leaf);
    return;
  }
  nb::object grad = pop(grads_.ptr(), leaf);
  if (!grad.is_valid()) return;
  const int shared = PySet_Contains(shared_.ptr(), leaf);
  if (shared < 0) fail();
  if (!shared && can_take(leaf, grad.ptr())) {
    nb::object kept = checked(tensors.wrap(tensors.array.get(grad.ptr())));
    nb::object locked = checked(PyObject_CallMethodNoArgs(names.accumulating, strings().locked));
    // Nothing lets another thread run between these two lines.
    if (locked.ptr() == Py_False && tensors.grad.get(leaf) == Py_None) {
      tensors.grad.set(leaf, kept.ptr());
      return;
    }
  }
  PyObject* args[] = {leaf, grad.ptr(), shared ? Py_False : Py_True};
  checked(PyObject_Vectorcall(names.accumulate, args, 2, strings().take_keyword));
}

// Whether a result is one of the gradients that came, or one of the results before it.
bool passed_on(PyObject* grads, PyObject* results, Py_ssize_t position) {
  PyObject* result = PyTuple_GET_ITEM(results, position);
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(grads); ++i)
    if (PyList_GET_ITEM(grads, i) == result) return true;
  for (Py_ssize_t i = 0; i < position; ++i)
    if (PyTuple_GET_ITEM(results, i) == result) return true;
  return false;
}

void Walk::run_node(PyObject* node, bool keep_graph) {
  nb::object grads = arrived(node), results;
  if (PyList_GET_SIZE(grads.ptr()) != 0) {
    results = results_of(node, grads.ptr());
    if (!keep_graph) checked(PyObject_CallMethodNoArgs(node, strings().release));
  }
  const Py_ssize_t count = results.is_valid() ? PyTuple_GET_SIZE(results.ptr()) : 0;
  nb::object edges = edges_of(node);
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(edges.ptr()); ++i) {
    PyObject* edge = PyTuple_GET_ITEM(edges.ptr(), i);
    if (edge == Py_None) continue;
    PyObject* target = edge_target(edge);
    PyObject* result = i < count ? PyTuple_GET_ITEM(results.ptr(), i) : Py_None;
    if (result != Py_None) {
      const bool shared = passed_on(grads.ptr(), results.ptr(), i) ||
                          !is_true(attribute(node, strings().gives_away).ptr());
      send(edge, result, shared);
    }
    count_down(target);
  }
}

void Walk::run(bool keep_graph) {
  while (!heap_.empty()) run_node(pop_latest().ptr(), keep_graph);
}

// Runs a `_Walk` without targets; False, with nothing done, if Python has to.
bool run_walk(nb::handle state, bool keep_graph) {
  if (!enabled) return false;
  Walk walk(state);
  if (!walk.take_ready()) return false;
  walk.run(keep_graph);
  return true;
}

}  // namespace

void bind_walk(nb::module_& m) {
  m.def("count_edges", &count_edges);
  m.def("run_walk", &run_walk);
  m.def("install_walk", [](nb::dict from) {
    const auto keep = [&](const char* name) { return nb::object(from[name]).release().ptr(); };
    names = {keep("add"), keep("accumulate"), keep("accumulating"), keep("anomaly"),
             keep("plain_run")};
  });
}

}  // namespace rl::graph
