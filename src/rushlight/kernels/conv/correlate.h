// The forward product of convolution, for the other directions to use.
#pragma once
#include "conv/geometry.h"

namespace rl::RL_LEVEL {

// y = conv(x, weights) + b, then max(y, 0) with `relu`. In each group (O/G * K floats of w), weight k
// of output o is w[o * row + column[k]]; k counts channels, then window rows, then columns. Null for
// `column` means k itself.
void correlate(const ConvShape& s, const float* x, const float* w, int64_t row,
               const int32_t* column, const float* b, float* y, bool relu);

}  // namespace rl::RL_LEVEL
