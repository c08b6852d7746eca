// Pooling: each plane by itself, vectors of output pixels.
//
// 2 x 2 windows with stride 2 read x directly (pool/pairs.h). All other windows work on the padded
// plane of conv/padded.h, in which element k of neighbouring windows is contiguous.
// Roofline: x, y (and one byte per maximum) once through memory.
#include "conv/padded.h"
#include "pool/pairs.h"

namespace rl::RL_LEVEL {
#include "pool/cpu.h"

namespace {

struct Pool {
  int64_t planes;
  Axis h, w;

  Pool(const View& x, const View& y, const int64_t (&o)[8])
      : planes(x.dim(0) * x.dim(1)), h{x.dim(2), o[0], o[2], o[4], o[6], y.dim(2)},
        w{x.dim(3), o[1], o[3], o[5], o[7], y.dim(3)} {}

  bool pairs() const {
    return h.kernel == 2 && w.kernel == 2 && h.stride == 2 && w.stride == 2 && h.padding == 0 &&
           w.padding == 0 && h.dilation == 1 && w.dilation == 1 && 2 * h.out <= h.size &&
           2 * w.out <= w.size;
  }
  int64_t in_plane() const { return h.size * w.size; }
  int64_t out_plane() const { return h.out * w.out; }
  int64_t window() const { return h.kernel * w.kernel; }

  // Calls f(plane) for every plane.
  template <class F>
  void for_planes(double nanoseconds_per_element, F&& f) const {
    const double cost = nanoseconds_per_element * static_cast<double>(in_plane()) + 20.0;
    parallel_for(planes, std::max<int64_t>(1, static_cast<int64_t>(25000.0 / cost)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) f(i);
                 });
  }

  // Calls f(plane, scratch, image) with a padded plane per thread.
  template <class F>
  void for_padded(double nanoseconds_per_element, F&& f) const {
    const PaddedImage image(h, w);
    const double cost = nanoseconds_per_element * static_cast<double>(image.plane) + 20.0;
    parallel_for(planes, std::max<int64_t>(1, static_cast<int64_t>(25000.0 / cost)),
                 [&](int64_t begin, int64_t end) {
                   const Scratch memory(static_cast<size_t>(image.plane + 2 * W) * 4);
                   std::memset(memory.f32() + image.plane, 0, 2 * W * 4);
                   for (int64_t i = begin; i < end; ++i) f(i, memory.f32(), image);
                 });
  }

  // Position in the window of the first element that is not padding.
  int64_t first_inside(int64_t oh, int64_t ow) const {
    const auto skipped = [](const Axis& a, int64_t o) {
      const int64_t outside = a.padding - o * a.stride;
      return outside > 0 ? (outside + a.dilation - 1) / a.dilation : 0;
    };
    return skipped(h, oh) * w.kernel + skipped(w, ow);
  }

