// Matrix product C = epilogue(A B (+ C)), for kernels of any family to call.
//
// The elements are float, bf16 or f16. Half operands are widened as they are read, sums and the epilogue
// are float32, and a result is rounded once. Strides are in elements and may be anything for A and B, so
// a transposed view costs no copy; the rows of C are contiguous.
#pragma once
#include <cstdint>

#include "_native/half.h"

namespace rl::RL_LEVEL {

enum class Activation : int32_t { none, relu, gelu, gelu_tanh };

// y = activation(y + bias + residual), applied while the result is still in the L1 cache.
template <class T>
struct EpilogueOf {
  const T* column_bias = nullptr;  // (N,)
  const T* row_bias = nullptr;     // (M,)
  const T* residual = nullptr;     // (M, N), contiguous rows
  int64_t residual_stride = 0;
  Activation activation = Activation::none;

  bool empty() const {
    return column_bias == nullptr && row_bias == nullptr && residual == nullptr &&
           activation == Activation::none;
  }
};

template <class T>
struct MatrixOf {
  const T* data;
  int64_t row_stride, column_stride;
};

template <class T>
struct ProductOf {
  int64_t m, n, k;
  MatrixOf<T> a, b;  // (M, K), (K, N)
  T* c;              // (M, N)
  int64_t c_stride;
  bool accumulate = false;  // not for half elements
  EpilogueOf<T> epilogue = {};
};

using Epilogue = EpilogueOf<float>;
using Matrix = MatrixOf<float>;
using Product = ProductOf<float>;

// Splits the work over threads; inside a parallel region it runs on the calling thread.
void multiply(const Product& p);

// For a B that many products share: pack it once, then multiply with `p.b.data` leading to the packed
// copy. `to` has room for packed_size(n, k) floats. These products run on the calling thread.
int64_t packed_size(int64_t n, int64_t k);
void pack(const Matrix& b, int64_t n, int64_t k, float* to);
void multiply_packed(const Product& p);
// Where element (row, column) of B lies in the packed copy; the columns up to the next multiple of W
// follow it. For operands that are computed rather than copied.
int64_t packed_place(int64_t n, int64_t k, int64_t row, int64_t column);

}  // namespace rl::RL_LEVEL
