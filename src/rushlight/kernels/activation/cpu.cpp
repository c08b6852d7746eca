#include "_native/kernel.h"
#include "_native/map.h"
#include "activation/gelu.h"

namespace rl::RL_LEVEL {
#include "activation/cpu.h"

void relu(const float* x, float* y, int64_t n) {
  map1(x, y, n, 4, [](vf v) { return max(v, vf{}); });
}

void relu_grad(const float* g, const float* y, float* gx, int64_t n) {
  map2(g, y, gx, n, 5, [](vf gv, vf yv) { return yv <= 0.0f ? vf{} : gv; });
}

void leaky_relu(const float* x, float* y, int64_t n, double slope) {
  const float s = static_cast<float>(slope);
  map1(x, y, n, 4, [s](vf v) { return v > 0.0f ? v : v * s; });
}

void leaky_relu_grad(const float* g, const float* x, float* gx, int64_t n, double slope) {
  const float s = static_cast<float>(slope);
  map2(g, x, gx, n, 5, [s](vf gv, vf v) { return v > 0.0f ? gv : gv * s; });
}

void gelu_erf(const float* x, float* y, int64_t n) {
  map1(x, y, n, 40, [](vf v) { return gelu_erf(v); });
}

void gelu_erf_grad(const float* g, const float* x, float* gx, int64_t n) {
  map2(g, x, gx, n, 45, [](vf gv, vf v) { return gv * gelu_erf_slope(v); });
}

void gelu_tanh(const float* x, float* y, int64_t n) {
  map1(x, y, n, 25, [](vf v) { return gelu_tanh(v); });
}

void gelu_tanh_grad(const float* g, const float* x, float* gx, int64_t n) {
  map2(g, x, gx, n, 30, [](vf gv, vf v) { return gv * gelu_tanh_slope(v); });
}

void silu(const float* x, float* y, int64_t n) {
  map1(x, y, n, 20, [](vf v) { return v * sigmoid(v); });
}

void silu_grad(const float* g, const float* x, float* gx, int64_t n) {
  map2(g, x, gx, n, 25, [](vf gv, vf v) {
    const SigmoidAndSlope s = sigmoid_and_slope(v);
    return gv * fma(v, s.slope, s.value);
  });
}

void sigmoid_map(const float* x, float* y, int64_t n) {
  map1(x, y, n, 20, [](vf v) { return sigmoid(v); });
}

void sigmoid_grad(const float* g, const float* y, float* gx, int64_t n) {
  map2(g, y, gx, n, 5, [](vf gv, vf v) { return gv * (1.0f - v) * v; });
}

void tanh_map(const float* x, float* y, int64_t n) {
  map1(x, y, n, 20, [](vf v) { return tanh(v); });
}

void tanh_grad(const float* g, const float* y, float* gx, int64_t n) {
  map2(g, y, gx, n, 5, [](vf gv, vf v) { return gv * (1.0f - v * v); });
}

void elu(const float* x, float* y, int64_t n, double below, double above, double input) {
  const vf a = splat(static_cast<float>(below)), b = splat(static_cast<float>(above));
  const vf k = splat(static_cast<float>(input));
  map1(x, y, n, 20, [=](vf v) { return v > 0.0f ? v * b : a * expm1_negative(v * k); });
}

void softplus(const float* x, float* y, int64_t n, double beta, double threshold) {
  const vf b = splat(static_cast<float>(beta)), most = splat(static_cast<float>(threshold));
  map1(x, y, n, 25, [=](vf v) {
    const vf scaled = v * b;
    return scaled > most ? v : rl::RL_LEVEL::softplus(scaled) / b;
  });
}

void log_sigmoid(const float* x, float* y, int64_t n) {
  map1(x, y, n, 20, [](vf v) { return -rl::RL_LEVEL::softplus(-v); });
}

void clamp(const float* x, float* y, int64_t n, double low, double high) {
  const vf least = splat(static_cast<float>(low)), most = splat(static_cast<float>(high));
  map1(x, y, n, 4, [=](vf v) { return min(max(v, least), most); });
}

// Where neither holds y is inside, or NaN.
void clamp_grad(const float* g, const float* y, float* gx, int64_t n, double low, double high) {
  const vf least = splat(static_cast<float>(low)), most = splat(static_cast<float>(high));
  map2(g, y, gx, n, 6, [=](vf gv, vf v) {
    const vf above = v >= most ? vf{} : gv;
    return v <= least ? vf{} : above;
  });
}

void log1p_map(const float* x, float* y, int64_t n) {
  map1(x, y, n, 25, [](vf v) { return log1p(v); });
}

void exp_map(const float* x, float* y, int64_t n) {
  map1(x, y, n, 15, [](vf v) { return exp(v); });
}

void erf_map(const float* x, float* y, int64_t n) {
  map1(x, y, n, 35, [](vf v) { return erf(v); });
}

}  // namespace rl::RL_LEVEL
