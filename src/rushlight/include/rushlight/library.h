// Operators for torch.ops: TORCH_LIBRARY(ns, m) { m.def("scale(Tensor x, float by) -> Tensor"); }
#pragma once

#include <rushlight/autograd.h>
#include <rushlight/function.h>

namespace c10 {

// Only the keys for which extensions register kernels.
#define RUSHLIGHT_FOR_EACH_KEY(X)                                                               \
  X(CPU) X(CUDA) X(Meta) X(Autograd) X(AutogradCPU) X(AutogradCUDA) X(ADInplaceOrView)          \
  X(Autocast) X(AutocastCPU) X(AutocastCUDA) X(CompositeImplicitAutograd)                       \
  X(CompositeExplicitAutograd) X(CatchAll) X(BackendSelect) X(SparseCPU) X(SparseCUDA)
enum class DispatchKey {
#define RUSHLIGHT_KEY(name) name,
  RUSHLIGHT_FOR_EACH_KEY(RUSHLIGHT_KEY)
#undef RUSHLIGHT_KEY
};
inline const char* toString(DispatchKey key) {
  constexpr const char* names[] = {
#define RUSHLIGHT_KEY(name) #name,
      RUSHLIGHT_FOR_EACH_KEY(RUSHLIGHT_KEY)
#undef RUSHLIGHT_KEY
  };
  return names[static_cast<int>(key)];
}

}  // namespace c10

namespace rushlight {

// How a C++ type is written in a schema.
template <class T>
struct SchemaType;
#define RUSHLIGHT_SCHEMA_TYPE(cpp, text)     \
  template <>                                \
  struct SchemaType<cpp> {                   \
    static std::string name() { return text; } \
  };
RUSHLIGHT_SCHEMA_TYPE(at::Tensor, "Tensor")
RUSHLIGHT_SCHEMA_TYPE(int64_t, "int")
RUSHLIGHT_SCHEMA_TYPE(double, "float")
RUSHLIGHT_SCHEMA_TYPE(bool, "bool")
RUSHLIGHT_SCHEMA_TYPE(std::string, "str")
RUSHLIGHT_SCHEMA_TYPE(std::string_view, "str")
RUSHLIGHT_SCHEMA_TYPE(c10::Scalar, "Scalar")
RUSHLIGHT_SCHEMA_TYPE(c10::ScalarType, "ScalarType")
RUSHLIGHT_SCHEMA_TYPE(c10::Device, "Device")
RUSHLIGHT_SCHEMA_TYPE(c10::Layout, "Layout")
RUSHLIGHT_SCHEMA_TYPE(c10::MemoryFormat, "MemoryFormat")
#undef RUSHLIGHT_SCHEMA_TYPE
template <class T>
struct SchemaType<std::optional<T>> {
  static std::string name() { return SchemaType<T>::name() + "?"; }
};
template <class T>
struct SchemaType<std::vector<T>> {
  static std::string name() { return SchemaType<T>::name() + "[]"; }
};
template <class T>
struct SchemaType<c10::ArrayRef<T>> : SchemaType<std::vector<T>> {};
template <class T>
struct SchemaType<c10::OptionalArrayRef<T>> : SchemaType<std::optional<std::vector<T>>> {};
template <class... T>
struct SchemaType<std::tuple<T...>> {
  static std::string name() {
    std::string names;
    ((names += (names.empty() ? "" : ", ") + SchemaType<T>::name()), ...);
    return "(" + names + ")";
  }
};
template <>
struct SchemaType<void> {
  static std::string name() { return "()"; }
};

template <class R, class... Args>
std::string schema_of(R (*)(Args...)) {
  std::string text = "(";
  int number = 0;
  ((text += text_of(number == 0 ? "" : ", ", SchemaType<Bare<Args>>::name(), " _", number), ++number),
   ...);
  return text + ") -> " + SchemaType<Bare<R>>::name();
}

}  // namespace rushlight

namespace at {

template <class Hook>
unsigned Tensor::register_hook(Hook&& hook) const {
  ::rushlight::Gil gil;
  const auto record = ::rushlight::record_of(
      "hook", [hook = std::decay_t<Hook>(hook)](Tensor gradient) mutable -> Tensor {
        if constexpr (std::is_void_v<decltype(hook(gradient))>) {
          hook(gradient);
          return Tensor();
        } else {
          return hook(gradient);
        }
      });
  const auto function = ::rushlight::python_function(record, {});
  ::rushlight::checked(PyObject_CallMethod(python_object(), "register_hook", "O", function.get()));
  return 0;
}

}  // namespace at

namespace torch {

// A kernel, and the dispatch key it is for, if it says so itself.
class CppFunction {
 public:
  template <class F, class = std::enable_if_t<!std::is_same_v<std::decay_t<F>, CppFunction>>>
  CppFunction(F&& function) : schema(::rushlight::schema_of(::rushlight::functor_signature(function))) {
    ::rushlight::Gil gil;
    record = ::rushlight::record_of("kernel", static_cast<F&&>(function));
  }
  std::string schema;  // what the C++ types say
  ::rushlight::Function* record;
  std::string key;
};
template <class F>
CppFunction dispatch(c10::DispatchKey key, F&& function) {
  CppFunction made(static_cast<F&&>(function));
  made.key = c10::toString(key);
  return made;
}
inline CppFunction dispatch(c10::DeviceType type, CppFunction function) {
  function.key = type == c10::kCUDA ? "CUDA" : type == c10::kMeta ? "Meta" : "CPU";
  return function;
}
inline const char* schema(const char* text) { return text; }

// The operators of a namespace. `key`: the kernels added are for this dispatch key.
class Library {
 public:
  Library(const char* name, const char* key) : namespace_(name), key_(key) {}

