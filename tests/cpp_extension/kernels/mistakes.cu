// Mistakes that the debug mode finds, each in a kernel, and kernels without any.
#include <cstdio>
#include <stdexcept>

#include <cuda_runtime.h>

// ---- bounds ----

__global__ void past_the_end(float* x, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i <= n)
    x[i] = i;  // LINE past_the_end
}

__global__ void before_the_beginning(float* x, int n) {
  if (threadIdx.x < n)
    x[threadIdx.x] = x[(int)threadIdx.x - 1];  // LINE before_the_beginning
}

__device__ float helper(const float* x, int i) {
  return x[i];  // LINE in_a_function
}
__global__ void in_a_function(float* x, int n) { x[0] = helper(x, n + 3); }

__global__ void past_shared(float* x, int n) {
  __shared__ float tile[32], other[32];
  other[threadIdx.x] = x[threadIdx.x];
  tile[threadIdx.x + 32] = other[threadIdx.x];  // fine for the compiler: both are in one declaration
  __shared__ float last[32];
  last[threadIdx.x + 1] = other[threadIdx.x];  // LINE past_shared
}

__global__ void past_dynamic(float* x, int n) {
  extern __shared__ float buffer[];
  buffer[threadIdx.x + 1] = x[threadIdx.x];  // LINE past_dynamic
}

__constant__ float table[4];
__global__ void past_constant(float* x, int n) {
  x[threadIdx.x] = table[threadIdx.x];  // LINE past_constant
}

__global__ void null_pointer(float* x, int n) {
  float* nothing = n > 0 ? nullptr : x;
  nothing[threadIdx.x] = 1;  // LINE null_pointer
}

__global__ void atomic_past_the_end(float* x, int n) {
  atomicAdd(x + n, 1.0f);  // LINE atomic_past_the_end
}

// ---- races ----

__global__ void missing_barrier(float* x, int n) {
  __shared__ float tile[32];
  tile[threadIdx.x] = x[threadIdx.x];  // LINE missing_barrier
  x[threadIdx.x] = tile[31 - threadIdx.x];
}

__global__ void missing_second_barrier(float* x, int n) {
  __shared__ float tile[64];
  for (int step = 0; step < 2; ++step) {
    tile[threadIdx.x] = x[threadIdx.x] + step;  // LINE missing_second_barrier
    __syncthreads();
    x[threadIdx.x] = tile[63 - threadIdx.x];
  }
}

__global__ void warp_without_sync(float* x, int n) {
  __shared__ float tile[32];
  tile[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  for (int offset = 16; offset; offset /= 2)
    if (threadIdx.x < offset) tile[threadIdx.x] += tile[threadIdx.x + offset];  // LINE warp_without_sync
  x[0] = tile[0];
}

__global__ void different_values(float* x, int n) {
  __shared__ int last;
  last = threadIdx.x;  // LINE different_values
  __syncthreads();
  x[0] = last;
}

__global__ void unwritten(float* x, int n) {
  __shared__ float tile[32];
  if (threadIdx.x > 0) tile[threadIdx.x] = 1;
  __syncthreads();
  x[threadIdx.x] = tile[threadIdx.x];  // LINE unwritten
}

// ---- barriers ----

__global__ void left_behind(float* x, int n) {
  if (threadIdx.x >= 20) return;
  __syncthreads();  // LINE left_behind
}

__global__ void two_places(float* x, int n) {
  if (threadIdx.x < 16)
    __syncthreads();  // LINE two_places
  else
    __syncthreads();
}

__global__ void partial_shuffle(float* x, int n) {
  if (threadIdx.x < 16) x[threadIdx.x] = __shfl_down_sync(0xffffffff, x[threadIdx.x], 1);
  else __syncthreads();
}

// ---- without mistakes ----

__global__ void reduction(float* x, int n) {
  __shared__ float partial[2];
  __shared__ bool any;
  __shared__ int count;
  extern __shared__ float buffer[];
  float local[4] = {};
  if (threadIdx.x == 0) count = 0;
  any = true;  // all write the same
  buffer[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  for (int i = 0; i < 4; ++i) local[i] = buffer[(threadIdx.x + i) % blockDim.x];
  float value = local[0] + local[3] + (any ? 0 : 1);
  for (int offset = 16; offset; offset /= 2) value += __shfl_down_sync(0xffffffff, value, offset);
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = value;
  atomicAdd(&count, 1);
  __syncthreads();
  if (threadIdx.x < 32) {
    buffer[threadIdx.x] = partial[threadIdx.x % 2];
    __syncwarp();
    value = buffer[threadIdx.x ^ 1];
    __syncwarp();
    buffer[threadIdx.x] = value;
  }
  __syncthreads();
  x[threadIdx.x] = threadIdx.x ? count : buffer[0] + buffer[1];
}

static char report[1024];

template <class Kernel>
const char* try_to_run(Kernel kernel, int threads) {
  float* x;
  cudaMalloc(&x, 64 * sizeof(float));
  for (int i = 0; i < 64; ++i) x[i] = i;
  float ones[4] = {1, 1, 1, 1};
  cudaMemcpyToSymbol(table, ones, sizeof ones);
  report[0] = 0;
  try {
    kernel<<<2, threads, threads * sizeof(float)>>>(x, 64);
  } catch (const std::runtime_error& error) {
    snprintf(report, sizeof report, "%s", error.what());
  }
  cudaGetLastError();
  cudaFree(x);
  return report;
}

#define TRY(name, threads) \
  extern "C" const char* try_##name() { return try_to_run(name, threads); }
TRY(past_the_end, 64)
TRY(before_the_beginning, 32)
TRY(in_a_function, 32)
TRY(past_shared, 32)
TRY(past_dynamic, 32)
TRY(past_constant, 32)
TRY(null_pointer, 32)
TRY(atomic_past_the_end, 32)
TRY(missing_barrier, 32)
TRY(missing_second_barrier, 64)
TRY(warp_without_sync, 32)
TRY(different_values, 32)
TRY(unwritten, 32)
TRY(left_behind, 32)
TRY(two_places, 32)
TRY(partial_shuffle, 32)
TRY(reduction, 64)

__global__ void host_memory(float* x, int n) { x[threadIdx.x] = n; }
extern "C" const char* try_host_memory() {
  float* x = new float[64];
  report[0] = 0;
  try {
    host_memory<<<1, 32>>>(x, 64);
  } catch (const std::runtime_error& error) {
    snprintf(report, sizeof report, "%s", error.what());
  }
  delete[] x;
  return report;
}
