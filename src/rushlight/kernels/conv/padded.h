// The padded image, which convolution and pooling work on.
//
// It is a copy of x with its padding in which every window element is contiguous along the output
// row: a row is split into `stride` phases, column j of the padded row lying at j / stride of phase
// j % stride. So strides cost nothing in the loops over windows.
#pragma once
#include "_native/kernel.h"

namespace rl::RL_LEVEL {

struct Axis {
  int64_t size, kernel, stride, padding, dilation, out;
  // Elements of the padded axis that some window reads.
  int64_t reach() const { return (out - 1) * stride + (kernel - 1) * dilation + 1; }
};

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

// to[j] = from[j * stride], j < count; there are `size` elements to read.
inline void take_every(const float* from, int64_t stride, int64_t size, int64_t count, float* to) {
  int64_t j = 0;
  if (stride == 2)
    for (; j + W <= count && 2 * (j + W) <= size; j += W)
      store(to + j, even_lanes(load(from + 2 * j), load(from + 2 * j + W)));
  for (; j < count; ++j) to[j] = from[j * stride];
}

// One channel of x into its padded form.
inline void pad_plane(const float* x, float* padded, const PaddedImage& image, const Axis& h,
                      const Axis& w, float fill = 0.0f) {
  for (int64_t r = 0; r < image.rows; ++r, padded += image.row) {
    const int64_t from = r - h.padding;
    if (from < 0 || from >= h.size) {
      for (int64_t i = 0; i < image.row; ++i) padded[i] = fill;
      continue;
    }
    const float* row = x + from * w.size;
    for (int64_t p = 0; p < w.stride; ++p) {
      const PhaseSpan span(w, image.phase, p);
      float* to = padded + p * image.phase;
      for (int64_t i = 0; i < span.begin; ++i) to[i] = fill;
      const float* source = row + span.source;
      if (w.stride == 1) {
        // The last vector of a row may run over what is written next, but not over the next plane:
        // that may be another thread's.
        const int64_t count = span.end - span.begin, spare = r + 1 < image.rows ? W : 0;
        for (int64_t i = 0; i < count; i += W)
          store_first(to + span.begin + i, load_first(source + i, count - i), count - i + spare);
      } else {
        take_every(source, w.stride, w.size - span.source, span.end - span.begin, to + span.begin);
      }
      for (int64_t i = span.end; i < image.phase; ++i) to[i] = fill;
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

}  // namespace rl::RL_LEVEL
