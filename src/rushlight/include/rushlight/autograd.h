// torch::autograd: operators with a hand-written gradient, and calls of the reverse pass.
//
// A C++ `struct Scale : torch::autograd::Function<Scale>` becomes a Python `autograd.Function`
// whose `forward` and `backward` call back, so that graphs, hooks and double backward are the
// library's.
#pragma once

#include <rushlight/ivalue.h>
#include <rushlight/modes.h>

namespace torch::autograd {

using Variable = at::Tensor;
using variable_list = std::vector<at::Tensor>;
using tensor_list = std::vector<at::Tensor>;

// Values by name, kept with the node.
class SavedData {
 public:
  c10::IValue& operator[](const std::string& name) {
    for (auto& entry : entries_) {
      if (entry.first == name) return entry.second;
    }
    entries_.emplace_back(name, c10::IValue());
    return entries_.back().second;
  }
  c10::IValue& at(const std::string& name) {
    TORCH_CHECK_INDEX(count(name) > 0, "nothing was saved as '", name, "'");
    return (*this)[name];
  }
  size_t count(const std::string& name) const {
    for (const auto& entry : entries_) {
      if (entry.first == name) return 1;
    }
    return 0;
  }
  size_t size() const { return entries_.size(); }

 private:
  std::vector<std::pair<std::string, c10::IValue>> entries_;
};

// What forward and backward share: the `ctx` of Python's `autograd.Function`.
class AutogradContext {
 public:
  AutogradContext(PyObject* context, SavedData& saved) : saved_data(saved), context_(context) {}

  void save_for_backward(const variable_list& tensors) { tell("save_for_backward", tensors); }
  void mark_dirty(const variable_list& tensors) { tell("mark_dirty", tensors); }
  void mark_non_differentiable(const variable_list& tensors) {
    tell("mark_non_differentiable", tensors);
  }
  void set_materialize_grads(bool value) {
    ::rushlight::Gil gil;
    context_.attr("set_materialize_grads")(value);
  }
  variable_list get_saved_variables() const {
    ::rushlight::Gil gil;
    return ::rushlight::Result<variable_list>::from(
        ::rushlight::attribute(context_.ptr(), "saved_tensors"));
  }
  bool needs_input_grad(size_t index) const {
    ::rushlight::Gil gil;
    // Behind the callable that Python's `forward` gets first.
    return context_.attr("needs_input_grad")[static_cast<Py_ssize_t>(index + 1)].cast<bool>();
  }

  SavedData& saved_data;

 private:
  void tell(const char* method, const variable_list& tensors) {
    ::rushlight::Gil gil;
    const ::rushlight::Object function = ::rushlight::attribute(context_.ptr(), method);
    const ::rushlight::Object all = ::rushlight::tensor_tuple(tensors.data(), tensors.size());
    ::rushlight::checked(PyObject_CallObject(function.get(), all.get()));
  }

  pybind11::handle context_;
};

}  // namespace torch::autograd

