// C++ classes and enumerations as Python's: py::class_ and py::enum_.
#pragma once

#include <rushlight/bindings.h>

#include <cstddef>
#include <structmember.h>

namespace rushlight {

template <class T>
void deallocate(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  auto* instance = reinterpret_cast<Instance*>(self);
  if (instance->release != nullptr) {
    instance->release(instance->owner);
  } else {
    delete static_cast<T*>(instance->value);
  }
  Py_CLEAR(instance->dict);
  type->tp_free(self);
  Py_DECREF(type);
}

// Makes the Python class of T.
template <class T>
Object new_class(const std::string& name, PyTypeObject* base, const char* doc) {
  static PyMemberDef members[] = {
      {"__dictoffset__", T_PYSSIZET, offsetof(Instance, dict), READONLY, nullptr}, {}};
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(&deallocate<T>)},
                         {Py_tp_new, reinterpret_cast<void*>(&PyType_GenericNew)},
                         {Py_tp_members, members},
                         {Py_tp_doc, const_cast<char*>(doc)},
                         {0, nullptr}};
  PyType_Spec spec = {strdup(name.c_str()), static_cast<int>(sizeof(Instance)), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
  const Object bases = base == nullptr ? Object() : checked(PyTuple_Pack(1, base));
  return checked(PyType_FromSpecWithBases(&spec, bases.get()));
}

// The first of the classes that T derives from and that Python knows.
template <class T, class... Others>
PyTypeObject* base_of() {
  PyTypeObject* found = nullptr;
  (
      [&found] {
        if constexpr (std::is_base_of_v<Others, T>) found = class_of<Others>;
      }(),
      ...);
  return found;
}

}  // namespace rushlight

namespace pybind11 {

// `py::init<int, float>()`: a constructor; `py::init(function)`: a function that makes the object.
template <class... Args>
struct constructor {};
template <class F>
struct factory {
  F function;
};
template <class... Args>
constructor<Args...> init() {
  return {};
}
template <class F>
factory<F> init(F function) {
  return {function};
}
// `py::pickle(state_of, made_from)`: how objects are pickled.
template <class Get, class Set>
struct pickle_functions {
  Get get;
  Set set;
};
template <class Get, class Set>
pickle_functions<Get, Set> pickle(Get get, Set set) {
  return {get, set};
}

template <class T, class... Options>
class class_ : public object {
 public:
  template <class... Extra>
  class_(handle scope, const char* name, const Extra&... extra) {
    const char* doc = nullptr;
    (find_doc(doc, extra), ...);
    const bool is_module = PyModule_Check(scope.ptr());
    const std::string prefix = str(getattr(scope, is_module ? "__name__" : "__module__"));
    PyTypeObject* base = ::rushlight::base_of<T, Options...>();
    object made(::rushlight::new_class<T>(prefix + "." + name, base, doc));
    ::rushlight::class_of<T> = reinterpret_cast<PyTypeObject*>(Py_NewRef(made.ptr()));
    scope.attr(name) = made;
    object::operator=(std::move(made));
  }

  template <class... Args, class... Extra>
  class_& def(constructor<Args...>, const Extra&... extra) {
    return def("__init__", [](handle self, Args... args) {
      if constexpr (std::is_constructible_v<T, Args...>) {
        put(self, new T(static_cast<Args&&>(args)...));
      } else {
        put(self, new T{static_cast<Args&&>(args)...});
      }
    }, extra...);
  }
  template <class F, class... Extra>
  class_& def(factory<F> made_by, const Extra&... extra) {
    using Signature = decltype(::rushlight::functor_signature(made_by.function));
    return def_factory("__init__", made_by.function, Signature(), extra...);
  }
  template <class Get, class Set>
  class_& def(pickle_functions<Get, Set> functions) {
    using Signature = decltype(::rushlight::functor_signature(functions.set));
    def("__getstate__", functions.get);
    return def_factory("__setstate__", functions.set, Signature());
  }
  // Adds a method: a pointer to a member function, or a function that gets the object first.
  template <class F, class... Extra>
  class_& def(const char* name, F&& function, const Extra&... extra) {
    ::rushlight::Function* made = method_record(name, static_cast<F&&>(function), extra...);
    ::rushlight::define(ptr(), made, /*is_method=*/true);
    return *this;
  }
  template <class F, class... Extra>
  class_& def_static(const char* name, F&& function, const Extra&... extra) {
    ::rushlight::Function* made =
        ::rushlight::record_of(name, static_cast<F&&>(function), extra...);
    const object plain(::rushlight::python_function(made, {}));
    attr(name) = object(::rushlight::checked(PyStaticMethod_New(plain.ptr())));
    return *this;
  }
  template <class Getter, class Setter, class... Extra>
  class_& def_property(const char* name, Getter getter, Setter setter, const Extra&...) {
    return add_property(name, method_record(name, getter), method_record(name, setter));
  }
  template <class Getter, class... Extra>
  class_& def_property_readonly(const char* name, Getter getter, const Extra&...) {
    return add_property(name, method_record(name, getter), nullptr);
  }
  template <class C, class Member, class... Extra>
  class_& def_readwrite(const char* name, Member C::*member, const Extra&...) {
    return def_property(
        name, [member](const T& self) -> const Member& { return self.*member; },
        [member](T& self, const Member& value) { self.*member = value; });
  }
  template <class C, class Member, class... Extra>
  class_& def_readonly(const char* name, Member C::*member, const Extra&...) {
    return def_property_readonly(
        name, [member](const T& self) -> const Member& { return self.*member; });
  }

