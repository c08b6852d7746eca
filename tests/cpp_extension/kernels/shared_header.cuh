#pragma once

// CUDA in a header of the user's: it has to be translated with the source.
__device__ inline int global_index() { return blockIdx.x * blockDim.x + threadIdx.x; }

template <typename T>
__global__ void fill(T* x, T value, int n) {
  for (int i = global_index(); i < n; i += gridDim.x * blockDim.x) x[i] = value;
}

template <typename T>
void launch_fill(T* x, T value, int n) {
  fill<<<2, 32>>>(x, value, n);  // T is deduced
}
