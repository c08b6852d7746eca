// Vectors of the width the capability level has: 16 floats (v4), 8 (v3), 4 (v2, plain).
// Arithmetic, comparison and `mask ? a : b` are the compiler's own vector operators.
#pragma once
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define RL_INLINE inline __attribute__((always_inline))

namespace rl::RL_LEVEL {

#if defined(__AVX512F__)
inline constexpr int W = 16;
#elif defined(__AVX2__)
inline constexpr int W = 8;
#else
inline constexpr int W = 4;
#endif

typedef float vf __attribute__((vector_size(W * 4), may_alias));
typedef int32_t vi __attribute__((vector_size(W * 4), may_alias));
typedef float vf_unaligned __attribute__((vector_size(W * 4), aligned(4), may_alias));
typedef int32_t vi_unaligned __attribute__((vector_size(W * 4), aligned(4), may_alias));
typedef double vd __attribute__((vector_size(W * 4), may_alias));       // W / 2 doubles
typedef float vf_half __attribute__((vector_size(W * 2), may_alias));   // W / 2 floats

RL_INLINE vf splat(float x) { return x - vf{}; }
RL_INLINE vi splat_int(int32_t x) { return x - vi{}; }

RL_INLINE vf load(const float* p) { return *reinterpret_cast<const vf_unaligned*>(p); }
RL_INLINE void store(float* p, vf x) { *reinterpret_cast<vf_unaligned*>(p) = x; }
RL_INLINE vi load(const int32_t* p) { return *reinterpret_cast<const vi_unaligned*>(p); }
RL_INLINE void store(int32_t* p, vi x) { *reinterpret_cast<vi_unaligned*>(p) = x; }

RL_INLINE vi lanes() {
  vi r;
  for (int i = 0; i < W; ++i) r[i] = i;
  return r;
}

// The first n lanes (0 <= n <= W); the others read as `fill` and are not written.
RL_INLINE vf load_first(const float* p, int64_t n, float fill = 0.0f) {
  if (n >= W) return load(p);
#if defined(__AVX512F__)
  return (vf)_mm512_mask_loadu_ps((__m512)splat(fill), static_cast<__mmask16>((1u << n) - 1), p);
#elif defined(__AVX2__)
  const vi mask = lanes() < splat_int(static_cast<int32_t>(n));
  const vf x = (vf)_mm256_maskload_ps(p, (__m256i)mask);
  return mask ? x : splat(fill);
#else
  vf r = splat(fill);
  for (int64_t i = 0; i < n; ++i) r[i] = p[i];
  return r;
#endif
}

RL_INLINE void store_first(float* p, vf x, int64_t n) {
  if (n >= W) {
    store(p, x);
    return;
  }
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), (__m512)x);
#elif defined(__AVX2__)
  _mm256_maskstore_ps(p, (__m256i)(lanes() < splat_int(static_cast<int32_t>(n))), (__m256)x);
#else
  for (int64_t i = 0; i < n; ++i) p[i] = x[i];
#endif
}

RL_INLINE vf fma(vf a, vf b, vf c) {
#if defined(__AVX512F__)
  return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__FMA__)
  return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
  return a * b + c;
#endif
}

// NaN in either operand gives NaN, as torch's clamp, relu and max do.
RL_INLINE vf max(vf a, vf b) { return (a >= b) | (a != a) ? a : b; }
RL_INLINE vf min(vf a, vf b) { return (a <= b) | (a != a) ? a : b; }

// One instruction each; a NaN in `a` gives `b`.
RL_INLINE vf fast_max(vf a, vf b) { return a > b ? a : b; }
RL_INLINE vf fast_min(vf a, vf b) { return a < b ? a : b; }

RL_INLINE vi as_int(vf x) { return (vi)x; }
RL_INLINE vf as_float(vi x) { return (vf)x; }
RL_INLINE vf to_float(vi x) { return __builtin_convertvector(x, vf); }
RL_INLINE vi truncate(vf x) { return __builtin_convertvector(x, vi); }

RL_INLINE vf abs(vf x) { return as_float(as_int(x) & 0x7fffffff); }
RL_INLINE vf copy_sign(vf magnitude, vf sign) {
  return as_float((as_int(magnitude) & 0x7fffffff) | (as_int(sign) & static_cast<int32_t>(0x80000000)));
}

RL_INLINE vf sqrt(vf x) {
#if defined(__AVX512F__)
  return (vf)_mm512_sqrt_ps((__m512)x);
#elif defined(__AVX2__)
  return (vf)_mm256_sqrt_ps((__m256)x);
#elif defined(__SSE2__)
  return (vf)_mm_sqrt_ps((__m128)x);
#else
  for (int i = 0; i < W; ++i) x[i] = __builtin_sqrtf(x[i]);
  return x;
#endif
}

// Sums and maxima over the lanes, always in the same order.
RL_INLINE float reduce_add(vf x) {
  float s[W];
  std::memcpy(s, &x, sizeof s);
  for (int step = W / 2; step > 0; step /= 2)
    for (int i = 0; i < step; ++i) s[i] += s[i + step];
  return s[0];
}

RL_INLINE float reduce_max(vf x) {
  float s[W];
  std::memcpy(s, &x, sizeof s);
  for (int step = W / 2; step > 0; step /= 2)
    for (int i = 0; i < step; ++i) s[i] = s[i] >= s[i + step] || s[i] != s[i] ? s[i] : s[i + step];
  return s[0];
}

// bfloat16 storage: the upper half of a float32, rounded to nearest even; NaN stays NaN.
RL_INLINE float from_bf16(uint16_t x) {
  const uint32_t bits = static_cast<uint32_t>(x) << 16;
  float y;
  std::memcpy(&y, &bits, 4);
  return y;
}

RL_INLINE uint16_t to_bf16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  if (x != x) return static_cast<uint16_t>((bits >> 16) | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

}  // namespace rl::RL_LEVEL
