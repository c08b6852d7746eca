// Channels-last convolution of any geometry as products with patches.
//
// A row of the left operand is the patch that one output pixel sees, (tap, channel): in channels-last
// images the taps of a window row follow each other, so a patch is a few copies of contiguous runs,
// with zeros where it leaves the image. Patches of some pixels at a time stay in L2 between being
// copied and being multiplied by packed weights. A copy costs about a tenth of a cycle per element,
// which each of O outputs then repays with a multiply-add. The input gradient is the same product over
// patches of g, once for each residue of the pixel modulo the stride, whose taps are its own; the
// weight gradient multiplies g' by the patches.
//
// Reference: Chellapilla, Puri and Simard, "High Performance Convolutional Neural Networks for Document
// Processing", 2006; blocks of columns as in Cho and Brand, "MEC: Memory-efficient Convolution", 2017.
// Roofline: 2 N O OH OW K flops against FMA peak; patches add K floats per pixel of L2 traffic.
#include "conv/last.h"
#include "conv/reorder.h"
#include "gemm/gemm.h"

namespace rl::RL_LEVEL {

namespace {

constexpr int64_t kPatchFloats = 40 << 10;   // patches in use at a time: 160 KB
constexpr int64_t kMostDepth = 1280;         // of a patch copied at a time
constexpr int64_t kMostPixels = 192;
constexpr int64_t kSumPixels = 256;          // pixels whose products are added to gw together
constexpr int64_t kCopiesFloats = 8 << 20;   // partial weight gradients: 32 MB

// Along one axis, tap t of output q reads position q * step + first + t * distance of the source, and
// is element element0 + t * element_step of the window.
struct TapAxis {
  int64_t size, out, count, step, first, distance, element0, element_step;

  int64_t element(int64_t t) const { return element0 + t * element_step; }
};

TapAxis forward_taps(const Axis& a) {
  return {a.size, a.out, a.kernel, a.stride, -a.padding, a.dilation, 0, 1};
}

// Outputs that reach input i = q * stride + residue - padding: those o with o * stride + t * dilation
// = i + padding for some t. Counted from the largest t, their positions grow.
TapAxis backward_taps(const Axis& a, int64_t residue, int64_t first_q, int64_t count_q) {
  int64_t shared = a.stride, other = a.dilation;
  while (other) {
    const int64_t rest = shared % other;
    shared = other;
    other = rest;
  }
  TapAxis taps{a.out, count_q, 0, 1, 0, a.dilation / shared, 0, -(a.stride / shared)};
  for (int64_t t = a.kernel - 1; t >= 0; --t) {
    if ((residue - t * a.dilation) % a.stride != 0) continue;
    if (taps.count++ == 0) {
      taps.element0 = t;
      taps.first = first_q + (residue - t * a.dilation) / a.stride;
    }
  }
  return taps;
}

// The patches of source images (N, H, W, channels).
struct Patches {
  const float* source;
  int64_t images, channels, group_channels;
  TapAxis h, w;

  int64_t pixels() const { return images * h.out * w.out; }
  int64_t line() const { return w.count * group_channels; }  // floats of one row of taps
  int64_t depth() const { return h.count * line(); }
  // Rows of taps copied together.
  int64_t lines_together() const {
    return std::clamp<int64_t>(kMostDepth / std::max<int64_t>(1, line()), 1, std::max<int64_t>(1, h.count));
  }

  // Rows of taps [t0, t1) of group `group` for `count` pixels from number `first` on. Writes up to W
  // floats past the last patch.
  void gather(int64_t first, int64_t count, int64_t group, int64_t t0, int64_t t1, float* to,
              int64_t stride) const {
    const float* base = source + group * group_channels;
    int64_t qw = first % w.out, qh = first / w.out % h.out, n = first / (w.out * h.out);
    for (int64_t i = 0; i < count; ++i, to += stride) {
      float* at = to;
      const int64_t column = qw * w.step + w.first;
      for (int64_t t = t0; t < t1; ++t, at += line()) {
        const int64_t row = qh * h.step + h.first + t * h.distance;
        if (row < 0 || row >= h.size) zero_floats(at, line());
        else gather_line(base + (n * h.size + row) * w.size * channels, column, at);
      }
      if (++qw == w.out) {
        qw = 0;
        if (++qh == h.out) {
          qh = 0;
          ++n;
        }
      }
    }
  }

