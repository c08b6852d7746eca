// What the three directions of a convolution share: its sizes and the list of pixel vectors.
#pragma once
#include "conv/padded.h"

namespace rl::RL_LEVEL {

struct ConvShape {
  int64_t n, c, o, groups;  // c, o: all channels
  Axis h, w;
  int64_t taps() const { return c / groups * h.kernel * w.kernel; }  // per output: "K"
  int64_t in_plane() const { return h.size * w.size; }
  int64_t out_plane() const { return h.out * w.out; }
  double flops() const { return 2.0 * n * o * out_plane() * taps(); }
};

// Reads the sizes from x (N, C, H, W), w (O, C/G, KH, KW), y (N, O, OH, OW). A 1x1 convolution that
// takes every pixel is one long row. False if a shape or type is not ours.
inline bool conv_shape(const int64_t* x, const int64_t* w, const int64_t* y, const int64_t (&o)[7],
                       ConvShape& s) {
  s = {x[0], x[1], w[0], o[6], {x[2], w[2], o[0], o[2], o[4], y[2]}, {x[3], w[3], o[1], o[3], o[5], y[3]}};
  if (s.n == 0 || s.c == 0 || s.o == 0 || s.h.out <= 0 || s.w.out <= 0) return false;
  if (s.in_plane() * s.c >= INT32_MAX / 4 || s.out_plane() * s.o >= INT32_MAX / 4) return false;
  const bool pointwise = w[2] == 1 && w[3] == 1 && o[0] == 1 && o[1] == 1 && o[2] == 0 && o[3] == 0;
  if (pointwise) {
    s.w.size = s.w.out = s.in_plane();
    s.h.size = s.h.out = 1;
  }
  return true;
}

// A vector of output pixels: where it starts in the (padded) input and in the output plane.
struct PixelVector {
  int64_t in, out, lanes;
};

}  // namespace rl::RL_LEVEL
