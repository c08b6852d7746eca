// What kernels use besides threads and shared memory. Every function returns what a test expects.
#include <cassert>
#include <cooperative_groups.h>
#include <cooperative_groups/reduce.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cub/cub.cuh>
#include <curand_kernel.h>

#include "on_device.h"
#include "shared_header.cuh"
#include "shared_header.cuh"

namespace cg = cooperative_groups;

#define LAUNCH(kernel, n, ...) kernel<<<((n) + 63) / 64, 64>>>(__VA_ARGS__)

// ---- templates, namespaces, macros, headers ----

namespace outer { namespace inner {
template <typename T, int FACTOR, bool NEGATE = false>
__global__ void scale(T* x, int n) {
  int i = global_index();
  if (i < n) x[i] = x[i] * FACTOR * (NEGATE ? -1 : 1);
}
}}  // namespace outer::inner

extern "C" int run_templates(float* x, int n) {
  OnDevice<float> d(x, n);
  launch_fill<float>(d, 1.5f, n);
  outer::inner::scale<float, (3 > 2) ? 2 : 1> /* <<<not here>>> */
      <<<dim3((n + 63) / 64, 1, 1), dim3{64}, 0, /* default, of course */ nullptr>>>(d, n);
  { using namespace outer::inner; LAUNCH((scale<float, 3, true>), n, d, n); }
  const char* text = "kernel<<<1, 1>>>()";  // a string is no launch
  return text[6] == '<' ? cudaGetLastError() : 1;
}

// ---- constants and variables of the device ----

__constant__ float coefficients[4];
__device__ int calls = 0;
static __device__ __constant__ float unit = 1.0f;

__global__ void polynomial(float* x) {
  float v = x[threadIdx.x], result = 0.0f;
#pragma unroll
  for (int i = 3; i >= 0; --i) result = result * v + coefficients[i] * unit;
  x[threadIdx.x] = result;
  atomicAdd(&calls, 1);
}

extern "C" int run_constants(float* x, const float* c, int* called) {
  OnDevice<float> d(x, 32);
  cudaMemcpyToSymbol(coefficients, c, sizeof coefficients);
  int zero = 0;
  cudaMemcpyToSymbol(calls, &zero, sizeof zero);
  polynomial<<<1, 32>>>(d);
  return cudaMemcpyFromSymbol(called, calls, sizeof *called);
}

// ---- warps ----

__global__ void warps(unsigned* out) {
  unsigned lane = threadIdx.x % 32;
  unsigned* mine = out + threadIdx.x * 10;
  mine[0] = __ballot_sync(0xffffffff, lane % 3 == 0);
  mine[1] = __any_sync(0xffffffff, lane == 5) * 2 + __all_sync(0xffffffff, lane < 31);
  mine[2] = __shfl_sync(0xffffffff, lane, 4, 8);
  mine[3] = __shfl_up_sync(0xffffffff, lane, 3);
  mine[4] = __shfl_down_sync(0xffffffff, lane, 2, 16);
  mine[5] = __match_any_sync(0xffffffff, lane / 5);
  mine[6] = __reduce_add_sync(0xffffffff, lane);
  if (lane < 16)
    mine[7] = __shfl_xor_sync(0x0000ffff, lane, 1);
  else
    mine[7] = __shfl_xor_sync(0xffff0000, lane * 100, 2);
  __syncwarp();
  if (lane % 2) mine[8] = __activemask();
  mine[9] = __syncthreads_count(threadIdx.x < 40);
}

extern "C" int run_warps(unsigned* out) {
  OnDevice<unsigned> d(out, 64 * 10);
  warps<<<1, 64>>>(d);
  return cudaGetLastError();
}

// ---- cooperative groups ----