 private:
  void gather_line(const float* row, int64_t column, float* to) const {
    if (w.distance == 1 && group_channels == channels) {
      const int64_t begin = std::clamp<int64_t>(-column, 0, w.count);
      const int64_t end = std::clamp<int64_t>(w.size - column, begin, w.count);
      if (begin > 0) zero_floats(to, begin * channels);
      copy(to + begin * channels, row + (column + begin) * channels, (end - begin) * channels);
      if (end < w.count) zero_floats(to + end * channels, (w.count - end) * channels);
      return;
    }
    for (int64_t t = 0; t < w.count; ++t, column += w.distance, to += group_channels) {
      if (column < 0 || column >= w.size) zero_floats(to, group_channels);
      else copy(to, row + column * channels, group_channels);
    }
  }

  // May write up to W floats more, which the next run overwrites; `gather` leaves room for the last.
  RL_INLINE void copy(float* to, const float* from, int64_t n) const {
    if (from + n + W > source + images * h.size * w.size * channels) return copy_floats(to, from, n);
    for (int64_t i = 0; i < n; i += W) store(to + i, load(from + i));
  }
};

// A row of patches ends a little later than it needs to: rows a power of two apart share cache sets.
int64_t row_stride(int64_t depth) { return depth % 256 == 0 ? depth + 16 : depth; }

int64_t pixels_together(int64_t depth, int64_t all) {
  const int64_t fit = std::clamp<int64_t>(kPatchFloats / std::max<int64_t>(1, depth), 24, kMostPixels);
  return std::min(all, fit / 24 * 24);
}

// Packed weights of all groups and parts of the depth.
class Weights {
 public:
  // fill(group, t0, t1) returns the operand of rows of taps [t0, t1).
  template <class F>
  Weights(const Patches& p, int64_t groups, int64_t outputs, F&& fill)
      : lines_(p.lines_together()), parts_(ceil_div(p.h.count, lines_)),
        size_(packed_size(outputs, lines_ * p.line())),
        memory_(static_cast<size_t>(groups * parts_ * size_) * 4) {
    for (int64_t g = 0; g < groups; ++g)
      for (int64_t i = 0; i < parts_; ++i) {
        const int64_t t0 = i * lines_, t1 = std::min(p.h.count, t0 + lines_);
        pack(fill(g, t0, t1), outputs, (t1 - t0) * p.line(), memory_.f32() + (g * parts_ + i) * size_);
      }
  }
  int64_t lines() const { return lines_; }
  const float* of(int64_t group, int64_t t0) const {
    return memory_.f32() + (group * parts_ + t0 / lines_) * size_;
  }

 private:
  int64_t lines_, parts_, size_;
  Scratch memory_;
};

struct Finish {
  const float* bias;
  bool relu;
};

// write(first, count) gives where the results of these pixels go, rows `groups * outputs` apart, and
// done(first, count) takes them from there.
template <class Place, class Done>
void multiply_patches(const Patches& p, const Weights& weights, int64_t groups, int64_t outputs,
                      const Finish& finish, Place&& place, Done&& done) {
  const int64_t part = std::min(weights.lines(), p.h.count) * p.line(), stride = row_stride(part);
  const int64_t all = p.pixels(), step = std::max<int64_t>(1, pixels_together(part, all));
  const double flops = 2.0 * static_cast<double>(step * p.depth() * outputs * groups);
  const auto grain = static_cast<int64_t>(1.2e6 / (flops + 1.0)) + 1;
  parallel_for(ceil_div(all, step), grain, [&](int64_t begin, int64_t end) {
    const Scratch room(static_cast<size_t>(step * stride + W) * 4);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i * step, count = std::min(step, all - first);
      float* to = place(first, count);
      for (int64_t g = 0; g < groups; ++g)
        for (int64_t t = 0; t < p.h.count; t += weights.lines()) {
          const int64_t t1 = std::min(p.h.count, t + weights.lines());
          p.gather(first, count, g, t, t1, room.f32(), stride);
          Product q{count, outputs, (t1 - t) * p.line(), {room.f32(), stride, 1},
                    {weights.of(g, t), 0, 0}, to + g * outputs, groups * outputs, t > 0};
          if (t1 == p.h.count) {
            q.epilogue.column_bias = finish.bias ? finish.bias + g * outputs : nullptr;
            q.epilogue.activation = finish.relu ? Activation::relu : Activation::none;
          }
          multiply_packed(q);
        }
      done(first, count, to);
    }
  });
}

// One residue of the input gradient: inputs first + q * stride along each axis.
struct Residue {
  int64_t first, count;
  TapAxis taps;

