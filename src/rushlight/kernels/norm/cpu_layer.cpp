// Layer normalisation over contiguous rows.
//
// A row is read from cache in all passes after the first. The gradients of w and b are sums over all
// rows: every chunk of rows sums 128 rows at a time and adds these sums to its own, and the chunks
// are added in order.
// Reference: Ba, Kiros and Hinton, "Layer Normalization", 2016.
// Roofline: forward reads x and writes y, backward reads g and x and writes gx.
#include "softmax/rows.h"

namespace rl::RL_LEVEL {
#include "norm/cpu.h"

namespace {

constexpr int64_t kRowsTogether = 128;

void add_and_clear(float* sum, float* some, int64_t length) {
  for (int64_t i = 0; i < length; ++i) {
    sum[i] += some[i];
    some[i] = 0.0f;
  }
}

struct LayerGradient {
  int64_t length;
  const float *g, *x, *w, *mean, *rstd;
  float* gx;

  // Writes gx of one row and adds to gw and gb.
  void row(int64_t r, float* gw, float* gb) const {
    const float *up = g + r * length, *from = x + r * length;
    float* to = gx + r * length;
    const vf m = splat(mean[r]), s = splat(rstd[r]);
    const auto scaled = [&](int64_t i, int64_t n) {
      const vf v = load_first(up + i, n);
      return w ? v * load_first(w + i, n) : v;
    };
    const auto xhat = [&](int64_t i, int64_t n) { return (load_first(from + i, n) - m) * s; };
    const auto count = static_cast<double>(length);
    LaneSums<2> sums;
    sums.add(length, [&](int64_t i, int64_t n, vf(&v)[2]) {
      v[0] = scaled(i, n);
      v[1] = v[0] * xhat(i, n);
    });
    const vf shift = splat(static_cast<float>(sums.result(0) / count));
    const vf slope = splat(static_cast<float>(sums.result(1) / count));
    for_row(length, [&](int64_t i, int64_t n) {
      const vf v = load_first(up + i, n), h = xhat(i, n);
      store_first(gw + i, fma(v, h, load_first(gw + i, n)), n);
      store_first(gb + i, load_first(gb + i, n) + v, n);
      store_first(to + i, s * (scaled(i, n) - shift - h * slope), n);
    });
  }
};

}  // namespace

bool layer_norm_forward(const View& x, const View& w, const View& b, const View& y, const View& mean,
                        const View& rstd, int64_t length, double eps) {
  if (!x.dense_f32() || x.size == 0 || (w && !w.dense_f32()) || (b && !b.dense_f32())) return false;
  for_rows(x.size / length, length, 0.5, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const float* from = x.f32() + r * length;
      float* to = y.f32() + r * length;
      const Moments moments = row_moments(from, length);
      mean.f32()[r] = static_cast<float>(moments.mean);
      rstd.f32()[r] = static_cast<float>(1.0 / std::sqrt(moments.variance + eps));
      const vf m = splat(mean.f32()[r]), s = splat(rstd.f32()[r]);
      for_row(length, [&](int64_t i, int64_t n) {
        vf v = (load_first(from + i, n) - m) * s;
        if (w) v *= load_first(w.f32() + i, n);
        if (b) v += load_first(b.f32() + i, n);
        store_first(to + i, v, n);
      });
    }
  });
  return true;
}

bool layer_norm_backward(const View& g, const View& x, const View& w, const View& mean,
                         const View& rstd, const View& gx, const View& gw, const View& gb,
                         int64_t length) {
  if (!g.dense_f32() || !x.dense_f32() || x.size == 0 || (w && !w.dense_f32())) return false;
  if (!mean.dense_f32() || !rstd.dense_f32()) return false;
  const LayerGradient f{length, g.f32(), x.f32(), w.f32(), mean.f32(), rstd.f32(), gx.f32()};
  const int64_t rows = x.size / length;
  const bool serial = num_threads() == 1 || x.size < 25000;
  int64_t chunks = serial ? 1 : std::min<int64_t>(rows, 2 * num_threads());
  const int64_t step = (rows + chunks - 1) / chunks;
  chunks = (rows + step - 1) / step;
  const Scratch memory(static_cast<size_t>(chunks * 4 * length) * 4);
  std::memset(memory.f32(), 0, static_cast<size_t>(chunks * 4 * length) * 4);
  parallel_chunks(chunks, [&](int64_t i) {
    float* sums = memory.f32() + i * 4 * length;  // gw, gb, and those of the rows taken together
    float* some = sums + 2 * length;
    const int64_t stop = std::min(rows, (i + 1) * step);
    for (int64_t r = i * step; r < stop; ++r) {
      f.row(r, some, some + length);
      if ((r + 1) % kRowsTogether == 0 || r + 1 == stop) add_and_clear(sums, some, 2 * length);
    }
  });
  std::memcpy(gw.f32(), memory.f32(), static_cast<size_t>(length) * 4);
  std::memcpy(gb.f32(), memory.f32() + length, static_cast<size_t>(length) * 4);
  for (int64_t i = 1; i < chunks; ++i) {
    const float* sums = memory.f32() + i * 4 * length;
    for (int64_t j = 0; j < length; ++j) {
      gw.f32()[j] += sums[j];
      gb.f32()[j] += sums[length + j];
    }
  }
  return true;
}

}  // namespace rl::RL_LEVEL
