// Convolution with 3x3 windows by Winograd's minimal filtering: conv/cpu_winograd.cpp and
// conv/cpu_winograd_weight.cpp.
#pragma once
#include "conv/geometry.h"

namespace rl::RL_LEVEL {

// Where the weights of a correlation lie: tap k of output o and input c at
// w[o * output + c * input + (turned ? 8 - k : k)].
struct Windows {
  const float* w;
  int64_t output, input;
  bool turned;
};

// Whether the minimal algorithm serves these sizes, and pays.
bool winograd_worth(const ConvShape& s);

// y = conv(x, w) + b, then max(y, 0) with `relu`.
void winograd(const ConvShape& s, const float* x, const Windows& w, const float* b, float* y,
              bool relu);

// The gradient of w (O, C, 3, 3) for the gradient g of y.
void winograd_weight(const ConvShape& s, const float* g, const float* x, float* gw);

}  // namespace rl::RL_LEVEL
