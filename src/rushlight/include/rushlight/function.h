// C++ functions as Python functions: matching arguments, overloads, docstrings, errors.
#pragma once

#include <rushlight/casters.h>

#include <cstring>

namespace pybind11 {

// `py::arg("x")`, and with `= value` its default.
struct arg_v;
struct arg {
  constexpr explicit arg(const char* name = nullptr) : name(name) {}
  arg& noconvert(bool = true) { return *this; }
  arg& none(bool allowed = true) {
    allows_none = allowed;
    return *this;
  }
  template <class T>
  arg_v operator=(T&& value) const;

  const char* name;
  bool allows_none = true;
};
struct arg_v : arg {
  arg_v(const arg& base, object value) : arg(base), value(std::move(value)) {}
  arg_v& noconvert(bool = true) { return *this; }
  object value;
};
template <class T>
arg_v arg::operator=(T&& value) const {
  return arg_v(*this, pybind11::cast(value));
}
namespace literals {
inline arg operator""_a(const char* name, size_t) { return arg(name); }
}  // namespace literals

// What else may stand in a definition, and changes nothing here.
template <size_t Nurse, size_t Patient>
struct keep_alive {};
struct kw_only {};
struct pos_only {};
struct is_operator {};
struct dynamic_attr {};
struct module_local {
  constexpr explicit module_local(bool = true) {}
};
struct arithmetic {};

}  // namespace pybind11

namespace rushlight {

constexpr int kMostParameters = 64;

// One overload. It lives as long as the process, as Python may call it until the end.
struct Function {
  using Invoke = PyObject* (*)(Function&, PyObject* const*);

  struct Parameter {
    const char* name = nullptr;  // nullptr: by position only
    PyObject* fallback = nullptr;
  };

  const char* name;
  Invoke invoke;                 // returns `next_overload()` if the arguments do not fit
  void* callable;                // the C++ function or functor
  void (*list_types)(PyObject* list);  // appends the types of the parameters and of the result
  Parameter* parameters;
  int count;
  bool has_args = false, has_kwargs = false;  // whether the last ones are *args and **kwargs
  bool is_for_cpu = false;
  const char* doc = "";
  Function* next = nullptr;
};

inline PyObject* next_overload() { return reinterpret_cast<PyObject*>(sizeof(void*)); }

// The signature as text.
RUSHLIGHT_COLD inline Object signature(const Function& function) {
  const Object types = checked(PyList_New(0));
  function.list_types(types.get());
  const Object result = checked(PySequence_GetItem(types.get(), function.count));
  checked(PyList_SetSlice(types.get(), function.count, function.count + 1, nullptr));
  const Object names = checked(PyList_New(0));
  const Object defaults = checked(PyDict_New());
  for (int i = 0; i < function.count; ++i) {
    const Function::Parameter& parameter = function.parameters[i];
    const int behind = function.count - i;  // this one and those that follow
    const char* name = parameter.name != nullptr ? parameter.name : "";
    if (function.has_kwargs && behind == 1) name = "**kwargs";
    if (function.has_args && behind == 1 + function.has_kwargs) name = "*args";
    checked(PyList_Append(names.get(), Arg(name).object().get()));
    if (parameter.fallback == nullptr) continue;
    checked(PyDict_SetItem(defaults.get(), Arg(i).object().get(), parameter.fallback));
  }
  return checked(PyObject_CallMethod(runtime(), "signature", "sOOOO", function.name, names.get(),
                                     types.get(), defaults.get(), result.get()));
}

// --- calling ---

template <class Guard>
struct Guarded {
  Guard guard;
};
template <>
struct Guarded<void> {};

template <class Result_, class Guard, class... Args>
struct Invoker {
  template <class F, size_t... I>
  static PyObject* run(F& function, PyObject* const* objects, std::index_sequence<I...>) {
    std::tuple<Caster<Bare<Args>>...> casters;
    const bool fits = (std::get<I>(casters).load(objects[I]) && ...);
    strictly = false;
    if (!fits) return next_overload();
    const auto call = [&]() -> Result_ {
      [[maybe_unused]] Guarded<Guard> guarded;
      return function(pass<Args>(std::get<I>(casters))...);
    };
    if constexpr (std::is_void_v<Result_>) {
      call();
      return Py_NewRef(Py_None);
    } else {
      return make_object(call()).release();
    }
  }
  // F is a pointer to a function, or a functor.
  template <class F>
  static PyObject* invoke(Function& record, PyObject* const* objects) {
    if constexpr (std::is_pointer_v<F>) {
      F function = reinterpret_cast<F>(record.callable);
      return run(function, objects, std::index_sequence_for<Args...>());
    } else {
      return run(*static_cast<F*>(record.callable), objects, std::index_sequence_for<Args...>());
    }
  }
};

// The arguments of a call in the order of the parameters.
struct Arranged {
  PyObject* slots[kMostParameters];
  Object args, kwargs;  // what goes to *args and **kwargs

