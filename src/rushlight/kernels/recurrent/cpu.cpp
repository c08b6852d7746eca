// Whole sequences of a recurrent layer.
//
// Sequences of a batch do not depend on each other: each task takes a few of them through all steps,
// so threads never wait for each other between steps. The weight of the state is packed once; a step
// is one product with it and one pass over the gates, which are still in cache.
// Reference: Appleyard, Kocisky and Blunsom, "Optimizing Performance of Recurrent Neural Networks on
// GPUs", 2016 (persistent weights, fused pointwise part).
// Roofline: 8 B H H flops a step of an LSTM; the weight comes from L2 once for each task and step.
#include "_native/kernel.h"
#include "_native/simd_math.h"
#include "gemm/gemm.h"
#include "gemm/micro.h"

namespace rl::RL_LEVEL {
#include "recurrent/cpu.h"

namespace {

constexpr double kTaskFlops = 2e6;  // over all steps: about 30 us

// Steps of a batch whose sequences end one after the other: rows [start, start + n) for each.
struct Sequence {
  const int64_t* sizes;
  int64_t steps, rows;
  int64_t batch;

  Sequence(const View& sizes, int64_t rows, int64_t batch)
      : sizes(sizes.as<int64_t>()), steps(sizes.size), rows(rows), batch(batch) {}

  // step(row, n) in order of time or against it, for the sequences [first, last): n rows from `row`.
  template <class Step>
  void walk(bool backwards, int64_t first, int64_t last, Step&& step) const {
    int64_t start = backwards ? rows : 0;
    for (int64_t i = 0; i < steps; ++i) {
      const int64_t size = sizes[backwards ? steps - 1 - i : i];
      if (backwards) start -= size;
      const int64_t n = std::min(size, last) - first;
      if (n > 0) step(start + first, n);
      if (!backwards) start += size;
    }
  }

  // task(first, last) over the batch; `width` products for each of `depth` elements of a row.
  template <class Task>
  void split(int64_t width, int64_t depth, Task&& task) const {
    const double flops = 2.0 * static_cast<double>(rows * width) * static_cast<double>(depth);
    const auto most = std::max<int64_t>(1, static_cast<int64_t>(flops / kTaskFlops));
    const int64_t tasks = std::min<int64_t>(num_threads(), most);
    const int64_t each = ((batch + tasks - 1) / tasks + kRows - 1) / kRows * kRows;
    parallel_chunks((batch + each - 1) / each, [&](int64_t i) {
      task(i * each, std::min(batch, (i + 1) * each));
    });
  }
};

// The weight of the state, packed: across() for y = h w^T, and along() for gh = g w.
class StateWeight {
 public:
  static StateWeight across(const View& w) { return {w, w.dim(0), w.dim(1), {w.f32(), 1, w.dim(1)}}; }
  static StateWeight along(const View& w) { return {w, w.dim(1), w.dim(0), {w.f32(), w.dim(1), 1}}; }

  // c = a w, or c += a w, for m contiguous rows.
  void multiply(int64_t m, const float* a, float* c, bool accumulate,
                const float* bias = nullptr) const {
    Product p{m, n_, k_, {a, k_, 1}, {packed_.f32(), 0, 0}, c, n_, accumulate, {}};
    p.epilogue.column_bias = bias;
    multiply_packed(p);
  }

