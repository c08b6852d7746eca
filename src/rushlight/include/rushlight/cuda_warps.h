// WARP_SHFL and its like: warp operations of all lanes.
#pragma once

#include <rushlight/cuda.h>

__device__ __forceinline__ unsigned WARP_BALLOT(int predicate, unsigned mask = 0xffffffff) {
  return __ballot_sync(mask, predicate);
}
__device__ __forceinline__ unsigned ACTIVE_MASK() { return __activemask(); }
#define RUSHLIGHT_WARP_SHUFFLE(NAME, function, place)                                        \
  template <class T>                                                                         \
  __device__ __forceinline__ T NAME(T value, place, int width = warpSize,                    \
                                    unsigned mask = 0xffffffff) {                            \
    return function(mask, value, where, width);                                              \
  }
RUSHLIGHT_WARP_SHUFFLE(WARP_SHFL, __shfl_sync, int where)
RUSHLIGHT_WARP_SHUFFLE(WARP_SHFL_XOR, __shfl_xor_sync, int where)
RUSHLIGHT_WARP_SHUFFLE(WARP_SHFL_UP, __shfl_up_sync, unsigned where)
RUSHLIGHT_WARP_SHUFFLE(WARP_SHFL_DOWN, __shfl_down_sync, unsigned where)
#undef RUSHLIGHT_WARP_SHUFFLE