  // Number each window's sum is divided by; what lies beyond the padding never counts.
  float divisor(int64_t oh, int64_t ow, bool include, int64_t fixed) const {
    if (fixed) return static_cast<float>(fixed);
    const auto count = [&](const Axis& a, int64_t o) {
      int64_t start = o * a.stride - a.padding;
      int64_t end = std::min(start + a.kernel, a.size + a.padding);
      if (!include) {
        start = std::max<int64_t>(start, 0);
        end = std::min(end, a.size);
      }
      return end - start;
    };
    return static_cast<float>(count(h, oh) * count(w, ow));
  }
};

// One more candidate; a NaN always wins.
RL_INLINE void keep_better(vf v, int32_t k, vf& best, vi& at) {
  const vi better = (v > best) | (v != v);
  best = better ? v : best;
  at = better ? splat_int(k) : at;
}

constexpr float kLowest = -__builtin_inff();

void max_pairs(const Pool& s, const float* x, float* y, uint8_t* offsets) {
  s.for_planes(0.4, [&](int64_t plane) {
    const float* from = x + plane * s.in_plane();
    float* to = y + plane * s.out_plane();
    uint8_t* at = offsets + plane * s.out_plane();
    for (int64_t r = 0; r < s.h.out; ++r, from += 2 * s.w.size, to += s.w.out, at += s.w.out) {
      const float* below = from + s.w.size;
      cover_row(
          s.w.out,
          [&](int64_t j) {
            const Pair top = split(from + 2 * j), bottom = split(below + 2 * j);
            vf best = top.even;
            vi k = {};
            keep_better(top.odd, 1, best, k);
            keep_better(bottom.even, 2, best, k);
            keep_better(bottom.odd, 3, best, k);
            store(to + j, best);
            store_bytes(at + j, k);
          },
          [&](int64_t j) {
            const float v[4] = {from[2 * j], from[2 * j + 1], below[2 * j], below[2 * j + 1]};
            float best = v[0];
            uint8_t k = 0;
            for (uint8_t i = 1; i < 4; ++i) {
              const bool better = v[i] > best || v[i] != v[i];
              best = better ? v[i] : best;
              k = better ? i : k;
            }
            to[j] = best;
            at[j] = k;
          });
    }
  });
}

void max_windows(const Pool& s, const float* x, float* y, uint8_t* offsets) {
  s.for_padded(1.0 + 0.3 * static_cast<double>(s.window()), [&](int64_t plane, float* padded,
                                                                const PaddedImage& image) {
    pad_plane(x + plane * s.in_plane(), padded, image, s.h, s.w, kLowest);
    float* to = y + plane * s.out_plane();
    uint8_t* at = offsets + plane * s.out_plane();
    for (int64_t r = 0; r < s.h.out; ++r)
      for (int64_t j = 0; j < s.w.out; j += W) {
        const float* from = padded + image.at(s.h, r, j);
        vf best = splat(kLowest);
        vi k = {};
        int32_t position = 0;
        for (int64_t kh = 0; kh < s.h.kernel; ++kh)
          for (int64_t kw = 0; kw < s.w.kernel; ++kw, ++position)
            keep_better(load(from + image.tap(s.h, s.w, kh, kw)), position, best, k);
        const int64_t n = std::min<int64_t>(W, s.w.out - j);
        if (s.h.padding || s.w.padding)
          for (int i = 0; i < n; ++i)
            if (best[i] == kLowest) k[i] = static_cast<int32_t>(s.first_inside(r, j + i));
        store_first(to + r * s.w.out + j, best, n);
        for (int i = 0; i < n; ++i) at[r * s.w.out + j + i] = static_cast<uint8_t>(k[i]);
      }
  });
}

void max_pairs_grad(const Pool& s, const float* g, const uint8_t* offsets, float* gx) {
  s.for_planes(0.4, [&](int64_t plane) {
    const float* up = g + plane * s.out_plane();
    const uint8_t* at = offsets + plane * s.out_plane();
    float* to = gx + plane * s.in_plane();
    const int64_t used = 2 * s.w.out;
    for (int64_t r = 0; r < s.h.out; ++r, up += s.w.out, at += s.w.out, to += 2 * s.w.size) {
      float* below = to + s.w.size;
      cover_row(
          s.w.out,
          [&](int64_t j) {
            const vf gv = load(up + j);
            const vi k = load_bytes(at + j);
            merge(to + 2 * j, k == 0 ? gv : vf{}, k == 1 ? gv : vf{});
            merge(below + 2 * j, k == 2 ? gv : vf{}, k == 3 ? gv : vf{});
          },
          [&](int64_t j) {
            // No branch on the offset: it is as good as random.
            to[2 * j] = to[2 * j + 1] = below[2 * j] = below[2 * j + 1] = 0.0f;
            to[at[j] / 2 * s.w.size + 2 * j + at[j] % 2] = up[j];
          });
      for (int64_t j = used; j < s.w.size; ++j) to[j] = below[j] = 0.0f;
    }
    std::memset(to, 0, static_cast<size_t>((s.h.size - 2 * s.h.out) * s.w.size) * 4);
  });
}

void max_windows_grad(const Pool& s, const float* g, const uint8_t* offsets, float* gx) {
  s.for_planes(2.0, [&](int64_t plane) {
    const float* up = g + plane * s.out_plane();
    const uint8_t* at = offsets + plane * s.out_plane();
    float* to = gx + plane * s.in_plane();
    std::memset(to, 0, static_cast<size_t>(s.in_plane()) * 4);
    for (int64_t r = 0; r < s.h.out; ++r)
      for (int64_t j = 0; j < s.w.out; ++j, ++up, ++at) {
        const int64_t row = r * s.h.stride - s.h.padding + *at / s.w.kernel * s.h.dilation;
        const int64_t column = j * s.w.stride - s.w.padding + *at % s.w.kernel * s.w.dilation;
        to[row * s.w.size + column] += *up;
      }
  });
}

void avg_pairs(const Pool& s, const float* x, float* y, float divisor) {
  const vf count = splat(divisor);
  s.for_planes(0.3, [&](int64_t plane) {
    const float* from = x + plane * s.in_plane();
    float* to = y + plane * s.out_plane();
    for (int64_t r = 0; r < s.h.out; ++r, from += 2 * s.w.size, to += s.w.out) {
      const float* below = from + s.w.size;
      cover_row(
          s.w.out,
          [&](int64_t j) {
            const Pair top = split(from + 2 * j), bottom = split(below + 2 * j);
            store(to + j, (((top.even + top.odd) + bottom.even) + bottom.odd) / count);
          },
          [&](int64_t j) {
            const float sum = ((from[2 * j] + from[2 * j + 1]) + below[2 * j]) + below[2 * j + 1];
            to[j] = sum / divisor;
          });
    }
  });
}

void avg_planes(const Pool& s, const float* x, float* y, float divisor) {
  s.for_planes(0.2, [&](int64_t plane) {
    const float* p = x + plane * s.in_plane();
    const int64_t n = s.in_plane();
    double sum = 0.0;
    for (int64_t at = 0; at < n; at += 1024) {
      const int64_t stop = std::min<int64_t>(n, at + 1024);
      vf some = {};
      for (int64_t j = at; j < stop; j += W) some += load_first(p + j, stop - j);
      sum += static_cast<double>(reduce_add(some));
    }
    y[plane] = static_cast<float>(sum / static_cast<double>(divisor));
  });
}

void avg_windows(const Pool& s, const float* x, float* y, bool include, int64_t fixed) {
  s.for_padded(1.0 + 0.2 * static_cast<double>(s.window()), [&](int64_t plane, float* padded,
                                                                const PaddedImage& image) {
    pad_plane(x + plane * s.in_plane(), padded, image, s.h, s.w);
    float* to = y + plane * s.out_plane();
    for (int64_t r = 0; r < s.h.out; ++r)
      for (int64_t j = 0; j < s.w.out; j += W) {
        const float* from = padded + image.at(s.h, r, j);
        const int64_t n = std::min<int64_t>(W, s.w.out - j);
        vf sum = {}, count = splat(1.0f);
        for (int64_t kh = 0; kh < s.h.kernel; ++kh)
          for (int64_t kw = 0; kw < s.w.kernel; ++kw) sum += load(from + image.tap(s.h, s.w, kh, kw));
        for (int i = 0; i < n; ++i) count[i] = s.divisor(r, j + i, include, fixed);
        store_first(to + r * s.w.out + j, sum / count, n);
      }
  });
}

void avg_pairs_grad(const Pool& s, const float* g, float* gx, float divisor) {
  const vf count = splat(divisor);
  s.for_planes(0.3, [&](int64_t plane) {
    const float* up = g + plane * s.out_plane();
    float* to = gx + plane * s.in_plane();
    for (int64_t r = 0; r < s.h.out; ++r, up += s.w.out, to += 2 * s.w.size) {
      float* below = to + s.w.size;
      cover_row(
          s.w.out,
          [&](int64_t j) {
            const vf share = load(up + j) / count;
            merge(to + 2 * j, share, share);
            merge(below + 2 * j, share, share);
          },
          [&](int64_t j) {
            to[2 * j] = to[2 * j + 1] = below[2 * j] = below[2 * j + 1] = up[j] / divisor;
          });
      for (int64_t j = 2 * s.w.out; j < s.w.size; ++j) to[j] = below[j] = 0.0f;
    }
    std::memset(to, 0, static_cast<size_t>((s.h.size - 2 * s.h.out) * s.w.size) * 4);
  });
}

void avg_windows_grad(const Pool& s, const float* g, float* gx, bool include, int64_t fixed) {
  s.for_padded(1.0 + 0.4 * static_cast<double>(s.window()), [&](int64_t plane, float* padded,
                                                                const PaddedImage& image) {
    std::memset(padded, 0, static_cast<size_t>(image.plane) * 4);
    const float* up = g + plane * s.out_plane();
    for (int64_t r = 0; r < s.h.out; ++r)
      for (int64_t j = 0; j < s.w.out; j += W) {
        const int64_t n = std::min<int64_t>(W, s.w.out - j);
        vf count = splat(1.0f);
        for (int i = 0; i < n; ++i) count[i] = s.divisor(r, j + i, include, fixed);
        const vf share = load_first(up + r * s.w.out + j, n) / count;
        float* to = padded + image.at(s.h, r, j);
        // Lanes past the row add 0 to the row's next elements.
        for (int64_t kh = 0; kh < s.h.kernel; ++kh)
          for (int64_t kw = 0; kw < s.w.kernel; ++kw) {
            float* at = to + image.tap(s.h, s.w, kh, kw);
            store(at, load(at) + share);
          }
      }
    unpad_plane(padded, gx + plane * s.in_plane(), image, s.h, s.w);
  });
}

bool planes_of(const View& x, const View& y) {
  return x.dense_f32() && y.dense_f32() && x.ndim == 4 && y.ndim == 4 && x.size > 0 && y.size > 0;
}

}  // namespace

