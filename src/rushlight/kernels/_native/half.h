// bfloat16 and float16 in memory, float32 in registers.
//
// Every load is exact; every store rounds once, to nearest, ties to even. Denormal numbers, infinities
// and signs survive; a NaN stays one. A kernel templated on its element type reads and writes all three
// types with the same `load`, `store`, `load_first` and `store_first`.
#pragma once
#include "_native/simd.h"
#include "_native/view.h"

namespace rl::RL_LEVEL {

// A float's upper half: eight bits of exponent, seven of fraction.
struct bf16 {
  uint16_t bits;
};
// IEEE binary16: five bits of exponent, ten of fraction.
struct f16 {
  uint16_t bits;
};

typedef uint16_t vh __attribute__((vector_size(W * 2), may_alias));
typedef uint16_t vh_unaligned __attribute__((vector_size(W * 2), aligned(2), may_alias));

RL_INLINE vh load_bits(const void* p) { return *static_cast<const vh_unaligned*>(p); }
RL_INLINE void store_bits(void* p, vh x) { *static_cast<vh_unaligned*>(p) = x; }

// Lanes of 16 bits to lanes of 32 and back; the upper half of each is zero.
RL_INLINE vi extend(vh x) {
#if defined(__AVX512F__)
  return (vi)_mm512_maskz_cvtepu16_epi32(0xffff, (__m256i)x);
#elif defined(__AVX2__)
  return (vi)_mm256_cvtepu16_epi32((__m128i)x);
#else
  return __builtin_convertvector(x, vi);
#endif
}
RL_INLINE vh shorten(vi x) {
#if defined(__AVX512F__)
  return (vh)_mm512_maskz_cvtepi32_epi16(0xffff, (__m512i)x);
#elif defined(__AVX2__)
  const __m256i wide = (__m256i)x;
  return (vh)_mm_packus_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
#else
  return __builtin_convertvector(x, vh);
#endif
}

RL_INLINE vi logical_shift(vi x, int bits) {
  typedef uint32_t vu __attribute__((vector_size(W * 4), may_alias));
  return (vi)((vu)x >> bits);
}

RL_INLINE vf widen(vh x, bf16) { return as_float(extend(x) << 16); }
RL_INLINE vh narrow(vf x, bf16) {
  const vi bits = as_int(x);
  const vi even = logical_shift(bits, 16) & 1;
  const vi quiet = (bits & static_cast<int32_t>(0x80000000)) | 0x7fc00000;
  return shorten(logical_shift(x == x ? bits + 0x7fff + even : quiet, 16));
}

RL_INLINE vf widen(vh x, f16) {
#if defined(__AVX512F__)
  return (vf)_mm512_maskz_cvtph_ps(0xffff, (__m256i)x);
#elif defined(__F16C__)
  return (vf)_mm256_cvtph_ps((__m128i)x);
#else
  // The exponent moves up by 112: a multiplication, which makes denormals normal on the way.
  const vi bits = extend(x), sign = (bits & 0x8000) << 16, magnitude = bits & 0x7fff;
  const vi finite = as_int(as_float(magnitude << 13) * as_float(splat_int((127 + 112) << 23)));
  const vi special = (magnitude << 13) | 0x7f800000;
  return as_float(sign | (magnitude >= 0x7c00 ? special : finite));
#endif
}
RL_INLINE vh narrow(vf x, f16) {
#if defined(__AVX512F__)
  return (vh)_mm512_maskz_cvtps_ph(0xffff, (__m512)x, _MM_FROUND_TO_NEAREST_INT);
#elif defined(__F16C__)
  return (vh)_mm256_cvtps_ph((__m256)x, _MM_FROUND_TO_NEAREST_INT);
#else
  const vf magnitude = abs(x);
  const vi bits = as_int(magnitude), sign = logical_shift(as_int(x) - bits, 16);
  const vi normal = logical_shift(bits + 0xfff + (logical_shift(bits, 13) & 1), 13) - (112 << 10);
  // Beside 1/2 a float has just the bits that a denormal may keep: the sum rounds.
  const vi denormal = as_int(magnitude + 0.5f) - as_int(splat(0.5f));
  vi y = magnitude < 6.103515625e-5f ? denormal : normal;
  y = magnitude >= 65520.0f ? splat_int(0x7c00) : y;
  y = x == x ? y : splat_int(0x7e00);
  return shorten(sign | y);
#endif
}

RL_INLINE vf load(const bf16* p) { return widen(load_bits(p), bf16{}); }
RL_INLINE vf load(const f16* p) { return widen(load_bits(p), f16{}); }
RL_INLINE void store(bf16* p, vf x) { store_bits(p, narrow(x, bf16{})); }
RL_INLINE void store(f16* p, vf x) { store_bits(p, narrow(x, f16{})); }

// Two vectors, one after the other.
template <class T>
RL_INLINE void store_two(T* p, vf x, vf y) {
  store(p, x);
  store(p + W, y);
}
#if defined(__AVX2__) && !defined(__AVX512F__)
// Without a NaN in either, which one comparison tells, half the instructions do.
RL_INLINE void store_two(bf16* p, vf x, vf y) {
  if (_mm256_movemask_ps(_mm256_cmp_ps((__m256)x, (__m256)y, _CMP_UNORD_Q)) != 0) {
    store(p, x);
    store(p + W, y);
    return;
  }
  const auto upper = [](vf v) {
    const vi bits = as_int(v);
    return (__m256i)logical_shift(bits + 0x7fff + (logical_shift(bits, 16) & 1), 16);
  };
  const __m256i pairs = _mm256_packus_epi32(upper(x), upper(y));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(pairs, 0xd8));
}