__global__ void groups(int* out) {
  cg::thread_block block = cg::this_thread_block();
  auto tile = cg::tiled_partition<16>(block);
  int value = block.thread_rank();
  for (int offset = tile.size() / 2; offset > 0; offset /= 2) value += tile.shfl_down(value, offset);
  if (tile.thread_rank() == 0) atomicAdd(&out[0], value);
  int largest = cg::reduce(tile, (int)threadIdx.x, cg::greater<int>());
  if (threadIdx.x == 20) out[1] = largest;
  cg::sync(block);
  if (threadIdx.x % 4 == 1) {
    auto together = cg::coalesced_threads();
    if (together.thread_rank() == 0) atomicAdd(&out[2], together.size());
  }
  block.sync();
  if (threadIdx.x == 0) out[3] = block.size();
}

extern "C" int run_groups(int* out) {
  OnDevice<int> d(out, 4);
  groups<<<1, 96>>>(d);
  return cudaGetLastError();
}

// ---- atomics ----

__device__ float atomic_max(float* address, float value) {
  int* as_int = (int*)address;
  int old = *as_int, assumed;
  do {
    assumed = old;
    old = atomicCAS(as_int, assumed, __float_as_int(fmaxf(value, __int_as_float(assumed))));
  } while (assumed != old);
  return __int_as_float(old);
}

__device__ int mutex = 0;

__global__ void atomics(double* sum, float* largest, unsigned* wrapped, unsigned long long* bits, int* guarded) {
  int i = global_index();
  atomicAdd(sum, 0.5);
  atomic_max(largest, sinf(i));
  atomicInc(wrapped, 9);
  atomicOr(bits, 1ull << i % 64);
  for (bool done = false; !done;) {
    if (atomicExch(&mutex, 1) == 0) {
      *(volatile int*)guarded = *(volatile int*)guarded + 1;
      __threadfence();
      atomicExch(&mutex, 0);
      done = true;
    }
  }
}

extern "C" int run_atomics(double* sum, float* largest, unsigned* wrapped, unsigned long long* bits, int* guarded) {
  OnDevice<double> a(sum, 1);
  OnDevice<float> b(largest, 1);
  OnDevice<unsigned> c(wrapped, 1);
  OnDevice<unsigned long long> d(bits, 1);
  OnDevice<int> e(guarded, 1);
  atomics<<<5, 64>>>(a, b, c, d, e);
  return cudaGetLastError();
}

// ---- numbers of 16 bits ----

__global__ void narrow(const float* x, float* h, float* b, float* pairs) {
  int i = threadIdx.x;
  h[i] = __half2float(__float2half(x[i]));
  b[i] = __bfloat162float(__float2bfloat16(x[i]));
  half2 pair = __floats2half2_rn(x[i], 1.0f);
  pair = __hfma2(pair, pair, __float2half2_rn(0.25f));
  pairs[i] = __low2float(pair) + __half2float(__hmul(__high2half(pair), (half)2.0f));
}

extern "C" int run_narrow(float* x, float* h, float* b, float* pairs, int n) {
  OnDevice<float> dx(x, n), dh(h, n), db(b, n), dp(pairs, n);
  narrow<<<1, n>>>(dx, dh, db, dp);
  return cudaGetLastError();
}

// ---- random numbers ----

__global__ void uniforms(unsigned* bits, float* u, float* z) {
  int i = threadIdx.x;
  curandStatePhilox4_32_10_t state;
  curand_init(0, 0, i, &state);
  bits[i] = curand(&state);
  curandState other;
  curand_init(7, i, 0, &other);
  float total = 0.0f;
  for (int k = 0; k < 100; ++k) total += curand_normal(&other);
  z[i] = total / 100;
  u[i] = curand_uniform(&other);
}

extern "C" int run_random(unsigned* bits, float* u, float* z, int n) {
  OnDevice<unsigned> db(bits, n);
  OnDevice<float> du(u, n), dz(z, n);
  uniforms<<<1, n>>>(db, du, dz);
  return cudaGetLastError();
}

// ---- CUB inside a block ----

