// Python modules: PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) { m.def("name", &function, "doc"); }
#pragma once

#include <rushlight/function.h>

namespace pybind11 {

class module_ : public object {
 public:
  explicit module_(::rushlight::Object owner) : object(std::move(owner)) {}
  static module_ import(const char* name) { return module_(::rushlight::import(name)); }

  // Adds a function: a pointer to one, or a lambda. Behind it come a docstring, `py::arg`s, guards.
  template <class F, class... Extra>
  module_& def(const char* name, F&& function, const Extra&... extra) {
    ::rushlight::define(ptr(), ::rushlight::record_of(name, static_cast<F&&>(function), extra...),
                        /*is_method=*/false);
    return *this;
  }
  module_ def_submodule(const char* name, const char* doc = nullptr) {
    const std::string full = std::string(str(attr("__name__"))) + "." + name;
    PyObject* made = PyImport_AddModule(full.c_str());
    module_ submodule(::rushlight::checked(Py_XNewRef(made)));
    if (doc != nullptr) submodule.doc() = doc;
    attr(name) = submodule;
    return submodule;
  }
  attribute_accessor doc() { return attr("__doc__"); }
  void add_object(const char* name, handle value) { attr(name) = value; }
};
using module = module_;

// Chooses among overloaded C++ functions: `py::overload_cast<int>(&f)`.
template <class... Args>
struct overload_cast_impl {
  template <class R>
  constexpr auto operator()(R (*function)(Args...)) const {
    return function;
  }
  template <class R, class C>
  constexpr auto operator()(R (C::*method)(Args...)) const {
    return method;
  }
  template <class R, class C>
  constexpr auto operator()(R (C::*method)(Args...) const, std::true_type) const {
    return method;
  }
};
template <class... Args>
constexpr overload_cast_impl<Args...> overload_cast{};
constexpr std::true_type const_{};

}  // namespace pybind11

namespace py = pybind11;

namespace torch {
// Around a function that is bound: nothing to add here.
template <class F>
auto wrap_pybind_function(F&& function) {
  return std::decay_t<F>(function);
}
template <class F>
auto wrap_pybind_function_no_gil(F&& function) {
  return std::decay_t<F>(function);
}
}  // namespace torch

namespace rushlight {

inline PyObject* make_module(PyModuleDef* definition, void (*fill)(pybind11::module_&)) {
  try {
    pybind11::module_ module(checked(PyModule_Create(definition)));
    fill(module);
    return module.release().ptr();
  } catch (...) {
    raise_current_exception();
    return nullptr;
  }
}

}  // namespace rushlight

#define RUSHLIGHT_PASTE_(a, b) a##b
#define RUSHLIGHT_PASTE(a, b) RUSHLIGHT_PASTE_(a, b)
#define RUSHLIGHT_QUOTE_(a) #a
#define RUSHLIGHT_QUOTE(a) RUSHLIGHT_QUOTE_(a)

#define PYBIND11_MODULE(name, variable, ...)                                           \
  static void RUSHLIGHT_PASTE(rushlight_fill_, name)(::pybind11::module_&);            \
  PyMODINIT_FUNC RUSHLIGHT_PASTE(PyInit_, name)() {                                    \
    static PyModuleDef definition = {                                                  \
        PyModuleDef_HEAD_INIT, RUSHLIGHT_QUOTE(name), nullptr, -1, nullptr,            \
        nullptr, nullptr, nullptr, nullptr};                                           \
    return ::rushlight::make_module(&definition, &RUSHLIGHT_PASTE(rushlight_fill_, name)); \
  }                                                                                    \
  static void RUSHLIGHT_PASTE(rushlight_fill_, name)(::pybind11::module_ & variable)
