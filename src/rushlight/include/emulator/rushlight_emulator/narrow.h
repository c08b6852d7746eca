// Floating-point numbers of 16 bits, and what half and bfloat16 have in common.
#pragma once

#include "../cuda_runtime.h"

namespace rushlight::emu {

/// IEEE binary16 of a float, rounded to nearest even.
inline uint16_t half_bits(float value) {
  const uint32_t bits = reinterpret<uint32_t>(value);
  const uint32_t sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return 0x7fff;  // as CUDA's NaN
  if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);
  if (magnitude < 0x38800000u) {  // subnormal: let the adder of floats round
    const float shifted = reinterpret<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (reinterpret<uint32_t>(shifted) - 0x3f000000u));
  }
  const uint32_t rounded = magnitude + 0xfffu + (magnitude >> 13 & 1u);
  return static_cast<uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
}

inline float half_value(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16, magnitude = bits & 0x7fffu;
  if (magnitude >= 0x7c00u) return reinterpret<float>(sign | 0x7f800000u | (magnitude & 0x3ffu) << 13);
  if (magnitude < 0x400u) {
    const float value = static_cast<float>(magnitude) * 0x1p-24f;
    return sign ? -value : value;
  }
  return reinterpret<float>(sign | ((magnitude << 13) + 0x38000000u));
}

inline uint16_t bfloat16_bits(float value) {
  const uint32_t bits = reinterpret<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fff;
  return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

inline float bfloat16_value(uint16_t bits) {
  return reinterpret<float>(static_cast<uint32_t>(bits) << 16);
}

/// The narrow number next to `value` in the direction of zero.
template <class T>
T toward_zero(float value) {
  T result(value);
  if (std::fabs(static_cast<float>(result)) > std::fabs(value)) --result.bits;
  return result;
}

}  // namespace rushlight::emu

#define RUSHLIGHT_NARROW(name, to_bits, to_value)                                                \
  struct alignas(2) name {                                                                       \
    unsigned short bits;                                                                         \
    name() = default;                                                                            \
    template <class Number, class = std::enable_if_t<std::is_arithmetic_v<Number>>>              \
    name(Number value) : bits(rushlight::emu::to_bits(static_cast<float>(value))) {}             \
    operator float() const { return rushlight::emu::to_value(bits); }                            \
    name& operator+=(name y) { return *this = name(float(*this) + float(y)); }                   \
    name& operator-=(name y) { return *this = name(float(*this) - float(y)); }                   \
    name& operator*=(name y) { return *this = name(float(*this) * float(y)); }                   \
    name& operator/=(name y) { return *this = name(float(*this) / float(y)); }                   \
    name operator-() const { return name(-float(*this)); }                                       \
    friend name operator+(name x, name y) { return name(float(x) + float(y)); }                  \
    friend name operator-(name x, name y) { return name(float(x) - float(y)); }                  \
    friend name operator*(name x, name y) { return name(float(x) * float(y)); }                  \
    friend name operator/(name x, name y) { return name(float(x) / float(y)); }                  \
    friend bool operator==(name x, name y) { return float(x) == float(y); }                      \
    friend bool operator!=(name x, name y) { return float(x) != float(y); }                      \
    friend bool operator<(name x, name y) { return float(x) < float(y); }                        \
    friend bool operator<=(name x, name y) { return float(x) <= float(y); }                      \
    friend bool operator>(name x, name y) { return float(x) > float(y); }                        \
    friend bool operator>=(name x, name y) { return float(x) >= float(y); }                      \
  };                                                                                             \
  struct alignas(4) name##2 {                                                                    \
    name x, y;                                                                                   \
    friend name##2 operator+(name##2 a, name##2 b) { return {a.x + b.x, a.y + b.y}; }            \
    friend name##2 operator-(name##2 a, name##2 b) { return {a.x - b.x, a.y - b.y}; }            \
    friend name##2 operator*(name##2 a, name##2 b) { return {a.x * b.x, a.y * b.y}; }            \
    friend name##2 operator/(name##2 a, name##2 b) { return {a.x / b.x, a.y / b.y}; }            \
  };

