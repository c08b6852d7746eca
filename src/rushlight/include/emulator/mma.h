// Tensor cores (nvcuda::wmma). Every lane holds the whole fragment and computes the whole product, so
// nothing depends on how a GPU spreads a fragment over a warp; stores are the first lane's.
#pragma once

#include "cuda_bf16.h"
#include "cuda_fp16.h"

namespace nvcuda::wmma {

struct matrix_a {};
struct matrix_b {};
struct accumulator {};
struct row_major {};
struct col_major {};
enum layout_t { mem_row_major, mem_col_major };

namespace precision {
struct tf32 {};
}  // namespace precision

/// What the elements of a fragment are kept as.
template <class T>
struct storage_element_type {
  using type = T;
};
template <>
struct storage_element_type<precision::tf32> {
  using type = float;
};

template <class Use, int M, int N, int K>
struct FragmentShape {
  static constexpr int rows = M, columns = N;
};
template <int M, int N, int K>
struct FragmentShape<matrix_a, M, N, K> {
  static constexpr int rows = M, columns = K;
};
template <int M, int N, int K>
struct FragmentShape<matrix_b, M, N, K> {
  static constexpr int rows = K, columns = N;
};

/// Elements by rows, whatever the layout in memory is.
template <class Use, int M, int N, int K, class T, class Layout = void>
struct fragment {
  using Shape = FragmentShape<Use, M, N, K>;
  using element_type = typename storage_element_type<T>::type;
  static constexpr int num_elements = Shape::rows * Shape::columns;
  static constexpr int num_storage_elements = num_elements;
  element_type x[num_elements];
};

template <class Use, int M, int N, int K, class T, class Layout, class Value>
void fill_fragment(fragment<Use, M, N, K, T, Layout>& f, const Value& value) {
  for (auto& element : f.x) element = static_cast<typename fragment<Use, M, N, K, T, Layout>::element_type>(value);
}

/// The place of an element in memory.
inline size_t place(int row, int column, unsigned stride, bool by_columns) {
  return by_columns ? size_t(column) * stride + row : size_t(row) * stride + column;
}

template <class Fragment, class T>
void load(Fragment& f, const T* memory, unsigned stride, bool by_columns) {
  __syncwarp();
  using Shape = typename Fragment::Shape;
  for (int i = 0; i < Shape::rows; ++i)
    for (int j = 0; j < Shape::columns; ++j)
      f.x[i * Shape::columns + j] = memory[place(i, j, stride, by_columns)];
  __syncwarp();
}
template <class Use, int M, int N, int K, class T, class Layout, class Element>
void load_matrix_sync(fragment<Use, M, N, K, T, Layout>& f, const Element* memory, unsigned stride) {
  load(f, memory, stride, std::is_same_v<Layout, col_major>);
}
template <int M, int N, int K, class T, class Element>
void load_matrix_sync(fragment<accumulator, M, N, K, T>& f, const Element* memory, unsigned stride,
                      layout_t layout) {
  load(f, memory, stride, layout == mem_col_major);
}

template <int M, int N, int K, class T, class Element>
void store_matrix_sync(Element* memory, const fragment<accumulator, M, N, K, T>& f, unsigned stride,
                       layout_t layout) {
  __syncwarp();
  if (rushlight::emu::worker->lane() == 0) {
    for (int i = 0; i < M; ++i)
      for (int j = 0; j < N; ++j) memory[place(i, j, stride, layout == mem_col_major)] = f.x[i * N + j];
  }
  __syncwarp();
}

/// d = a b + c; products of narrow numbers add up in the accumulator's type, at least float.
template <int M, int N, int K, class A, class B, class LayoutA, class LayoutB, class D, class C>
void mma_sync(fragment<accumulator, M, N, K, D>& d, const fragment<matrix_a, M, N, K, A, LayoutA>& a,
              const fragment<matrix_b, M, N, K, B, LayoutB>& b,
              const fragment<accumulator, M, N, K, C>& c, bool = false) {
  using Sum = std::conditional_t<std::is_same_v<D, double> || std::is_integral_v<D>, D, float>;
  for (int i = 0; i < M; ++i) {
    Sum sums[N];
    for (int j = 0; j < N; ++j) sums[j] = static_cast<Sum>(c.x[i * N + j]);
    for (int k = 0; k < K; ++k) {
      const Sum left = static_cast<Sum>(a.x[i * K + k]);
      for (int j = 0; j < N; ++j) sums[j] += left * static_cast<Sum>(b.x[k * N + j]);
    }
    for (int j = 0; j < N; ++j) d.x[i * N + j] = static_cast<D>(sums[j]);
  }
}

/// A float as a tensor core takes it: ten bits of mantissa.
inline float __float_to_tf32(float x) {
  const unsigned bits = __float_as_uint(x);
  return __uint_as_float((bits + 0xfffu + (bits >> 13 & 1u)) & ~0x1fffu);
}

}  // namespace nvcuda::wmma