namespace rushlight {

// Keeps the SavedData of a node in its Python object.
inline torch::autograd::SavedData& saved_data_of(PyObject* context) {
  using torch::autograd::SavedData;
  constexpr const char* name = "_saved_data";
  Object capsule = Object::steal(PyObject_GetAttrString(context, name));
  if (!capsule) {
    PyErr_Clear();
    capsule = checked(PyCapsule_New(new SavedData, nullptr, [](PyObject* owner) {
      delete static_cast<SavedData*>(PyCapsule_GetPointer(owner, nullptr));
    }));
    checked(PyObject_SetAttrString(context, name, capsule.get()));
  }
  return *static_cast<SavedData*>(PyCapsule_GetPointer(capsule.get(), nullptr));
}

inline Object outputs_object(const at::Tensor& output) { return tensor_object(output); }
inline Object outputs_object(const at::TensorVector& outputs) {
  return tensor_tuple(outputs.data(), outputs.size());
}

// Calls a functor that takes the Python context and returns the Python result.
template <class F>
PyObject* call_with_context(PyObject* self, PyObject* context) {
  try {
    auto* function = static_cast<F*>(PyCapsule_GetPointer(self, nullptr));
    return (*function)(context).release();
  } catch (...) {
    raise_current_exception();
    return nullptr;
  }
}

// Python's `backward(ctx, *gradients)`.
template <class T>
PyObject* call_backward(PyObject*, PyObject* const* objects, Py_ssize_t count) {
  try {
    at::TensorVector gradients;
    for (Py_ssize_t i = 1; i < count; ++i) {
      gradients.push_back(at::Tensor::adopt(Object::borrow(objects[i])));
    }
    torch::autograd::AutogradContext context(objects[0], saved_data_of(objects[0]));
    return outputs_object(T::backward(&context, gradients)).release();
  } catch (...) {
    raise_current_exception();
    return nullptr;
  }
}

// The Python class that stands for T.
template <class T>
PyObject* function_class() {
  static PyObject* made = nullptr;
  if (made == nullptr) {
    static PyMethodDef backward = {
        "backward",
        reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&call_backward<T>)),
        METH_FASTCALL, nullptr};
    const Object function = checked(PyCFunction_New(&backward, nullptr));
    made = checked(PyObject_CallMethod(runtime(), "function_class", "sO", __PRETTY_FUNCTION__,
                                       function.get()))
               .release();
  }
  return made;
}

inline Object tensor_or_none(const at::Tensor& tensor) { return tensor_object(tensor); }
inline Object tensor_or_none(const std::optional<at::Tensor>& tensor) {
  return tensor.has_value() ? tensor_object(*tensor) : Object::borrow(Py_None);
}
template <class Other>
Object tensor_or_none(const Other&) {
  return Object::borrow(Py_None);
}

}  // namespace rushlight

namespace torch::autograd {

template <class T>
struct Function {
  template <class X = T, class... Args>
  static auto apply(Args&&... args) {
    using Output = std::decay_t<decltype(X::forward(std::declval<AutogradContext*>(),
                                                    std::forward<Args>(args)...))>;
    ::rushlight::Gil gil;
    auto forward = [&](PyObject* object) {
      AutogradContext context(object, ::rushlight::saved_data_of(object));
      return ::rushlight::outputs_object(X::forward(&context, std::forward<Args>(args)...));
    };
    static PyMethodDef definition = {"forward", &::rushlight::call_with_context<decltype(forward)>,
                                     METH_O, nullptr};
    const auto capsule = ::rushlight::checked(PyCapsule_New(&forward, nullptr, nullptr));
    const auto callable = ::rushlight::checked(PyCFunction_New(&definition, capsule.get()));
    const auto result = pybind11::getattr(::rushlight::function_class<X>(), "apply")(
        callable, ::rushlight::tensor_or_none(args)...);
    return ::rushlight::Result<Output>::from(::rushlight::Object::borrow(result.ptr()));
  }
};

inline variable_list grad(const variable_list& outputs, const variable_list& inputs,
                          const variable_list& grad_outputs = {},
                          std::optional<bool> retain_graph = std::nullopt,
                          bool create_graph = false, bool allow_unused = false) {
  using namespace rushlight;
  static Name name{"autograd_grad"};
  const at::TensorList given(grad_outputs);
  return call_runtime<variable_list>(name, {at::TensorList(outputs), at::TensorList(inputs), given,
                                            retain_graph, create_graph, allow_unused});
}
inline void backward(const variable_list& tensors, const variable_list& grad_tensors = {},
                     std::optional<bool> retain_graph = std::nullopt, bool create_graph = false) {
  using namespace rushlight;
  static Name name{"autograd_backward"};
  call_runtime<void>(name, {at::TensorList(tensors), at::TensorList(grad_tensors), retain_graph,
                            create_graph});
}

}  // namespace torch::autograd
