// Convolution of channels-last images: x (N, H, W, C), w (O, KH, KW, C/G), y (N, OH, OW, O). Every
// pixel is a row of channels, so lanes are channels and products have pixels as their rows.
//
// conv/cpu_last.cpp chooses; conv/cpu_last_patches.cpp multiplies patches of any geometry,
// conv/cpu_last_winograd.cpp 3x3 windows, conv/cpu_last_depthwise.cpp has one channel per group.
#pragma once
#include "conv/geometry.h"

namespace rl::RL_LEVEL {

inline void copy_floats(float* to, const float* from, int64_t n) {
  int64_t i = 0;
  for (; i + W <= n; i += W) store(to + i, load(from + i));
  if (i < n) store_first(to + i, load_first(from + i, n - i), n - i);
}

inline void zero_floats(float* to, int64_t n) { std::memset(to, 0, static_cast<size_t>(n) * 4); }

// f(i, n) for vectors of channels, n lanes of which count.
template <class F>
RL_INLINE void for_lanes(int64_t channels, F&& f) {
  int64_t i = 0;
  for (; i + W <= channels; i += W) f(i, int64_t{W});
  if (i < channels) f(i, channels - i);
}

// y = conv(x, w) + b, then max(y, 0) with `relu`; gx and gw for the gradient g of y.
void last_patches_forward(const ConvShape& s, const float* x, const float* w, const float* b, float* y,
                          bool relu);
void last_patches_input(const ConvShape& s, const float* g, const float* w, float* gx);
void last_patches_weight(const ConvShape& s, const float* g, const float* x, float* gw);

// For sizes of which `winograd_worth` is true (conv/winograd.h). `turned`: w (C, 3, 3, O) of the
// convolution whose input gradient this is, channels and windows reversed.
void last_winograd(const ConvShape& s, const float* x, const float* w, bool turned, const float* b,
                   float* y, bool relu);
void last_winograd_weight(const ConvShape& s, const float* g, const float* x, float* gw);

void last_depthwise_forward(const ConvShape& s, const float* x, const float* w, const float* b,
                            float* y, bool relu);
void last_depthwise_input(const ConvShape& s, const float* g, const float* w, float* gx);
void last_depthwise_weight(const ConvShape& s, const float* g, const float* x, float* gw);

}  // namespace rl::RL_LEVEL