  // Returns false if the arguments do not fit.
  bool arrange(const Function& function, PyObject* const* given, Py_ssize_t positional,
               PyObject* names) {
    const int count = function.count - function.has_args - function.has_kwargs;
    const Py_ssize_t named = names == nullptr ? 0 : PyTuple_GET_SIZE(names);
    if (positional > count && !function.has_args) return false;
    uint64_t used = 0;  // bits of the names
    for (int i = 0; i < count; ++i) {
      const Function::Parameter& parameter = function.parameters[i];
      slots[i] = i < positional ? given[i] : nullptr;
      for (Py_ssize_t k = 0; i >= positional && parameter.name != nullptr && k < named; ++k) {
        if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, k), parameter.name) == 0) {
          slots[i] = given[positional + k];
          used |= uint64_t{1} << k;
        }
      }
      if (slots[i] == nullptr) slots[i] = parameter.fallback;
      if (slots[i] == nullptr) return false;
    }
    if (function.has_args || function.has_kwargs) collect(function, given, positional, names, used);
    return function.has_kwargs || used == (uint64_t{1} << named) - 1;
  }

 private:
  RUSHLIGHT_COLD void collect(const Function& function, PyObject* const* given,
                              Py_ssize_t positional, PyObject* names, uint64_t used) {
    int place = function.count - function.has_args - function.has_kwargs;
    if (function.has_args) {
      const Py_ssize_t rest = positional > place ? positional - place : 0;
      args = tuple_of(given + place, static_cast<size_t>(rest), &Object::borrow);
      slots[place++] = args.get();
    }
    if (!function.has_kwargs) return;
    kwargs = checked(PyDict_New());
    const Py_ssize_t named = names == nullptr ? 0 : PyTuple_GET_SIZE(names);
    for (Py_ssize_t k = 0; k < named; ++k) {
      if ((used >> k & 1) != 0) continue;
      checked(PyDict_SetItem(kwargs.get(), PyTuple_GET_ITEM(names, k), given[positional + k]));
    }
    slots[place] = kwargs.get();
  }
};

RUSHLIGHT_COLD inline void raise_wrong_arguments(const Function& first, PyObject* const* given,
                                                 Py_ssize_t positional, PyObject* names) {
  const Object signatures = checked(PyList_New(0));
  for (const Function* function = &first; function != nullptr; function = function->next) {
    checked(PyList_Append(signatures.get(), signature(*function).get()));
  }
  const Object args = tuple_of(given, static_cast<size_t>(positional), &Object::borrow);
  const Object kwargs = checked(PyDict_New());
  const Py_ssize_t named = names == nullptr ? 0 : PyTuple_GET_SIZE(names);
  for (Py_ssize_t k = 0; k < named; ++k) {
    checked(PyDict_SetItem(kwargs.get(), PyTuple_GET_ITEM(names, k), given[positional + k]));
  }
  checked(PyObject_CallMethod(runtime(), "raise_wrong_arguments", "sOOO", first.name,
                              signatures.get(), args.get(), kwargs.get()));
}

// Tries the overloads in turn.
inline PyObject* call_overload(Function& first, PyObject* const* given, Py_ssize_t positional,
                               PyObject* names) {
  const bool has_several = first.next != nullptr;
  for (int pass = has_several ? 0 : 1; pass < 2; ++pass) {
    for (Function* function = &first; function != nullptr; function = function->next) {
      Arranged arranged;
      if (!arranged.arrange(*function, given, positional, names)) continue;
      strictly = pass == 0;
      const SeesCpu view(sees_cpu || function->is_for_cpu);
      PyObject* result = function->invoke(*function, arranged.slots);
      if (result != next_overload()) return result;
    }
  }
  raise_wrong_arguments(first, given, positional, names);
  return nullptr;
}

