// Batch normalisation of channels-last images, as a matrix (rows, C) whose columns are normalised.
//
// Formulas as in norm/cpu.cpp. A channel lies all over the image, so statistics of two passes would read
// it twice: here each block of rows has its own two passes in L1. Chan, Golub and LeVeque, "Algorithms for
// Computing the Sample Variance", 1983.
// Roofline: statistics read x, the last step reads x and writes y; backward reads g and x twice and
// writes gx. Images that fit the outer cache come from memory once.
#include "norm/columns.h"

namespace rl::RL_LEVEL {
#include "norm/cpu.h"

namespace {

bool is_matrix(const View& x) { return x.dense_f32() && x.ndim == 2 && x.size > 0; }
bool dense_or_absent(const View& v) { return !v || v.dense_f32(); }

// scale[c] = rstd[c] * w[c]
void fill_scale(const View& rstd, const View& w, float* scale) {
  for (int64_t c = 0; c < rstd.size; ++c) scale[c] = rstd.f32()[c] * (w ? w.f32()[c] : 1.0f);
}

// g where the ReLU behind the normalisation let something through, of which y is the result.
struct Gated {
  const float *g, *y;
  RL_INLINE vf operator()(int64_t at, int64_t n) const {
    return load_first(y + at, n) <= 0.0f ? vf{} : load_first(g + at, n);
  }
};

struct Ungated {
  const float* g;
  RL_INLINE vf operator()(int64_t at, int64_t n) const { return load_first(g + at, n); }
};

struct Slope {
  int64_t rows, channels;
  const float *x, *mean;
  const View &w, &rstd;
  float *gx, *gw, *gb;
  bool training;

  template <class Up>
  void run(const Up up) const {
    const Scratch memory(static_cast<size_t>(channels) * (2 * sizeof(double) + 3 * sizeof(float)));
    auto* total = memory.as<double>();
    double* slope = total + channels;
    auto* scale = reinterpret_cast<float*>(slope + channels);
    float *shift = scale + channels, *along = shift + channels;
    const float *from = x, *centre = mean;
    const int64_t row_length = channels;
    column_sums<2>(rows, channels, total, [=](int64_t row, int64_t c, int64_t n, vf(&v)[2])
                   __attribute__((always_inline)) {
      const int64_t at = row * row_length + c;
      v[0] = up(at, n);
      v[1] = v[0] * (load_first(from + at, n) - load_first(centre + c, n));
    });
    fill_scale(rstd, w, scale);
    const auto count = static_cast<double>(rows);
    for (int64_t c = 0; c < channels; ++c) {
      const auto inverse = static_cast<double>(rstd.f32()[c]);
      gb[c] = static_cast<float>(total[c]);
      gw[c] = static_cast<float>(slope[c] * inverse);
      shift[c] = static_cast<float>(total[c] / count);
      along[c] = static_cast<float>(slope[c] * inverse * inverse / count);
    }
    if (!training) {
      return write_columns(rows, channels, gx, [=](int64_t at, int64_t c, int64_t n) __attribute__((always_inline)) {
        return up(at, n) * load_first(scale + c, n);
      });
    }
    write_columns(rows, channels, gx, [=](int64_t at, int64_t c, int64_t n) __attribute__((always_inline)) {
      const vf centred = load_first(from + at, n) - load_first(centre + c, n);
      const vf rest = up(at, n) - load_first(shift + c, n) - centred * load_first(along + c, n);
      return rest * load_first(scale + c, n);
    });
  }
};

}  // namespace

bool batch_norm_last_statistics(const View& x, const View& mean, const View& rstd, const View& var,
                                double eps) {
  if (!is_matrix(x)) return false;
  const int64_t rows = x.dim(0), channels = x.dim(1);
  const auto count = static_cast<double>(rows);
  const Scratch memory(static_cast<size_t>(2 * channels) * sizeof(double));
  auto* sums = memory.as<double>();
  moment_sums(x.f32(), rows, channels, sums);
  for (int64_t c = 0; c < channels; ++c) {
    const double centre = sums[c] / count;
    const double spread = std::max(0.0, sums[channels + c] / count - centre * centre);
    mean.f32()[c] = static_cast<float>(centre);
    var.f32()[c] = static_cast<float>(spread);
    rstd.f32()[c] = static_cast<float>(1.0 / std::sqrt(spread + eps));
  }
  return true;
}

bool batch_norm_last_apply(const View& x, const View& w, const View& b, const View& mean,
                           const View& rstd, const View& residual, const View& y, bool relu) {
  if (!is_matrix(x) || !dense_or_absent(w) || !dense_or_absent(b)) return false;
  if (!mean.dense_f32() || !rstd.dense_f32() || !dense_or_absent(residual)) return false;
  const int64_t rows = x.dim(0), channels = x.dim(1);
  const Scratch memory(static_cast<size_t>(2 * channels) * sizeof(float));
  float *scale = memory.f32(), *shift = scale + channels;
  fill_scale(rstd, w, scale);
  for (int64_t c = 0; c < channels; ++c) shift[c] = b ? b.f32()[c] : 0.0f;
  const float *from = x.f32(), *centre = mean.f32(), *added = residual.f32();
  const auto normalised = [=](int64_t at, int64_t c, int64_t n) __attribute__((always_inline)) {
    const vf centred = load_first(from + at, n) - load_first(centre + c, n);
    return fma(centred, load_first(scale + c, n), load_first(shift + c, n));
  };
  const auto run = [&](auto with_residual, auto with_relu) {
    write_columns(rows, channels, y.f32(), [=](int64_t at, int64_t c, int64_t n)
                  __attribute__((always_inline)) {
      vf v = normalised(at, c, n);
      if (with_residual.value) v += load_first(added + at, n);
      return with_relu.value ? max(v, vf{}) : v;
    });
  };
  const std::true_type yes;
  const std::false_type no;
  if (added) relu ? run(yes, yes) : run(yes, no);
  else relu ? run(no, yes) : run(no, no);
  return true;
}

bool batch_norm_last_backward(const View& g, const View& x, const View& w, const View& mean,
                              const View& rstd, const View& y, const View& gx, const View& gw,
                              const View& gb, bool training) {
  if (!is_matrix(x) || !is_matrix(g) || !dense_or_absent(w) || !dense_or_absent(y)) return false;
  if (!mean.dense_f32() || !rstd.dense_f32()) return false;
  const Slope slope{x.dim(0), x.dim(1), x.f32(), mean.f32(), w, rstd, gx.f32(), gw.f32(), gb.f32(),
                    training};
  if (y) slope.run(Gated{g.f32(), y.f32()});
  else slope.run(Ungated{g.f32()});
  return true;
}

}  // namespace rl::RL_LEVEL
