// Scalar: a number of any type.
#pragma once

#include <rushlight/scalar_type.h>

namespace c10 {

class Scalar {
 public:
  Scalar() : Scalar(int64_t{0}) {}
  Scalar(double value) : kind_(kDouble) { value_.real = value; }
  Scalar(float value) : Scalar(static_cast<double>(value)) {}
  Scalar(Half value) : Scalar(static_cast<float>(value)) {}
  Scalar(BFloat16 value) : Scalar(static_cast<float>(value)) {}
  Scalar(const complex<double>& value) : kind_(kComplexDouble) {
    value_.real = value.real();
    imag_ = value.imag();
  }
  Scalar(const complex<float>& value) : Scalar(complex<double>(value)) {}
  template <class T, std::enable_if_t<std::is_integral_v<T>, int> = 0>
  Scalar(T value) : kind_(std::is_same_v<T, bool> ? kBool : kLong) {
    value_.integer = static_cast<int64_t>(value);
  }

  bool isFloatingPoint() const { return kind_ == kDouble; }
  bool isIntegral(bool includeBool = false) const {
    return kind_ == kLong || (includeBool && kind_ == kBool);
  }
  bool isBoolean() const { return kind_ == kBool; }
  bool isComplex() const { return kind_ == kComplexDouble; }
  ScalarType type() const { return kind_; }

  // The value as a T. Complex numbers become real only if they are.
  template <class T>
  T to() const {
    if constexpr (std::is_same_v<T, complex<double>> || std::is_same_v<T, complex<float>>) {
      using Part = typename T::value_type;
      return isComplex() ? T(static_cast<Part>(value_.real), static_cast<Part>(imag_))
                         : T(to<Part>());
    } else {
      TORCH_CHECK(!isComplex() || imag_ == 0,
                  "value cannot be converted to type without overflow");
      if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
        return T(to<float>());
      } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
        const bool fits = is_integer() ? value_.integer == static_cast<int64_t>(static_cast<T>(
                                                               value_.integer)) ||
                                             std::is_unsigned_v<T>
                                       : value_.real >= lowest<T>() && value_.real <= highest<T>();
        TORCH_CHECK(fits, "value cannot be converted to type without overflow");
        return is_integer() ? static_cast<T>(value_.integer) : static_cast<T>(value_.real);
      } else {
        return is_integer() ? static_cast<T>(value_.integer) : static_cast<T>(value_.real);
      }
    }
  }
  double toDouble() const { return to<double>(); }
  float toFloat() const { return to<float>(); }
  Half toHalf() const { return to<Half>(); }
  BFloat16 toBFloat16() const { return to<BFloat16>(); }
  int64_t toLong() const { return to<int64_t>(); }
  int toInt() const { return to<int>(); }
  int16_t toShort() const { return to<int16_t>(); }
  int8_t toChar() const { return to<int8_t>(); }
  uint8_t toByte() const { return to<uint8_t>(); }
  bool toBool() const { return to<bool>(); }
  complex<double> toComplexDouble() const { return to<complex<double>>(); }
  complex<float> toComplexFloat() const { return to<complex<float>>(); }

  Scalar operator-() const {
    if (isComplex()) return Scalar(-toComplexDouble());
    return is_integer() ? Scalar(-value_.integer) : Scalar(-value_.real);
  }
  template <class T>
  bool equal(T other) const {
    return !isComplex() && (is_integer() ? value_.integer == static_cast<int64_t>(other)
                                         : value_.real == static_cast<double>(other));
  }

 private:
  bool is_integer() const { return kind_ == kLong || kind_ == kBool; }
  template <class T>
  static double lowest() {
    return static_cast<double>(std::numeric_limits<T>::lowest());
  }
  template <class T>
  static double highest() {
    return static_cast<double>(std::numeric_limits<T>::max());
  }

  union {
    double real;
    int64_t integer;
  } value_;
  double imag_ = 0;
  ScalarType kind_;
};

RUSHLIGHT_COLD inline void append_text(std::string& out, const Scalar& value) {
  if (value.isComplex()) {
    const auto z = value.toComplexDouble();
    out += ::rushlight::text_of('(', z.real(), ',', z.imag(), ')');
  } else if (value.isFloatingPoint()) {
    ::rushlight::append_text(out, value.toDouble());
  } else {
    ::rushlight::append_value(out, value.toLong());
  }
}

template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& stream, const Scalar& value) {
  return stream << ::rushlight::text_of(value);
}

}  // namespace c10