RUSHLIGHT_NARROW(__half, half_bits, half_value)
RUSHLIGHT_NARROW(__nv_bfloat16, bfloat16_bits, bfloat16_value)
#undef RUSHLIGHT_NARROW

// One function of floats as a function of T and of pairs of T.
#define RUSHLIGHT_NARROW_1(T, T2, name, expression)                                              \
  inline T h##name(T narrow) {                                                                   \
    const float x = narrow;                                                                      \
    return T(expression);                                                                        \
  }                                                                                              \
  inline T2 h2##name(T2 v) { return {h##name(v.x), h##name(v.y)}; }
#define RUSHLIGHT_NARROW_2(T, T2, name, expression)                                              \
  inline T __h##name(T x, T y) { return T(expression); }                                         \
  inline T2 __h##name##2(T2 a, T2 b) { return {__h##name(a.x, b.x), __h##name(a.y, b.y)}; }
#define RUSHLIGHT_NARROW_TEST(T, name, operation)                                                \
  inline bool __h##name(T x, T y) { return float(x) operation float(y); }                        \
  inline bool __h##name##u(T x, T y) {                                                           \
    return float(x) != float(x) || float(y) != float(y) || float(x) operation float(y);          \
  }
// Of a pair: 1 and 0, or whether both hold.
#define RUSHLIGHT_NARROW_PAIR_TEST(T, T2, name, operation)                                       \
  inline T2 __h##name##2(T2 a, T2 b) {                                                           \
    return {T(float(a.x) operation float(b.x)), T(float(a.y) operation float(b.y))};             \
  }                                                                                              \
  inline bool __hb##name##2(T2 a, T2 b) {                                                        \
    return float(a.x) operation float(b.x) && float(a.y) operation float(b.y);                   \
  }
#define RUSHLIGHT_NARROW_PAIR_TESTS(T, T2)                                                       \
  RUSHLIGHT_NARROW_PAIR_TEST(T, T2, eq, ==) RUSHLIGHT_NARROW_PAIR_TEST(T, T2, ne, !=)            \
  RUSHLIGHT_NARROW_PAIR_TEST(T, T2, lt, <) RUSHLIGHT_NARROW_PAIR_TEST(T, T2, le, <=)             \
  RUSHLIGHT_NARROW_PAIR_TEST(T, T2, gt, >) RUSHLIGHT_NARROW_PAIR_TEST(T, T2, ge, >=)

