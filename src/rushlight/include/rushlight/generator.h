// at::Generator as an argument. Whichever a function is given, it stands for the library's own.
#pragma once

#include <rushlight/casters.h>

namespace at {
class Generator {
 public:
  bool defined() const { return true; }
};
}  // namespace at

namespace rushlight {
template <>
struct Caster<at::Generator> {
  at::Generator value;
  bool load(PyObject* object) {
    const Object type = attribute(library(), "Generator");
    return PyObject_IsInstance(object, type.get()) == 1;
  }
  static Object make(const at::Generator&) { return attribute(library(), "default_generator"); }
  static Object name(bool) { return Arg("torch.Generator").object(); }
};
}  // namespace rushlight