// Whether a function refused tensors that pass for the GPU's because it wants the CPU's.
RUSHLIGHT_COLD inline bool wants_cpu(const c10::Error& error) {
  const std::string& text = error.msg();
  const bool names_it = text.find("CPU") != std::string::npos ||
                        text.find("cpu") != std::string::npos ||
                        text.find("is_cuda()") != std::string::npos;
  return passes_for_cuda() && names_it;
}

// What Python calls.
inline PyObject* dispatch(PyObject* self, PyObject* const* given, Py_ssize_t positional,
                          PyObject* names) {
  auto* first = static_cast<Function*>(PyCapsule_GetPointer(self, nullptr));
  try {
    try {
      return call_overload(*first, given, positional, names);
    } catch (const c10::Error& error) {
      if (!wants_cpu(error)) throw;
    }
    const SeesCpu view;
    return call_overload(*first, given, positional, names);
  } catch (...) {
    raise_current_exception();
    return nullptr;
  }
}

// --- defining ---

inline void describe(Function& function, const char* doc) { function.doc = strdup(doc); }
inline void describe(Function& function, const std::string& doc) {
  describe(function, doc.c_str());
}
inline void describe(Function& function, const char* name, PyObject* fallback) {
  for (int i = 0; i < function.count; ++i) {
    if (function.parameters[i].name != nullptr) continue;
    function.parameters[i] = {strdup(name), fallback};
    return;
  }
  fail<c10::Error>(text_of(function.name, "(): more py::arg than parameters"));
}
inline void describe(Function& function, const pybind11::arg& argument) {
  describe(function, argument.name, nullptr);
}
inline void describe(Function& function, const pybind11::arg_v& argument) {
  describe(function, argument.name, Py_NewRef(argument.value.ptr()));
}
template <class Other>
void describe(Function&, const Other&) {}

template <class... Extra>
struct GuardOf {
  using type = void;
};
template <class Guard, class... Extra>
struct GuardOf<pybind11::call_guard<Guard>, Extra...> {
  using type = Guard;
};
template <class First, class... Extra>
struct GuardOf<First, Extra...> : GuardOf<Extra...> {};

template <class R, class... Args>
void list_types(PyObject* list) {
  (checked(PyList_Append(list, Caster<Bare<Args>>::name(false).get())), ...);
  if constexpr (std::is_void_v<R>) {
    checked(PyList_Append(list, Arg("None").object().get()));
  } else {
    checked(PyList_Append(list, Caster<Bare<R>>::name(true).get()));
  }
}

template <class Guard, class F, class R, class... Args>
Function* new_function(const char* name, F&& callable, R (*)(Args...)) {
  static_assert(sizeof...(Args) <= kMostParameters, "too many parameters");
  using Stored = Bare<F>;
  void* address;
  if constexpr (std::is_pointer_v<Stored>) {
    address = reinterpret_cast<void*>(callable);
  } else {
    address = new Stored(static_cast<F&&>(callable));
  }
  return new Function{strdup(name),
                      &Invoker<R, Guard, Args...>::template invoke<Stored>,
                      address,
                      &list_types<R, Args...>,
                      new Function::Parameter[sizeof...(Args) + 1],
                      sizeof...(Args),
                      (std::is_same_v<Bare<Args>, pybind11::args> || ...),
                      (std::is_same_v<Bare<Args>, pybind11::kwargs> || ...)};
}

// The signature of a functor, as a null pointer to a function.
template <class C, class R, class... Args>
constexpr auto signature_of(R (C::*)(Args...) const) -> R (*)(Args...) { return nullptr; }
template <class C, class R, class... Args>
constexpr auto signature_of(R (C::*)(Args...)) -> R (*)(Args...) { return nullptr; }
template <class C, class R, class... Args>
constexpr auto signature_of(R (C::*)(Args...) const noexcept) -> R (*)(Args...) { return nullptr; }

