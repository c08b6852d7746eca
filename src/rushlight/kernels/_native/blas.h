// The BLAS library that NumPy brought along.
#pragma once
namespace rl {
// Sets the thread count of every OpenBLAS (or MKL, BLIS) loaded in this process; false if none was found.
bool limit_blas_threads(int n);
}  // namespace rl