 private:
  StateWeight(const View&, int64_t n, int64_t k, const Matrix& b)
      : n_(n), k_(k), packed_(static_cast<size_t>(packed_size(n, k)) * 4) {
    pack(b, n, k, packed_.f32());
  }
  int64_t n_, k_;
  Scratch packed_;
};

// f(j, n) for the vectors of a row: n lanes in use.
template <class F>
RL_INLINE void for_lanes(int64_t length, F&& f) {
  for (int64_t j = 0; j < length; j += W) f(j, std::min<int64_t>(W, length - j));
}

template <class... V>
bool all_f32(const V&... views) {
  return (views.dense_f32() && ...);
}

bool usable(const View& h, const View& sizes) {
  return sizes.is(DType::int64) && sizes.contiguous && h.size > 0;
}

RL_INLINE vf slope_of_sigmoid(vf y) { return y * (1.0f - y); }
RL_INLINE vf slope_of_tanh(vf y) { return 1.0f - y * y; }

}  // namespace

bool lstm_forward(const View& gates, const View& h, const View& c, const View& w, const View& sizes,
                  const View& y, const View& cells, bool reverse) {
  if (!all_f32(gates, h, c, w, y, cells) || !usable(h, sizes)) return false;
  const int64_t H = c.dim(1);
  const StateWeight weight = StateWeight::across(w);
  const Sequence sequence(sizes, gates.dim(0), c.dim(0));
  sequence.split(4 * H, H, [&](int64_t first, int64_t last) {
    sequence.walk(reverse, first, last, [&](int64_t row, int64_t n) {
      float* a = gates.f32() + row * 4 * H;
      weight.multiply(n, h.f32() + first * H, a, true);
      for (int64_t r = 0; r < n; ++r, a += 4 * H) {
        float *state = h.f32() + (first + r) * H, *memory = c.f32() + (first + r) * H;
        float *out = y.f32() + (row + r) * H, *cell_out = cells.f32() + (row + r) * H;
        for_lanes(H, [&](int64_t j, int64_t k) {
          const vf i = sigmoid(load_first(a + j, k)), f = sigmoid(load_first(a + H + j, k));
          const vf g = tanh(load_first(a + 2 * H + j, k)), o = sigmoid(load_first(a + 3 * H + j, k));
          const vf cell = fma(f, load_first(memory + j, k), i * g), s = o * tanh(cell);
          store_first(a + j, i, k);
          store_first(a + H + j, f, k);
          store_first(a + 2 * H + j, g, k);
          store_first(a + 3 * H + j, o, k);
          store_first(memory + j, cell, k);
          store_first(cell_out + j, cell, k);
          store_first(state + j, s, k);
          store_first(out + j, s, k);
        });
      }
    });
  });
  return true;
}

bool lstm_backward(const View& gates, const View& cells, const View& before, const View& g,
                   const View& gh, const View& gc, const View& w, const View& sizes, const View& gx,
                   bool reverse) {
  if (!all_f32(gates, cells, before, g, gh, gc, w, gx) || !usable(gh, sizes)) return false;
  const int64_t H = gc.dim(1);
  const StateWeight weight = StateWeight::along(w);
  const Sequence sequence(sizes, gates.dim(0), gc.dim(0));
  sequence.split(4 * H, H, [&](int64_t first, int64_t last) {
    sequence.walk(!reverse, first, last, [&](int64_t row, int64_t n) {
      for (int64_t r = 0; r < n; ++r) {
        const int64_t at = (row + r) * H, own = (first + r) * H;
        const float* a = gates.f32() + 4 * at;
        float* to = gx.f32() + 4 * at;
        for_lanes(H, [&](int64_t j, int64_t k) {
          const vf i = load_first(a + j, k), f = load_first(a + H + j, k);
          const vf m = load_first(a + 2 * H + j, k), o = load_first(a + 3 * H + j, k);
          const vf squashed = tanh(load_first(cells.f32() + at + j, k));
          const vf d = load_first(gh.f32() + own + j, k) + load_first(g.f32() + at + j, k);
          const vf dc = fma(d, o * slope_of_tanh(squashed), load_first(gc.f32() + own + j, k));
          store_first(to + j, dc * m * slope_of_sigmoid(i), k);
          store_first(to + H + j,
                      dc * load_first(before.f32() + at + j, k) * slope_of_sigmoid(f), k);
          store_first(to + 2 * H + j, dc * i * slope_of_tanh(m), k);
          store_first(to + 3 * H + j, d * squashed * slope_of_sigmoid(o), k);
          store_first(gc.f32() + own + j, dc * f, k);
        });
      }
      weight.multiply(n, gx.f32() + row * 4 * H, gh.f32() + first * H, false);
    });
  });
  return true;
}

bool gru_forward(const View& gates, const View& h, const View& w, const View& b, const View& sizes,
                 const View& y, const View& inner, bool reverse) {
  if (!all_f32(gates, h, w, y, inner) || !usable(h, sizes) || (b && !b.dense_f32())) return false;
  const int64_t H = h.dim(1);
  const StateWeight weight = StateWeight::across(w);
  const Sequence sequence(sizes, gates.dim(0), h.dim(0));
  const Scratch products(static_cast<size_t>(h.dim(0) * 3 * H) * 4);
  sequence.split(3 * H, H, [&](int64_t first, int64_t last) {
    sequence.walk(reverse, first, last, [&](int64_t row, int64_t n) {
      float* from_state = products.f32() + first * 3 * H;
      weight.multiply(n, h.f32() + first * H, from_state, false, b.f32());
      for (int64_t r = 0; r < n; ++r, from_state += 3 * H) {
        const int64_t at = (row + r) * H;
        float *a = gates.f32() + 3 * at, *state = h.f32() + (first + r) * H;
        for_lanes(H, [&](int64_t j, int64_t k) {
          const auto sum = [&](int64_t gate) {
            return load_first(a + gate * H + j, k) + load_first(from_state + gate * H + j, k);
          };
          const vf reset = sigmoid(sum(0)), z = sigmoid(sum(1));
          const vf in = load_first(from_state + 2 * H + j, k);
          const vf candidate = tanh(fma(reset, in, load_first(a + 2 * H + j, k)));
          const vf s = fma(load_first(state + j, k) - candidate, z, candidate);
          store_first(a + j, reset, k);
          store_first(a + H + j, z, k);
          store_first(a + 2 * H + j, candidate, k);
          store_first(inner.f32() + at + j, in, k);
          store_first(state + j, s, k);
          store_first(y.f32() + at + j, s, k);
        });
      }
    });
  });
  return true;
}

bool gru_backward(const View& gates, const View& inner, const View& before, const View& g,
                  const View& gh, const View& w, const View& sizes, const View& to_input,
                  const View& to_state, bool reverse) {
  if (!all_f32(gates, inner, before, g, gh, w, to_input, to_state) || !usable(gh, sizes)) return false;
  const int64_t H = gh.dim(1);
  const StateWeight weight = StateWeight::along(w);
  const Sequence sequence(sizes, gates.dim(0), gh.dim(0));
  sequence.split(3 * H, H, [&](int64_t first, int64_t last) {
    sequence.walk(!reverse, first, last, [&](int64_t row, int64_t n) {
      for (int64_t r = 0; r < n; ++r) {
        const int64_t at = (row + r) * H;
        const float* a = gates.f32() + 3 * at;
        float *gi = to_input.f32() + 3 * at, *gs = to_state.f32() + 3 * at;
        float* state = gh.f32() + (first + r) * H;
        for_lanes(H, [&](int64_t j, int64_t k) {
          const vf reset = load_first(a + j, k), z = load_first(a + H + j, k);
          const vf candidate = load_first(a + 2 * H + j, k);
          const vf d = load_first(state + j, k) + load_first(g.f32() + at + j, k);
          const vf gn = d * (1.0f - z) * slope_of_tanh(candidate);
          const vf gr = gn * load_first(inner.f32() + at + j, k) * slope_of_sigmoid(reset);
          const vf gz = d * (load_first(before.f32() + at + j, k) - candidate) * slope_of_sigmoid(z);
          store_first(gi + j, gr, k);
          store_first(gi + H + j, gz, k);
          store_first(gi + 2 * H + j, gn, k);
          store_first(gs + j, gr, k);
          store_first(gs + H + j, gz, k);
          store_first(gs + 2 * H + j, gn * reset, k);
          store_first(state + j, d * z, k);
        });
      }
      weight.multiply(n, to_state.f32() + row * 3 * H, gh.f32() + first * H, true);
    });
  });
  return true;
}

bool simple_forward(const View& gates, const View& h, const View& w, const View& sizes, bool relu,
                    bool reverse) {
  if (!all_f32(gates, h, w) || !usable(h, sizes)) return false;
  const int64_t H = h.dim(1);
  const StateWeight weight = StateWeight::across(w);
  const Sequence sequence(sizes, gates.dim(0), h.dim(0));
  sequence.split(H, H, [&](int64_t first, int64_t last) {
    sequence.walk(reverse, first, last, [&](int64_t row, int64_t n) {
      float *a = gates.f32() + row * H, *state = h.f32() + first * H;
      weight.multiply(n, state, a, true);
      for_lanes(n * H, [&](int64_t j, int64_t k) {
        const vf x = load_first(a + j, k), s = relu ? max(x, vf{}) : tanh(x);
        store_first(a + j, s, k);
        store_first(state + j, s, k);
      });
    });
  });
  return true;
}

bool simple_backward(const View& y, const View& g, const View& gh, const View& w, const View& sizes,
                     const View& gx, bool relu, bool reverse) {
  if (!all_f32(y, g, gh, w, gx) || !usable(gh, sizes)) return false;
  const int64_t H = gh.dim(1);
  const StateWeight weight = StateWeight::along(w);
  const Sequence sequence(sizes, y.dim(0), gh.dim(0));
  sequence.split(H, H, [&](int64_t first, int64_t last) {
    sequence.walk(!reverse, first, last, [&](int64_t row, int64_t n) {
      const int64_t at = row * H;
      float *to = gx.f32() + at, *state = gh.f32() + first * H;
      for_lanes(n * H, [&](int64_t j, int64_t k) {
        const vf s = load_first(y.f32() + at + j, k);
        const vf d = load_first(state + j, k) + load_first(g.f32() + at + j, k);
        store_first(to + j, relu ? (s > 0.0f ? d : vf{}) : d * slope_of_tanh(s), k);
      });
      weight.multiply(n, to, state, false);
    });
  });
  return true;
}

}  // namespace rl::RL_LEVEL
