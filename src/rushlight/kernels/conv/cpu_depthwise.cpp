// Depthwise convolution: one input and one output channel per group. A stencil on each plane; small
// planes and strides: conv/cpu_lanes.cpp.
//
// Every plane is padded once (conv/padded.h); then an output vector is one multiply-add per tap.
// The input gradient gathers: element (i, q) of a phase of the padded gradient takes from g the taps
// that fall on it, so nothing is added in memory.
// Reference: Zhang, Lo and Lu, "High Performance Depthwise and Pointwise Convolutions on Mobile
// Devices", 2020, for keeping a row's sums in registers over all taps.
// Roofline: x and y (g and gx) once through memory; one load per multiply-add from L1.
#include "conv/depthwise.h"

namespace rl::RL_LEVEL {
namespace {

constexpr int kAtOnce = 4;  // vectors of a row in registers

// Sum over `count` taps of weight[t] * from[offset[t] + j] for PV vectors at j.
template <int PV>
RL_INLINE void stencil(const float* from, const int32_t* offset, const float* weight, int64_t count,
                       vf (&acc)[PV]) {
  for (int64_t t = 0; t < count; ++t) {
    const vf w = splat(weight[t]);
    const float* at = from + offset[t];
#pragma GCC unroll 4
    for (int p = 0; p < PV; ++p) acc[p] = fma(w, load(at + p * W), acc[p]);
  }
}

// f(j, acc) for vectors that cover n elements, `init` to start from; reads may go W past the row.
template <class Put>
RL_INLINE void stencil_row(const float* from, const int32_t* offset, const float* weight,
                           int64_t count, int64_t n, float init, Put&& put) {
  int64_t j = 0;
  for (; j + kAtOnce * W <= n; j += kAtOnce * W) {
    vf acc[kAtOnce] = {splat(init), splat(init), splat(init), splat(init)};
    stencil<kAtOnce>(from + j, offset, weight, count, acc);
    for (int p = 0; p < kAtOnce; ++p) put(j + p * W, acc[p]);
  }
  for (; j + 2 * W <= n; j += 2 * W) {
    vf acc[2] = {splat(init), splat(init)};
    stencil<2>(from + j, offset, weight, count, acc);
    put(j, acc[0]);
    put(j + W, acc[1]);
  }
  for (; j < n; j += W) {
    vf acc[1] = {splat(init)};
    stencil<1>(from + j, offset, weight, count, acc);
    put(j, acc[0]);
  }
}

int64_t planes_per_piece(double elements) {
  return std::max<int64_t>(1, static_cast<int64_t>(25000.0 / (0.3 * elements + 50.0)));
}

// For each line of the padded gradient (a phase of a row): the taps that fall on it, and where the
// element of g that belongs to its first element lies.
struct Reach {
  int32_t *count, *offset, *tap;
  int64_t taps;

  void fill(const ConvShape& s, int64_t line, int64_t row, int64_t margin) const {
    const int64_t r = line / s.w.stride, phase = line % s.w.stride;
    int32_t found = 0;
    for (int64_t t = 0; t < taps; ++t) {
      const int64_t from = r - t / s.w.kernel * s.h.dilation, column = t % s.w.kernel * s.w.dilation;
      if (from < 0 || from % s.h.stride || from / s.h.stride >= s.h.out) continue;
      if (column % s.w.stride != phase) continue;
      tap[line * taps + found] = static_cast<int32_t>(t);
      offset[line * taps + found++] =
          static_cast<int32_t>(from / s.h.stride * row + margin - column / s.w.stride);
    }
    count[line] = found;
  }
};

}  // namespace

void depthwise_forward(const ConvShape& s, const float* x, const float* w, const float* b, float* y,
                       bool relu) {
  if (in_lanes(s)) return lanes_forward(s, x, w, b, y, relu);
  const PaddedImage image(s.h, s.w);
  const int64_t taps = s.h.kernel * s.w.kernel;
  const Scratch offsets(static_cast<size_t>(taps) * 4);
  auto* offset = offsets.as<int32_t>();
  for (int64_t t = 0; t < taps; ++t)
    offset[t] = static_cast<int32_t>(image.tap(s.h, s.w, t / s.w.kernel, t % s.w.kernel));
  parallel_for(s.n * s.c, planes_per_piece(static_cast<double>(image.plane)), [&](int64_t begin, int64_t end) {
    const Scratch memory(static_cast<size_t>(image.plane + 2 * W) * 4);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t c = i % s.c;
      pad_plane(x + i * s.in_plane(), memory.f32(), image, s.h, s.w);
      for (int64_t r = 0; r < s.h.out; ++r) {
        float* to = y + i * s.out_plane() + r * s.w.out;
        stencil_row(memory.f32() + image.at(s.h, r, 0), offset, w + c * taps, taps, s.w.out,
                    b ? b[c] : 0.0f, [&](int64_t j, vf v) {
                      store_first(to + j, relu ? max(v, vf{}) : v, s.w.out - j);
                    });
      }
    }
  });
}