 private:
  static void find_doc(const char*& doc, const char* text) { doc = text; }
  template <class Other>
  static void find_doc(const char*&, const Other&) {}

  static void put(handle self, T* value) {
    auto* instance = reinterpret_cast<::rushlight::Instance*>(self.ptr());
    delete static_cast<T*>(std::exchange(instance->value, value));
  }
  static void put(handle self, T&& value) { put(self, new T(std::move(value))); }
  template <class Owner>  // std::unique_ptr<T>, std::shared_ptr<T>
  static auto put(handle self, Owner&& made) -> decltype(static_cast<T*>(made.get()), void()) {
    ::rushlight::own(reinterpret_cast<::rushlight::Instance*>(self.ptr()), std::move(made));
  }

  template <class F, class R, class... Args, class... Extra>
  class_& def_factory(const char* name, F function, R (*)(Args...), const Extra&... extra) {
    return def(name, [function](handle self, Args... args) {
      put(self, function(static_cast<Args&&>(args)...));
    }, extra...);
  }
  // A member function of a base class takes the object as a T.
  template <class R, class C, class... Args, class... Extra>
  static ::rushlight::Function* method_record(const char* name, R (C::*method)(Args...),
                                              const Extra&... extra) {
    return ::rushlight::record_of(name, [method](T& self, Args... args) -> R {
      return (self.*method)(static_cast<Args&&>(args)...);
    }, arg("self"), extra...);
  }
  template <class R, class C, class... Args, class... Extra>
  static ::rushlight::Function* method_record(const char* name, R (C::*method)(Args...) const,
                                              const Extra&... extra) {
    return ::rushlight::record_of(name, [method](const T& self, Args... args) -> R {
      return (self.*method)(static_cast<Args&&>(args)...);
    }, arg("self"), extra...);
  }
  template <class F, class... Extra>
  static ::rushlight::Function* method_record(const char* name, F&& function,
                                              const Extra&... extra) {
    return ::rushlight::record_of(name, static_cast<F&&>(function), arg("self"), extra...);
  }
  class_& add_property(const char* name, ::rushlight::Function* getter,
                       ::rushlight::Function* setter) {
    const object get(::rushlight::python_function(getter, {}));
    object set = none();
    if (setter != nullptr) set = object(::rushlight::python_function(setter, {}));
    attr(name) = handle(reinterpret_cast<PyObject*>(&PyProperty_Type))(get, set);
    return *this;
  }
};

// An enumeration: Python's IntEnum.
template <class T>
class enum_ : public object {
 public:
  template <class... Extra>
  enum_(handle scope, const char* name, const Extra&...) : scope_(scope), name_(name) { make(); }
  enum_& value(const char* name, T value, const char* = nullptr) {
    members_[name] = static_cast<int64_t>(value);
    make();
    return *this;
  }
  enum_& export_values() {
    for (const auto& [key, value] : members_) {
      scope_.attr(str(key).cast<std::string>().c_str()) = object((*this)[key]);
    }
    return *this;
  }

 private:
  void make() {
    object made = module_::import("enum").attr("IntEnum")(name_, members_);
    made.attr("__module__") = getattr(scope_, PyModule_Check(scope_.ptr()) ? "__name__" : "__module__");
    ::rushlight::enum_class<T> = Py_NewRef(made.ptr());
    scope_.attr(name_) = made;
    object::operator=(std::move(made));
  }

  handle scope_;
  const char* name_;
  dict members_;
};

}  // namespace pybind11
