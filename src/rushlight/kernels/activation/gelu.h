// GELU on vectors: used by the activation kernels and by GEMM's epilogue.
#pragma once
#include "_native/simd_math.h"

namespace rl::RL_LEVEL {

// x Phi(x)
RL_INLINE vf gelu_erf(vf x) { return x * normal_cdf(x); }

// Phi(x) + x phi(x)
RL_INLINE vf gelu_erf_slope(vf x) {
  const vf half_square = x * x * 0.5f;
  const vf density = exp_bounded(half_square > 87.0f ? splat(-87.0f) : -half_square);
  return fma(x * 0.398942280f, density, normal_cdf(x));
}

RL_INLINE vf gelu_tanh_argument(vf x) {  // 2 sqrt(2 / pi) (x + 0.044715 x^3)
  return x * fma(x * x, splat(1.59576912f * 0.044715f), splat(1.59576912f));
}

// x (1 + tanh(u)) / 2 = x sigmoid(2 u)
RL_INLINE vf gelu_tanh(vf x) { return x * sigmoid(gelu_tanh_argument(x)); }

RL_INLINE vf gelu_tanh_slope(vf x) {
  const SigmoidAndSlope s = sigmoid_and_slope(gelu_tanh_argument(x));
  const vf du = fma(x * x, splat(3.0f * 1.59576912f * 0.044715f), splat(1.59576912f));
  return fma(x * s.slope, du, s.value);
}

}  // namespace rl::RL_LEVEL
