// softmax(scale Q K^T + bias) V, some rows of Q at a time, so that the scores stay in the cache and
// never go to memory; the gradient makes them again. After Dao, Fu, Ermon, Rudra and Ré,
// "FlashAttention" (2022), without its running maximum: a block has few rows, but whole ones.
//
// Letters: N batches, H heads, L rows of Q, S of K and V, E elements of a row of Q and K, D of V.
// Roofline: 2 L S (E + D) flops forward and 2.5 times that backward, half if causal, at the speed of
// the matrix product; 14 vector operations for each exponential.
#include "gemm/gemm.h"
#include "softmax/rows.h"

namespace rl::RL_LEVEL {
#include "attention/cpu.h"

namespace {

constexpr int64_t kScores = 32 * 1024;  // scores of a block: 128 KB, half of L2 for two such blocks
constexpr int64_t kMostRows = 64;
constexpr double kTaskFlops = 1.2e6;

// One head of an operand.
struct Rows {
  float* data;
  int64_t stride;  // from row to row; 0 repeats one row

  float* row(int64_t i) const { return data + i * stride; }
  Matrix from(int64_t i) const { return {row(i), stride, 1}; }
  Matrix transposed() const { return {data, 1, stride}; }
};

Rows head_of(const View& x, int64_t n, int64_t h) {
  if (!x) return {nullptr, 0};
  return {x.f32() + n * x.stride(0) + h * x.stride(1), x.stride(2)};
}

bool is_rows(const View& x) {
  return x.dtype == DType::float32 && x.ndim == 4 && (x.dim(3) <= 1 || x.stride(3) == 1);
}

struct Sizes {
  int64_t n, h, l, s, e, d;
  int64_t block;  // rows of a block

  Sizes(const View& q, const View& v)
      : n(q.dim(0)), h(q.dim(1)), l(q.dim(2)), s(v.dim(2)), e(q.dim(3)), d(v.dim(3)),
        block(std::min(l, std::clamp<int64_t>(kScores / std::max<int64_t>(s, 1), 8, kMostRows))) {}

  int64_t heads() const { return n * h; }
  int64_t blocks() const { return (l + block - 1) / block; }
  // Keys that any row of the block before row `end` may see.
  int64_t seen(int64_t end, bool causal) const { return causal ? std::min(s, end) : s; }
  double flops(int64_t rows, double products) const {
    return products * static_cast<double>(rows * s) * static_cast<double>(e + d);
  }
};

// The first rows of x next to each other. Products read V and K in place, and rows of a layout by
// position lie a power of two apart: they would fall on a few lines of the cache.
Rows gathered(Rows x, int64_t rows, int64_t columns, float* room) {
  if (x.stride == columns) return x;
  for (int64_t r = 0; r < rows; ++r)
    std::memcpy(room + r * columns, x.row(r), static_cast<size_t>(columns) * 4);
  return {room, columns};
}

// f(task) on all threads; where tasks are few, each product is split over the threads instead.
template <class F>
void for_tasks(int64_t tasks, double flops, F&& f) {
  if (tasks < num_threads()) {
    for (int64_t i = 0; i < tasks; ++i) f(i);
    return;
  }
  const auto grain = static_cast<int64_t>(kTaskFlops / std::max(flops, 1.0)) + 1;
  parallel_for(tasks, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(i);
  });
}

// scores = scale * scores + bias for elements [i, i + n) of a row.
RL_INLINE vf score(const float* scores, const float* bias, vf scale, int64_t i, int64_t n) {
  const vf x = load_first(scores + i, n) * scale;
  return bias == nullptr ? x : x + load_first(bias + i, n);
}

// Replaces a row's scores by their exponentials, relative to the largest; returns the sum of these
// and stores its logarithm. A row that sees nothing has the sum 0.
double exponentials(float* x, const float* bias, float scale, int64_t length, float* lse) {
  const vf factor = splat(scale);
  for_row(length, [&](int64_t i, int64_t n) { store_first(x + i, score(x, bias, factor, i, n), n); });
  const float top = row_max(x, length);
  if (top == -__builtin_inff()) {
    std::memset(x, 0, static_cast<size_t>(length) * 4);
    *lse = __builtin_inff();
    return 0.0;
  }
  const double sum = row_sum(length, [&](int64_t i, int64_t n) {
    const vf e = exp(load_first(x + i, n) - top);
    store_first(x + i, e, n);
    return e;
  });
  *lse = top + static_cast<float>(std::log(sum));
  return sum;
}

void forward_block(const Sizes& z, Rows q, Rows k, Rows v, Rows bias, Rows y, float* lse,
                   int64_t first, float scale, bool causal) {
  const int64_t rows = std::min(z.block, z.l - first), keys = z.seen(first + rows, causal);
  const Scratch room(static_cast<size_t>(keys * (rows + z.d)) * 4);
  const Rows p{room.f32(), keys}, values = gathered(v, keys, z.d, room.f32() + rows * keys);
  multiply({rows, keys, z.e, q.from(first), k.transposed(), p.data, keys});
  float share[kMostRows];
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t length = z.seen(first + r + 1, causal);
    const float* own_bias = bias.data == nullptr ? nullptr : bias.row(first + r);
    const double sum = exponentials(p.row(r), own_bias, scale, length, lse + first + r);
    share[r] = sum == 0.0 ? 0.0f : static_cast<float>(1.0 / sum);
    std::memset(p.row(r) + length, 0, static_cast<size_t>(keys - length) * 4);
  }
  multiply({rows, z.d, keys, p.from(0), values.from(0), y.row(first), y.stride});
  for (int64_t r = 0; r < rows; ++r) {
    float* to = y.row(first + r);
    for_row(z.d, [&](int64_t i, int64_t n) { store_first(to + i, load_first(to + i, n) * share[r], n); });
  }
}