  Residue(const Axis& a, int64_t residue) {
    const int64_t q0 = std::max<int64_t>(0, ceil_div(a.padding - residue, a.stride));
    first = q0 * a.stride + residue - a.padding;
    count = first < a.size ? ceil_div(a.size - first, a.stride) : 0;
    taps = backward_taps(a, residue, q0, count);
  }
};

void input_residue(const ConvShape& s, const Residue& h, const Residue& w, const float* g,
                   const float* weights, float* gx) {
  const int64_t inputs = s.c / s.groups, outputs = s.o / s.groups;
  const Patches p{g, s.n, s.o, outputs, h.taps, w.taps};
  const auto pixel = [&](int64_t i) {
    const int64_t column = i % w.count * s.w.stride + w.first;
    const int64_t row = i / w.count % h.count * s.h.stride + h.first;
    return gx + ((i / (w.count * h.count) * s.h.size + row) * s.w.size + column) * s.c;
  };
  if (p.depth() == 0) {
    for (int64_t i = 0; i < p.pixels(); ++i) zero_floats(pixel(i), s.c);
    return;
  }
  // Row (tap, o) of the operand is what the window element has for all inputs.
  const Scratch turned(static_cast<size_t>(p.depth() * inputs) * 4);
  const Weights packed(p, s.groups, inputs, [&](int64_t group, int64_t t0, int64_t t1) {
    float* to = turned.f32();
    for (int64_t i = t0; i < t1; ++i)
      for (int64_t j = 0; j < w.taps.count; ++j) {
        const int64_t element = h.taps.element(i) * s.w.kernel + w.taps.element(j);
        for (int64_t o = 0; o < outputs; ++o, to += inputs)
          copy_floats(to, weights + (group * outputs + o) * s.taps() + element * inputs, inputs);
      }
    return Matrix{turned.f32(), inputs, 1};
  });
  if (s.h.stride == 1 && s.w.stride == 1) {
    multiply_patches(p, packed, s.groups, inputs, {nullptr, false},
                     [&](int64_t first, int64_t) { return pixel(first); },
                     [](int64_t, int64_t, float*) {});
    return;
  }
  const int64_t part = packed.lines() * p.line(), step = pixels_together(part, p.pixels());
  const int64_t blocks = ceil_div(p.pixels(), std::max<int64_t>(1, step));
  const Scratch rows(static_cast<size_t>(blocks * step * s.c) * 4);
  multiply_patches(p, packed, s.groups, inputs, {nullptr, false},
                   [&](int64_t first, int64_t) { return rows.f32() + first * s.c; },
                   [&](int64_t first, int64_t count, const float* from) {
                     for (int64_t i = 0; i < count; ++i)
                       copy_floats(pixel(first + i), from + i * s.c, s.c);
                   });
}

}  // namespace

void last_patches_forward(const ConvShape& s, const float* x, const float* w, const float* b, float* y,
                          bool relu) {
  const int64_t outputs = s.o / s.groups, depth = s.taps();
  const Patches p{x, s.n, s.c, s.c / s.groups, forward_taps(s.h), forward_taps(s.w)};
  const Weights packed(p, s.groups, outputs, [&](int64_t group, int64_t t0, int64_t) {
    return Matrix{w + group * outputs * depth + t0 * p.line(), 1, depth};
  });
  multiply_patches(p, packed, s.groups, outputs, {b, relu},
                   [&](int64_t first, int64_t) { return y + first * s.o; },
                   [](int64_t, int64_t, float*) {});
}

