// Narrow output rows: pixels of all rows side by side, in columns made for a few images at a time.
//
// A vector over a row of 10 pixels wastes 6 of 16 lanes, over one of 4 half of 8. Where that is much,
// the three products work on rows of columns instead: row t holds what tap t sees at every pixel, an
// image's plane rounded up to whole vectors. Making a row costs a copy per tap and pixel, which pays
// only from some number of outputs per group on.
#pragma once
#include "conv/geometry.h"

namespace rl::RL_LEVEL {

struct Columns {
  int64_t plane_vectors, images, length;  // vectors per image; floats per row of columns

  Columns(const ConvShape& s, int64_t images)
      : plane_vectors((s.out_plane() + W - 1) / W), images(images),
        length(images * plane_vectors * W) {}

  static bool worth(const ConvShape& s, int64_t outputs) {
    const int64_t row = (s.w.out + W - 1) / W * W, plane = (s.out_plane() + W - 1) / W * W;
    return s.h.out > 1 && s.o / s.groups >= outputs && s.c / s.groups >= 4 && 4 * plane < 3 * row * s.h.out;
  }

  int64_t count() const { return images * plane_vectors; }

  void fill_list(const ConvShape& s, PixelVector* list) const {
    for (int64_t n = 0; n < images; ++n)
      for (int64_t j = 0; j < plane_vectors; ++j)
        *list++ = {(n * plane_vectors + j) * W, n * s.o * s.out_plane() + j * W,
                   std::min<int64_t>(W, s.out_plane() - j * W)};
  }

  // Row of the tap at offset `tap` of padded images. Writes up to W floats past the row.
  void gather(const ConvShape& s, const PaddedImage& image, const float* padded, int64_t tap,
              float* row) const {
    for (int64_t n = 0; n < images; ++n) {
      const float* from = padded + n * s.c * image.plane + tap;
      float* to = row + n * plane_vectors * W;
      for (int64_t r = 0; r < s.h.out; ++r, from += s.h.stride * image.row, to += s.w.out)
        for (int64_t j = 0; j < s.w.out; j += W) store(to + j, load(from + j));
    }
  }

  // The adjoint: adds the row to the padded images.
  void scatter(const ConvShape& s, const PaddedImage& image, const float* row, int64_t tap,
               float* padded) const {
    const int64_t rest = s.w.out % W, whole = s.w.out - rest;
    const vi mask = lanes() < splat_int(static_cast<int32_t>(rest));
    for (int64_t n = 0; n < images; ++n) {
      float* to = padded + n * s.c * image.plane + tap;
      const float* from = row + n * plane_vectors * W;
      for (int64_t r = 0; r < s.h.out; ++r, to += s.h.stride * image.row, from += s.w.out) {
        for (int64_t j = 0; j < whole; j += W) store(to + j, load(to + j) + load(from + j));
        // The other lanes add 0 to the elements behind the row.
        if (rest) store(to + whole, load(to + whole) + (mask ? load(from + whole) : vf{}));
      }
    }
  }
};

}  // namespace rl::RL_LEVEL