  // Defines an operator by its schema; a kernel may come with it.
  Library& def(const char* schema) { return add(schema, nullptr, ""); }
  Library& def(const char* schema, const std::vector<int>& /*tags*/) { return def(schema); }
  Library& def(const char* name_or_schema, CppFunction&& function) {
    std::string schema = name_or_schema;
    if (schema.find('(') == std::string::npos) schema += function.schema;
    return add(schema, function.record, function.key);
  }
  template <class F>
  Library& def(const char* name_or_schema, F&& function) {
    return def(name_or_schema, CppFunction(static_cast<F&&>(function)));
  }
  // Adds a kernel to an operator.
  Library& impl(const char* name, CppFunction&& function) {
    return add(name, function.record, function.key.empty() ? key_ : function.key);
  }
  template <class F>
  Library& impl(const char* name, F&& function) {
    return impl(name, CppFunction(static_cast<F&&>(function)));
  }
  template <class Key, class F>
  Library& impl(const char* name, Key key, F&& function) {
    return impl(name, dispatch(key, CppFunction(static_cast<F&&>(function))));
  }
  Library& impl_abstract_pystub(const char*, const char* = "") { return *this; }
  Library& set_python_module(const char*, const char* = "") { return *this; }

 private:
  Library& add(const std::string& text, ::rushlight::Function* record, const std::string& key) {
    if (key == "Autocast") return add(text, record, "AutocastCUDA");  // torch's older name of it
    ::rushlight::Gil gil;
    pybind11::object kernel = pybind11::none();
    if (record != nullptr) record->is_for_cpu = key == "CPU";
    if (record != nullptr) kernel = ::rushlight::python_function(record, {});
    const auto registry = ::rushlight::import("rushlight.library");
    pybind11::getattr(registry, "_register_native")(namespace_, text, kernel, key);
    return *this;
  }

  std::string namespace_, key_;
};

// Fills a Library when the extension is loaded. An exception cannot leave a static initialiser: it
// is printed, and the operators that follow are missing.
class LibraryInitialiser {
 public:
  LibraryInitialiser(const char* name, const char* key, void (*fill)(Library&)) {
    ::rushlight::Gil gil;
    try {
      Library library(name, key);
      fill(library);
    } catch (...) {
      ::rushlight::raise_current_exception();
      PyErr_Print();
    }
  }
};

}  // namespace torch

namespace c10 {

namespace impl {
// While a kernel runs, the operators it calls pass over the key the kernel is for by themselves.
struct ExcludeDispatchKeyGuard {
  explicit ExcludeDispatchKeyGuard(DispatchKey) {}
  ~ExcludeDispatchKeyGuard() {}
};
}  // namespace impl

// A registered operator, to be called from C++.
template <class Signature>
class TypedOperatorHandle;
template <class R, class... Args>
class TypedOperatorHandle<R(Args...)> {
 public:
  explicit TypedOperatorHandle(PyObject* function) : function_(function) {}
  R call(Args... args) const {
    ::rushlight::Gil gil;
    const pybind11::object result = pybind11::handle(function_)(args...);
    if constexpr (!std::is_void_v<R>) return result.template cast<::rushlight::Bare<R>>();
  }

 private:
  PyObject* function_;
};
class OperatorHandle {
 public:
  explicit OperatorHandle(PyObject* function) : function_(function) {}
  template <class Signature>
  TypedOperatorHandle<Signature> typed() const {
    return TypedOperatorHandle<Signature>(function_);
  }

 private:
  PyObject* function_;  // lives as long as the library
};
class Dispatcher {
 public:
  static Dispatcher& singleton() {
    static Dispatcher made;
    return made;
  }
  OperatorHandle findSchemaOrThrow(const char* name, const char* overload) const {
    ::rushlight::Gil gil;
    return OperatorHandle(::rushlight::checked(PyObject_CallMethod(::rushlight::runtime(), "operator",
                                                                   "ss", name, overload))
                              .release());
  }
};

}  // namespace c10

#define RUSHLIGHT_LIBRARY(ns, key, m, fill, initialiser)                                   \
  static void fill(::torch::Library&);                                                     \
  static const ::torch::LibraryInitialiser initialiser(#ns, key, &fill);                   \
  static void fill([[maybe_unused]] ::torch::Library& m)
#define TORCH_LIBRARY(ns, m)                                                     \
  RUSHLIGHT_LIBRARY(ns, "", m, C10_CONCATENATE(rushlight_library_fill_, ns),     \
                    C10_CONCATENATE(rushlight_library_, ns))
#define RUSHLIGHT_LIBRARY_NUMBERED(ns, key, m, number)                               \
  RUSHLIGHT_LIBRARY(ns, key, m, C10_CONCATENATE(rushlight_library_fill_, number),    \
                    C10_CONCATENATE(rushlight_library_, number))
#define TORCH_LIBRARY_FRAGMENT(ns, m) RUSHLIGHT_LIBRARY_NUMBERED(ns, "", m, __COUNTER__)
#define TORCH_LIBRARY_IMPL(ns, key, m) RUSHLIGHT_LIBRARY_NUMBERED(ns, #key, m, __COUNTER__)

// Around a kernel: it becomes a functor.
#define TORCH_FN(function) (&function)
#define TORCH_FN_TYPE(function) decltype(&function)
#define TORCH_SELECTIVE_NAME(name) name
#define TORCH_SELECTIVE_SCHEMA(name) name
