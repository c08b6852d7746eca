// CUDA's mathematical functions and intrinsics. The names C++ has too come from its own headers,
// with the overloads for float that CUDA has.
#pragma once

#include <math.h>
#include <stdlib.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <type_traits>

#include "vectors.h"

// ---- bits ----

namespace rushlight::emu {
template <class To, class From>
inline To reinterpret(From from) {
  static_assert(sizeof(To) == sizeof(From), "the types differ in size");
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}
}  // namespace rushlight::emu

inline int __float_as_int(float x) { return rushlight::emu::reinterpret<int>(x); }
inline unsigned __float_as_uint(float x) { return rushlight::emu::reinterpret<unsigned>(x); }
inline float __int_as_float(int x) { return rushlight::emu::reinterpret<float>(x); }
inline float __uint_as_float(unsigned x) { return rushlight::emu::reinterpret<float>(x); }
inline long long __double_as_longlong(double x) { return rushlight::emu::reinterpret<long long>(x); }
inline double __longlong_as_double(long long x) { return rushlight::emu::reinterpret<double>(x); }
inline int __double2hiint(double x) { return static_cast<int>(__double_as_longlong(x) >> 32); }
inline int __double2loint(double x) { return static_cast<int>(__double_as_longlong(x)); }
inline double __hiloint2double(int high, int low) {
  return __longlong_as_double(static_cast<long long>(high) << 32 | static_cast<uint32_t>(low));
}

inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x ? __builtin_clz(static_cast<unsigned>(x)) : 32; }
inline int __clzll(long long x) { return x ? __builtin_clzll(static_cast<unsigned long long>(x)) : 64; }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline unsigned __brev(unsigned x) {
  x = (x >> 1 & 0x55555555u) | (x & 0x55555555u) << 1;
  x = (x >> 2 & 0x33333333u) | (x & 0x33333333u) << 2;
  x = (x >> 4 & 0x0f0f0f0fu) | (x & 0x0f0f0f0fu) << 4;
  return __builtin_bswap32(x);
}
inline unsigned long long __brevll(unsigned long long x) {
  const auto low = static_cast<unsigned long long>(__brev(static_cast<unsigned>(x)));
  return low << 32 | __brev(static_cast<unsigned>(x >> 32));
}
inline unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
  const uint64_t both = uint64_t{y} << 32 | x;
  unsigned result = 0;
  for (int i = 0; i < 4; ++i) {
    const unsigned pick = selector >> 4 * i & 0xf;
    unsigned byte = static_cast<unsigned>(both >> 8 * (pick & 7) & 0xff);
    if (pick & 8) byte = byte & 0x80 ? 0xff : 0;
    result |= byte << 8 * i;
  }
  return result;
}
inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
  return static_cast<unsigned>(((uint64_t{high} << 32 | low) << (shift & 31)) >> 32);
}
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
  return static_cast<unsigned>((uint64_t{high} << 32 | low) >> (shift & 31));
}
inline int __mulhi(int x, int y) { return static_cast<int>(static_cast<int64_t>(x) * y >> 32); }
inline unsigned __umulhi(unsigned x, unsigned y) { return static_cast<unsigned>(uint64_t{x} * y >> 32); }
inline unsigned long long __umul64hi(unsigned long long x, unsigned long long y) {
  return static_cast<unsigned long long>(static_cast<unsigned __int128>(x) * y >> 64);
}
inline int __mul24(int x, int y) { return static_cast<int>(static_cast<int64_t>(x) * y); }
inline unsigned __umul24(unsigned x, unsigned y) { return x * y; }
inline int __dp4a(int a, int b, int c) {
  for (int i = 0; i < 4; ++i)
    c += static_cast<int8_t>(a >> 8 * i) * static_cast<int8_t>(b >> 8 * i);
  return c;
}
inline unsigned __sad(int x, int y, unsigned z) {
  return z + static_cast<unsigned>(x < y ? y - x : x - y);
}
inline unsigned __usad(unsigned x, unsigned y, unsigned z) { return z + (x < y ? y - x : x - y); }
inline int __hadd(int x, int y) { return static_cast<int>((int64_t{x} + y) >> 1); }
inline int __rhadd(int x, int y) { return static_cast<int>((int64_t{x} + y + 1) >> 1); }
inline long long __mul64hi(long long x, long long y) {
  return static_cast<long long>(static_cast<__int128>(x) * y >> 64);
}
/// The n-th set bit at or above `base`; below it for negative n.
inline unsigned __fns(unsigned mask, unsigned base, int n) {
  if (n == 0) return mask >> (base & 31) & 1 ? base : ~0u;
  const int step = n > 0 ? 1 : -1;
  for (int bit = static_cast<int>(base); bit >= 0 && bit < 32; bit += step)
    if ((mask >> bit & 1) && (n -= step) == 0) return static_cast<unsigned>(bit);
  return ~0u;
}