bool max_pool_forward(const View& x, const View& y, const View& offsets, int64_t kh, int64_t kw,
                      int64_t sh, int64_t sw, int64_t ph, int64_t pw, int64_t dh, int64_t dw) {
  if (!planes_of(x, y) || kh * kw > 256) return false;
  const Pool s(x, y, {kh, kw, sh, sw, ph, pw, dh, dw});
  if (s.pairs()) max_pairs(s, x.f32(), y.f32(), offsets.as<uint8_t>());
  else max_windows(s, x.f32(), y.f32(), offsets.as<uint8_t>());
  return true;
}

bool max_pool_backward(const View& g, const View& offsets, const View& gx, int64_t kh, int64_t kw,
                       int64_t sh, int64_t sw, int64_t ph, int64_t pw, int64_t dh, int64_t dw) {
  if (!planes_of(gx, g) || !offsets.contiguous || !offsets.is(DType::uint8)) return false;
  const Pool s(gx, g, {kh, kw, sh, sw, ph, pw, dh, dw});
  if (s.pairs()) max_pairs_grad(s, g.f32(), offsets.as<uint8_t>(), gx.f32());
  else max_windows_grad(s, g.f32(), offsets.as<uint8_t>(), gx.f32());
  return true;
}

bool avg_pool_forward(const View& x, const View& y, int64_t kh, int64_t kw, int64_t sh, int64_t sw,
                      int64_t ph, int64_t pw, bool include, int64_t divisor) {
  if (!planes_of(x, y)) return false;
  const Pool s(x, y, {kh, kw, sh, sw, ph, pw, 1, 1});
  const bool whole = kh == s.h.size && kw == s.w.size && s.out_plane() == 1 && ph == 0 && pw == 0;
  if (whole) avg_planes(s, x.f32(), y.f32(), s.divisor(0, 0, include, divisor));
  else if (s.pairs()) avg_pairs(s, x.f32(), y.f32(), s.divisor(0, 0, include, divisor));
  else avg_windows(s, x.f32(), y.f32(), include, divisor);
  return true;
}

bool avg_pool_backward(const View& g, const View& gx, int64_t kh, int64_t kw, int64_t sh, int64_t sw,
                       int64_t ph, int64_t pw, bool include, int64_t divisor) {
  if (!planes_of(gx, g)) return false;
  const Pool s(gx, g, {kh, kw, sh, sw, ph, pw, 1, 1});
  if (s.pairs()) avg_pairs_grad(s, g.f32(), gx.f32(), s.divisor(0, 0, include, divisor));
  else avg_windows_grad(s, g.f32(), gx.f32(), include, divisor);
  return true;
}

}  // namespace rl::RL_LEVEL
