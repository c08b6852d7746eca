// One call of each kind of operator. `run(name, x, y)`; the reference is written in Python.
#include <torch/extension.h>

using torch::Tensor;
namespace F = torch::nn::functional;

std::vector<Tensor> run(const std::string& name, Tensor x, Tensor y) {
  if (name == "unary") return {x.exp(), torch::sqrt(x), at::erf(x), x.abs().log1p(), x.sigmoid(), torch::relu(x - 0.5), x.neg().tanh()};
  if (name == "binary") return {torch::add(x, y, 2), x.sub(1), torch::pow(x, 2), torch::pow(2, x), x.fmod(0.3), torch::maximum(x, y), torch::atan2(x, y), torch::div(x, y, "floor"), x.remainder(y)};
  if (name == "reduce") return {x.sum(), x.sum(1), x.sum({0, 1}), x.sum(-1, true), x.mean(0), torch::mean(x), x.prod(), x.std(), x.var({1}, false, true), x.norm(), x.norm(1, {0}), x.argmax(), x.argmin(1), x.amax({0}), torch::logsumexp(x, 1), (x > 0).any(), (x > 0).all(1), x.cumsum(0), x.sum(torch::kFloat64), x.sum({0}, false, torch::kFloat64)};
  if (name == "pairs") {
    auto [values, indices] = x.max(1);
    auto top = torch::topk(x, 2);
    auto sorted = x.sort(0, true);
    auto both = torch::var_mean(x, {1}, true);
    return {values, indices, std::get<0>(top), std::get<1>(top), std::get<0>(sorted), std::get<1>(sorted), std::get<0>(x.min(0, true)), std::get<0>(both), std::get<1>(both), x.max(), torch::max(x, y)};
  }
  if (name == "shape") return {x.view({-1}), x.reshape({4, 3}), x.t(), x.transpose(0, 1), x.permute({1, 0}), x.unsqueeze(0).squeeze(), x.flatten(), x.expand({2, 3, 4}), x.repeat({2, 1}), x.narrow(1, 1, 2), x.select(0, 1), x.flip({0}), x.roll({1}, {0}), x.tril(), torch::triu(x, 1), x.diagonal(), x.view_as(y), torch::stack({x, y}, 1), torch::cat({x, y}), x.split(2)[1], x.chunk(2, 1)[0], x.unbind(0)[2], torch::meshgrid({x[0], y[0]}, "ij")[1], x.repeat_interleave(2, 0)};
  if (name == "index") {
    auto i = torch::tensor({2, 0}, torch::kLong);
    auto rows = torch::tensor({{0, 1}, {2, 0}}, torch::kLong);
    return {x.index_select(0, i), x.gather(0, rows), torch::where(x > 0.5, x, y), torch::where(x > 0.5, x, 0), x.masked_fill(x > 0.5, -1), x.masked_select(x > 0.5), x.nonzero(), x.scatter(0, rows, 9.0), x.scatter_add(0, rows, y), x.index_add(0, i, y.slice(0, 0, 2)), x.clone().index_fill_(1, i, 5), x.take(i), torch::one_hot(i, 4)};
  }
  if (name == "matmul") return {torch::matmul(x, y.t()), x.mm(y.t()), torch::addmm(x.mm(y.t()), x, y.t(), 0.5, 2), x.mv(y[0]), x[0].dot(y[0]), torch::einsum("ij,kj->ik", {x, y}), torch::outer(x[0], y[1]), torch::bmm(x.unsqueeze(0), y.t().unsqueeze(0)), torch::linear(x, y, x[0].slice(0, 0, 3)), torch::baddbmm(x.unsqueeze(0), x.mm(y.t()).unsqueeze(0), y.unsqueeze(0))};
  if (name == "nn") {
    auto image = x.reshape({1, 1, 3, 4});
    auto kernel = y.slice(0, 0, 2).slice(1, 0, 2).reshape({1, 1, 2, 2});
    auto target = torch::tensor({0, 3, 1}, torch::kLong);
    return {torch::softmax(x, 1), torch::log_softmax(x, -1), at::gelu(x), at::gelu(x, "tanh"), torch::silu(x), torch::leaky_relu(x - 0.5, 0.1), torch::elu(x - 0.5), torch::hardtanh(x, 0, 0.5), torch::softplus(x), torch::conv2d(image, kernel), torch::conv2d(image, kernel, {}, 1, 1), torch::conv2d(image, kernel, y[0][0].reshape({1}), {2, 1}, {1, 0}), torch::max_pool2d(image, {2, 2}), torch::avg_pool2d(image, 2, 1), torch::adaptive_avg_pool2d(image, {1, 1}), torch::layer_norm(x, {4}), torch::layer_norm(x, {4}, x[0], y[0]), torch::batch_norm(x, {}, {}, {}, {}, true, 0.1, 1e-5, false), torch::group_norm(x, 2), torch::embedding(y, target.slice(0, 2)), torch::dropout(x, 0.5, false), torch::mse_loss(x, y), torch::mse_loss(x, y, at::Reduction::Sum), torch::l1_loss(x, y, at::Reduction::None), torch::nll_loss(torch::log_softmax(x, 1), target), torch::cross_entropy_loss(x, target), torch::binary_cross_entropy_with_logits(x, y), F::softmax(x, F::SoftmaxFuncOptions(0)), F::relu(x - 0.5), at::scaled_dot_product_attention(x.unsqueeze(0), y.unsqueeze(0), y.unsqueeze(0))};
  }
  if (name == "types") return {x.to(torch::kFloat32), x.to(torch::kInt), x.to(y.dtype()), x.toType(torch::kHalf), x.type_as(y), x.to(x.options().dtype(torch::kFloat)), x.detach(), x.contiguous(), x.t().contiguous()};
  if (name == "out") {
    Tensor out = torch::empty_like(x);
    at::add_out(out, x, y);
    Tensor product = torch::empty({0}, x.options());
    at::mm_out(product, x, y.t());
    return {out, product};
  }
  TORCH_CHECK_VALUE(false, "no group ", name);
}

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) { m.def("run", &run); }