// Four bytes at once.
#define RUSHLIGHT_BYTES(name, type, expression)                                              \
  inline unsigned name(unsigned a, unsigned b) {                                             \
    unsigned result = 0;                                                                     \
    for (int i = 0; i < 32; i += 8) {                                                        \
      const int x = static_cast<type>(a >> i), y = static_cast<type>(b >> i);                \
      result |= (static_cast<unsigned>(expression) & 0xff) << i;                             \
    }                                                                                        \
    return result;                                                                           \
  }
RUSHLIGHT_BYTES(__vadd4, int8_t, x + y)
RUSHLIGHT_BYTES(__vsub4, int8_t, x - y)
RUSHLIGHT_BYTES(__vmaxs4, int8_t, x < y ? y : x)
RUSHLIGHT_BYTES(__vmins4, int8_t, x < y ? x : y)
RUSHLIGHT_BYTES(__vmaxu4, uint8_t, x < y ? y : x)
RUSHLIGHT_BYTES(__vminu4, uint8_t, x < y ? x : y)
RUSHLIGHT_BYTES(__vabsdiffu4, uint8_t, x < y ? y - x : x - y)
RUSHLIGHT_BYTES(__vcmpeq4, uint8_t, x == y ? 0xff : 0)
#undef RUSHLIGHT_BYTES

// ---- float and double, with the rounding modes that are the default one ----

#define RUSHLIGHT_ROUNDED(type, prefix)                                                        \
  inline type prefix##add_rn(type x, type y) { return x + y; }                                 \
  inline type prefix##sub_rn(type x, type y) { return x - y; }                                 \
  inline type prefix##mul_rn(type x, type y) { return x * y; }                                 \
  inline type prefix##div_rn(type x, type y) { return x / y; }                                 \
  inline type prefix##sqrt_rn(type x) { return std::sqrt(x); }                                 \
  inline type prefix##rcp_rn(type x) { return type(1) / x; }
RUSHLIGHT_ROUNDED(float, __f)
RUSHLIGHT_ROUNDED(double, __d)
#undef RUSHLIGHT_ROUNDED
inline float __fmaf_rn(float x, float y, float z) { return std::fma(x, y, z); }
inline double __fma_rn(double x, double y, double z) { return std::fma(x, y, z); }
// Towards zero: the exact result tells whether the rounded one is past it.
inline float __fdiv_rz(float x, float y) {
  const float q = x / y;
  return std::fabs(static_cast<double>(q)) > std::fabs(static_cast<double>(x) / y) ? std::nextafter(q, 0.0f) : q;
}
inline float __frcp_rz(float x) { return __fdiv_rz(1.0f, x); }
inline float __fsqrt_rz(float x) {
  const float root = std::sqrt(x);
  return static_cast<double>(root) * root > x ? std::nextafter(root, 0.0f) : root;
}
inline float __frsqrt_rn(float x) { return 1.0f / std::sqrt(x); }
inline float __fdividef(float x, float y) { return x / y; }
inline float fdividef(float x, float y) { return x / y; }
inline float __saturatef(float x) { return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f; }

// The fast forms are as exact as the others here.
inline float __expf(float x) { return std::exp(x); }
inline float __exp10f(float x) { return std::pow(10.0f, x); }
inline float __logf(float x) { return std::log(x); }
inline float __log2f(float x) { return std::log2(x); }
inline float __log10f(float x) { return std::log10(x); }
inline float __powf(float x, float y) { return std::pow(x, y); }
inline float __sinf(float x) { return std::sin(x); }
inline float __cosf(float x) { return std::cos(x); }
inline float __tanf(float x) { return std::tan(x); }
inline float __tanhf(float x) { return std::tanh(x); }
inline void __sincosf(float x, float* sine, float* cosine) {
  *sine = std::sin(x);
  *cosine = std::cos(x);
}

// ---- functions C++ does not have ----

