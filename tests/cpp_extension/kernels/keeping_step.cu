// Kernels that rely on threads which keep step, as published ones do.
#include <cuda_runtime.h>

// The last steps of a reduction, without barriers, through a volatile pointer.
template <unsigned int blockSize>
__device__ void warpReduce(volatile float *sdata, unsigned int tid) {
  if (blockSize >= 64) sdata[tid] += sdata[tid + 32];
  if (blockSize >= 32) sdata[tid] += sdata[tid + 16];
  if (blockSize >= 16) sdata[tid] += sdata[tid + 8];
  if (blockSize >= 8) sdata[tid] += sdata[tid + 4];
  if (blockSize >= 4) sdata[tid] += sdata[tid + 2];
  if (blockSize >= 2) sdata[tid] += sdata[tid + 1];
}
template <unsigned int blockSize>
__global__ void sum(const float *in, float *out, unsigned int n) {
  extern __shared__ float sdata[];
  const unsigned int tid = threadIdx.x;
  sdata[tid] = 0;
  for (unsigned int i = tid; i < n; i += blockSize) sdata[tid] += in[i];
  __syncthreads();
  if (blockSize >= 128) {
    if (tid < 64) sdata[tid] += sdata[tid + 64];
    __syncthreads();
  }
  if (tid < 32) warpReduce<blockSize>(sdata, tid);
  if (tid == 0) *out = sdata[0];
}

// The same in a block of one warp, on a volatile array.
__global__ void greatest(const float *in, float *out) {
  __shared__ volatile float s[64];
  const int t = threadIdx.x;
  s[t] = in[t];
  s[t + 32] = in[t + 32];
  __syncthreads();
  for (int half = 32; half > 0; half >>= 1) s[t] = fmaxf(s[t], s[t + half]);
  if (t == 0) *out = s[0];
}

// Farthest points: what is read at the end of a round is written at the start of the next.
__device__ void update(float *distances, int *numbers, int one, int other) {
  const float a = distances[one], b = distances[other];
  const int i = numbers[one], j = numbers[other];
  distances[one] = max(a, b);
  numbers[one] = b > a ? j : i;
}
template <unsigned int block_size>
__global__ void farthest(int n, int m, const float *points, float *nearest, int *chosen) {
  __shared__ float distances[block_size];
  __shared__ int numbers[block_size];
  const int tid = threadIdx.x;
  int old = 0;
  if (tid == 0) chosen[0] = old;
  __syncthreads();
  for (int j = 1; j < m; j++) {
    int best_number = 0;
    float best = -1;
    const float x = points[old];
    for (int k = tid; k < n; k += block_size) {
      const float d = min(nearest[k], (points[k] - x) * (points[k] - x));
      nearest[k] = d;
      best_number = d > best ? k : best_number;
      best = d > best ? d : best;
    }
    distances[tid] = best;
    numbers[tid] = best_number;
    __syncthreads();
    for (int half = block_size / 2; half > 0; half /= 2) {
      if (tid < half) update(distances, numbers, tid, tid + half);
      __syncthreads();
    }
    old = numbers[0];
    if (tid == 0) chosen[j] = old;
  }
}

// Two results through one array: the first is read where the second is about to be written.
__global__ void two_sums(const float *in, float *out) {
  __shared__ alignas(16) float s[64];
  const int t = threadIdx.x;
  s[t] = in[t];
  __syncthreads();
  float first = 0;
  for (int i = 0; i < 64; ++i) first += s[i];
  s[t] = in[t] * first;
  __syncthreads();
  float second = 0;
  for (int i = 0; i < 64; ++i) second += s[i];
  out[t] = second;
}

extern "C" int run_keeping_step(const float *in, int n, float *out, float *nearest, int *chosen,
                                int m, float *sums) {
  sum<128><<<1, 128, 128 * sizeof(float)>>>(in, out, n);
  greatest<<<1, 32>>>(in, out + 1);
  farthest<64><<<1, 64>>>(n, m, in, nearest, chosen);
  two_sums<<<1, 64>>>(in, sums);
  return cudaDeviceSynchronize();
}

// Functions of CUDA's that are not everyday ones; the host's results are in the test.
__global__ void rare_functions(float *out) {
  const float x[] = {erfinvf(0.3f), normcdfinvf(0.9f), norm4df(1, 2, 3, 4),
                     __uint_as_float(__vadd4(0x01ff0203u, 0x01010101u)), float(__usad(3, 5, 1)),
                     float(__fns(0b10110u, 0, 2)), float(__hadd(5, 8)), float(__mul64hi(1ll << 40, 1ll << 30)),
                     __fdiv_rz(2.0f, 3.0f), cyl_bessel_i0f(1.0f)};
  for (int i = 0; i < 10; ++i) out[i] = x[i];
}
extern "C" int run_rare_functions(float *out) {
  rare_functions<<<1, 1>>>(out);
  return cudaDeviceSynchronize();
}

// Tensor cores: c = 2 a b^T, a tile of 16 x 16 to a warp.
#include <mma.h>
using namespace nvcuda;
__global__ void tensor_cores(const half *a, const half *b, float *c, int K) {
  wmma::fragment<wmma::accumulator, 16, 16, 16, float> sum;
  wmma::fragment<wmma::matrix_a, 16, 16, 16, half, wmma::row_major> left;
  wmma::fragment<wmma::matrix_b, 16, 16, 16, half, wmma::col_major> right;
  wmma::fill_fragment(sum, 0.0f);
  for (int k = 0; k < K; k += 16) {
    wmma::load_matrix_sync(left, a + k, K);
    wmma::load_matrix_sync(right, b + k, K);
    wmma::mma_sync(sum, left, right, sum);
  }
  for (int i = 0; i < sum.num_elements; ++i) sum.x[i] *= 2;
  wmma::store_matrix_sync(c, sum, 16, wmma::mem_row_major);
}
extern "C" int run_tensor_cores(const void *a, const void *b, float *c, int K) {
  tensor_cores<<<1, 32>>>(static_cast<const half *>(a), static_cast<const half *>(b), c, K);
  return cudaDeviceSynchronize();
}

// CUB, from a warp and from the host.
#include <cub/cub.cuh>
__global__ void warp_scans(const int *in, int *out) {
  using Scan = cub::WarpScan<int>;
  __shared__ typename Scan::TempStorage storage[2];
  int before, with;
  Scan(storage[threadIdx.x / 32]).ExclusiveSum(in[threadIdx.x], before);
  Scan(storage[threadIdx.x / 32]).InclusiveScan(in[threadIdx.x], with, cub::Max());
  out[threadIdx.x] = before;
  out[64 + threadIdx.x] = with;
}
extern "C" int run_cub(const int *in, int *out, int *results) {
  warp_scans<<<1, 64>>>(in, out);
  void *memory = nullptr;
  size_t bytes = 0;
  cub::DeviceReduce::Sum(memory, bytes, in, results, 64);
  cudaMalloc(&memory, bytes);
  cub::DeviceReduce::Sum(memory, bytes, in, results, 64);
  cub::DeviceReduce::Max(memory, bytes, in, results + 1, 64);
  cub::DeviceScan::ExclusiveSum(memory, bytes, in, results + 2, 64);
  cub::DeviceScan::InclusiveSum(memory, bytes, results + 2, results + 2, 64);
  cudaFree(memory);
  return cudaDeviceSynchronize();
}