// p becomes the weights, gp the gradient of the scores: scale p (gp - p . gp). The weights are made to
// sum to 1 again: the rounding of large scores would otherwise come through the difference.
void score_gradient(float* p, float* gp, const float* bias, float scale, float lse, int64_t length) {
  const vf factor = splat(scale), log_sum = splat(lse);
  LaneSums<2> sums;
  sums.add(length, [&](int64_t i, int64_t n, vf(&v)[2]) {
    v[0] = exp(score(p, bias, factor, i, n) - log_sum);
    store_first(p + i, v[0], n);
    v[1] = v[0] * load_first(gp + i, n);
  });
  const double total = sums.result(0), inverse = total == 0.0 ? 0.0 : 1.0 / total;
  const vf share = splat(static_cast<float>(inverse));
  const vf mean = splat(static_cast<float>(sums.result(1) * inverse));
  for_row(length, [&](int64_t i, int64_t n) {
    const vf weight = load_first(p + i, n) * share;
    store_first(p + i, weight, n);
    store_first(gp + i, weight * (load_first(gp + i, n) - mean) * factor, n);
  });
}

struct Gradients {
  Rows q, k, v;
};

void backward_block(const Sizes& z, Rows g, Rows q, Rows k, Rows v, Rows bias, const float* lse,
                    Gradients to, int64_t first, float scale, bool causal) {
  const int64_t rows = std::min(z.block, z.l - first), keys = z.seen(first + rows, causal);
  const Scratch room(static_cast<size_t>(2 * rows * keys) * 4);
  const Rows p{room.f32(), keys}, gp{room.f32() + rows * keys, keys};
  multiply({rows, keys, z.e, q.from(first), k.transposed(), p.data, keys});
  multiply({rows, keys, z.d, g.from(first), v.transposed(), gp.data, keys});
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t length = z.seen(first + r + 1, causal);
    const float* own_bias = bias.data == nullptr ? nullptr : bias.row(first + r);
    score_gradient(p.row(r), gp.row(r), own_bias, scale, lse[first + r], length);
    std::memset(p.row(r) + length, 0, static_cast<size_t>(keys - length) * 4);
    std::memset(gp.row(r) + length, 0, static_cast<size_t>(keys - length) * 4);
  }
  multiply({rows, z.e, keys, gp.from(0), k.from(0), to.q.row(first), to.q.stride});
  multiply({keys, z.e, rows, gp.transposed(), q.from(first), to.k.data, to.k.stride, true});
  multiply({keys, z.d, rows, p.transposed(), g.from(first), to.v.data, to.v.stride, true});
}

void clear(Rows x, int64_t rows, int64_t columns) {
  for (int64_t r = 0; r < rows; ++r) std::memset(x.row(r), 0, static_cast<size_t>(columns) * 4);
}

}  // namespace

bool attention_forward(const View& q, const View& k, const View& v, const View& bias, const View& y,
                       const View& lse, double scale, bool causal) {
  if (!is_rows(q) || !is_rows(k) || !is_rows(v) || (bias && !is_rows(bias))) return false;
  const Sizes z(q, v);
  if (y.size == 0 || z.s == 0) return false;
  const int64_t blocks = z.blocks();
  for_tasks(z.heads() * blocks, z.flops(z.block, 2.0), [&](int64_t task) {
    const int64_t head = task / blocks, n = head / z.h, h = head % z.h;
    forward_block(z, head_of(q, n, h), head_of(k, n, h), head_of(v, n, h), head_of(bias, n, h),
                  head_of(y, n, h), lse.f32() + head * z.l, task % blocks * z.block,
                  static_cast<float>(scale), causal);
  });
  return true;
}

bool attention_backward(const View& g, const View& q, const View& k, const View& v, const View& bias,
                        const View& lse, const View& gq, const View& gk, const View& gv,
                        double scale, bool causal) {
  if (!is_rows(g) || !is_rows(q) || !is_rows(k) || !is_rows(v)) return false;
  if (bias && !is_rows(bias)) return false;
  const Sizes z(q, v);
  if (g.size == 0 || z.s == 0) return false;
  for_tasks(z.heads(), z.flops(z.l, 5.0), [&](int64_t head) {
    const int64_t n = head / z.h, h = head % z.h;
    const Gradients to{head_of(gq, n, h), head_of(gk, n, h), head_of(gv, n, h)};
    const Scratch room(static_cast<size_t>(z.s * z.e) * 4);
    const Rows keys = gathered(head_of(k, n, h), z.s, z.e, room.f32());
    clear(to.k, z.s, z.e);
    clear(to.v, z.s, z.d);
    for (int64_t first = 0; first < z.l; first += z.block)
      backward_block(z, head_of(g, n, h), head_of(q, n, h), keys, head_of(v, n, h),
                     head_of(bias, n, h), lse.f32() + head * z.l, to, first,
                     static_cast<float>(scale), causal);
  });
  return true;
}

}  // namespace rl::RL_LEVEL
