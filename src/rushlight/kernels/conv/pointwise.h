// 1x1 windows: the pixels that a stride skips never matter, so the rest is convolved on its own.
#pragma once
#include "conv/geometry.h"

namespace rl::RL_LEVEL {

inline bool skips_pixels(const ConvShape& s) {
  return s.h.kernel == 1 && s.w.kernel == 1 && s.h.padding == 0 && s.w.padding == 0 &&
         (s.h.stride > 1 || s.w.stride > 1);
}

// The shape of the convolution of the pixels that count: one long row, as all of 1x1.
inline ConvShape of_pixels(const ConvShape& s) {
  const int64_t plane = s.out_plane();
  return {s.n, s.c, s.o, s.groups, {1, 1, 1, 0, 1, 1}, {plane, 1, 1, 0, 1, plane}};
}

// The pixels of x that count, plane by plane.
inline void take_pixels(const ConvShape& s, const float* x, float* to) {
  parallel_for(s.n * s.c, 1 + 50000 / s.out_plane(), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t r = 0; r < s.h.out; ++r)
        take_every(x + i * s.in_plane() + r * s.h.stride * s.w.size, s.w.stride, s.w.size, s.w.out,
                   to + i * s.out_plane() + r * s.w.out);
  });
}

// The reverse: other pixels become 0.
inline void spread_pixels(const ConvShape& s, const float* from, float* x) {
  parallel_for(s.n * s.c, 1 + 50000 / s.in_plane(), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      float* plane = x + i * s.in_plane();
      std::memset(plane, 0, static_cast<size_t>(s.in_plane()) * 4);
      const float* row = from + i * s.out_plane();
      for (int64_t r = 0; r < s.h.out; ++r, row += s.w.out) {
        float* to = plane + r * s.h.stride * s.w.size;
        for (int64_t j = 0; j < s.w.out; ++j) to[j * s.w.stride] = row[j];
      }
    }
  });
}

}  // namespace rl::RL_LEVEL
