// std::function as an argument: a callable of Python's.
#pragma once

#include <rushlight/classes.h>

#include <functional>

namespace rushlight {

template <class R, class... Args>
struct Caster<std::function<R(Args...)>> {
  std::function<R(Args...)> value;
  bool load(PyObject* object) {
    if (object == Py_None) return !strictly;
    if (PyCallable_Check(object) == 0) return false;
    const pybind11::object callable(Object::borrow(object));
    value = [callable](Args... args) -> R {
      Gil gil;
      const pybind11::object result = callable(args...);
      if constexpr (!std::is_void_v<R>) return result.template cast<R>();
    };
    return true;
  }
  static Object make(const std::function<R(Args...)>& function) {
    if (!function) return Object::borrow(Py_None);
    return python_function(record_of("function", [function](Args... args) -> R {
                             return function(static_cast<Args&&>(args)...);
                           }), {});
  }
  static Object name(bool is_result) {
    Object names = Arg("").object();
    (([&] {
       const bool is_first = PyUnicode_GET_LENGTH(names.get()) == 0;
       names = is_first ? Caster<Bare<Args>>::name(is_result)
                        : format("%U, %U", names, Caster<Bare<Args>>::name(is_result));
     }()),
     ...);
    if constexpr (std::is_void_v<R>) {
      return format("collections.abc.Callable[[%U], None]", names);
    } else {
      return format("collections.abc.Callable[[%U], %U]", names, Caster<Bare<R>>::name(is_result));
    }
  }
};

}  // namespace rushlight
