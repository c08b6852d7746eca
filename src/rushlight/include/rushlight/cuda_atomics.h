// gpuAtomicAdd and its like.
#pragma once

#include <rushlight/cuda.h>

namespace rushlight {

// Adds to a part of a word of 32 bits, for types that GPUs have no instruction for.
template <class T>
__device__ T add_in_word(T* address, T value) {
  const auto place = reinterpret_cast<size_t>(address);
  auto* word = reinterpret_cast<unsigned*>(place & ~size_t{3});
  const unsigned shift = static_cast<unsigned>(place & 3) * 8;
  const unsigned mask = (sizeof(T) == 1 ? 0xffu : 0xffffu) << shift;
  unsigned seen, found = *word;
  T before;
  do {
    seen = found;
    unsigned bits = (seen & mask) >> shift;
    memcpy(&before, &bits, sizeof(T));
    const T sum = static_cast<T>(before + value);
    bits = 0;
    memcpy(&bits, &sum, sizeof(T));
    found = atomicCAS(word, seen, (seen & ~mask) | (bits << shift & mask));
  } while (found != seen);
  return before;
}

}  // namespace rushlight

template <class T>
__device__ T gpuAtomicAdd(T* address, T value) {
#ifdef RUSHLIGHT_CUDA_EMULATED
  return atomicAdd(address, value);
#else
  if constexpr (sizeof(T) < 4) {
    return ::rushlight::add_in_word(address, value);
  } else if constexpr (std::is_integral_v<T> && sizeof(T) == 8) {
    using Word = unsigned long long;
    return static_cast<T>(atomicAdd(reinterpret_cast<Word*>(address), static_cast<Word>(value)));
  } else {
    return atomicAdd(address, value);
  }
#endif
}
template <class T>
__device__ void gpuAtomicAddNoReturn(T* address, T value) {
  gpuAtomicAdd(address, value);
}
template <class T>
__device__ T gpuAtomicMax(T* address, T value) {
  return atomicMax(address, value);
}
template <class T>
__device__ T gpuAtomicMin(T* address, T value) {
  return atomicMin(address, value);
}

namespace at::native {

// Adds to an element of a tensor of `numel` elements.
template <class T, class index_t>
__device__ __forceinline__ void fastAtomicAdd(T* tensor, index_t index, const index_t /*numel*/,
                                              T value, bool /*fast_atomics*/ = true) {
  gpuAtomicAdd(tensor + index, value);
}

}  // namespace at::native
