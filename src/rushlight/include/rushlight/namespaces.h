// torch::linalg, torch::fft, torch::special: the operators under their short names.
#pragma once

#include <rushlight/torch.h>

namespace torch {

// Passes all arguments on to the function of at that has a prefix.
#define RUSHLIGHT_SHORT(prefix, name)                                             \
  template <class... Args>                                                        \
  auto name(const Args&... args)->decltype(at::prefix##_##name(args...)) {        \
    return at::prefix##_##name(args...);                                          \
  }                                                                               \
  template <class... Args>                                                        \
  auto name(const Tensor& x, at::IntArrayRef list, const Args&... args)           \
      ->decltype(at::prefix##_##name(x, list, args...)) {                         \
    return at::prefix##_##name(x, list, args...);                                 \
  }

namespace linalg {
RUSHLIGHT_SHORT(linalg, inv) RUSHLIGHT_SHORT(linalg, det) RUSHLIGHT_SHORT(linalg, solve)
RUSHLIGHT_SHORT(linalg, pinv) RUSHLIGHT_SHORT(linalg, cross) RUSHLIGHT_SHORT(linalg, matrix_norm)
RUSHLIGHT_SHORT(linalg, svd) RUSHLIGHT_SHORT(linalg, qr) RUSHLIGHT_SHORT(linalg, eigh)
RUSHLIGHT_SHORT(linalg, cholesky) RUSHLIGHT_SHORT(linalg, norm) RUSHLIGHT_SHORT(linalg, vector_norm)
}  // namespace linalg

namespace fft {
RUSHLIGHT_SHORT(fft, fft) RUSHLIGHT_SHORT(fft, ifft) RUSHLIGHT_SHORT(fft, rfft)
RUSHLIGHT_SHORT(fft, irfft) RUSHLIGHT_SHORT(fft, fft2) RUSHLIGHT_SHORT(fft, ifft2)
RUSHLIGHT_SHORT(fft, rfft2) RUSHLIGHT_SHORT(fft, irfft2)
}  // namespace fft
#undef RUSHLIGHT_SHORT

namespace special {
using at::digamma;
using at::erf;
using at::erfc;
using at::erfinv;
using at::exp2;
using at::expm1;
using at::i0;
using at::log1p;
using at::log_softmax;
using at::logit;
using at::logsumexp;
using at::polygamma;
using at::round;
using at::sinc;
using at::softmax;
using at::xlogy;
inline Tensor expit(const Tensor& x) { return at::sigmoid(x); }
inline Tensor gammaln(const Tensor& x) { return at::lgamma(x); }
inline Tensor psi(const Tensor& x) { return at::digamma(x); }
}  // namespace special

}  // namespace torch
