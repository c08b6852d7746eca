// What a tensor is, its memory, its parts; new tensors; dispatch.
#include <ATen/Parallel.h>
#include <ATen/TensorIndexing.h>
#include <torch/extension.h>

using torch::Tensor;
using namespace torch::indexing;

py::dict metadata(const Tensor& x) {
  py::dict d;
  d["dim"] = x.dim();
  d["sizes"] = x.sizes();
  d["strides"] = x.strides().vec();
  d["numel"] = x.numel();
  d["element_size"] = x.element_size();
  d["nbytes"] = x.nbytes();
  d["dtype"] = x.scalar_type();
  d["is_float32"] = x.dtype() == torch::kFloat32;
  d["name"] = std::string(torch::toString(x.scalar_type()));
  d["contiguous"] = x.is_contiguous();
  d["channels_last"] = x.is_contiguous(at::MemoryFormat::ChannelsLast);
  d["cuda"] = x.is_cuda() || x.device().is_cuda() || x.device() == torch::kCUDA;
  d["device"] = x.device();
  d["requires_grad"] = x.requires_grad();
  d["leaf"] = x.is_leaf();
  d["kind"] = x.toString();
  d["offset"] = x.storage_offset();
  d["floating"] = x.is_floating_point();
  d["data"] = reinterpret_cast<uint64_t>(x.data_ptr());
  return d;
}

// Sums in the order of the rows, through an accessor.
double accessor_sum(Tensor x) {
  auto a = x.accessor<double, 2>();
  double total = 0;
  for (int64_t i = 0; i < a.size(0); ++i) {
    for (const auto j : c10::irange(a.size(1))) total += a[i][j];
  }
  return total;
}

void packed_transpose(Tensor x, Tensor y) {
  auto from = x.packed_accessor32<float, 3, torch::RestrictPtrTraits>();
  auto to = y.packed_accessor64<float, 3>();
  for (int i = 0; i < from.size(0); ++i)
    for (int j = 0; j < from.size(1); ++j)
      for (int k = 0; k < from.size(2); ++k) to[k][j][i] = from[i][j][k];
}

Tensor indexed(Tensor x, int which) {
  switch (which) {
    case 0: return x[1];
    case 1: return x.index({Slice(), 1});
    case 2: return x.index({Slice(None, None, 2), None, "...", -1});
    case 3: return x.index({Ellipsis, Slice(1, None)});
    case 4: return x.index({x > 0.5});
    case 5: return x.index({torch::tensor({0, 2})});
    case 6: return x.index({torch::tensor({2, 0}), Slice(0, 2)});
    case 7: return x.slice(1, 1, 3);
    default: return x.index({true});
  }
}

Tensor assigned(Tensor x) {
  Tensor y = x.clone();
  y[0] = 7;
  y[1] = y[0] * 2;
  y.index_put_({Slice(), 0}, -1);
  y.index_put_({2, Slice(1, 3)}, torch::zeros({2}, x.options()));
  return y;
}

std::vector<Tensor> made(Tensor like) {
  auto ints = torch::dtype(torch::kInt64);
  float memory[] = {1, 2, 3, 4, 5, 6};
  std::vector<double> values = {0.5, 1.5};
  return {
      torch::zeros({2, 3}), torch::ones({2}, torch::kInt32), torch::full({2, 2}, 1.5),
      torch::arange(4), torch::arange(1, 3, 0.5), torch::linspace(0, 1, 5), torch::eye(3),
      torch::zeros_like(like), torch::full_like(like, 2), torch::empty({0, 3}, ints),
      torch::ones({1}, ints.requires_grad(false)), torch::tensor({1, 2, 3}),
      torch::tensor({1.0, 2.0}), torch::tensor({1.0, 2.0}, torch::kFloat64), torch::tensor(3.5),
      torch::tensor(true), torch::tensor({{1, 2}, {3, 4}}), torch::tensor(values),
      torch::from_blob(memory, {2, 3}).clone(), torch::from_blob(memory, {2}, {3}).clone(),
      torch::empty_strided({2, 3}, {1, 2}).fill_(4), like.new_zeros({2}),
      torch::zeros({2}, torch::TensorOptions().dtype(torch::kHalf).device(torch::kCPU)),
      like.to(torch::kBFloat16), like.to(torch::kCPU, torch::kDouble), torch::scalar_tensor(2),
      torch::ones({2}, torch::requires_grad()), torch::randint(3, 4, {2}), torch::randperm(1)};
}

int freed = 0;

Tensor borrowed(int64_t n) {
  auto* memory = new double[n];
  for (int64_t i = 0; i < n; ++i) memory[i] = i;
  return torch::from_blob(memory, {n}, [](void* p) { ++freed; delete[] static_cast<double*>(p); },
                          torch::kFloat64);
}

