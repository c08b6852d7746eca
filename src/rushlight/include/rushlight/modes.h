// Guards that set, for their lifetime, whether operations are recorded.
#pragma once

#include <rushlight/python.h>

namespace rushlight {

enum class Recording : long { inference = 0, off = 1, on = 2 };  // as in rushlight.autograd.mode

inline PyObject* grad_mode_variable = nullptr;
inline PyObject* grad_mode() {
  if (grad_mode_variable == nullptr) {
    grad_mode_variable = attribute(import("rushlight.autograd.mode").get(), "grad_mode").release();
  }
  return grad_mode_variable;
}
// Returns what `PyContextVar_Reset` takes to undo it.
inline Object set_recording(Recording mode) {
  const Object value = checked(PyLong_FromLong(static_cast<long>(mode)));
  return checked(PyContextVar_Set(grad_mode(), value.get()));
}
inline bool is_recording() {
  Gil gil;
  PyObject* value = nullptr;
  checked(PyContextVar_Get(grad_mode(), nullptr, &value));
  const Object owner = Object::steal(value);
  return PyLong_AsLong(value) == static_cast<long>(Recording::on);
}

class RecordingGuard {
 public:
  explicit RecordingGuard(Recording mode) {
    Gil gil;
    undo_ = set_recording(mode).release();
  }
  ~RecordingGuard() {
    Gil gil;
    const Object undo = Object::steal(undo_);
    if (PyContextVar_Reset(grad_mode(), undo_) < 0) PyErr_WriteUnraisable(grad_mode());
  }
  RecordingGuard(const RecordingGuard&) = delete;

 private:
  PyObject* undo_;
};

}  // namespace rushlight

namespace at {

struct NoGradGuard : ::rushlight::RecordingGuard {
  NoGradGuard() : RecordingGuard(::rushlight::Recording::off) {}
};
struct AutoGradMode : ::rushlight::RecordingGuard {
  explicit AutoGradMode(bool enabled)
      : RecordingGuard(enabled ? ::rushlight::Recording::on : ::rushlight::Recording::off) {}
};
struct GradMode {
  static bool is_enabled() { return ::rushlight::is_recording(); }
  static void set_enabled(bool enabled) {
    ::rushlight::Gil gil;
    ::rushlight::set_recording(enabled ? ::rushlight::Recording::on : ::rushlight::Recording::off);
  }
};
// What a kernel of an operator puts around its calls of operators: none of them goes to a kernel for
// gradients again, and none is recorded.
class AutoDispatchBelowAutograd {
 public:
  explicit AutoDispatchBelowAutograd(bool = true) {
    ::rushlight::Gil gil;
    const auto library = ::rushlight::import("rushlight.library");
    context_ = ::rushlight::checked(PyObject_CallMethod(library.get(), "_below", "s", "Autograd"));
    ::rushlight::checked(PyObject_CallMethod(context_.get(), "__enter__", nullptr));
  }
  ~AutoDispatchBelowAutograd() {
    ::rushlight::Gil gil;
    const auto context = std::move(context_);
    const auto result = ::rushlight::Object::steal(
        PyObject_CallMethod(context.get(), "__exit__", "OOO", Py_None, Py_None, Py_None));
    if (!result) PyErr_WriteUnraisable(context.get());
  }
  AutoDispatchBelowAutograd(const AutoDispatchBelowAutograd&) = delete;

 private:
  ::rushlight::Object context_;
};
using AutoDispatchBelowADInplaceOrView = AutoDispatchBelowAutograd;
using AutoNonVariableTypeMode = AutoDispatchBelowAutograd;

}  // namespace at

namespace c10 {
struct InferenceMode : ::rushlight::RecordingGuard {
  explicit InferenceMode(bool enabled = true)
      : RecordingGuard(enabled ? ::rushlight::Recording::inference : ::rushlight::Recording::on) {}
};
}  // namespace c10
