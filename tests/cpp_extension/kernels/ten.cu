// Ten kernels of the kind people learn CUDA with.
#include <climits>

#include "on_device.h"

// 1. vector addition

__global__ void add(const float* a, const float* b, float* c, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) c[i] = a[i] + b[i];
}

extern "C" int run_add(float* a, float* b, float* c, int n) {
  OnDevice<float> da(a, n), db(b, n), dc(c, n);
  add<<<blocks(n, 256), 256>>>(da, db, dc, n);
  return cudaGetLastError();
}

// 2. matrix product with tiles in shared memory

#define TILE 16

__global__ void matmul(const float* a, const float* b, float* c, int m, int n, int k) {
  __shared__ float tile_a[TILE][TILE];
  __shared__ float tile_b[TILE][TILE];
  int row = blockIdx.y * TILE + threadIdx.y, column = blockIdx.x * TILE + threadIdx.x;
  float sum = 0.0f;
  for (int step = 0; step < (k + TILE - 1) / TILE; ++step) {
    int x = step * TILE + threadIdx.x, y = step * TILE + threadIdx.y;
    tile_a[threadIdx.y][threadIdx.x] = row < m && x < k ? a[row * k + x] : 0.0f;
    tile_b[threadIdx.y][threadIdx.x] = y < k && column < n ? b[y * n + column] : 0.0f;
    __syncthreads();
    for (int i = 0; i < TILE; ++i) sum += tile_a[threadIdx.y][i] * tile_b[i][threadIdx.x];
    __syncthreads();
  }
  if (row < m && column < n) c[row * n + column] = sum;
}

extern "C" int run_matmul(float* a, float* b, float* c, int m, int n, int k) {
  OnDevice<float> da(a, m * k), db(b, k * n), dc(c, m * n);
  dim3 block(TILE, TILE);
  dim3 grid((n + TILE - 1) / TILE, (m + TILE - 1) / TILE);
  matmul<<<grid, block>>>(da, db, dc, m, n, k);
  return cudaDeviceSynchronize();
}

// 3. sum with warp shuffles

__inline__ __device__ float warp_sum(float value) {
  for (int offset = warpSize / 2; offset > 0; offset /= 2)
    value += __shfl_down_sync(0xffffffff, value, offset);
  return value;
}

__inline__ __device__ float block_sum(float value) {
  static __shared__ float partial[32];
  int lane = threadIdx.x % warpSize, warp = threadIdx.x / warpSize;
  value = warp_sum(value);
  if (lane == 0) partial[warp] = value;
  __syncthreads();
  value = threadIdx.x < blockDim.x / warpSize ? partial[lane] : 0.0f;
  if (warp == 0) value = warp_sum(value);
  return value;
}

__global__ void sum(const float* x, float* total, int n) {
  float mine = 0.0f;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += blockDim.x * gridDim.x) mine += x[i];
  mine = block_sum(mine);
  if (threadIdx.x == 0) atomicAdd(total, mine);
}

extern "C" int run_sum(float* x, float* total, int n) {
  OnDevice<float> dx(x, n), dtotal(total, 1);
  sum<<<7, 128>>>(dx, dtotal, n);
  return cudaGetLastError();
}

// 4. softmax of rows, a block each

__global__ void softmax(const float* x, float* y, int columns) {
  __shared__ float shared[256];
  const float* row = x + blockIdx.x * columns;
  float largest = -INFINITY;
  for (int i = threadIdx.x; i < columns; i += blockDim.x) largest = fmaxf(largest, row[i]);
  shared[threadIdx.x] = largest;
  __syncthreads();
  for (int stride = blockDim.x / 2; stride > 0; stride >>= 1) {
    if (threadIdx.x < stride) shared[threadIdx.x] = fmaxf(shared[threadIdx.x], shared[threadIdx.x + stride]);
    __syncthreads();
  }
  largest = shared[0];
  __syncthreads();
  float total = 0.0f;
  for (int i = threadIdx.x; i < columns; i += blockDim.x) total += __expf(row[i] - largest);
  shared[threadIdx.x] = total;
  __syncthreads();
  for (int stride = blockDim.x / 2; stride > 0; stride >>= 1) {
    if (threadIdx.x < stride) shared[threadIdx.x] += shared[threadIdx.x + stride];
    __syncthreads();
  }
  for (int i = threadIdx.x; i < columns; i += blockDim.x)
    y[blockIdx.x * columns + i] = __expf(row[i] - largest) / shared[0];
}

extern "C" int run_softmax(float* x, float* y, int rows, int columns) {
  OnDevice<float> dx(x, rows * columns), dy(y, rows * columns);
  softmax<<<rows, 256>>>(dx, dy, columns);
  return cudaGetLastError();
}

// 5. layer normalisation, a warp for each row

__global__ void layer_norm(const float* x, const float* w, const float* b, float* y, int rows, int columns,
                           float eps) {
  int row = blockIdx.x * blockDim.y + threadIdx.y;
  if (row >= rows) return;
  x += row * columns;
  y += row * columns;
  float mean = 0.0f, variance = 0.0f;
  for (int i = threadIdx.x; i < columns; i += 32) mean += x[i];
  for (int mask = 16; mask; mask >>= 1) mean += __shfl_xor_sync(0xffffffff, mean, mask);
  mean /= columns;
  for (int i = threadIdx.x; i < columns; i += 32) variance += (x[i] - mean) * (x[i] - mean);
  for (int mask = 16; mask; mask >>= 1) variance += __shfl_xor_sync(0xffffffff, variance, mask);
  float scale = rsqrtf(variance / columns + eps);
  for (int i = threadIdx.x; i < columns; i += 32) y[i] = fmaf((x[i] - mean) * scale, w[i], b[i]);
}

