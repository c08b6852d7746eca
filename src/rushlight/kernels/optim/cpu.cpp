#include "_native/kernel.h"
#include "_native/map.h"

namespace rl::RL_LEVEL {
#include "optim/cpu.h"

namespace {

constexpr int64_t kPiece = 8192;  // elements handed out at a time: 5 to 10 us

// One list of arrays for each operand, the parameters first. The last ones are optional state: those
// lists may be empty.
template <int N>
struct Lists {
  int required;
  const Views* list[N];

  bool fit() const {
    const Views& p = *list[0];
    for (int k = 0; k < N; ++k) {
      const Views& l = *list[k];
      if (k >= required && l.empty()) continue;
      if (l.size() != p.size()) return false;
      for (size_t i = 0; i < p.size(); ++i)
        if (!l[i].is(DType::float32) || !(k == 0 ? is_dense(l[i]) : same_layout(p[i], l[i])))
          return false;
    }
    return true;
  }
};

// update(v) works on one vector of each operand, v[N]; all are written back except number 1, the
// gradient, and those not used.
template <int N, class F>
bool for_all(const Lists<N>& lists, F update) {
  if (!lists.fit()) return false;
  const Views& params = *lists.list[0];
  const auto count = static_cast<int64_t>(params.size());
  const Scratch room(static_cast<size_t>(count + 1) * sizeof(int64_t));
  auto* first_piece = room.as<int64_t>();
  first_piece[0] = 0;
  for (int64_t i = 0; i < count; ++i)
    first_piece[i + 1] = first_piece[i] + (params[static_cast<size_t>(i)].size + kPiece - 1) / kPiece;

  const auto body = [&](float* const(&data)[N], int64_t n) __attribute__((noinline)) {
    for (int64_t j = 0; j < n; j += W) {
      vf v[N];
#pragma GCC unroll 5
      for (int k = 0; k < N; ++k) v[k] = data[k] ? load(data[k] + j) : vf{};
      update(v);
#pragma GCC unroll 5
      for (int k = 0; k < N; ++k)
        if (k != 1 && data[k]) store(data[k] + j, v[k]);
    }
  };
  parallel_for(first_piece[count], 3, [&](int64_t begin, int64_t end) {
    int64_t i = 0;
    for (int64_t piece = begin; piece < end; ++piece) {
      while (first_piece[i + 1] <= piece) ++i;
      const auto array = static_cast<size_t>(i);
      const int64_t from = (piece - first_piece[i]) * kPiece;
      float* data[N];
      for (int k = 0; k < N; ++k)
        data[k] = lists.list[k]->empty() ? nullptr : (*lists.list[k])[array].f32() + from;
      whole_vectors<N>(data, std::min(kPiece, params[array].size - from), 0, body);
    }
  });
  return true;
}

RL_INLINE float f(double x) { return static_cast<float>(x); }

// The gradient to use: sign, then weight decay.
struct Gradient {
  float sign, decay;
  Gradient(bool maximize, double weight_decay) : sign(maximize ? -1.0f : 1.0f), decay(f(weight_decay)) {}
  RL_INLINE vf operator()(vf p, vf g) const {
    g = g * sign;
    return decay != 0.0f ? fma(splat(decay), p, g) : g;
  }
};

// Running means of the gradient and of its square.
struct Average {
  float weight;
  explicit Average(double beta) : weight(f(1 - beta)) {}
  RL_INLINE vf operator()(vf mean, vf g) const { return fma(splat(weight), g - mean, mean); }
};

struct AverageSquare {
  float beta, weight;
  explicit AverageSquare(double b) : beta(f(b)), weight(f(1 - b)) {}
  RL_INLINE vf operator()(vf square, vf g) const { return fma(g * weight, g, square * beta); }
};

}  // namespace

bool sgd_step(const Views& p, const Views& g, const Views& buffer, double lr, double momentum,
              double dampening, double weight_decay, bool nesterov, bool maximize, bool first) {
  const Gradient gradient(maximize, weight_decay);
  const float rate = f(lr), keep = f(momentum), take = f(1 - dampening);
  const bool buffered = !buffer.empty();
  return for_all<3>({2, {&p, &g, &buffer}}, [=](vf* v) {
    vf d = gradient(v[0], v[1]);
    if (buffered) {
      v[2] = first ? d : fma(splat(take), d, v[2] * keep);
      d = nesterov ? fma(splat(keep), v[2], d) : v[2];
    }
    v[0] = v[0] - d * rate;
  });
}

bool adam_step(const Views& p, const Views& g, const Views& mean, const Views& square,
               const Views& largest, double beta1, double beta2, double eps, double weight_decay,
               double shrink, double rate, double root_correction, bool maximize) {
  const Gradient gradient(maximize, weight_decay);
  const Average average(beta1);
  const AverageSquare average_square(beta2);
  const float keep = f(shrink), step = f(rate), scale = f(1 / root_correction), tiny = f(eps);
  const bool amsgrad = !largest.empty();
  return for_all<5>({4, {&p, &g, &mean, &square, &largest}}, [=](vf* v) {
    v[0] = v[0] * keep;
    const vf d = gradient(v[0], v[1]);
    v[2] = average(v[2], d);
    v[3] = average_square(v[3], d);
    if (amsgrad) v[4] = max(v[4], v[3]);
    v[0] = v[0] - v[2] * step / fma(sqrt(amsgrad ? v[4] : v[3]), splat(scale), splat(tiny));
  });
}

bool nadam_step(const Views& p, const Views& g, const Views& mean, const Views& square, double beta1,
                double beta2, double eps, double weight_decay, double shrink, double from_gradient,
                double from_mean, double correction, bool maximize) {
  const Gradient gradient(maximize, weight_decay);
  const Average average(beta1);
  const AverageSquare average_square(beta2);
  const float keep = f(shrink), gradient_rate = f(from_gradient), mean_rate = f(from_mean);
  const float scale = f(1 / correction), tiny = f(eps);
  return for_all<4>({4, {&p, &g, &mean, &square}}, [=](vf* v) {
    v[0] = v[0] * keep;
    const vf d = gradient(v[0], v[1]);
    v[2] = average(v[2], d);
    v[3] = average_square(v[3], d);
    const vf root = sqrt(v[3] * scale) + tiny;
    v[0] += fma(d, splat(gradient_rate), v[2] * mean_rate) / root;
  });
}

bool rmsprop_step(const Views& p, const Views& g, const Views& square, const Views& mean,
                  const Views& buffer, double lr, double alpha, double eps, double weight_decay,
                  double momentum, bool maximize) {
  const Gradient gradient(maximize, weight_decay);
  const Average average(alpha);
  const AverageSquare average_square(alpha);
  const float rate = f(lr), keep = f(momentum), tiny = f(eps);
  const bool centered = !mean.empty(), buffered = !buffer.empty();
  return for_all<5>({3, {&p, &g, &square, &mean, &buffer}}, [=](vf* v) {
    const vf d = gradient(v[0], v[1]);
    v[2] = average_square(v[2], d);
    vf variance = v[2];
    if (centered) {
      v[3] = average(v[3], d);
      variance = fma(-v[3], v[3], v[2]);
    }
    const vf root = sqrt(variance) + tiny;
    if (buffered) {
      v[4] = v[4] * keep + d / root;
      v[0] = v[0] - v[4] * rate;
    } else {
      v[0] = v[0] - d * rate / root;
    }
  });
}

bool adagrad_step(const Views& p, const Views& g, const Views& sum, double rate, double eps,
                  double weight_decay, bool maximize) {
  const Gradient gradient(maximize, weight_decay);
  const float step = f(rate), tiny = f(eps);
  return for_all<3>({3, {&p, &g, &sum}}, [=](vf* v) {
    const vf d = gradient(v[0], v[1]);
    v[2] = fma(d, d, v[2]);
    v[0] = v[0] - d * step / (sqrt(v[2]) + tiny);
  });
}

}  // namespace rl::RL_LEVEL
