// Host arrays as arguments of kernels: copied there and, at the end, back.
#pragma once

#include <cuda_runtime.h>

template <class T>
class OnDevice {
 public:
  OnDevice(T* host, int count) : host_(host), bytes_(count * sizeof(T)) {
    cudaMalloc(&device_, bytes_);
    cudaMemcpy(device_, host, bytes_, cudaMemcpyHostToDevice);
  }
  ~OnDevice() {
    cudaMemcpy(host_, device_, bytes_, cudaMemcpyDeviceToHost);
    cudaFree(device_);
  }
  operator T*() const { return device_; }

 private:
  T* host_;
  T* device_;
  size_t bytes_;
};

inline int blocks(int threads, int each) { return (threads + each - 1) / each; }
