// The inner product of forward and input-gradient convolution.
//
//     acc[c][p] = sum over k of weights[k][c] * x[base[p] + offset[k]]
//
// OB outputs times PV vectors of pixels stay in registers; each k costs PV vector loads and OB
// broadcasts for OB * PV multiply-adds. 4 x 3 and 6 x 2 fill 12 of 16 registers and are bound by the
// two FMA units. Any pixels can share a tile, since each vector has a base of its own.
//
// Reference: Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008, for
// the register blocking; Georganas et al., "Anatomy of High-Performance Deep Learning Convolutions
// on SIMD Architectures", 2018, for reading the image directly.
#pragma once
#include "conv/geometry.h"

namespace rl::RL_LEVEL {

inline constexpr int kMostOutputs = 6, kMostVectors = 8;

template <int OB, int PV>
RL_INLINE void multiply(const float* const* base, const int32_t* offset, int64_t depth,
                        const float* weights, vf (&acc)[OB][PV]) {
  const float* from[PV];
  for (int p = 0; p < PV; ++p) from[p] = base[p];
  for (int64_t k = 0; k < depth; ++k, weights += OB) {
    const int64_t at = offset[k];
    vf x[PV];
#pragma GCC unroll 8
    for (int p = 0; p < PV; ++p) x[p] = load(from[p] + at);
#pragma GCC unroll 8
    for (int c = 0; c < OB; ++c) {
      const vf w = splat(weights[c]);
#pragma GCC unroll 8
      for (int p = 0; p < PV; ++p) acc[c][p] = fma(w, x[p], acc[c][p]);
    }
  }
}

// Which blocks a number of outputs is cut into: full blocks of `main`, then one of `rest`, all over
// tiles of `vectors` vectors.
struct Blocking {
  int main, vectors;

  static double cost(int64_t outputs, int block, int vectors) {
    const int64_t rest = outputs % block;
    // Half a cycle per multiply-add; fewer than 8 in flight wait for the FMA's latency of 4.
    const auto cycles = [&](int64_t o) {
      const double busy = 0.5 * static_cast<double>(o * vectors);
      const double loads = 0.5 * static_cast<double>(o + vectors);
      return std::max(4.0, std::max(busy, loads));
    };
    return (static_cast<double>(outputs / block) * cycles(block) + (rest ? cycles(rest) : 0.0)) / vectors;
  }

  explicit Blocking(int64_t outputs) {
    if (outputs <= 3) {
      main = static_cast<int>(outputs);
      vectors = outputs == 1 ? 8 : outputs == 2 ? 6 : 4;
      return;
    }
    const bool wide = cost(outputs, 4, 3) <= cost(outputs, 6, 2);
    main = wide ? 4 : 6;
    vectors = wide ? 3 : 2;
  }

  int block(int64_t outputs, int64_t first) const {
    return static_cast<int>(std::min<int64_t>(main, outputs - first));
  }
};

// Weights of one block of outputs in the order `multiply` reads them, [k][output]. Element
// (output c, k) comes from w[c * row + column[k]].
inline void pack_weights(const float* w, int64_t row, const int32_t* column, int64_t depth, int block,
                         float* packed) {
  for (int c = 0; c < block; ++c) {
    const float* from = w + c * row;
    for (int64_t k = 0; k < depth; ++k) packed[k * block + c] = from[column[k]];
  }
}

// Calls run.template operator()<OB, PV>() for a block of `outputs` in tiles of `vectors`.
template <class F>
RL_INLINE void with_tile(int outputs, int vectors, F&& run) {
  switch (vectors * 8 + outputs) {
    case 8 * 8 + 1: return run.template operator()<1, 8>();
    case 6 * 8 + 2: return run.template operator()<2, 6>();
    case 4 * 8 + 3: return run.template operator()<3, 4>();
    case 3 * 8 + 4: return run.template operator()<4, 3>();
    case 3 * 8 + 3: return run.template operator()<3, 3>();
    case 3 * 8 + 2: return run.template operator()<2, 3>();
    case 3 * 8 + 1: return run.template operator()<1, 3>();
    case 2 * 8 + 6: return run.template operator()<6, 2>();
    case 2 * 8 + 5: return run.template operator()<5, 2>();
    case 2 * 8 + 4: return run.template operator()<4, 2>();
    case 2 * 8 + 3: return run.template operator()<3, 2>();
    case 2 * 8 + 2: return run.template operator()<2, 2>();
    default: return run.template operator()<1, 2>();
  }
}

}  // namespace rl::RL_LEVEL
