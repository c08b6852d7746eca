// What a panel of a packed operand consists of: 32-bit units along K, floats or pairs of bfloat16.
//
// Pairs halve the panels, and an instruction of AVX512-BF16 multiplies 16 of them and adds both products
// to a float32 sum, rounding after each addition: twice the work of a multiply-add of floats. It takes
// denormal operands and results as zero, whatever the processor's modes say. Where the instruction is
// missing, bfloat16 panels hold floats, which is faster than to take pairs apart. -DRL_BF16_PAIRS=1
// builds the pairs at any level, with the instruction spelt out, to run the tests on a processor
// without it.
#pragma once
#include "_native/half.h"

#ifndef RL_BF16_PAIRS
#if defined(__AVX512BF16__)
#define RL_BF16_PAIRS 1
#else
#define RL_BF16_PAIRS 0
#endif
#endif

namespace rl::RL_LEVEL {

// How the micro-kernel multiplies units that are floats.
struct Floats {
  static RL_INLINE vf broadcast(const float* p) { return splat(*p); }
  static RL_INLINE vf multiply_add(vf a, vf b, vf sum) { return fma(a, b, sum); }
};

// One element in each unit, widened.
template <class T>
struct Singles {
  using Arithmetic = Floats;
  static constexpr int kElements = 1;
  // The first n columns of a row.
  static RL_INLINE vf row(const T* p, int64_t, int64_t, int64_t n) { return load_first(p, n); }
  // W units of each of W columns; columns `stride` apart, contiguous along K.
  static RL_INLINE void block(const T* p, int64_t stride, vf (&x)[W]) { load_transposed(p, stride, x); }
  // Those of the first n elements along K.
  static RL_INLINE vf along(const T* p, int64_t n) { return load_first(p, n); }
  static RL_INLINE float one(const T* p, int64_t, int64_t) { return value_of(*p); }
};

// Two elements in each unit, those of rows p and p + 1; a missing one is zero. `left` rows remain.
struct Pairs {
  using Arithmetic = Pairs;
  static constexpr int kElements = 2;

  static RL_INLINE vf row(const bf16* p, int64_t step, int64_t left, int64_t n) {
    const vi low = extend(bits(p, n));
    return as_float(left > 1 ? low | extend(bits(p + step, n)) << 16 : low);
  }
  static RL_INLINE void block(const bf16* p, int64_t stride, vf (&x)[W]) {
#pragma GCC unroll 16
    for (int i = 0; i < W; ++i) std::memcpy(&x[i], p + i * stride, sizeof(vf));
    transpose(x);
  }
  static RL_INLINE vf along(const bf16* p, int64_t n) {
    vf x{};
    std::memcpy(&x, p, static_cast<size_t>(n) * sizeof(bf16));
    return x;
  }
  static RL_INLINE float one(const bf16* p, int64_t step, int64_t left) {
    const uint32_t high = left > 1 ? p[step].bits : 0;
    return __builtin_bit_cast(float, high << 16 | p->bits);
  }
  static RL_INLINE vf broadcast(const float* p) {
    return as_float(splat_int(__builtin_bit_cast(int32_t, *p)));
  }
  static RL_INLINE vf multiply_add(vf a, vf b, vf sum) {
#if defined(__AVX512BF16__)
    return (vf)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
#else
    constexpr auto upper = static_cast<int32_t>(0xffff0000);
    sum = fma(as_float(as_int(a) & upper), as_float(as_int(b) & upper), sum);
    return fma(as_float(as_int(a) << 16), as_float(as_int(b) << 16), sum);
#endif
  }

 private:
  static RL_INLINE vh bits(const bf16* p, int64_t n) {
    return n >= W ? load_bits(p) : load_first_bits(p, n);
  }
};

template <class T>
struct UnitsOf {
  using Type = Singles<T>;
};
#if RL_BF16_PAIRS
template <>
struct UnitsOf<bf16> {
  using Type = Pairs;
};
#endif
template <class T>
using Units = typename UnitsOf<T>::Type;

template <class T>
int64_t units_in(int64_t elements) {
  return (elements + Units<T>::kElements - 1) / Units<T>::kElements;
}

}  // namespace rl::RL_LEVEL
