// Half, BFloat16: numbers of 16 bits that compute as float. complex: pairs of numbers.
#pragma once

#include <rushlight/macros.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace c10 {
namespace detail {

template <class To, class From>
C10_HOST_DEVICE inline To bit_cast(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  __builtin_memcpy(&to, &from, sizeof to);
  return to;
}

// Rounds to nearest, ties to even.
C10_HOST_DEVICE inline uint16_t half_from_float(float value) {
  const uint32_t bits = bit_cast<uint32_t>(value);
  const uint16_t sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;        // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00;       // rounds to infinity
  if (magnitude < 0x38800000) {                            // subnormal: let the adder round
    const float shifted = bit_cast<float>(magnitude) + 0.5f;
    return sign | static_cast<uint16_t>(bit_cast<uint32_t>(shifted) - 0x3f000000);
  }
  const uint32_t odd = magnitude >> 13 & 1;
  return sign | static_cast<uint16_t>((magnitude + 0xfff + odd - 0x38000000) >> 13);
}

C10_HOST_DEVICE inline float float_from_half(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t rest = half & 0x7fff;
  if (rest >= 0x7c00) return bit_cast<float>(sign | 0x7f800000 | (rest & 0x3ff) << 13);
  if (rest < 0x400) {  // subnormal: exact as a whole number of 2^-24
    return bit_cast<float>(bit_cast<uint32_t>(static_cast<float>(rest) * 0x1p-24f) | sign);
  }
  return bit_cast<float>(sign | ((rest << 13) + 0x38000000));
}

C10_HOST_DEVICE inline uint16_t bfloat16_from_float(float value) {
  const uint32_t bits = bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return 0x7fc0;
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

C10_HOST_DEVICE inline float float_from_bfloat16(uint16_t bits) {
  return bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

}  // namespace detail

// A class of 16 bits that converts to and from float.
#define RUSHLIGHT_SMALL_FLOAT(Name, from_float, to_float)                                       \
  struct alignas(2) Name {                                                                      \
    uint16_t x;                                                                                 \
    struct from_bits_t {};                                                                      \
    C10_HOST_DEVICE static constexpr from_bits_t from_bits() { return {}; }                     \
    Name() = default;                                                                           \
    C10_HOST_DEVICE constexpr Name(uint16_t bits, from_bits_t) : x(bits) {}                     \
    C10_HOST_DEVICE Name(float value) : x(detail::from_float(value)) {}                         \
    C10_HOST_DEVICE operator float() const { return detail::to_float(x); }                      \
    C10_HOST_DEVICE Name& operator+=(float other) { return *this = Name(float(*this) + other); } \
    C10_HOST_DEVICE Name& operator-=(float other) { return *this = Name(float(*this) - other); } \
    C10_HOST_DEVICE Name& operator*=(float other) { return *this = Name(float(*this) * other); } \
    C10_HOST_DEVICE Name& operator/=(float other) { return *this = Name(float(*this) / other); } \
  };                                                                                            \
  RUSHLIGHT_SMALL_ARITHMETIC(Name, +)                                                           \
  RUSHLIGHT_SMALL_ARITHMETIC(Name, -)                                                           \
  RUSHLIGHT_SMALL_ARITHMETIC(Name, *)                                                           \
  RUSHLIGHT_SMALL_ARITHMETIC(Name, /)                                                           \
  C10_HOST_DEVICE inline Name operator-(Name a) { return Name(-float(a)); }

// With another number of the kind, and with whole numbers, the result is of the kind; with float
// and double it is theirs.
#define RUSHLIGHT_SMALL_ARITHMETIC(Name, op)                                                     \
  C10_HOST_DEVICE inline Name operator op(Name a, Name b) { return Name(float(a) op float(b)); } \
  C10_HOST_DEVICE inline float operator op(Name a, float b) { return float(a) op b; }            \
  C10_HOST_DEVICE inline float operator op(float a, Name b) { return a op float(b); }            \
  C10_HOST_DEVICE inline double operator op(Name a, double b) { return double(float(a)) op b; }  \
  C10_HOST_DEVICE inline double operator op(double a, Name b) { return a op double(float(b)); }  \
  C10_HOST_DEVICE inline Name operator op(Name a, int b) { return a op Name(float(b)); }         \
  C10_HOST_DEVICE inline Name operator op(int a, Name b) { return Name(float(a)) op b; }         \
  C10_HOST_DEVICE inline Name operator op(Name a, int64_t b) { return a op Name(float(b)); }     \
  C10_HOST_DEVICE inline Name operator op(int64_t a, Name b) { return Name(float(a)) op b; }

RUSHLIGHT_SMALL_FLOAT(Half, half_from_float, float_from_half)
RUSHLIGHT_SMALL_FLOAT(BFloat16, bfloat16_from_float, float_from_bfloat16)
#undef RUSHLIGHT_SMALL_FLOAT
#undef RUSHLIGHT_SMALL_ARITHMETIC

template <class T>
struct alignas(2 * sizeof(T)) complex {
  using value_type = T;
  T real_ = T(0);
  T imag_ = T(0);

  constexpr complex() = default;
  C10_HOST_DEVICE constexpr complex(T real, T imag = T(0)) : real_(real), imag_(imag) {}
  template <class U>
  C10_HOST_DEVICE constexpr complex(const complex<U>& other)
      : real_(static_cast<T>(other.real_)), imag_(static_cast<T>(other.imag_)) {}
  // From and to std::complex and its like.
  template <class Other, class = decltype(std::declval<const Other&>().imag())>
  constexpr complex(const Other& other) : real_(other.real()), imag_(other.imag()) {}
  template <class Other, class = std::enable_if_t<std::is_same_v<typename Other::value_type, T>>>
  constexpr explicit operator Other() const {
    return Other(real_, imag_);
  }

  C10_HOST_DEVICE constexpr T real() const { return real_; }
  C10_HOST_DEVICE constexpr T imag() const { return imag_; }
  C10_HOST_DEVICE constexpr complex& operator+=(const complex& b) { return *this = *this + b; }
  C10_HOST_DEVICE constexpr complex& operator-=(const complex& b) { return *this = *this - b; }
  C10_HOST_DEVICE constexpr complex& operator*=(const complex& b) { return *this = *this * b; }
  C10_HOST_DEVICE constexpr complex& operator/=(const complex& b) { return *this = *this / b; }

  C10_HOST_DEVICE friend constexpr complex operator+(const complex& a, const complex& b) {
    return {a.real_ + b.real_, a.imag_ + b.imag_};
  }
  C10_HOST_DEVICE friend constexpr complex operator-(const complex& a, const complex& b) {
    return {a.real_ - b.real_, a.imag_ - b.imag_};
  }
  C10_HOST_DEVICE friend constexpr complex operator*(const complex& a, const complex& b) {
    return {a.real_ * b.real_ - a.imag_ * b.imag_, a.real_ * b.imag_ + a.imag_ * b.real_};
  }
  // Scaled by the larger part of the divisor, so that squares do not overflow.
  C10_HOST_DEVICE friend constexpr complex operator/(const complex& a, const complex& b) {
    const T size_real = b.real_ < 0 ? -b.real_ : b.real_;
    const T size_imag = b.imag_ < 0 ? -b.imag_ : b.imag_;
    if (size_real >= size_imag) {
      const T ratio = b.imag_ / b.real_, scale = b.real_ + b.imag_ * ratio;
      return {(a.real_ + a.imag_ * ratio) / scale, (a.imag_ - a.real_ * ratio) / scale};
    }
    const T ratio = b.real_ / b.imag_, scale = b.real_ * ratio + b.imag_;
    return {(a.real_ * ratio + a.imag_) / scale, (a.imag_ * ratio - a.real_) / scale};
  }
  C10_HOST_DEVICE friend constexpr complex operator-(const complex& a) {
    return {-a.real_, -a.imag_};
  }
  C10_HOST_DEVICE friend constexpr bool operator==(const complex& a, const complex& b) {
    return a.real_ == b.real_ && a.imag_ == b.imag_;
  }
  C10_HOST_DEVICE friend constexpr bool operator!=(const complex& a, const complex& b) {
    return !(a == b);
  }
};

}  // namespace c10

namespace std {

template <class T>
C10_HOST_DEVICE constexpr T real(const c10::complex<T>& z) {
  return z.real();
}
template <class T>
C10_HOST_DEVICE constexpr T imag(const c10::complex<T>& z) {
  return z.imag();
}
template <class T>
C10_HOST_DEVICE T abs(const c10::complex<T>& z) {
  return ::hypot(z.real(), z.imag());
}
template <class T>
C10_HOST_DEVICE T arg(const c10::complex<T>& z) {
  return ::atan2(z.imag(), z.real());
}
template <class T>
C10_HOST_DEVICE constexpr T norm(const c10::complex<T>& z) {
  return z.real() * z.real() + z.imag() * z.imag();
}
template <class T>
C10_HOST_DEVICE constexpr c10::complex<T> conj(const c10::complex<T>& z) {
  return {z.real(), -z.imag()};
}
template <class T>
C10_HOST_DEVICE c10::complex<T> exp(const c10::complex<T>& z) {
  const T size = ::exp(z.real());
  return {size * T(::cos(z.imag())), size * T(::sin(z.imag()))};
}
template <class T>
C10_HOST_DEVICE c10::complex<T> log(const c10::complex<T>& z) {
  return {T(::log(std::abs(z))), std::arg(z)};
}

template <>
class numeric_limits<c10::Half> : public numeric_limits<float> {
 public:
  static constexpr int digits = 11;
  static constexpr int digits10 = 3;
  static constexpr int max_digits10 = 5;
  static constexpr int min_exponent = -13;
  static constexpr int max_exponent = 16;
  static constexpr c10::Half make(uint16_t bits) { return {bits, c10::Half::from_bits()}; }
  static constexpr c10::Half min() { return make(0x0400); }
  static constexpr c10::Half lowest() { return make(0xfbff); }
  static constexpr c10::Half max() { return make(0x7bff); }
  static constexpr c10::Half epsilon() { return make(0x1400); }
  static constexpr c10::Half infinity() { return make(0x7c00); }
  static constexpr c10::Half quiet_NaN() { return make(0x7e00); }
};

template <>
class numeric_limits<c10::BFloat16> : public numeric_limits<float> {
 public:
  static constexpr int digits = 8;
  static constexpr int digits10 = 2;
  static constexpr int max_digits10 = 4;
  static constexpr c10::BFloat16 make(uint16_t bits) { return {bits, c10::BFloat16::from_bits()}; }
  static constexpr c10::BFloat16 min() { return make(0x0080); }
  static constexpr c10::BFloat16 lowest() { return make(0xff7f); }
  static constexpr c10::BFloat16 max() { return make(0x7f7f); }
  static constexpr c10::BFloat16 epsilon() { return make(0x3c00); }
  static constexpr c10::BFloat16 infinity() { return make(0x7f80); }
  static constexpr c10::BFloat16 quiet_NaN() { return make(0x7fc0); }
};

}  // namespace std

namespace at {
// What a type is summed and computed in.
template <class T>
struct OpMathType {
  using type = T;
};
template <>
struct OpMathType<c10::Half> {
  using type = float;
};
template <>
struct OpMathType<c10::BFloat16> {
  using type = float;
};
template <class T>
using opmath_type = typename OpMathType<T>::type;

// On the CPU sums are kept in double, whole numbers in int64_t.
template <class T, bool is_cuda>
using acc_type = std::conditional_t<
    std::is_integral_v<T>, int64_t,
    std::conditional_t<is_cuda, opmath_type<T>,
                       std::conditional_t<std::is_same_v<opmath_type<T>, float>, double, T>>>;
}  // namespace at
