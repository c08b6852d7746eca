// Depthwise convolution, as the three general kernels call it.
#pragma once
#include "conv/geometry.h"

namespace rl::RL_LEVEL {

inline bool is_depthwise(const ConvShape& s) { return s.groups == s.c && s.groups == s.o; }

void depthwise_forward(const ConvShape& s, const float* x, const float* w, const float* b, float* y,
                       bool relu);
void depthwise_backward_input(const ConvShape& s, const float* g, const float* w, float* gx);
void depthwise_backward_weight(const ConvShape& s, const float* g, const float* x, float* gw);

// The same with a plane in each lane (conv/cpu_lanes.cpp), for shapes of which `in_lanes` is true.
bool in_lanes(const ConvShape& s);
void lanes_forward(const ConvShape& s, const float* x, const float* w, const float* b, float* y,
                   bool relu);
void lanes_backward_input(const ConvShape& s, const float* g, const float* w, float* gx);
void lanes_backward_weight(const ConvShape& s, const float* g, const float* x, float* gw);

}  // namespace rl::RL_LEVEL
