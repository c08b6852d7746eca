// Cooperative groups: the block, tiles of a warp, the lanes that run together.
#pragma once

#include "cuda_runtime.h"

namespace cooperative_groups {

using rushlight::emu::worker;

/// All threads of a block.
class thread_block {
 public:
  static void sync(int line = __builtin_LINE()) { worker->barrier(false, line); }
  static unsigned thread_rank() { return worker->current; }
  static unsigned size() { return worker->threads; }
  static unsigned num_threads() { return worker->threads; }
  static dim3 group_index() { return blockIdx; }
  static dim3 thread_index() { return threadIdx; }
  static dim3 group_dim() { return blockDim; }
  static dim3 dim_threads() { return blockDim; }
};

inline thread_block this_thread_block() { return {}; }

/// The whole grid. It cannot wait: blocks run one after another.
class grid_group {
 public:
  static unsigned long long size() { return num_blocks() * thread_block::size(); }
  static unsigned long long num_threads() { return size(); }
  static unsigned long long num_blocks() { return 1ull * gridDim.x * gridDim.y * gridDim.z; }
  static unsigned long long block_rank() {
    return blockIdx.x + 1ull * gridDim.x * (blockIdx.y + 1ull * gridDim.y * blockIdx.z);
  }
  static unsigned long long thread_rank() {
    return block_rank() * thread_block::size() + thread_block::thread_rank();
  }
  static dim3 group_dim() { return gridDim; }
  static bool is_valid() { return false; }
  [[noreturn]] static void sync() {
    rushlight::emu::fail(cudaErrorNotSupported, "the emulator has no grid.sync()");
  }
};

inline grid_group this_grid() { return {}; }

/// Some lanes of a warp, by their mask.
class lanes_group {
 public:
  explicit lanes_group(unsigned mask) : mask_(mask) {}

  void sync() const { __syncwarp(mask_); }
  unsigned size() const { return static_cast<unsigned>(__popc(mask_)); }
  unsigned num_threads() const { return size(); }
  unsigned thread_rank() const {
    return static_cast<unsigned>(__popc(mask_ & ((1u << worker->lane()) - 1)));
  }

  template <class T>
  T shfl(T value, int rank) const {
    return rushlight::emu::shuffle(mask_, value, lane(static_cast<unsigned>(rank) % size()));
  }
  template <class T>
  T shfl_down(T value, unsigned delta) const {
    const unsigned to = thread_rank() + delta;
    return rushlight::emu::shuffle(mask_, value, to < size() ? lane(to) : worker->lane());
  }
  template <class T>
  T shfl_up(T value, unsigned delta) const {
    const unsigned rank = thread_rank();
    return rushlight::emu::shuffle(mask_, value, rank >= delta ? lane(rank - delta) : worker->lane());
  }
  template <class T>
  T shfl_xor(T value, unsigned flip) const {
    const unsigned to = thread_rank() ^ flip;
    return rushlight::emu::shuffle(mask_, value, to < size() ? lane(to) : worker->lane());
  }

  int any(int predicate) const { return __any_sync(mask_, predicate); }
  int all(int predicate) const { return __all_sync(mask_, predicate); }
  unsigned ballot(int predicate) const { return by_rank(__ballot_sync(mask_, predicate)); }
  template <class T>
  unsigned match_any(T value) const {
    return by_rank(__match_any_sync(mask_, value));
  }
  template <class T>
  unsigned match_all(T value, int& predicate) const {
    return by_rank(__match_all_sync(mask_, value, &predicate));
  }

  unsigned mask() const { return mask_; }

 private:
  /// The lane of a rank.
  unsigned lane(unsigned rank) const {
    unsigned rest = mask_;
    while (rank--) rest &= rest - 1;
    return static_cast<unsigned>(__builtin_ctz(rest));
  }
  /// Bits by lane as bits by rank.
  unsigned by_rank(unsigned lanes) const {
    unsigned result = 0, rank = 0;
    for (unsigned rest = mask_; rest; rest &= rest - 1, ++rank)
      result |= (lanes >> __builtin_ctz(rest) & 1) << rank;
    return result;
  }

  unsigned mask_;
};

class coalesced_group : public lanes_group {
 public:
  using lanes_group::lanes_group;
};

__attribute__((noinline)) inline coalesced_group coalesced_threads() {
  return coalesced_group(worker->converged(__builtin_return_address(0)));
}

/// `Size` neighbours of a warp.
template <unsigned Size, class Parent = thread_block>
class thread_block_tile : public lanes_group {
  static_assert(Size && Size <= 32 && !(Size & (Size - 1)), "a tile has 1, 2, 4, 8, 16 or 32 threads");

 public:
  thread_block_tile() : lanes_group(mine()) {}
  static constexpr unsigned size() { return Size; }
  static constexpr unsigned num_threads() { return Size; }
  static unsigned thread_rank() { return worker->lane() % Size; }
  static unsigned meta_group_rank() { return worker->current / Size; }
  static unsigned meta_group_size() { return (worker->threads + Size - 1) / Size; }

 private:
  static unsigned mine() {
    const unsigned ones = Size == 32 ? rushlight::emu::FULL : (1u << Size % 32) - 1;
    return ones << worker->lane() / Size * Size;
  }
};

template <unsigned Size, class Parent>
thread_block_tile<Size, Parent> tiled_partition(const Parent&) {
  return {};
}

template <class Group>
void sync(const Group& group) {
  group.sync();
}

// ---- cooperative_groups/reduce.h and scan.h ----

template <class T>
struct plus {
  T operator()(T a, T b) const { return a + b; }
};
template <class T>
struct less {
  T operator()(T a, T b) const { return b < a ? b : a; }
};
template <class T>
struct greater {
  T operator()(T a, T b) const { return a < b ? b : a; }
};

template <class Group, class T, class Op>
T reduce(const Group& group, T value, Op op) {
  return rushlight::emu::reduce(group.mask(), value, op);
}

template <class Group, class T, class Op>
T inclusive_scan(const Group& group, T value, Op op) {
  for (unsigned delta = 1; delta < group.size(); delta *= 2) {
    const T before = group.shfl_up(value, delta);
    if (group.thread_rank() >= delta) value = op(before, value);
  }
  return value;
}
template <class Group, class T>
T inclusive_scan(const Group& group, T value) {
  return inclusive_scan(group, value, plus<T>());
}
template <class Group, class T, class Op>
T exclusive_scan(const Group& group, T value, Op op) {
  const T before = group.shfl_up(inclusive_scan(group, value, op), 1);
  return group.thread_rank() ? before : T();
}
template <class Group, class T>
T exclusive_scan(const Group& group, T value) {
  return exclusive_scan(group, value, plus<T>());
}

}  // namespace cooperative_groups