namespace rushlight::emu {
/// x with erfc(x) = p: a first guess, then Newton's steps.
inline double erfcinv(double p) {
  if (!(p > 0) || !(p < 2)) return p == 0 ? HUGE_VAL : p == 2 ? -HUGE_VAL : NAN;
  const double tail = p < 1 ? p : 2 - p, t = std::sqrt(-2 * std::log(tail / 2));
  double x = 0.70711 * (t - (2.30753 + t * 0.27061) / (1 + t * (0.99229 + t * 0.04481)));
  for (int step = 0; step < 4; ++step) {
    const double error = std::erfc(x) - tail;
    x += error / (1.1283791670955126 * std::exp(-x * x) - x * error);
  }
  return p < 1 ? x : -x;
}
}  // namespace rushlight::emu

#define RUSHLIGHT_FUNCTIONS(type, f)                                                           \
  inline type rsqrt##f(type x) { return type(1) / std::sqrt(x); }                              \
  inline type rcbrt##f(type x) { return type(1) / std::cbrt(x); }                              \
  inline type sinpi##f(type x) { return std::sin(std::fmod(x, type(2)) * type(M_PI)); }        \
  inline type cospi##f(type x) { return std::cos(std::fmod(x, type(2)) * type(M_PI)); }        \
  inline type normcdf##f(type x) { return std::erfc(-x * type(M_SQRT1_2)) / 2; }               \
  inline type erfcx##f(type x) { return std::exp(x * x) * std::erfc(x); }                      \
  inline type normcdfinv##f(type x) {                                                          \
    return static_cast<type>(-M_SQRT2 * rushlight::emu::erfcinv(2 * double(x)));               \
  }                                                                                            \
  inline type erfcinv##f(type x) { return static_cast<type>(rushlight::emu::erfcinv(x)); }     \
  inline type erfinv##f(type x) {                                                              \
    return static_cast<type>(x < 0 ? -rushlight::emu::erfcinv(1 + double(x))                   \
                                   : rushlight::emu::erfcinv(1 - double(x)));                  \
  }                                                                                            \
  inline type cyl_bessel_i0##f(type x) {                                                       \
    return static_cast<type>(std::cyl_bessel_i(0.0, std::fabs(double(x))));                    \
  }                                                                                            \
  inline type cyl_bessel_i1##f(type x) {                                                       \
    return static_cast<type>(std::copysign(std::cyl_bessel_i(1.0, std::fabs(double(x))), double(x))); \
  }                                                                                            \
  inline type norm4d##f(type x, type y, type z, type w) {                                      \
    return std::hypot(std::hypot(x, y), std::hypot(z, w));                                     \
  }                                                                                            \
  inline type rhypot##f(type x, type y) { return type(1) / std::hypot(x, y); }                 \
  inline type norm3d##f(type x, type y, type z) { return std::hypot(std::hypot(x, y), z); }    \
  inline type rnorm3d##f(type x, type y, type z) { return type(1) / norm3d##f(x, y, z); }      \
  inline void sincospi##f(type x, type* sine, type* cosine) {                                  \
    *sine = sinpi##f(x);                                                                       \
    *cosine = cospi##f(x);                                                                     \
  }
RUSHLIGHT_FUNCTIONS(float, f)
RUSHLIGHT_FUNCTIONS(double, )
#undef RUSHLIGHT_FUNCTIONS
inline float rsqrt(float x) { return rsqrtf(x); }
#ifndef __USE_GNU
inline double exp10(double x) { return std::pow(10.0, x); }
inline float exp10f(float x) { return std::pow(10.0f, x); }
inline void sincosf(float x, float* sine, float* cosine) { __sincosf(x, sine, cosine); }
inline void sincos(double x, double* sine, double* cosine) {
  *sine = std::sin(x);
  *cosine = std::cos(x);
}
#endif

// ---- conversions ----

#define RUSHLIGHT_TO_INTEGER(name, from, to)                                                   \
  inline to __##name##_rn(from x) { return static_cast<to>(std::nearbyint(x)); }               \
  inline to __##name##_rz(from x) { return static_cast<to>(x); }                               \
  inline to __##name##_rd(from x) { return static_cast<to>(std::floor(x)); }                   \
  inline to __##name##_ru(from x) { return static_cast<to>(std::ceil(x)); }
