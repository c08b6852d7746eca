// Group normalisation: statistics over the channels of a group in one image; instance normalisation is
// one channel for each group.
//
// A group's channels lie next to each other, so it is one long row for the statistics, and a row for
// each channel where its own weight comes in. The gradients of w and b are first summed per image and
// channel, then over the images in order.
// Reference: Wu and He, "Group Normalization", 2018.
// Roofline: forward reads x and writes y, backward reads g and x and writes gx; a group stays in the
// cache between its passes.
#include "softmax/rows.h"

namespace rl::RL_LEVEL {
#include "norm/cpu.h"

namespace {

struct Groups {
  int64_t n, channels, plane, groups;

  Groups(const View& x, int64_t groups)
      : n(x.dim(0)), channels(x.dim(1)), plane(x.size / (n * channels)), groups(groups) {}
  int64_t rows() const { return n * groups; }
  int64_t each() const { return channels / groups; }  // channels of a group
  int64_t length() const { return each() * plane; }
  float weight(const View& w, int64_t c) const { return w ? w.f32()[c] : 1.0f; }
};

bool ours(const View& x, const View& w, const View& b) {
  return x.dense_f32() && x.ndim > 2 && x.size > 0 && (!w || w.dense_f32()) && (!b || b.dense_f32());
}

}  // namespace

bool group_norm_forward(const View& x, const View& w, const View& b, const View& y, const View& mean,
                        const View& rstd, int64_t groups, double eps) {
  if (!ours(x, w, b)) return false;
  const Groups s(x, groups);
  const int64_t length = s.length();
  for_rows(s.rows(), length, 0.5, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const float* from = x.f32() + r * length;
      const Moments moments = row_moments(from, length);
      mean.f32()[r] = static_cast<float>(moments.mean);
      rstd.f32()[r] = static_cast<float>(1.0 / std::sqrt(moments.variance + eps));
      const vf m = splat(mean.f32()[r]);
      for (int64_t k = 0; k < s.each(); ++k) {
        const int64_t c = r % groups * s.each() + k;
        const vf scale = splat(rstd.f32()[r] * s.weight(w, c)), shift = splat(b ? b.f32()[c] : 0.0f);
        const float* plane = from + k * s.plane;
        float* to = y.f32() + r * length + k * s.plane;
        for_row(s.plane, [&](int64_t i, int64_t n) {
          store_first(to + i, fma(load_first(plane + i, n) - m, scale, shift), n);
        });
      }
    }
  });
  return true;
}

bool group_norm_backward(const View& g, const View& x, const View& w, const View& mean,
                         const View& rstd, const View& gx, const View& gw, const View& gb,
                         int64_t groups) {
  if (!ours(x, w, View{}) || !g.dense_f32() || !mean.dense_f32() || !rstd.dense_f32()) return false;
  const Groups s(x, groups);
  const int64_t length = s.length();
  const auto count = static_cast<double>(length);
  const Scratch memory(static_cast<size_t>(2 * s.n * s.channels) * 8);
  double *sum = memory.as<double>(), *along = sum + s.n * s.channels;  // of g and of g xhat
  for_rows(s.rows(), length, 0.8, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const float *up = g.f32() + r * length, *from = x.f32() + r * length;
      const vf m = splat(mean.f32()[r]);
      const double inverse = static_cast<double>(rstd.f32()[r]);
      double shift = 0.0, slope = 0.0;
      for (int64_t k = 0; k < s.each(); ++k) {
        const int64_t at = k * s.plane, place = r * s.each() + k;
        LaneSums<2> both;
        both.add(s.plane, [&](int64_t i, int64_t n, vf(&v)[2]) {
          v[0] = load_first(up + at + i, n);
          v[1] = v[0] * (load_first(from + at + i, n) - m);
        });
        sum[place] = both.result(0);
        along[place] = both.result(1) * inverse;
        const auto weight = static_cast<double>(s.weight(w, r % groups * s.each() + k));
        shift += weight * sum[place] / count;
        slope += weight * along[place] / count;
      }
      const vf back = splat(static_cast<float>(inverse * shift));
      const vf pull = splat(static_cast<float>(inverse * inverse * slope));
      for (int64_t k = 0; k < s.each(); ++k) {
        const int64_t at = k * s.plane;
        const vf scale = splat(rstd.f32()[r] * s.weight(w, r % groups * s.each() + k));
        float* to = gx.f32() + r * length + at;
        for_row(s.plane, [&](int64_t i, int64_t n) {
          const vf centred = load_first(from + at + i, n) - m;
          store_first(to + i, load_first(up + at + i, n) * scale - back - centred * pull, n);
        });
      }
    }
  });
  for (int64_t c = 0; c < s.channels; ++c) {
    double total = 0.0, slope = 0.0;
    for (int64_t i = 0; i < s.n; ++i) {
      total += sum[i * s.channels + c];
      slope += along[i * s.channels + c];
    }
    gb.f32()[c] = static_cast<float>(total);
    gw.f32()[c] = static_cast<float>(slope);
  }
  return true;
}

}  // namespace rl::RL_LEVEL
