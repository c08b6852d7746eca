// The C++ interface as sources use it, without includes for what torch's headers bring along. Every
// line holds in torch, too; `run` returns those that do not hold here.
#include <torch/extension.h>
#include <torch/nn/functional.h>
using namespace torch::indexing;
namespace F = torch::nn::functional;
#define EXPECT(...) if (!(__VA_ARGS__)) bad.push_back(#__VA_ARGS__)
std::vector<std::string> run() {
  std::vector<std::string> bad;
  auto x = torch::arange(24, torch::kFloat32).reshape({2, 3, 4});
  EXPECT(x.index({0, Slice(), Slice(1, None)}).sizes() == torch::IntArrayRef({3, 3}));
  EXPECT(x.index({"...", 0}).equal(x.select(-1, 0)));
  EXPECT(x.index({Ellipsis, Slice(None, None, 2)}).size(-1) == 2);
  EXPECT(x.index({None}).dim() == 4);
  EXPECT(x.index({torch::tensor({1, 0})}).equal(x.flip(0)));
  EXPECT(x.index({Slice(), torch::tensor({0, 2})}).size(1) == 2);
  auto y = x.clone();
  y.index_put_({0, Slice()}, 5); EXPECT(y[0].eq(5).all().item<bool>());
  y.index_put_({Slice(), 1}, torch::zeros({2, 4})); EXPECT(y.index({Slice(), 1}).abs().sum().item<float>() == 0);
  y.index_put_({x > 10}, -1.0); EXPECT((y.min() == -1).item().toBool());
  y.index_put_({torch::tensor({0}), torch::tensor({1})}, 7); EXPECT(y[0][1][0].item<double>() == 7);
  y[0][0][0] = 3; EXPECT(y[0][0][0].item<int>() == 3);
  y[1] = torch::ones({3, 4}); EXPECT(y[1].sum().item<int64_t>() == 12);
  y.slice(0, 0, 1).fill_(2); EXPECT(y[0].sum().item().to<float>() == 24);
  EXPECT(torch::tensor({1, 2, 3}).dtype() == torch::kInt64);
  EXPECT(torch::tensor({1., 2.}).dtype() == torch::kFloat32 && torch::tensor({1.f}).scalar_type() == at::kFloat);
  EXPECT(torch::tensor({{1, 2}, {3, 4}}).size(0) == 2 && torch::tensor(std::vector<int64_t>{1, 2}).numel() == 2);
  EXPECT(torch::tensor({1, 2}, torch::dtype(torch::kInt32)).dtype() == torch::kInt);
  EXPECT(torch::tensor({{{1.f, 2.f}}}).dim() == 3);
  EXPECT(torch::tensor(3.5).dim() == 0 && torch::tensor(true).dtype() == torch::kBool);
  EXPECT(torch::zeros({2, 3}, torch::TensorOptions().dtype(torch::kInt64).device(torch::kCPU)).dtype() == at::kLong);
  EXPECT(torch::empty({2}, x.options().dtype(torch::kUInt8)).element_size() == 1);
  EXPECT(torch::full({2, 2}, 1.5).mean().item<float>() == 1.5f && torch::full_like(x, 2).sum().item<float>() == 48);
  EXPECT(torch::linspace(0, 1, 5).numel() == 5 && torch::logspace(0, 2, 3)[2].item<float>() == 100);
  EXPECT(torch::eye(3).trace().item<float>() == 3 && torch::randperm(5).sum().item<int>() == 10);
  EXPECT(torch::rand({2, 2}, torch::kDouble).dtype() == torch::kDouble && torch::randint(10, {4}).max().item<int>() < 10 && torch::randint(5, 10, {4}, torch::kInt).min().item<int>() >= 5);
  EXPECT(x.new_zeros({2}).dtype() == x.dtype() && x.new_empty({3}, torch::kInt).dtype() == torch::kInt && x.new_full({1}, 4).item<int>() == 4 && x.new_ones({2}).sum().item<int>() == 2);
  EXPECT(torch::arange(0, 10, 2).numel() == 5 && torch::arange(1, 4).sum().item<int>() == 6 && torch::arange(0., 1., .25).numel() == 4);
  EXPECT(x.var(0).sizes() == torch::IntArrayRef({3, 4}) && x.std(-1, /*unbiased=*/false).dim() == 2 && x.var().dim() == 0);
  EXPECT(std::get<0>(x.max(1)).size(0) == 2 && std::get<1>(torch::min(x, 0)).dtype() == torch::kLong);
  auto [vals, idx] = torch::sort(x.flatten(), /*dim=*/0, /*descending=*/true); EXPECT(vals[0].item<float>() == 23 && idx[0].item<int64_t>() == 23);
  auto u = torch::_unique2(torch::tensor({3, 1, 3}), true, true, true); EXPECT(std::get<0>(u).numel() == 2 && std::get<2>(u)[1].item<int>() == 2);
  EXPECT(std::get<0>(torch::unique_consecutive(torch::tensor({1, 1, 2}))).numel() == 2);
  torch::Tensor q, r; std::tie(q, r) = torch::linalg_qr(torch::eye(3)); EXPECT(q.mm(r).allclose(torch::eye(3)));
  EXPECT(torch::fft::rfft(torch::ones({8})).numel() == 5 && torch::fft_fft(torch::ones({8})).is_complex());
  EXPECT(F::conv2d(torch::ones({1, 1, 4, 4}), torch::ones({1, 1, 3, 3}), F::Conv2dFuncOptions().padding(1).stride(2)).size(2) == 2);
  EXPECT(F::pad(torch::ones({1, 1, 2, 2}), F::PadFuncOptions({1, 1, 1, 1}).mode(torch::kReflect)).size(3) == 4);
  EXPECT(F::interpolate(torch::ones({1, 1, 2, 2}), F::InterpolateFuncOptions().scale_factor(std::vector<double>({2, 2})).mode(torch::kBilinear).align_corners(false)).size(3) == 4);
  EXPECT(F::interpolate(torch::ones({1, 1, 2, 2}), F::InterpolateFuncOptions().size(std::vector<int64_t>({5, 5}))).size(3) == 5);
  EXPECT(F::softmax(x, 1).sum(1).allclose(torch::ones({2, 4})) && F::log_softmax(x, /*dim=*/-1).max().item<float>() < 0);
  EXPECT(F::normalize(x, F::NormalizeFuncOptions().p(2).dim(-1)).norm(2, -1)[1][1].allclose(torch::tensor(1.f)));
  EXPECT(F::mse_loss(x, x + 1).item<float>() == 1 && F::mse_loss(x, x + 1, torch::kSum).item<float>() == 24 && F::mse_loss(x, x + 1, F::MSELossFuncOptions(torch::kSum)).item<float>() == 24);
  EXPECT(F::cross_entropy(torch::zeros({2, 4}), torch::tensor({0, 1})).item<float>() > 1.38 && F::dropout(x, F::DropoutFuncOptions().p(0.5).training(false)).equal(x));
  EXPECT(F::max_pool2d(torch::ones({1, 1, 4, 4}), F::MaxPool2dFuncOptions(2)).size(2) == 2 && F::layer_norm(x, F::LayerNormFuncOptions({4})).mean().abs().item<float>() < 1e-5);
  EXPECT(F::unfold(torch::ones({1, 1, 4, 4}), F::UnfoldFuncOptions({2, 2}).stride(2)).size(2) == 4 && F::grid_sample(torch::ones({1, 1, 4, 4}), torch::zeros({1, 2, 2, 2}), F::GridSampleFuncOptions().align_corners(true)).size(2) == 2);
  EXPECT(F::relu(x - 5).min().item<float>() == 0 && F::gelu(x).dim() == 3 && F::leaky_relu(-x, F::LeakyReLUFuncOptions().negative_slope(0.5)).sum().item<float>() == -138);
  EXPECT(x.transpose(1, 2).is_contiguous() == false && x.permute({2, 0, 1}).contiguous().stride(0) == 6 && x.mT().size(1) == 4);
  EXPECT(x.unsqueeze(-1).squeeze(-1).sizes().vec() == std::vector<int64_t>({2, 3, 4}) && x.view({2, -1}).size(1) == 12 && x.expand({2, 2, 3, 4}).size(0) == 2);
  EXPECT(torch::stack({x, x}).dim() == 4 && torch::cat({x, x}, -1).size(2) == 8 && torch::cat(std::vector<torch::Tensor>{x, x}).size(0) == 4 && x.chunk(2, 0).size() == 2 && torch::split(x, {1, 2}, 1)[1].size(1) == 2);
  EXPECT(torch::einsum("bij,bkj->bik", {x, x}).size(2) == 3 && torch::tensordot(x, x, {2}, {2}).dim() == 4 && at::matmul(x, x.transpose(-1, -2)).size(2) == 3);
  EXPECT((x > 3).logical_and(x < 5).sum().item<int>() == 1 && ((x > 3) & (x < 5)).any().item<bool>() && !(x == 3).all().item<bool>());
  EXPECT(torch::where(x > 3, x, torch::zeros_like(x)).sum().item<float>() == 270 && x.masked_fill(x > 3, 0).sum().item<float>() == 6 && x.clamp(2, 5).max().item<float>() == 5);
  EXPECT(x.scatter_add(0, torch::zeros({1, 3, 4}, torch::kLong), torch::ones({1, 3, 4}))[0][0][0].item<float>() == 1);
  EXPECT(x.toType(torch::kHalf).to(torch::kFloat).equal(x) && x.to(torch::kCPU, torch::kDouble).dtype() == torch::kDouble && x.to(x.device()).is_same(x) && x.cpu().equal(x) && x.to(torch::TensorOptions().dtype(torch::kInt)).dtype() == torch::kInt32);
  double s = 0; auto a = x.accessor<float, 3>(); for (int i = 0; i < a.size(0); i++) for (int j = 0; j < a.size(1); j++) for (int k = 0; k < a.size(2); k++) s += a[i][j][k]; EXPECT(s == 276);
  for (const auto i : c10::irange(2)) EXPECT(x[i].dim() == 2);
  EXPECT(c10::multiply_integers(x.sizes()) == 24 && x.sizes().back() == 4 && x.sizes().slice(1).size() == 2);
  at::Scalar sc = 3; EXPECT(sc.to<double>() == 3 && (x * sc).sum().item<float>() == 828 && at::Scalar(2.5).isFloatingPoint());
  std::stringstream ss; ss << x.sizes() << " " << x.dtype() << " " << x.device() << " " << torch::ones({2}); EXPECT(ss.str().find("[2, 3, 4] float cpu") == 0);
  EXPECT(torch::typeMetaToScalarType(x.dtype()) == torch::kFloat && std::string(x.dtype().name()) == "float" && c10::toString(torch::kHalf) == std::string("Half"));
  EXPECT(x.is_floating_point() && !x.is_complex() && torch::is_floating_point(x) && x.numel() == torch::numel(x) && at::isFloatingType(x.scalar_type()) && at::isIntegralType(at::kInt, false));
  float data[] = {1, 2, 3, 4}; auto blob = torch::from_blob(data, {2, 2}); data[0] = 9; EXPECT(blob[0][0].item<float>() == 9); auto opt = torch::from_blob(data, {2, 2}, {1, 2}, torch::kFloat32); EXPECT(opt[0][1].item<float>() == 3);
  auto m = torch::ones({2, 2}); m.add_(1).mul_(2).sub_(torch::ones({2, 2}), 2); EXPECT(m.sum().item<int>() == 8); m += 1; m -= torch::ones({2, 2}); m *= 2; m /= 4; EXPECT(m.sum().item<float>() == 4); m.zero_().fill_(3).copy_(torch::ones({2, 2})).clamp_(0, 1).sqrt_().exp_(); 
  EXPECT((1 - m).neg().add(1).allclose(m) && (2 / m).mul(m).allclose(torch::full({2, 2}, 2.f)) && m.pow(2).sqrt().allclose(m) && torch::pow(2, torch::ones({2})).sum().item<float>() == 4);
  { torch::NoGradGuard g; auto p = torch::ones({2}, torch::requires_grad()); EXPECT(!(p * 2).requires_grad()); } { c10::InferenceMode g; } { torch::AutoGradMode e(false); EXPECT(!torch::GradMode::is_enabled()); }
  auto w = torch::ones({3}, torch::requires_grad()); auto loss = (w * w).sum(); loss.backward(); EXPECT(w.grad().allclose(2 * torch::ones({3}))); w.mutable_grad().zero_(); EXPECT(w.grad().sum().item<float>() == 0); w.mutable_grad() = torch::Tensor(); EXPECT(!w.grad().defined());
  w.register_hook([](torch::Tensor g) { return g * 3; }); (w * 2).sum().backward(); EXPECT(w.grad().sum().item<float>() == 18);
  torch::manual_seed(0); auto r1 = torch::randn({3}); torch::manual_seed(0); EXPECT(torch::randn({3}).equal(r1));
  EXPECT(torch::nonzero(torch::tensor({0, 1, 2})).size(0) == 2 && torch::bincount(torch::tensor({0, 1, 1})).size(0) == 2 && torch::cumsum(torch::ones({3}), 0)[2].item<float>() == 3);
  EXPECT(torch::meshgrid({torch::arange(2), torch::arange(3)}, "ij")[0].size(1) == 3 && torch::cdist(torch::ones({2, 3}), torch::zeros({4, 3})).size(1) == 4 && torch::outer(torch::ones({2}), torch::ones({3})).size(1) == 3 && torch::bmm(x, x.transpose(1, 2)).dim() == 3);
  EXPECT(torch::nan_to_num(torch::tensor({NAN})).item<float>() == 0 && torch::isnan(torch::tensor({NAN})).any().item<bool>() && torch::sigmoid(torch::zeros({1})).item<float>() == .5f && torch::logsumexp(x, {0, 1}).size(0) == 4 && torch::norm(x).item<float>() > 0);
  EXPECT(x.storage().nbytes() == 96 && x.nbytes() == 96 && x.use_count() > 0);
  torch::List<torch::Tensor> list; list.push_back(x); EXPECT(list.size() == 1); c10::Dict<std::string, int64_t> dict; dict.insert("a", 1); EXPECT(dict.at("a") == 1); c10::SmallVector<int64_t, 4> sv; sv.push_back(2); EXPECT(torch::zeros(sv).size(0) == 2);
  return bad;
}
PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) { m.def("run", &run, py::call_guard<py::gil_scoped_release>()); }
