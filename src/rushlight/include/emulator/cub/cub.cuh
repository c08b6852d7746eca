// Of CUB reductions and scans: of a warp, of a block, and of a whole array, called from the host.
#pragma once

#include "../cuda_runtime.h"

namespace cub {

struct Sum {
  template <class T>
  T operator()(const T& a, const T& b) const { return a + b; }
};
struct Max {
  template <class T>
  T operator()(const T& a, const T& b) const { return a < b ? b : a; }
};
struct Min {
  template <class T>
  T operator()(const T& a, const T& b) const { return b < a ? b : a; }
};

enum BlockReduceAlgorithm {
  BLOCK_REDUCE_RAKING,
  BLOCK_REDUCE_RAKING_COMMUTATIVE_ONLY,
  BLOCK_REDUCE_WARP_REDUCTIONS
};
enum BlockScanAlgorithm { BLOCK_SCAN_RAKING, BLOCK_SCAN_RAKING_MEMOIZE, BLOCK_SCAN_WARP_SCANS };

/// Values of all threads of a block; every thread can see them between two barriers.
template <class T, int THREADS>
struct BlockValues {
  struct TempStorage {
    T value[THREADS];
  };
};

template <class T, int X, BlockReduceAlgorithm = BLOCK_REDUCE_WARP_REDUCTIONS, int Y = 1, int Z = 1>
class BlockReduce {
 public:
  using TempStorage = typename BlockValues<T, X * Y * Z>::TempStorage;
  explicit BlockReduce(TempStorage& storage) : storage_(storage) {}

  /// The result is the first thread's.
  template <class Op>
  T Reduce(T value, Op op) {
    return Reduce(value, op, X * Y * Z);
  }
  template <class Op>
  T Reduce(T value, Op op, int valid) {
    const unsigned mine = rushlight::emu::worker->current;
    storage_.value[mine] = value;
    __syncthreads();
    if (mine) return value;
    for (int i = 1; i < valid; ++i) value = op(value, storage_.value[i]);
    return value;
  }
  T Sum(T value) { return Reduce(value, cub::Sum()); }
  T Sum(T value, int valid) { return Reduce(value, cub::Sum(), valid); }

 private:
  TempStorage& storage_;
};

template <class T, int X, BlockScanAlgorithm = BLOCK_SCAN_RAKING, int Y = 1, int Z = 1>
class BlockScan {
 public:
  using TempStorage = typename BlockValues<T, X * Y * Z>::TempStorage;
  explicit BlockScan(TempStorage& storage) : storage_(storage) {}

  void InclusiveSum(T input, T& output) { InclusiveScan(input, output, Sum()); }
  void InclusiveSum(T input, T& output, T& total) { InclusiveScan(input, output, Sum(), total); }
  void ExclusiveSum(T input, T& output) { ExclusiveScan(input, output, T(), Sum()); }
  void ExclusiveSum(T input, T& output, T& total) { ExclusiveScan(input, output, T(), Sum(), total); }

  template <class Op>
  void InclusiveScan(T input, T& output, Op op) {
    T total;
    InclusiveScan(input, output, op, total);
  }
  template <class Op>
  void InclusiveScan(T input, T& output, Op op, T& total) {
    share(input);
    T sum = storage_.value[0];
    for (int i = 1; i <= mine(); ++i) sum = op(sum, storage_.value[i]);
    output = sum;
    for (int i = mine() + 1; i < X * Y * Z; ++i) sum = op(sum, storage_.value[i]);
    total = sum;
  }
  template <class Op>
  void ExclusiveScan(T input, T& output, T first, Op op) {
    T total;
    ExclusiveScan(input, output, first, op, total);
  }
  /// `total` leaves `first` out.
  template <class Op>
  void ExclusiveScan(T input, T& output, T first, Op op, T& total) {
    share(input);
    for (int i = 0; i < mine(); ++i) first = op(first, storage_.value[i]);
    output = first;
    total = storage_.value[0];
    for (int i = 1; i < X * Y * Z; ++i) total = op(total, storage_.value[i]);
  }

 private:
  static int mine() { return static_cast<int>(rushlight::emu::worker->current); }
  void share(T input) {
    storage_.value[mine()] = input;
    __syncthreads();
  }

  TempStorage& storage_;
};

template <class T, int LANES = 32>
class WarpReduce {
 public:
  struct TempStorage {};
  explicit WarpReduce(TempStorage&) {}