RUSHLIGHT_TO_INTEGER(float2int, float, int)
RUSHLIGHT_TO_INTEGER(float2uint, float, unsigned)
RUSHLIGHT_TO_INTEGER(float2ll, float, long long)
RUSHLIGHT_TO_INTEGER(float2ull, float, unsigned long long)
RUSHLIGHT_TO_INTEGER(double2int, double, int)
RUSHLIGHT_TO_INTEGER(double2uint, double, unsigned)
RUSHLIGHT_TO_INTEGER(double2ll, double, long long)
#undef RUSHLIGHT_TO_INTEGER
inline float __int2float_rn(int x) { return static_cast<float>(x); }
inline float __uint2float_rn(unsigned x) { return static_cast<float>(x); }
inline float __ll2float_rn(long long x) { return static_cast<float>(x); }
inline float __ull2float_rn(unsigned long long x) { return static_cast<float>(x); }
inline float __double2float_rn(double x) { return static_cast<float>(x); }
inline double __int2double_rn(int x) { return x; }
inline double __uint2double_rn(unsigned x) { return x; }
inline double __ll2double_rn(long long x) { return static_cast<double>(x); }
inline double __ull2double_rn(unsigned long long x) { return static_cast<double>(x); }

// ---- min and max, which CUDA has outside of namespaces ----

#define RUSHLIGHT_MIN_MAX(type, x_type, y_type)                                                \
  inline constexpr type min(x_type x, y_type y) {                                              \
    return static_cast<type>(y) < static_cast<type>(x) ? static_cast<type>(y)                  \
                                                       : static_cast<type>(x);                 \
  }                                                                                            \
  inline constexpr type max(x_type x, y_type y) {                                              \
    return static_cast<type>(x) < static_cast<type>(y) ? static_cast<type>(y)                  \
                                                       : static_cast<type>(x);                 \
  }
RUSHLIGHT_MIN_MAX(int, int, int)
RUSHLIGHT_MIN_MAX(unsigned, unsigned, unsigned)
RUSHLIGHT_MIN_MAX(unsigned, int, unsigned)
RUSHLIGHT_MIN_MAX(unsigned, unsigned, int)
RUSHLIGHT_MIN_MAX(long, long, long)
RUSHLIGHT_MIN_MAX(unsigned long, unsigned long, unsigned long)
RUSHLIGHT_MIN_MAX(unsigned long, long, unsigned long)
RUSHLIGHT_MIN_MAX(unsigned long, unsigned long, long)
RUSHLIGHT_MIN_MAX(long long, long long, long long)
RUSHLIGHT_MIN_MAX(unsigned long long, unsigned long long, unsigned long long)
RUSHLIGHT_MIN_MAX(unsigned long long, long long, unsigned long long)
RUSHLIGHT_MIN_MAX(unsigned long long, unsigned long long, long long)
#undef RUSHLIGHT_MIN_MAX
#define RUSHLIGHT_FLOAT_MIN_MAX(type, x_type, y_type)                                          \
  inline type min(x_type x, y_type y) { return std::fmin(type(x), type(y)); }                  \
  inline type max(x_type x, y_type y) { return std::fmax(type(x), type(y)); }
RUSHLIGHT_FLOAT_MIN_MAX(float, float, float)
RUSHLIGHT_FLOAT_MIN_MAX(double, double, double)
RUSHLIGHT_FLOAT_MIN_MAX(double, float, double)
RUSHLIGHT_FLOAT_MIN_MAX(double, double, float)
#undef RUSHLIGHT_FLOAT_MIN_MAX
inline unsigned umin(unsigned x, unsigned y) { return min(x, y); }
inline unsigned umax(unsigned x, unsigned y) { return max(x, y); }
inline long long llmin(long long x, long long y) { return min(x, y); }
inline long long llmax(long long x, long long y) { return max(x, y); }

// ---- loads and stores with cache hints ----

#define RUSHLIGHT_LOAD(name)          \
  template <class T>                  \
  RUSHLIGHT_INLINE T name(const T* address) {   \
    return *address;                  \
  }
#define RUSHLIGHT_STORE(name)                                          \
  template <class T>                                                   \
  RUSHLIGHT_INLINE void name(T* address, std::common_type_t<T> value) {          \
    *address = value;                                                  \
  }
RUSHLIGHT_LOAD(__ldg)
RUSHLIGHT_LOAD(__ldca)
RUSHLIGHT_LOAD(__ldcg)
RUSHLIGHT_LOAD(__ldcs)
RUSHLIGHT_LOAD(__ldcv)
RUSHLIGHT_LOAD(__ldlu)
RUSHLIGHT_STORE(__stcg)
RUSHLIGHT_STORE(__stcs)
RUSHLIGHT_STORE(__stwb)
RUSHLIGHT_STORE(__stwt)
#undef RUSHLIGHT_LOAD
#undef RUSHLIGHT_STORE

// ---- clocks ----

inline long long clock64() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<long long>(now.tv_sec) * 1000000000 + now.tv_nsec;
}