template <class F>
auto functor_signature(const F&) -> decltype(signature_of(&F::operator())) {
  return nullptr;
}
template <class R, class... Args>
auto functor_signature(R (*pointer)(Args...)) -> R (*)(Args...) {
  return pointer;
}

// Makes a record of a function, a functor or (with the object as first argument) a method.
template <class... Extra, class R, class... Args>
Function* record_of(const char* name, R (*pointer)(Args...), const Extra&... extra) {
  Function* function = new_function<typename GuardOf<Extra...>::type>(name, pointer, pointer);
  (describe(*function, extra), ...);
  return function;
}
template <class... Extra, class R, class C, class... Args>
Function* record_of(const char* name, R (C::*method)(Args...), const Extra&... extra) {
  return record_of(name, [method](C& self, Args... args) -> R {
    return (self.*method)(static_cast<Args&&>(args)...);
  }, extra...);
}
template <class... Extra, class R, class C, class... Args>
Function* record_of(const char* name, R (C::*method)(Args...) const, const Extra&... extra) {
  return record_of(name, [method](const C& self, Args... args) -> R {
    return (self.*method)(static_cast<Args&&>(args)...);
  }, extra...);
}
template <class F, class... Extra, class = decltype(&Bare<F>::operator())>
Function* record_of(const char* name, F&& functor, const Extra&... extra) {
  Function* function = new_function<typename GuardOf<Extra...>::type>(
      name, static_cast<F&&>(functor), signature_of(&Bare<F>::operator()));
  (describe(*function, extra), ...);
  return function;
}

RUSHLIGHT_COLD inline Object docstring(const Function& first) {
  const Object overloads = checked(PyList_New(0));
  for (const Function* function = &first; function != nullptr; function = function->next) {
    const Object overload = checked(Py_BuildValue("Os", signature(*function).get(), function->doc));
    checked(PyList_Append(overloads.get(), overload.get()));
  }
  return checked(PyObject_CallMethod(runtime(), "docstring", "sO", first.name, overloads.get()));
}

// The Python function of an overload and those behind it. `module` is a name, or absent.
RUSHLIGHT_COLD inline Object python_function(Function* function, const Object& module) {
  auto* definition = new PyMethodDef{};  // Python keeps the address
  definition->ml_name = function->name;
  definition->ml_meth = reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&dispatch));
  definition->ml_flags = METH_FASTCALL | METH_KEYWORDS;
  definition->ml_doc = strdup(PyUnicode_AsUTF8(docstring(*function).get()));
  const Object capsule = checked(PyCapsule_New(function, nullptr, nullptr));
  return checked(PyCFunction_NewEx(definition, capsule.get(), module.get()));
}

// The record behind a function made above, or nullptr.
inline Function* record_behind(PyObject* function) {
  if (PyInstanceMethod_Check(function)) function = PyInstanceMethod_GET_FUNCTION(function);
  if (!PyCFunction_Check(function)) return nullptr;
  PyObject* self = PyCFunction_GET_SELF(function);
  const bool is_ours = PyCFunction_GET_FUNCTION(function) ==
                       reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&dispatch));
  return is_ours ? static_cast<Function*>(PyCapsule_GetPointer(self, nullptr)) : nullptr;
}

// Adds a function to a module or a class; one of the same name gets another overload.
RUSHLIGHT_COLD inline void define(PyObject* scope, Function* function, bool is_method) {
  const char* name = function->name;
  // Not what a class inherits: that stays the base's.
  const Object own = attribute(scope, "__dict__");
  const Object before = Object::steal(PyMapping_GetItemString(own.get(), name));
  if (!before) PyErr_Clear();
  Function* first = before ? record_behind(before.get()) : nullptr;
  if (first != nullptr) {
    Function* last = first;
    while (last->next != nullptr) last = last->next;
    last->next = function;
  }
  const Object module = attribute(scope, is_method ? "__module__" : "__name__");
  Object made = python_function(first != nullptr ? first : function, module);
  if (is_method) made = checked(PyInstanceMethod_New(made.get()));
  checked(PyObject_SetAttrString(scope, name, made.get()));
}

}  // namespace rushlight
