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
// A store past the cache, for results so large that they would drive out everything else and leave it
// themselves before anybody reads them. `p` is aligned to whole vectors; `stream_end` comes after the
// last one, before other threads may read.
inline constexpr int64_t kStreamBytes = 32 << 20;
RL_INLINE bool streams(const float* p, int64_t n) {
  return n * 4 >= kStreamBytes && reinterpret_cast<uintptr_t>(p) % (W * 4) == 0;
}
RL_INLINE void stream(float* p, vf x) {
#if defined(__AVX512F__)
  _mm512_stream_ps(p, (__m512)x);
#elif defined(__AVX2__)
  _mm256_stream_ps(p, (__m256)x);
#elif defined(__SSE2__)
  _mm_stream_ps(p, (__m128)x);
#else
  store(p, x);
#endif
}
RL_INLINE void stream_end() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

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
  // Not maskstore: AMD processors take dozens of cycles for it.
  __m128 part = _mm256_castps256_ps128((__m256)x);
  if (n & 4) {
    _mm_storeu_ps(p, part);
    part = _mm256_extractf128_ps((__m256)x, 1);
    p += 4;
  }
  if (n & 2) {
    _mm_storel_pi(reinterpret_cast<__m64*>(p), part);
    part = _mm_movehl_ps(part, part);
    p += 2;
  }
  if (n & 1) _mm_store_ss(p, part);
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
  // The masked form, because GCC 12 warns about the plain one.
  return (vf)_mm512_maskz_sqrt_ps(0xffff, (__m512)x);
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

// The sums of four vectors' lanes, always in the same order.
RL_INLINE void reduce_add(const vf (&x)[4], float (&sums)[4]) {
  vi low, high;  // interleave the lower and the upper halves within each quarter of the widest vector
  for (int i = 0; i < W; ++i) {
    low[i] = i / 4 * 4 + i % 4 / 2 + i % 2 * W;
    high[i] = low[i] + 2;
  }
  auto add = [&](vf a, vf b) {
    return __builtin_shuffle(a, b, low) + __builtin_shuffle(a, b, high);
  };
  const vf y = add(add(x[0], x[2]), add(x[1], x[3]));
  typedef float quarter __attribute__((vector_size(16)));
  quarter q[W / 4];
  std::memcpy(q, &y, sizeof q);
  for (int step = W / 8; step > 0; step /= 2)
    for (int i = 0; i < step; ++i) q[i] += q[i + step];
  std::memcpy(sums, q, sizeof sums);
}

// Interleave the lower or the upper halves of a and b: (a0 b0 a1 b1 ...).
RL_INLINE vf zip_low(vf a, vf b) {
  vi index;
  for (int i = 0; i < W; ++i) index[i] = i / 2 + (i % 2) * W;
  return __builtin_shuffle(a, b, index);
}

RL_INLINE vf zip_high(vf a, vf b) {
  vi index;
  for (int i = 0; i < W; ++i) index[i] = W / 2 + i / 2 + (i % 2) * W;
  return __builtin_shuffle(a, b, index);
}

// Every other lane of a and b: (a0 a2 ... b0 b2 ...), (a1 a3 ... b1 b3 ...).
RL_INLINE vf even_lanes(vf a, vf b) {
  vi index;
  for (int i = 0; i < W; ++i) index[i] = 2 * i;
  return __builtin_shuffle(a, b, index);
}

RL_INLINE vf odd_lanes(vf a, vf b) {
  vi index;
  for (int i = 0; i < W; ++i) index[i] = 2 * i + 1;
  return __builtin_shuffle(a, b, index);
}

// Zipping row i with row i + W/2 log2(W) times transposes the block.
RL_INLINE void transpose(vf (&x)[W]) {
#pragma GCC unroll 4
  for (int stage = 1; stage < W; stage *= 2) {
    vf y[W];
#pragma GCC unroll 8
    for (int i = 0; i < W / 2; ++i) {
      y[2 * i] = zip_low(x[i], x[i + W / 2]);
      y[2 * i + 1] = zip_high(x[i], x[i + W / 2]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < W; ++i) x[i] = y[i];
  }
}

#if defined(__AVX2__) && !defined(__AVX512F__)
// Four floats from p, then four from q.
RL_INLINE vf load_fours(const float* p, const float* q) {
  return (vf)_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps(q), 1);
}
#endif

// x[i][j] = p[j * stride + i]: a W x W block, its rows read as columns.
template <class T>
RL_INLINE void load_transposed(const T* p, int64_t stride, vf (&x)[W]) {
#if defined(__AVX2__) && !defined(__AVX512F__)
  // Rows j and j + 4 share a register, so no shuffle has to cross its middle.
  __m256 pair[2][4];
#pragma GCC unroll 2
  for (int half = 0; half < 2; ++half)
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const T* row = p + j * stride + half * 4;
      pair[half][j] = (__m256)load_fours(row, row + 4 * stride);
    }
#pragma GCC unroll 2
  for (int half = 0; half < 2; ++half) {
    const __m256 a = _mm256_unpacklo_ps(pair[half][0], pair[half][1]);
    const __m256 b = _mm256_unpackhi_ps(pair[half][0], pair[half][1]);
    const __m256 c = _mm256_unpacklo_ps(pair[half][2], pair[half][3]);
    const __m256 d = _mm256_unpackhi_ps(pair[half][2], pair[half][3]);
    x[half * 4 + 0] = (vf)_mm256_shuffle_ps(a, c, 0x44);
    x[half * 4 + 1] = (vf)_mm256_shuffle_ps(a, c, 0xee);
    x[half * 4 + 2] = (vf)_mm256_shuffle_ps(b, d, 0x44);
    x[half * 4 + 3] = (vf)_mm256_shuffle_ps(b, d, 0xee);
  }
#else
#pragma GCC unroll 16
  for (int i = 0; i < W; ++i) x[i] = load(p + i * stride);
  transpose(x);
#endif
}

}  // namespace rl::RL_LEVEL
