// Memory a kernel may use: what cudaMalloc gave, and tensors.
#pragma once

#include <pthread.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rushlight::emu {

struct Allocation {
  uintptr_t begin, end;
  bool owned;  // by the emulator: freed with cudaFree
};

/// Known pieces of memory, in order, without overlap. Any thread may ask.
class Allocations {
 public:
  /// Note a piece of memory in place of whatever was known there before.
  void add(const void* address, size_t bytes, bool owned) {
    const auto begin = reinterpret_cast<uintptr_t>(address);
    Lock lock(mutex_);
    const auto first = first_where([&](const Allocation& a) { return a.end > begin; });
    auto last = first;
    while (last != all_.end() && last->begin < begin + bytes) ++last;
    // A part of what is known already adds nothing; anything else there has been freed since.
    if (first != last && first->begin <= begin && begin + bytes <= first->end && !owned) return;
    all_.insert(all_.erase(first, last), {begin, begin + bytes, owned});
  }

  /// Forget a piece that cudaMalloc gave; false if `address` is none.
  bool remove(const void* address) {
    Lock lock(mutex_);
    const auto it = at_or_before(reinterpret_cast<uintptr_t>(address));
    if (it == all_.end() || it->begin != reinterpret_cast<uintptr_t>(address) || !it->owned)
      return false;
    all_.erase(it);
    return true;
  }

  /// Forget all tensors.
  void remove_tensors() {
    Lock lock(mutex_);
    std::vector<Allocation> kept;
    for (const Allocation& a : all_)
      if (a.owned) kept.push_back(a);
    all_.swap(kept);
  }

  /// Whether a piece of memory that begins in an allocation of ours also ends in it.
  bool holds(const void* address, size_t bytes) {
    const auto begin = reinterpret_cast<uintptr_t>(address);
    const Allocation found = find(begin);
    return !found.owned || begin >= found.end || bytes <= found.end - begin;
  }

  /// The allocation at `address`, or the last before it; empty if there is none.
  Allocation find(uintptr_t address) {
    Lock lock(mutex_);
    const auto it = at_or_before(address);
    return it == all_.end() ? Allocation{0, 0, false} : *it;
  }

  /// The first allocation after `address`; empty if there is none.
  Allocation after(uintptr_t address) {
    Lock lock(mutex_);
    const auto it = first_where([&](const Allocation& a) { return a.begin > address; });
    return it == all_.end() ? Allocation{0, 0, false} : *it;
  }

 private:
  struct Lock {
    explicit Lock(pthread_mutex_t& mutex) : mutex(mutex) { pthread_mutex_lock(&mutex); }
    ~Lock() { pthread_mutex_unlock(&mutex); }
    pthread_mutex_t& mutex;
  };

  /// The first allocation of which `is_late` holds; it holds of all that follow, too.
  template <class Test>
  std::vector<Allocation>::iterator first_where(Test is_late) {
    size_t low = 0, high = all_.size();
    while (low < high) {
      const size_t middle = (low + high) / 2;
      if (is_late(all_[middle]))
        high = middle;
      else
        low = middle + 1;
    }
    return all_.begin() + static_cast<std::ptrdiff_t>(low);
  }

  std::vector<Allocation>::iterator at_or_before(uintptr_t address) {
    const auto next = first_where([&](const Allocation& a) { return a.begin > address; });
    return next == all_.begin() ? all_.end() : next - 1;
  }

  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  std::vector<Allocation> all_;
};

inline Allocations& allocations() {
  static Allocations* all = new Allocations;  // outlives whatever frees memory at the end
  return *all;
}

}  // namespace rushlight::emu

#ifdef RUSHLIGHT_CUDA_CHECK
/// Let kernels use the memory of a tensor. Called wherever a source takes a tensor's pointer.
extern "C" __attribute__((weak, visibility("hidden"))) void rushlight_cuda_allow(const void* address,
                                                                                 size_t bytes) {
  if (address && bytes) rushlight::emu::allocations().add(address, bytes, false);
}
#endif