extern "C" int run_layer_norm(float* x, float* w, float* b, float* y, int rows, int columns, float eps) {
  OnDevice<float> dx(x, rows * columns), dw(w, columns), db(b, columns), dy(y, rows * columns);
  layer_norm<<<blocks(rows, 4), dim3(32, 4)>>>(dx, dw, db, dy, rows, columns, eps);
  return cudaGetLastError();
}

// 6. transpose through a padded tile

template <typename T, int SIZE, int ROWS>
__global__ void transpose(const T* __restrict__ in, T* __restrict__ out, int height, int width) {
  __shared__ T tile[SIZE][SIZE + 1];
  int x = blockIdx.x * SIZE + threadIdx.x, y = blockIdx.y * SIZE + threadIdx.y;
#pragma unroll
  for (int j = 0; j < SIZE; j += ROWS)
    if (x < width && y + j < height) tile[threadIdx.y + j][threadIdx.x] = in[(y + j) * width + x];
  __syncthreads();
  x = blockIdx.y * SIZE + threadIdx.x;
  y = blockIdx.x * SIZE + threadIdx.y;
  for (int j = 0; j < SIZE; j += ROWS)
    if (x < height && y + j < width) out[(y + j) * height + x] = tile[threadIdx.x][threadIdx.y + j];
}

extern "C" int run_transpose(double* in, double* out, int height, int width) {
  OnDevice<double> din(in, height * width), dout(out, height * width);
  transpose<double, 32, 8><<<dim3(blocks(width, 32), blocks(height, 32)), dim3(32, 8)>>>(
      din, dout, height, width);
  return cudaGetLastError();
}

// 7. histogram with atomics, first in shared memory

__global__ void histogram(const unsigned char* data, int n, unsigned int* bins) {
  __shared__ unsigned int local[256];
  for (int i = threadIdx.x; i < 256; i += blockDim.x) local[i] = 0;
  __syncthreads();
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
    atomicAdd(&local[data[i]], 1u);
  __syncthreads();
  for (int i = threadIdx.x; i < 256; i += blockDim.x) atomicAdd(bins + i, local[i]);
}

extern "C" int run_histogram(unsigned char* data, int n, unsigned int* bins) {
  OnDevice<unsigned char> ddata(data, n);
  OnDevice<unsigned int> dbins(bins, 256);
  histogram<<<16, 192>>>(ddata, n, dbins);
  return cudaGetLastError();
}

// 8. inclusive scan of a block, between two buffers

__global__ void scan(const int* x, int* y, int n) {
  extern __shared__ int buffer[];
  int from = 0, i = threadIdx.x;
  buffer[i] = i < n ? x[i] : 0;
  __syncthreads();
  for (int offset = 1; offset < blockDim.x; offset *= 2) {
    int value = buffer[from * blockDim.x + i];
    if (i >= offset) value += buffer[from * blockDim.x + i - offset];
    from = 1 - from;
    buffer[from * blockDim.x + i] = value;
    __syncthreads();
  }
  if (i < n) y[i] = buffer[from * blockDim.x + i];
}

extern "C" int run_scan(int* x, int* y, int n) {
  OnDevice<int> dx(x, n), dy(y, n);
  int threads = 1;
  while (threads < n) threads *= 2;
  scan<<<1, threads, 2 * threads * sizeof(int)>>>(dx, dy, n);
  return cudaGetLastError();
}

// 9. stencil with a halo

constexpr int RADIUS = 3, WIDTH = 128;

__global__ void stencil(const float* x, float* y, int n) {
  __shared__ float s[WIDTH + 2 * RADIUS];
  int i = blockIdx.x * WIDTH + threadIdx.x, local = threadIdx.x + RADIUS;
  s[local] = i < n ? x[i] : 0.0f;
  if (threadIdx.x < RADIUS) {
    s[local - RADIUS] = i >= RADIUS ? x[i - RADIUS] : 0.0f;
    s[local + WIDTH] = i + WIDTH < n ? x[i + WIDTH] : 0.0f;
  }
  __syncthreads();
  float total = 0.0f;
  for (int offset = -RADIUS; offset <= RADIUS; ++offset) total += s[local + offset];
  if (i < n) y[i] = total;
}

extern "C" int run_stencil(float* x, float* y, int n) {
  OnDevice<float> dx(x, n), dy(y, n);
  stencil<<<blocks(n, WIDTH), WIDTH>>>(dx, dy, n);
  return cudaGetLastError();
}

// 10. dynamic shared memory of two types

__global__ void sort_pairs(int* keys, double* values, int n) {
  extern __shared__ __align__(16) unsigned char memory[];
  double* value = reinterpret_cast<double*>(memory);
  int* key = reinterpret_cast<int*>(value + blockDim.x);
  int i = threadIdx.x;
  key[i] = i < n ? keys[i] : INT_MAX;
  value[i] = i < n ? values[i] : 0.0;
  __syncthreads();
  for (int size = 2; size <= blockDim.x; size *= 2)
    for (int stride = size / 2; stride > 0; stride /= 2) {
      int other = i ^ stride;
      if (other > i && (key[i] > key[other]) == ((i & size) == 0)) {
        int k = key[i]; key[i] = key[other]; key[other] = k;
        double v = value[i]; value[i] = value[other]; value[other] = v;
      }
      __syncthreads();
    }
  if (i < n) { keys[i] = key[i]; values[i] = value[i]; }
}

extern "C" int run_sort_pairs(int* keys, double* values, int n) {
  OnDevice<int> dkeys(keys, n);
  OnDevice<double> dvalues(values, n);
  int threads = 1;
  while (threads < n) threads *= 2;
  sort_pairs<<<1, threads, threads * (sizeof(double) + sizeof(int))>>>(dkeys, dvalues, n);
  return cudaGetLastError();
}
