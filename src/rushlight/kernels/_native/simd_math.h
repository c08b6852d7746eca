// exp, log, erf, tanh, sigmoid, softplus and the normal distribution on vectors of float32.
//
// Error against float64: exp 1 ulp, erf and tanh 2, sigmoid 2.5. Polynomials are minimax fits made for
// these intervals; infinities and NaN come out as IEEE says.
#pragma once
#include "_native/simd.h"

namespace rl::RL_LEVEL {

// c[0] + c[1] x + ... (Horner)
template <int N>
RL_INLINE vf polynomial(vf x, const float (&c)[N]) {
  vf p = splat(c[N - 1]);
  for (int i = N - 2; i >= 0; --i) p = fma(p, x, splat(c[i]));
  return p;
}

struct Reduced {  // x = n ln 2 + r, |r| <= ln 2 / 2
  vf r;
  vi n;
};

RL_INLINE Reduced reduce_ln2(vf x) {
  constexpr float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  const vf shifted = fma(x, splat(1.44269504f), splat(magic));
  const vf n = shifted - magic;
  // ln 2 in two parts; the first has few bits, so n times it is exact.
  vf r = fma(n, splat(-0.693359375f), x);
  r = fma(n, splat(2.12194440e-4f), r);
  return {r, as_int(shifted) - as_int(splat(magic))};
}

// p * 2^n in two steps, so that n may lie outside the range of one exponent.
RL_INLINE vf scale(vf p, vi n) {
  const vi half = n >> 1;
  return p * as_float((half + 127) << 23) * as_float((n - half + 127) << 23);
}

RL_INLINE vf exp_fraction(vf r) {
  constexpr float c[] = {0.49999994f, 0.166665196f, 0.0416684002f, 0.00836885069f, 0.00138143217f};
  return fma(polynomial(r, c), r * r, r) + 1.0f;
}

RL_INLINE vf clamp_exponent(vf x) {  // keeps NaN
  x = x < -110.0f ? splat(-110.0f) : x;
  return x > 90.0f ? splat(90.0f) : x;
}

RL_INLINE vf exp(vf x) {
  const Reduced a = reduce_ln2(clamp_exponent(x));
  return scale(exp_fraction(a.r), a.n);
}

// exp for -87 <= x <= 88, where one exponent is enough.
RL_INLINE vf exp_bounded(vf x) {
  const Reduced a = reduce_ln2(x);
  return exp_fraction(a.r) * as_float((a.n + 127) << 23);
}

RL_INLINE vf expm1_positive(vf x) {  // 0 <= x <= 88
  constexpr float c[] = {0.5f, 0.166665420f, 0.0416662805f, 0.00836671051f, 0.00139466696f};
  const Reduced a = reduce_ln2(x);
  const vf p = fma(polynomial(a.r, c), a.r * a.r, a.r);
  const vf power = as_float((a.n + 127) << 23);
  return fma(p, power, power - 1.0f);
}

// log(1 + 2 s / (1 - s)) = 2 atanh(s) = s (2 + z P(z)) with z = s^2; here log(1 + e) for 0 <= e <= 1.
RL_INLINE vf log1p_unit(vf e) {
  constexpr float c[] = {0.6666641f, 0.400217f, 0.2799914f, 0.28024462f};
  const vf s = e / (e + 2.0f), z = s * s;
  return fma(polynomial(z, c) * z, s, s + s);
}

// x = m 2^n with m in [sqrt(1/2), sqrt(2)), and the odd series above for m.
RL_INLINE vf log(vf x) {
  constexpr float c[] = {0.66666776f, 0.39977443f, 0.298746f};
  constexpr int32_t root_half = 0x3f3504f3;
  const vi tiny = x < 1.17549435e-38f;  // below the normal numbers
  const vf y = tiny ? x * 8388608.0f : x;
  const vi n = (as_int(y) - root_half) >> 23;
  const vf f = as_float(as_int(y) - (n << 23)) - 1.0f;
  const vf s = f / (f + 2.0f), z = s * s;
  const vf exponent = to_float(tiny ? n - 23 : n);
  // log m = f - s (f - z P(z)): f has no rounding error, and the rest is small beside it.
  const vf rest = s * (f - polynomial(z, c) * z);
  const vf r = fma(exponent, splat(0.693359375f), f - fma(exponent, splat(2.12194440e-4f), rest));
  const vf special = x == 0.0f ? splat(-__builtin_inff()) : x > 0.0f ? x : splat(__builtin_nanf(""));
  return (x > 0.0f) & (x < __builtin_inff()) ? r : special;
}

// The rounding error of 1 + x goes back in to first order.
RL_INLINE vf log1p(vf x) {
  const vf u = x + 1.0f;
  const vf lost = x - (u - 1.0f);
  return log(u) + ((u > 0.0f) & (u < __builtin_inff()) ? lost / u : vf{});
}

// log(1 + exp(x))
RL_INLINE vf softplus(vf x) { return max(x, vf{}) + log1p_unit(exp(-abs(x))); }

// exp(x) - 1 for x <= 0
RL_INLINE vf expm1_negative(vf x) {
  const vf e = expm1_positive(x < -80.0f ? splat(80.0f) : -x);
  return -e / (e + 1.0f);
}

RL_INLINE vf tanh(vf x) {
  constexpr float c[] = {-0.333333164f, 0.133324996f, -0.0538423918f, 0.0210276172f, -0.00620791968f};
  vf a = abs(x);
  const vf square = a * a;
  const vf small = fma(polynomial(square, c) * square, a, a);
  const vf e = expm1_positive((a > 10.0f ? splat(10.0f) : a) * 2.0f);
  const vf large = e / (e + 2.0f);
  return copy_sign(a < 0.56f ? small : x == x ? large : x, x);
}

RL_INLINE vf sigmoid(vf x) {
  const vf e = exp(-abs(x));
  return (x >= 0.0f ? splat(1.0f) : e) / (1.0f + e);
}

struct SigmoidAndSlope {
  vf value, slope;
};

// The slope s (1 - s) is e / (1 + e)^2: no difference, so precise where s is nearly 1.
RL_INLINE SigmoidAndSlope sigmoid_and_slope(vf x) {
  const vf e = exp(-abs(x)), r = 1.0f / (1.0f + e);
  return {(x >= 0.0f ? splat(1.0f) : e) * r, e * r * r};
}

// erfc(a / sqrt 2) / 2 / exp(-a a / 2) for a >= 0: t P(t - 1/2) with t = 1 / (1 + 0.3 a). Centred at
// 1/2 because the rounding errors of Horner's rule would otherwise not shrink at t = 1.
RL_INLINE vf scaled_tail(vf a) {
  constexpr float c[] = {0.221970618f,   0.329158962f,   0.346198827f,   0.222082689f,  0.0290565249f,
                         -0.0775515810f, -0.0364608653f, 0.0359164327f, 0.0196358524f, -0.0206287019f};
  a = a > 15.0f ? splat(15.0f) : a;
  const vf t = 1.0f / fma(a, splat(0.3f), splat(1.0f));
  return polynomial(t - 0.5f, c) * t;
}

// P(X <= x) of the standard normal distribution, to 2e-7 absolute (2.8e-7 without fused
// multiply-add); 0 below -5.6. The odd part is x P(x^2) / Q(x^2), a minimax fit on [-5.6, 5.6].
RL_INLINE vf normal_cdf(vf x) {
  constexpr float p[] = {0.398942262f,    0.0339290239f,   0.00467734830f,
                         0.000168928964f, 6.28975613e-06f, 2.22973036e-08f};
  constexpr float q[] = {1.0f,            0.251713783f,    0.0286775492f,
                         0.00188549038f, 7.33440029e-05f, 1.17965214e-06f};
  vf c = x > 5.6f ? splat(5.6f) : x;
  c = c < -5.6f ? splat(-5.6f) : c;
  const vf s = c * c;
  const vf y = fma(c, polynomial(s, p) / polynomial(s, q), splat(0.5f));
  return x < -5.6f ? vf{} : y;
}

RL_INLINE vf erf(vf x) {
  // erf(x) / x - 1: without the 1 its rounding errors are an eighth.
  constexpr float c[] = {0.128379166f,    -0.376126319f,    0.112836726f,   -0.0268581044f,
                         0.00519779744f, -0.000810596568f, 8.21542635e-05f};
  const vf small = fma(polynomial(x * x, c), x, x);
  const vf large = 1.0f - 2.0f * scaled_tail(abs(x) * 1.41421356f) * exp(-(x * x));
  return abs(x) < 0.95f ? small : copy_sign(large, x);
}

}  // namespace rl::RL_LEVEL