template <class T>
RL_INLINE vf load_fours(const T* p, const T* q) {  // as that for float
  const __m128i low = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  const __m128i high = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(q));
  return widen((vh)_mm_unpacklo_epi64(low, high), T{});
}
#endif

RL_INLINE vh load_first_bits(const void* p, int64_t n) {
#if defined(__AVX512BW__) && defined(__AVX512VL__)
  return (vh)_mm256_maskz_loadu_epi16(static_cast<__mmask16>((1u << n) - 1), p);
#else
  vh x{};
  for (int64_t i = 0; i < n; ++i) x[i] = static_cast<const uint16_t*>(p)[i];
  return x;
#endif
}
RL_INLINE void store_first_bits(void* p, vh x, int64_t n) {
#if defined(__AVX512BW__) && defined(__AVX512VL__)
  _mm256_mask_storeu_epi16(p, static_cast<__mmask16>((1u << n) - 1), (__m256i)x);
#else
  for (int64_t i = 0; i < n; ++i) static_cast<uint16_t*>(p)[i] = x[i];
#endif
}

// The first n lanes; the others read as zero and are not written.
template <class T>
RL_INLINE vf load_first(const T* p, int64_t n) {
  return n >= W ? load(p) : widen(load_first_bits(p, n), T{});
}
template <class T>
RL_INLINE void store_first(T* p, vf x, int64_t n) {
  if (n >= W) store(p, x);
  else store_first_bits(p, narrow(x, T{}), n);
}

// One element.
RL_INLINE float value_of(float x) { return x; }
RL_INLINE float value_of(f16 x) { return widen(vh{x.bits}, x)[0]; }
RL_INLINE float value_of(bf16 x) { return __builtin_bit_cast(float, static_cast<uint32_t>(x.bits) << 16); }

// f(pointer to the element type) for an array of one of the three types; false for any other.
template <class F>
bool with_float_type(DType type, F&& f) {
  switch (type) {
    case DType::float32: f(static_cast<float*>(nullptr)); return true;
    case DType::bfloat16: f(static_cast<bf16*>(nullptr)); return true;
    case DType::float16: f(static_cast<f16*>(nullptr)); return true;
    default: return false;
  }
}

}  // namespace rl::RL_LEVEL
