// gpuAtomicAdd and its like.
#pragma once

#include <rushlight/cuda.h>

template <class T>
__device__ T gpuAtomicAdd(T* address, T value) {
  return atomicAdd(address, value);
}
template <class T>
__device__ void gpuAtomicAddNoReturn(T* address, T value) {
  atomicAdd(address, value);
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
  atomicAdd(tensor + index, value);
}

}  // namespace at::native
