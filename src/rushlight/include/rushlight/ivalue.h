// IValue: a value of any type that an operator may have.
#pragma once

#include <rushlight/casters.h>

namespace c10 {

class IValue {
 public:
  IValue() = default;
  template <class T, class = std::enable_if_t<!std::is_same_v<std::decay_t<T>, IValue>>>
  IValue(const T& value) {
    ::rushlight::Gil gil;
    object_ = pybind11::object(::rushlight::make_object(value));
  }

  bool isNone() const { return !object_ || object_.is_none(); }
  bool isTensor() const { return has<at::Tensor>(); }
  bool isInt() const { return object_ && PyLong_Check(object_.ptr()) && !isBool(); }
  bool isDouble() const { return object_ && PyFloat_Check(object_.ptr()); }
  bool isBool() const { return object_ && PyBool_Check(object_.ptr()); }
  bool isString() const { return object_ && PyUnicode_Check(object_.ptr()); }
  at::Tensor toTensor() const { return to<at::Tensor>(); }
  int64_t toInt() const { return to<int64_t>(); }
  double toDouble() const { return to<double>(); }
  bool toBool() const { return to<bool>(); }
  Scalar toScalar() const { return to<Scalar>(); }
  std::string toStringRef() const { return to<std::string>(); }
  std::vector<int64_t> toIntVector() const { return to<std::vector<int64_t>>(); }
  std::vector<int64_t> toIntList() const { return toIntVector(); }
  std::vector<double> toDoubleVector() const { return to<std::vector<double>>(); }
  std::vector<at::Tensor> toTensorVector() const { return to<std::vector<at::Tensor>>(); }
  std::vector<at::Tensor> toTensorList() const { return toTensorVector(); }
  ScalarType toScalarType() const { return to<ScalarType>(); }
  Device toDevice() const { return to<Device>(); }
  template <class T>
  std::optional<T> toOptional() const {
    return to<std::optional<T>>();
  }
  template <class T>
  T to() const {
    ::rushlight::Gil gil;
    return isNone() ? pybind11::cast<T>(pybind11::none()) : pybind11::cast<T>(object_);
  }

 private:
  template <class T>
  bool has() const {
    ::rushlight::Gil gil;
    ::rushlight::Caster<T> caster;
    return object_ && caster.load(object_.ptr());
  }
  pybind11::object object_;
};

}  // namespace c10