template <int THREADS>
__global__ void block_primitives(const int* x, int* total, int* before) {
  using Reduce = cub::BlockReduce<int, THREADS>;
  using Scan = cub::BlockScan<int, THREADS>;
  __shared__ union {
    typename Reduce::TempStorage reduce;
    typename Scan::TempStorage scan;
  } memory;
  int sum = Reduce(memory.reduce).Sum(x[threadIdx.x]);
  if (threadIdx.x == 0) *total = sum;
  __syncthreads();
  Scan(memory.scan).ExclusiveSum(x[threadIdx.x], before[threadIdx.x]);
}

extern "C" int run_block_primitives(int* x, int* total, int* before) {
  OnDevice<int> dx(x, 96), dtotal(total, 1), dbefore(before, 96);
  block_primitives<96><<<1, 96>>>(dx, dtotal, dbefore);
  return cudaGetLastError();
}

// ---- vectors, functions as values, lambdas, arguments that change ----

struct Plus {
  __host__ __device__ float operator()(float a, float b) const { return a + b; }
};

template <typename Op>
__device__ float apply(Op op, float a, float b) { return op(a, b); }

__global__ void vectors(const float4* in, float4* out, int n, Plus op) {
  in += blockIdx.x * blockDim.x;
  n -= blockIdx.x * blockDim.x;
  if (threadIdx.x >= n) return;
  float4 v = in[threadIdx.x];
  auto twice = [](float x) { return 2 * x + threadIdx.x * 0; };
  out[blockIdx.x * blockDim.x + threadIdx.x] =
      make_float4(apply(op, v.x, v.y), twice(v.z), min(v.w, 1.0f), __ldg(&v.w));
}

extern "C" int run_vectors(float4* in, float4* out, int n) {
  OnDevice<float4> di(in, n), dout(out, n);
  void (*kernel)(const float4*, float4*, int, Plus) = vectors;
  kernel<<<(n + 31) / 32, 32>>>(di, dout, n, Plus());
  return cudaGetLastError();
}

extern "C" int run_untyped(float* x, int n) {
  OnDevice<float> d(x, n);
  float* pointer = d;
  float value = 2.5f;
  void* arguments[] = {&pointer, &value, &n};
  return cudaLaunchKernel((void*)fill<float>, dim3(1), dim3(32), arguments, 0, 0);
}

// ---- errors ----

__global__ void asserts(int limit) { assert(threadIdx.x < limit); }
__global__ void nothing() {}

extern "C" int run_assert(int limit) {
  asserts<<<2, 8>>>(limit);
  cudaDeviceSynchronize();
  return cudaGetLastError();
}

extern "C" int run_configuration(int grid, int block, int shared) {
  nothing<<<grid, block, shared>>>();
  return cudaGetLastError();
}

extern "C" int run_runtime() {
  cudaEvent_t start, stop;
  cudaStream_t stream;
  cudaEventCreate(&start);
  cudaEventCreate(&stop);
  cudaStreamCreate(&stream);
  cudaEventRecord(start, stream);
  nothing<<<1, 1, 0, stream>>>();
  cudaEventRecord(stop, stream);
  cudaEventSynchronize(stop);
  float milliseconds = -1.0f;
  cudaEventElapsedTime(&milliseconds, start, stop);
  cudaDeviceProp properties;
  cudaGetDeviceProperties(&properties, 0);
  int grid = 0, block = 0;
  cudaOccupancyMaxPotentialBlockSize(&grid, &block, nothing);
  cudaFuncSetAttribute(nothing, cudaFuncAttributeMaxDynamicSharedMemorySize, 100000);
  nothing<<<1, 1, 100000>>>();
  bool right = milliseconds >= 0.0f && properties.warpSize == 32 && block > 0 && grid > 0;
  cudaEventDestroy(start);
  cudaEventDestroy(stop);
  cudaStreamDestroy(stream);
  return right ? cudaGetLastError() : 999;
}
