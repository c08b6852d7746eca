// GELU and its gradient against torch/extension.h: written with tensors, and as one loop.

#include <torch/extension.h>

#include <cmath>

// y = x cdf(x), cdf(x) = (1 + erf(x / sqrt 2)) / 2
torch::Tensor gelu_forward(const torch::Tensor& x) {
  return 0.5 * x * (1 + torch::erf(x * M_SQRT1_2));
}

// dL/dx = g (cdf(x) + x pdf(x)), pdf(x) = exp(-x^2 / 2) / sqrt(2 pi)
torch::Tensor gelu_backward(const torch::Tensor& grad, const torch::Tensor& x) {
  auto cdf = 0.5 * (1 + torch::erf(x * M_SQRT1_2));
  auto pdf = torch::exp(-0.5 * x * x) / std::sqrt(2 * M_PI);
  return grad * (cdf + x * pdf);
}

torch::Tensor gelu_forward_loop(const torch::Tensor& x) {
  TORCH_CHECK(x.is_contiguous(), "gelu: x must be contiguous");
  auto y = torch::empty_like(x);
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "gelu_forward_loop", [&] {
    const scalar_t* from = x.data_ptr<scalar_t>();
    scalar_t* to = y.data_ptr<scalar_t>();
    for (int64_t i = 0; i < x.numel(); ++i) {
      to[i] = from[i] * scalar_t(0.5) * (1 + std::erf(from[i] * scalar_t(M_SQRT1_2)));
    }
  });
  return y;
}

torch::Tensor gelu_backward_loop(const torch::Tensor& grad, const torch::Tensor& x) {
  TORCH_CHECK(grad.sizes() == x.sizes(), "gelu: grad and x must have the same shape");
  auto g = grad.contiguous();
  auto gx = torch::empty_like(x);
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "gelu_backward_loop", [&] {
    const scalar_t* from = x.data_ptr<scalar_t>();
    const scalar_t* by = g.data_ptr<scalar_t>();
    scalar_t* to = gx.data_ptr<scalar_t>();
    const scalar_t scale = scalar_t(1 / std::sqrt(2 * M_PI));
    for (int64_t i = 0; i < x.numel(); ++i) {
      scalar_t cdf = scalar_t(0.5) * (1 + std::erf(from[i] * scalar_t(M_SQRT1_2)));
      to[i] = by[i] * (cdf + from[i] * scale * std::exp(scalar_t(-0.5) * from[i] * from[i]));
    }
  });
  return gx;
}

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  m.def("forward", &gelu_forward, "GELU, written with tensors");
  m.def("backward", &gelu_backward, "its gradient", py::arg("grad"), py::arg("x"));
  m.def("forward_loop", &gelu_forward_loop, "GELU in one loop");
  m.def("backward_loop", &gelu_backward_loop, "its gradient", py::arg("grad"), py::arg("x"));
}