std::string dispatched(Tensor x, const std::string& set) {
  std::string found;
  auto note = [&](auto zero) {
    found = std::string(torch::toString(c10::CppTypeToScalarType<decltype(zero)>::value));
  };
#define TRY(name, ...)                                                                        \
  if (set == #name) {                                                                         \
    AT_DISPATCH_##name(__VA_ARGS__ x.scalar_type(), "dispatched", [&] { note(scalar_t()); }); \
  }
#define AND(...) __VA_ARGS__,
  TRY(FLOATING_TYPES)
  TRY(FLOATING_TYPES_AND_HALF)
  TRY(FLOATING_TYPES_AND, AND(at::kBFloat16))
  TRY(FLOATING_TYPES_AND2, AND(at::ScalarType::Half, at::ScalarType::BFloat16))
  TRY(FLOATING_AND_COMPLEX_TYPES)
  TRY(ALL_TYPES)
  TRY(ALL_TYPES_AND, AND(at::kBool))
  TRY(ALL_TYPES_AND2, AND(at::kBool, at::kHalf))
  TRY(ALL_TYPES_AND3, AND(at::kBool, at::kHalf, at::kBFloat16))
  TRY(ALL_TYPES_AND_COMPLEX)
  TRY(ALL_TYPES_AND_COMPLEX_AND2, AND(at::kHalf, at::kBool))
  TRY(ALL_TYPES_AND_COMPLEX_AND3, AND(at::kHalf, at::kBool, at::kBFloat16))
  TRY(INTEGRAL_TYPES)
  TRY(INTEGRAL_TYPES_AND, AND(at::kBool))
  TRY(COMPLEX_TYPES)
  TRY(REDUCED_FLOATING_TYPES)
  if (set == "SWITCH") {
    AT_DISPATCH_SWITCH(x.scalar_type(), "dispatched",
                       AT_DISPATCH_CASE(at::kLong, [&] { note(scalar_t()); })
                           AT_DISPATCH_CASE_FLOATING_TYPES([&] { note(scalar_t()); }));
  }
  return found;
}

// y = x^2 for every dtype, in the element's own arithmetic.
Tensor squared(Tensor x) {
  Tensor source = x.contiguous(), y = torch::empty_like(source);
  AT_DISPATCH_ALL_TYPES_AND_COMPLEX_AND2(
      at::kHalf, at::kBFloat16, x.scalar_type(), "squared", ([&] {
        const scalar_t* from = source.const_data_ptr<scalar_t>();
        scalar_t* to = y.data_ptr<scalar_t>();
        at::parallel_for(0, x.numel(), 16, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) to[i] = from[i] * from[i];
        });
      }));
  return y;
}

int64_t parallel_sum(int64_t n) {
  return at::parallel_reduce(0, n, 10, int64_t{0},
      [](int64_t begin, int64_t end, int64_t sum) {
        for (int64_t i = begin; i < end; ++i) sum += i;
        return sum;
      }, [](int64_t a, int64_t b) { return a + b; });
}

// Operators, copies and exceptions in threads that do not hold the GIL.
Tensor in_threads(Tensor x, bool fail) {
  std::vector<Tensor> rows(x.size(0));
  at::parallel_for(0, x.size(0), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      Tensor row = x[i];
      Tensor copy = row;
      rows[i] = copy.exp() + 1;
      TORCH_CHECK(!fail || i != 3, "row ", i, " fails");
    }
  });
  return torch::stack(rows);
}

float number(Tensor x) { return x.item<float>(); }

std::tuple<int64_t, double, bool> numbers(Tensor x) {
  return {x.item<int64_t>(), x.item().toDouble(), x.item().isFloatingPoint()};
}

bool aliases(Tensor x, Tensor y) { return x.is_same(y); }

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  m.def("metadata", &metadata);
  m.def("accessor_sum", &accessor_sum);
  m.def("packed_transpose", &packed_transpose);
  m.def("indexed", &indexed);
  m.def("assigned", &assigned);
  m.def("made", &made);
  m.def("borrowed", &borrowed);
  m.def("freed", [] { return freed; });
  m.def("dispatched", &dispatched);
  m.def("squared", &squared, py::call_guard<py::gil_scoped_release>());
  m.def("parallel_sum", &parallel_sum);
  m.def("in_threads", &in_threads);
  m.def("number", &number);
  m.def("numbers", &numbers);
  m.def("aliases", &aliases);
  m.def("half", [](float x) { return static_cast<float>(c10::Half(x)); });
  m.def("half_bits", [](float x) { return int(c10::Half(x).x); });
  m.def("bfloat16_bits", [](float x) { return int(c10::BFloat16(x).x); });
  m.def("from_half_bits", [](int bits) { return float(c10::Half(uint16_t(bits), c10::Half::from_bits())); });
  m.def("promoted", [](Tensor x) { return (1 - x) * 2 + x / 2 - 3 / (x + 4) + -x; });
  m.def("compared", [](Tensor x, Tensor y) {
    return std::vector<Tensor>{x < y, x >= 0.5, 0.5 < x, x == y, x != 1, ~(x == y), (x > 0) & (y > 0)};
  });
  m.def("in_place", [](Tensor x, Tensor y) {
    x += y;
    x *= 2;
    x.sub_(1).clamp_(-1, 1);
    x[0].zero_();
    return x;
  });
}