#define RUSHLIGHT_NARROW_FUNCTIONS(T, T2)                                                        \
  RUSHLIGHT_NARROW_1(T, T2, exp, std::exp(x))                                                    \
  RUSHLIGHT_NARROW_1(T, T2, exp2, std::exp2(x))                                                  \
  RUSHLIGHT_NARROW_1(T, T2, log, std::log(x))                                                    \
  RUSHLIGHT_NARROW_1(T, T2, log2, std::log2(x))                                                  \
  RUSHLIGHT_NARROW_1(T, T2, log10, std::log10(x))                                                \
  RUSHLIGHT_NARROW_1(T, T2, sqrt, std::sqrt(x))                                                  \
  RUSHLIGHT_NARROW_1(T, T2, rsqrt, 1.0f / std::sqrt(x))                                          \
  RUSHLIGHT_NARROW_1(T, T2, rcp, 1.0f / x)                                                       \
  RUSHLIGHT_NARROW_1(T, T2, sin, std::sin(x))                                                    \
  RUSHLIGHT_NARROW_1(T, T2, cos, std::cos(x))                                                    \
  RUSHLIGHT_NARROW_1(T, T2, tanh, std::tanh(x))                                                  \
  RUSHLIGHT_NARROW_1(T, T2, floor, std::floor(x))                                                \
  RUSHLIGHT_NARROW_1(T, T2, ceil, std::ceil(x))                                                  \
  RUSHLIGHT_NARROW_1(T, T2, rint, std::nearbyint(x))                                             \
  RUSHLIGHT_NARROW_1(T, T2, trunc, std::trunc(x))                                                \
  RUSHLIGHT_NARROW_2(T, T2, add, float(x) + float(y))                                            \
  RUSHLIGHT_NARROW_2(T, T2, sub, float(x) - float(y))                                            \
  RUSHLIGHT_NARROW_2(T, T2, mul, float(x) * float(y))                                            \
  RUSHLIGHT_NARROW_2(T, T2, max, std::fmax(float(x), float(y)))                                  \
  RUSHLIGHT_NARROW_2(T, T2, min, std::fmin(float(x), float(y)))                                  \
  inline T __hdiv(T x, T y) { return x / y; }                                                    \
  inline T2 __h2div(T2 a, T2 b) { return a / b; }                                                \
  inline T __hneg(T x) { return -x; }                                                            \
  inline T2 __hneg2(T2 v) { return {-v.x, -v.y}; }                                               \
  inline T __habs(T x) { return T(std::fabs(float(x))); }                                        \
  inline T2 __habs2(T2 v) { return {__habs(v.x), __habs(v.y)}; }                                 \
  inline T __hfma(T x, T y, T z) { return T(std::fma(float(x), float(y), float(z))); }           \
  inline T2 __hfma2(T2 a, T2 b, T2 c) { return {__hfma(a.x, b.x, c.x), __hfma(a.y, b.y, c.y)}; } \
  inline T __hadd_sat(T x, T y) { return T(__saturatef(float(x) + float(y))); }                  \
  inline T __hmul_sat(T x, T y) { return T(__saturatef(float(x) * float(y))); }                  \
  inline bool __hisnan(T x) { return std::isnan(float(x)); }                                     \
  inline int __hisinf(T x) { return std::isinf(float(x)) ? (float(x) > 0 ? 1 : -1) : 0; }        \
  inline T __hfma_relu(T x, T y, T z) { return T(std::fmax(std::fma(float(x), float(y), float(z)), 0.0f)); } \
  inline T2 __hfma2_relu(T2 a, T2 b, T2 c) {                                                     \
    return {__hfma_relu(a.x, b.x, c.x), __hfma_relu(a.y, b.y, c.y)};                             \
  }                                                                                              \
  inline T2 __hisnan2(T2 v) { return {T(__hisnan(v.x)), T(__hisnan(v.y))}; }                     \
  inline T __hmax_nan(T x, T y) { return __hisnan(x) || __hisnan(y) ? T(NAN) : __hmax(x, y); }   \
  inline T __hmin_nan(T x, T y) { return __hisnan(x) || __hisnan(y) ? T(NAN) : __hmin(x, y); }   \
  inline T __hadd_rn(T x, T y) { return x + y; }                                                 \
  inline T __hsub_rn(T x, T y) { return x - y; }                                                 \
  inline T __hmul_rn(T x, T y) { return x * y; }                                                 \
  inline T2 __hadd2_rn(T2 a, T2 b) { return a + b; }                                             \
  inline T2 __hsub2_rn(T2 a, T2 b) { return a - b; }                                             \
  inline T2 __hmul2_rn(T2 a, T2 b) { return a * b; }                                             \
  inline T2 __lowhigh2highlow(T2 v) { return {v.y, v.x}; }                                       \
  RUSHLIGHT_NARROW_PAIR_TESTS(T, T2)                                                             \
  RUSHLIGHT_NARROW_TEST(T, eq, ==)                                                               \
  RUSHLIGHT_NARROW_TEST(T, ne, !=)                                                               \
  RUSHLIGHT_NARROW_TEST(T, lt, <)                                                                \
  RUSHLIGHT_NARROW_TEST(T, le, <=)                                                               \
  RUSHLIGHT_NARROW_TEST(T, gt, >)                                                                \
  RUSHLIGHT_NARROW_TEST(T, ge, >=)