void depthwise_backward_input(const ConvShape& s, const float* g, const float* w, float* gx) {
  if (in_lanes(s)) return lanes_backward_input(s, g, w, gx);
  const PaddedImage image(s.h, s.w);
  const int64_t taps = s.h.kernel * s.w.kernel;
  // Rows of g with zeros on both sides, as far as a tap reaches.
  const int64_t margin = (s.w.kernel - 1) * s.w.dilation / s.w.stride;
  const int64_t row = 2 * margin + s.w.out + W;
  const int64_t lines = image.rows * s.w.stride;
  const Scratch memory(static_cast<size_t>(lines * (1 + 2 * taps)) * 4);
  const Reach reach{memory.as<int32_t>(), memory.as<int32_t>() + lines,
                    memory.as<int32_t>() + lines * (1 + taps), taps};
  for (int64_t i = 0; i < lines; ++i) reach.fill(s, i, row, margin);
  parallel_for(s.n * s.c, planes_per_piece(static_cast<double>(image.plane)), [&](int64_t begin, int64_t end) {
    const int64_t wide = row * s.h.out;
    const Scratch planes(static_cast<size_t>(wide + image.plane + 2 * W + taps) * 4);
    float *up = planes.f32(), *padded = up + wide + W, *weight = padded + image.plane + W;
    std::memset(up, 0, static_cast<size_t>(wide + W) * 4);
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t r = 0; r < s.h.out; ++r)
        std::memcpy(up + r * row + margin, g + i * s.out_plane() + r * s.w.out,
                    static_cast<size_t>(s.w.out) * 4);
      const float* filter = w + i % s.c * taps;
      for (int64_t line = 0; line < lines; ++line) {
        const int64_t count = reach.count[line];
        const int32_t* tap = reach.tap + line * taps;
        for (int64_t t = 0; t < count; ++t) weight[t] = filter[tap[t]];
        float* to = padded + line * image.phase;
        // A vector past the line is overwritten by the next one.
        stencil_row(up, reach.offset + line * taps, weight, count, image.phase, 0.0f,
                    [&](int64_t j, vf v) { store(to + j, v); });
      }
      unpad_plane(padded, gx + i * s.in_plane(), image, s.h, s.w);
    }
  });
}

namespace {

// Sums over one plane of g * (what TB taps saw), added to gw.
template <int TB>
void add_taps(const ConvShape& s, const PaddedImage& image, const float* g, const float* padded,
              const int32_t* offset, double* gw) {
  vf acc[TB] = {};
  const int64_t rest = s.w.out % W, whole = s.w.out - rest;
  for (int64_t r = 0; r < s.h.out; ++r, g += s.w.out) {
    const float* from = padded + image.at(s.h, r, 0);
    for (int64_t j = 0; j < whole; j += W) {
      const vf gv = load(g + j);
#pragma GCC unroll 16
      for (int t = 0; t < TB; ++t) acc[t] = fma(gv, load(from + offset[t] + j), acc[t]);
    }
    if (rest) {
      const vf gv = load_first(g + whole, rest);
#pragma GCC unroll 16
      for (int t = 0; t < TB; ++t)
        acc[t] = fma(gv, load_first(from + offset[t] + whole, rest), acc[t]);
    }
  }
  for (int t = 0; t < TB; ++t) gw[t] += static_cast<double>(reduce_add(acc[t]));
}

}  // namespace

void depthwise_backward_weight(const ConvShape& s, const float* g, const float* x, float* gw) {
  if (in_lanes(s)) return lanes_backward_weight(s, g, x, gw);
  const PaddedImage image(s.h, s.w);
  const int64_t taps = s.h.kernel * s.w.kernel;
  const Scratch offsets(static_cast<size_t>(taps) * 4);
  auto* offset = offsets.as<int32_t>();
  for (int64_t t = 0; t < taps; ++t)
    offset[t] = static_cast<int32_t>(image.tap(s.h, s.w, t / s.w.kernel, t % s.w.kernel));
  // Few channels: several chunks of images each, whose sums are added in order.
  const int64_t wanted = s.c >= 4 * num_threads() || num_threads() == 1 ? 1 : 4 * num_threads() / s.c + 1;
  const int64_t step = (s.n + std::min(s.n, wanted) - 1) / std::min(s.n, wanted);
  const int64_t chunks = (s.n + step - 1) / step;
  const Scratch sums(static_cast<size_t>(s.c * chunks * taps) * 8);
  std::memset(sums.as<double>(), 0, static_cast<size_t>(s.c * chunks * taps) * 8);
  const double plane_cost = static_cast<double>(image.plane) * static_cast<double>(step);
  parallel_for(s.c * chunks, planes_per_piece(plane_cost), [&](int64_t begin, int64_t end) {
    const Scratch memory(static_cast<size_t>(image.plane + 2 * W) * 4);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t c = i / chunks, first = i % chunks * step;
      double* to = sums.as<double>() + i * taps;
      for (int64_t n = first; n < std::min(s.n, first + step); ++n) {
        const int64_t plane = n * s.c + c;
        const float* up = g + plane * s.out_plane();
        pad_plane(x + plane * s.in_plane(), memory.f32(), image, s.h, s.w);
        int64_t t = 0;
        for (; t + 9 <= taps; t += 9) add_taps<9>(s, image, up, memory.f32(), offset + t, to + t);
        for (; t + 3 <= taps; t += 3) add_taps<3>(s, image, up, memory.f32(), offset + t, to + t);
        for (; t < taps; ++t) add_taps<1>(s, image, up, memory.f32(), offset + t, to + t);
      }
    }
  });
  for (int64_t c = 0; c < s.c; ++c)
    for (int64_t t = 0; t < taps; ++t) {
      double sum = 0.0;
      for (int64_t k = 0; k < chunks; ++k) sum += sums.as<double>()[(c * chunks + k) * taps + t];
      gw[c * taps + t] = static_cast<float>(sum);
    }
}

}  // namespace rl::RL_LEVEL