void last_patches_input(const ConvShape& s, const float* g, const float* w, float* gx) {
  for (int64_t rh = 0; rh < s.h.stride; ++rh)
    for (int64_t rw = 0; rw < s.w.stride; ++rw) {
      const Residue h(s.h, rh), v(s.w, rw);
      if (h.count > 0 && v.count > 0) input_residue(s, h, v, g, w, gx);
    }
}

namespace {

// The sums of g' (outputs, pixels) times patches (pixels, depth) over chunks of pixels.
struct WeightSums {
  const ConvShape& s;
  Patches p;
  const float* g;
  int64_t depth, lines, stride;
  bool in_place;  // 1x1: x itself is the patches
  bool turned;    // (depth, outputs): few elements of the window would leave lanes empty

  WeightSums(const ConvShape& s, const float* g, const float* x)
      : s(s), p{x, s.n, s.c, s.c / s.groups, forward_taps(s.h), forward_taps(s.w)}, g(g),
        depth(s.taps()), turned(s.groups == 1 && depth < 64 && depth % 16 != 0) {
    in_place = depth == s.c && s.h.stride == 1 && s.w.stride == 1 && s.h.padding == 0 &&
               s.w.padding == 0;
    lines = std::clamp<int64_t>(kPatchFloats / (kSumPixels * p.line()), 1, p.lines_together());
    stride = row_stride(lines * p.line());
  }

  // Pixels [begin, end) into `sums`.
  void run(int64_t begin, int64_t end, float* sums) const {
    const int64_t outputs = s.o / s.groups;
    const Scratch room(in_place ? 64 : static_cast<size_t>(kSumPixels * stride + W) * 4);
    for (int64_t first = begin; first < end; first += kSumPixels) {
      const int64_t count = std::min(kSumPixels, end - first);
      for (int64_t group = 0; group < s.groups; ++group)
        for (int64_t t = 0; t < p.h.count; t += lines) {
          const int64_t t1 = std::min(p.h.count, t + lines), some = (t1 - t) * p.line();
          Matrix patches{p.source + first * s.c, s.c, 1};
          if (!in_place) {
            p.gather(first, count, group, t, t1, room.f32(), stride);
            patches = {room.f32(), stride, 1};
          }
          const float* up = g + first * s.o + group * outputs;
          if (turned) {
            multiply({some, outputs, count, {patches.data, 1, patches.row_stride}, {up, s.o, 1},
                      sums + t * p.line() * s.o, s.o, first > begin});
          } else {
            multiply({outputs, some, count, {up, 1, s.o}, patches,
                      sums + group * outputs * depth + t * p.line(), depth, first > begin});
          }
        }
    }
  }
};

}  // namespace

void last_patches_weight(const ConvShape& s, const float* g, const float* x, float* gw) {
  const WeightSums sums(s, g, x);
  const int64_t size = s.o * sums.depth, all = sums.p.pixels(), blocks = ceil_div(all, kSumPixels);
  // Every chunk of pixels has its own sums, which are added in order.
  const int64_t most = std::clamp<int64_t>(kCopiesFloats / size, 1, num_threads());
  const int64_t per_chunk = ceil_div(blocks, std::min(blocks, most)) * kSumPixels;
  const int64_t chunks = ceil_div(all, per_chunk);
  const bool direct = chunks == 1 && !sums.turned;
  const Scratch memory(static_cast<size_t>(direct ? 1 : chunks * size) * 4);
  float* own = direct ? gw : memory.f32();
  parallel_chunks(chunks, [&](int64_t chunk) {
    sums.run(chunk * per_chunk, std::min(all, (chunk + 1) * per_chunk), own + chunk * size);
  });
  if (direct) return;
  parallel_for(size, 1 << 14, [&](int64_t from, int64_t to) {
    for (int64_t chunk = 1; chunk < chunks; ++chunk) {
      const float* add = own + chunk * size;
      for_lanes(to - from, [&](int64_t i, int64_t n) {
        store_first(own + from + i, load_first(own + from + i, n) + load_first(add + from + i, n), n);
      });
    }
  });
  if (sums.turned) transpose_rows(own, sums.depth, s.o, 0, sums.depth, gw);
  else copy_floats(gw, own, size);
}

}  // namespace rl::RL_LEVEL
