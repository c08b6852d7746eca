// What CUDA adds to declarations. On the host most of it says nothing.
#pragma once

#define RUSHLIGHT_CUDA_EMULATED 1
#ifndef __CUDACC__
#define __CUDACC__ 1
#endif
#ifndef __CUDA_ARCH__
#define __CUDA_ARCH__ 900
#endif
#define CUDART_VERSION 13000
#define CUDA_VERSION 13000
#define __CUDACC_VER_MAJOR__ 13
#define __CUDACC_VER_MINOR__ 0

#define __global__
#define __device__
#define __host__
#define __constant__
#define __managed__
#define __grid_constant__
#define __launch_bounds__(...)
#define __maxnreg__(...)
#define __cluster_dims__(...)
// The debug mode checks the user's code, not the emulator's own.
#ifdef RUSHLIGHT_CUDA_CHECK
#define RUSHLIGHT_UNCHECKED __attribute__((no_sanitize_address))
#else
#define RUSHLIGHT_UNCHECKED
#endif
#define RUSHLIGHT_INLINE inline __attribute__((always_inline))

#define __forceinline__ inline __attribute__((always_inline))
#define __inline_hint__ inline
#define __noinline__  // libstdc++ writes __attribute__((__noinline__)), so it must fit in there
#define __restrict__ __restrict
#define __align__(n) __attribute__((aligned(n)))
#define __builtin_align__(n) __attribute__((aligned(n)))
