// GELU on vectors: used by the activation kernels and by GEMM's epilogue.
#pragma once
#include "_native/simd_math.h"

namespace rl::RL_LEVEL {

// x Phi(x)
RL_INLINE vf gelu_erf(vf x) { return x * normal_cdf(x); }

// Phi(x) + x phi(x), to 3e-7 absolute; 0 below -6.3. As in `normal_cdf` the odd part is x P(x^2) / Q(x^2),
// a minimax fit on [-6.3, 6.3]: a third fewer operations than the two functions take.
RL_INLINE vf gelu_erf_slope(vf x) {
  constexpr float p[] = {0.7978845f,    -0.015929174f, 0.013611643f,  3.1950139e-4f,
                         3.4213535e-5f, 1.2411984e-6f, 1.9788914e-8f};
  constexpr float q[] = {1.0f,         0.31336835f,   0.046517827f,  0.0043058493f,
                         2.751042e-4f, 1.1858339e-5f, 4.3019145e-7f, 1.4212569e-9f};
  vf c = x > 6.3f ? splat(6.3f) : x;
  c = c < -6.3f ? splat(-6.3f) : c;
  const vf s = c * c;
  const vf y = fma(c, polynomial(s, p) / polynomial(s, q), splat(0.5f));
  return x < -6.3f ? vf{} : y;
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
