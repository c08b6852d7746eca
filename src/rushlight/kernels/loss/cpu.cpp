// Cross-entropy with class indices, fused: the log-probabilities are never stored.
//
// Forward: maximum and log(sum(exp)) per row. Backward: one exponential per logit, recomputed from
// those two numbers. Rows are independent; losses are added in double, in order.
// Roofline: forward reads x once, backward reads x and writes gx.
#include "softmax/rows.h"

namespace rl::RL_LEVEL {
#include "loss/cpu.h"

namespace {

struct Entropy {
  int64_t n, c, ignore_index, reduction;
  float smoothing;
  const float* x;
  const int64_t* target;
  const float* w;  // null: all ones
  float *top, *log_sum;

  static bool ours(const View& x, const View& target, const View& w, const View& stats) {
    return x.dense_f32() && x.ndim == 2 && x.size > 0 && target.contiguous &&
           target.is(DType::int64) && target.size == x.dim(0) && (!w || w.dense_f32()) &&
           stats.dense_f32();
  }

  Entropy(const View& x, const View& target, const View& w, const View& stats, int64_t ignore_index,
          int64_t reduction, double smoothing)
      : n(x.dim(0)), c(x.dim(1)), ignore_index(ignore_index), reduction(reduction),
        smoothing(static_cast<float>(smoothing)), x(x.f32()), target(target.as<int64_t>()),
        w(w.f32()), top(stats.f32()), log_sum(top + n) {}

  bool counts(int64_t i) const { return target[i] != ignore_index; }
  float weight(int64_t i) const { return w ? w[target[i]] : 1.0f; }

  bool targets_are_classes() const {
    for (int64_t i = 0; i < n; ++i)
      if (counts(i) && (target[i] < 0 || target[i] >= c)) return false;
    return true;
  }

  // -sum over classes of w[c] * logp[c]
  float smooth_loss(int64_t i) const {
    const float* row = x + i * c;
    const vf m = splat(top[i]), s = splat(log_sum[i]);
    const double sum = row_sum(c, [&](int64_t k, int64_t some) {
      const vf minus_logp = s - (load_first(row + k, some) - m);
      return w ? minus_logp * load_first(w + k, some) : minus_logp;
    });
    return static_cast<float>(sum);
  }

  float forward(int64_t i) const {
    const float* row = x + i * c;
    top[i] = row_max(row, c);
    const vf m = splat(top[i]);
    log_sum[i] = static_cast<float>(
        std::log(row_sum(c, [&](int64_t k, int64_t some) { return exp(load_first(row + k, some) - m); })));
    if (!counts(i)) return 0.0f;
    float loss = weight(i) * ((top[i] - row[target[i]]) + log_sum[i]);
    if (smoothing > 0.0f)
      loss = (1.0f - smoothing) * loss + smoothing / static_cast<float>(c) * smooth_loss(i);
    return loss;
  }

  void backward(int64_t i, float scale, float class_weights, float* gx) const {
    if (!counts(i)) {
      std::memset(gx, 0, static_cast<size_t>(c) * 4);
      return;
    }
    const float* row = x + i * c;
    const float spread = smoothing / static_cast<float>(c), hit = (1.0f - smoothing) * weight(i);
    const vf m = splat(top[i]), s = splat(log_sum[i]);
    const vf factor = splat(scale * (hit + spread * class_weights)), minus = splat(scale * spread);
    for_row(c, [&](int64_t k, int64_t some) {
      vf v = factor * exp((load_first(row + k, some) - m) - s);
      if (smoothing > 0.0f) v -= w ? minus * load_first(w + k, some) : minus;
      store_first(gx + k, v, some);
    });
    gx[target[i]] -= scale * hit;
  }
};

}  // namespace

bool cross_entropy_forward(const View& x, const View& target, const View& w, const View& loss,
                           const View& stats, const View& total, int64_t ignore_index,
                           int64_t reduction, double smoothing) {
  if (!Entropy::ours(x, target, w, stats)) return false;
  const Entropy e(x, target, w, stats, ignore_index, reduction, smoothing);
  if (!e.targets_are_classes()) return false;
  const Scratch memory(static_cast<size_t>(e.n) * 4);
  float* each = reduction == 0 ? loss.f32() : memory.f32();
  for_rows(e.n, e.c, 0.8, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) each[i] = e.forward(i);
  });
  double weights = 0.0, sum = 0.0;
  for (int64_t i = 0; i < e.n; ++i) {
    weights += e.counts(i) ? static_cast<double>(e.weight(i)) : 0.0;
    sum += static_cast<double>(each[i]);
  }
  *total.f32() = static_cast<float>(weights);
  if (reduction == 1) *loss.f32() = static_cast<float>(sum / weights);
  if (reduction == 2) *loss.f32() = static_cast<float>(sum);
  return true;
}

bool cross_entropy_backward(const View& g, const View& x, const View& target, const View& w,
                            const View& stats, const View& total, const View& gx,
                            int64_t ignore_index, int64_t reduction, double smoothing) {
  if (!Entropy::ours(x, target, w, stats) || !g.dense_f32() || !gx.dense_f32() || !total.dense_f32())
    return false;
  const Entropy e(x, target, w, stats, ignore_index, reduction, smoothing);
  if (!e.targets_are_classes()) return false;
  float class_weights = static_cast<float>(e.c);
  if (e.w)
    class_weights = static_cast<float>(
        row_sum(e.c, [&](int64_t k, int64_t some) { return load_first(e.w + k, some); }));
  const float* up = g.f32();
  for_rows(e.n, e.c, 0.8, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      float scale = reduction == 0 ? up[i] : up[0];
      if (reduction == 1) scale /= *total.f32();
      e.backward(i, scale, class_weights, gx.f32() + i * e.c);
    }
  });
  return true;
}

}  // namespace rl::RL_LEVEL