  /// The result is the first lane's.
  template <class Op>
  T Reduce(T value, Op op) {
    const unsigned ones = LANES == 32 ? rushlight::emu::FULL : (1u << LANES % 32) - 1;
    const unsigned lane = rushlight::emu::worker->lane();
    return rushlight::emu::reduce(ones << lane / LANES * LANES, value, op);
  }
  T Sum(T value) { return Reduce(value, cub::Sum()); }
};

template <class T, int LANES = 32>
class WarpScan {
 public:
  struct TempStorage {};
  explicit WarpScan(TempStorage&) {}

  template <class Op>
  void InclusiveScan(T input, T& output, Op op) {
    const unsigned lane = rushlight::emu::worker->lane() % LANES;
    for (unsigned delta = 1; delta < LANES; delta *= 2) {
      const T before = __shfl_up_sync(rushlight::emu::FULL, input, delta, LANES);
      if (lane >= delta) input = op(before, input);
    }
    output = input;
  }
  void InclusiveSum(T input, T& output) { InclusiveScan(input, output, Sum()); }
  void ExclusiveSum(T input, T& output) {
    T sum;
    InclusiveSum(input, sum);
    output = sum - input;
  }
};

/// Asked without memory, these say how much they want; they need none.
struct DeviceReduce {
  template <class In, class Out, class Op, class T>
  static cudaError_t Reduce(void* memory, size_t& bytes, In in, Out out, int count, Op op, T first,
                            cudaStream_t = nullptr, bool = false) {
    bytes = 1;
    if (!memory) return cudaSuccess;
    for (int i = 0; i < count; ++i) first = op(first, in[i]);
    *out = first;
    return cudaSuccess;
  }
  template <class In, class Out>
  static cudaError_t Sum(void* memory, size_t& bytes, In in, Out out, int count,
                         cudaStream_t stream = nullptr, bool = false) {
    using T = std::remove_cv_t<std::remove_reference_t<decltype(*out)>>;
    return Reduce(memory, bytes, in, out, count, cub::Sum(), T(0), stream);
  }
  template <class In, class Out>
  static cudaError_t Max(void* memory, size_t& bytes, In in, Out out, int count,
                         cudaStream_t stream = nullptr, bool = false) {
    return of_first(memory, bytes, in, out, count, cub::Max(), stream);
  }
  template <class In, class Out>
  static cudaError_t Min(void* memory, size_t& bytes, In in, Out out, int count,
                         cudaStream_t stream = nullptr, bool = false) {
    return of_first(memory, bytes, in, out, count, cub::Min(), stream);
  }

 private:
  template <class In, class Out, class Op>
  static cudaError_t of_first(void* memory, size_t& bytes, In in, Out out, int count, Op op,
                              cudaStream_t stream) {
    using T = std::remove_cv_t<std::remove_reference_t<decltype(*out)>>;
    return Reduce(memory, bytes, in, out, count, op, memory && count > 0 ? T(in[0]) : T(), stream);
  }
};

struct DeviceScan {
  template <class In, class Out, class Op>
  static cudaError_t InclusiveScan(void* memory, size_t& bytes, In in, Out out, Op op, int count,
                                   cudaStream_t = nullptr, bool = false) {
    bytes = 1;
    if (!memory || count <= 0) return cudaSuccess;
    auto sum = in[0];
    out[0] = sum;
    for (int i = 1; i < count; ++i) out[i] = sum = op(sum, in[i]);
    return cudaSuccess;
  }
  template <class In, class Out, class Op, class T>
  static cudaError_t ExclusiveScan(void* memory, size_t& bytes, In in, Out out, Op op, T first,
                                   int count, cudaStream_t = nullptr, bool = false) {
    bytes = 1;
    for (int i = 0; memory && i < count; ++i) {
      const T next = op(first, in[i]);  // `out` may be `in`
      out[i] = first;
      first = next;
    }
    return cudaSuccess;
  }
  template <class In, class Out>
  static cudaError_t InclusiveSum(void* memory, size_t& bytes, In in, Out out, int count,
                                  cudaStream_t stream = nullptr, bool = false) {
    return InclusiveScan(memory, bytes, in, out, cub::Sum(), count, stream);
  }
  template <class In, class Out>
  static cudaError_t ExclusiveSum(void* memory, size_t& bytes, In in, Out out, int count,
                                  cudaStream_t stream = nullptr, bool = false) {
    using T = std::remove_cv_t<std::remove_reference_t<decltype(*out)>>;
    return ExclusiveScan(memory, bytes, in, out, cub::Sum(), T(0), count, stream);
  }
};

}  // namespace cub
