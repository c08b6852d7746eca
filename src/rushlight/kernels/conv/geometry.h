// What the three directions of a convolution share: sizes, the padded image, the list of vectors.
//
// A padded image is a copy of x with its padding in which every window element is contiguous along
// the output row: a row is split into `stride` phases, column j of the padded row lying at
// j / stride of phase j % stride. So strides cost nothing inside the products.
#pragma once
#include "_native/kernel.h"

namespace rl::RL_LEVEL {

struct Axis {
  int64_t size, kernel, stride, padding, dilation, out;
  // Elements of the padded axis that some window reads.
  int64_t reach() const { return (out - 1) * stride + (kernel - 1) * dilation + 1; }
};

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

struct PaddedImage {
  int64_t rows, phase, row, plane;  // rows, width of a phase, width of a row, size of a channel

  PaddedImage(const Axis& h, const Axis& w)
      : rows(h.reach()), phase(w.out + (w.kernel - 1) * w.dilation / w.stride),
        row(phase * w.stride), plane(rows * row) {}

  // Where element (kh, kw) of the window at (oh, ow) lies: at(oh, ow) + tap(kh, kw).
  int64_t at(const Axis& h, int64_t oh, int64_t ow) const { return oh * h.stride * row + ow; }
  int64_t tap(const Axis& h, const Axis& w, int64_t kh, int64_t kw) const {
    const int64_t column = kw * w.dilation;
    return kh * h.dilation * row + column % w.stride * phase + column / w.stride;
  }
};

// Columns of phase `p` of a padded row that come from the input: padded index in [begin, end).
struct PhaseSpan {
  int64_t begin, end, source;  // source: input column of `begin`

  PhaseSpan(const Axis& w, int64_t width, int64_t p) {
    begin = w.padding > p ? (w.padding - p + w.stride - 1) / w.stride : 0;
    source = begin * w.stride + p - w.padding;
    end = source < w.size ? begin + (w.size - source + w.stride - 1) / w.stride : begin;
    if (end > width) end = width;
    if (begin > end) begin = end;
  }
};

// One channel of x into its padded form.
inline void pad_plane(const float* x, float* padded, const PaddedImage& image, const Axis& h,
                      const Axis& w) {
  for (int64_t r = 0; r < image.rows; ++r, padded += image.row) {
    const int64_t from = r - h.padding;
    if (from < 0 || from >= h.size) {
      std::memset(padded, 0, static_cast<size_t>(image.row) * 4);
      continue;
    }
    const float* row = x + from * w.size;
    for (int64_t p = 0; p < w.stride; ++p) {
      const PhaseSpan span(w, image.phase, p);
      float* to = padded + p * image.phase;
      for (int64_t i = 0; i < span.begin; ++i) to[i] = 0.0f;
      const float* source = row + span.source;
      if (w.stride == 1) {
        for (int64_t i = span.begin; i < span.end; ++i) to[i] = source[i - span.begin];
      } else {
        for (int64_t i = span.begin; i < span.end; ++i) to[i] = source[(i - span.begin) * w.stride];
      }
      for (int64_t i = span.end; i < image.phase; ++i) to[i] = 0.0f;
    }
  }
}

// The reverse: the input's part of a padded channel.
inline void unpad_plane(const float* padded, float* x, const PaddedImage& image, const Axis& h,
                        const Axis& w) {
  for (int64_t i = 0; i < h.size; ++i, x += w.size) {
    const int64_t r = i + h.padding;
    const float* row = padded + r * image.row;
    if (r >= image.rows) {
      std::memset(x, 0, static_cast<size_t>(w.size) * 4);
      continue;
    }
    int64_t reached = 0;
    for (int64_t p = 0; p < w.stride; ++p) {
      const PhaseSpan span(w, image.phase, p);
      for (int64_t j = span.begin; j < span.end; ++j)
        x[span.source + (j - span.begin) * w.stride] = row[p * image.phase + j];
      reached += span.end - span.begin;
    }
    if (reached == w.size) continue;
    // Columns right of the last window.
    for (int64_t j = 0; j < w.size; ++j) {
      const int64_t column = j + w.padding;
      if (column / w.stride >= image.phase) x[j] = 0.0f;
    }
  }
}

// A vector of output pixels: where it starts in the (padded) input and in the output plane.
struct PixelVector {
  int32_t in, out, lanes;
};

}  // namespace rl::RL_LEVEL
