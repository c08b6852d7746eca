// Arguments and results, errors, classes, gradients, operators for torch.ops.
#include <torch/extension.h>

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

int64_t mixed(Tensor x, int64_t n, double p, bool flag, std::string text, c10::optional<Tensor> w,
              std::vector<Tensor> list, at::IntArrayRef sizes, at::ScalarType type, at::Device device,
              std::tuple<int, double> pair) {
  return x.numel() + n + static_cast<int64_t>(p) + flag + text.size() + w.has_value() + list.size() +
         sizes.size() + (type == at::kFloat) + device.is_cpu() + std::get<0>(pair);
}

Tensor scaled(const Tensor& x, double by, c10::optional<int64_t> power) {
  return (x * by).pow(power.value_or(1));
}

std::tuple<Tensor, std::vector<Tensor>, c10::optional<Tensor>> many(Tensor x) {
  return {x, {x, x + 1}, c10::nullopt};
}

void failing(int which, Tensor x) {
  switch (which) {
    case 0: TORCH_CHECK(false, "plain ", 3, " ", 2.5, " ", x.sizes(), " ", x.dtype(), " ", x.scalar_type(), " ", x.device(), " ", true); break;
    case 1: TORCH_CHECK(x.dim() == 17) break;
    case 2: TORCH_CHECK_INDEX(false, "index"); break;
    case 3: TORCH_CHECK_VALUE(false, "value"); break;
    case 4: TORCH_CHECK_TYPE(false, "type"); break;
    case 5: TORCH_INTERNAL_ASSERT(x.dim() == 17, "why"); break;
    case 6: TORCH_CHECK_NOT_IMPLEMENTED(false, "later"); break;
    case 7: AT_ERROR("old ", 3); break;
    case 8: TORCH_CHECK_EQ(x.dim(), 17); break;
    case 9: throw std::invalid_argument("standard"); break;
    case 10: x.data_ptr<double>(); break;
    case 11: x.accessor<float, 5>(); break;
    case 12: torch::matmul(x, x); break;
    case 13: x.item<float>(); break;
    case 14: AT_DISPATCH_FLOATING_TYPES(torch::kInt, "my_op", [&] {}); break;
    case 15: x.size(7); break;
    case 16: Tensor() + x; break;
    case 17: throw std::out_of_range("far"); break;
    case 18: TORCH_WARN("beware ", 1); break;
    case 19: throw py::key_error("key"); break;
    case 20: throw 3; break;
    case 21: TORCH_CHECK_LINALG(false, "singular"); break;
    case 22: x.view({5}); break;
    case 23: x.packed_accessor32<double, 2>(); break;
    default: break;
  }
}

// A Python exception passes through C++, which may look at it.
std::string caught(py::function f) {
  try {
    f();
  } catch (const c10::Error& e) {
    return e.what();
  }
  return "nothing";
}

struct Counter {
  Counter(int64_t start, Tensor weight) : count(start), weight(weight) {}
  int64_t add(int64_t n) { return count += n; }
  Tensor apply(const Tensor& x) const { return x * weight * count; }
  int64_t count;
  Tensor weight;
};

enum class Mode { Fast = 1, Slow = 2 };

// y = a x^2, twice differentiable because its gradient is made of operators.
struct Square : public torch::autograd::Function<Square> {
  static Tensor forward(AutogradContext* ctx, Tensor x, double a) {
    ctx->save_for_backward({x});
    ctx->saved_data["a"] = a;
    return a * x * x;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    auto x = ctx->get_saved_variables()[0];
    return {grads[0] * 2 * ctx->saved_data["a"].toDouble() * x, Tensor()};
  }
};

struct TwoOutputs : torch::autograd::Function<TwoOutputs> {
  static variable_list forward(AutogradContext* ctx, Tensor x, Tensor y, c10::optional<Tensor>) {
    TORCH_CHECK(!torch::GradMode::is_enabled(), "forward is not recorded");
    ctx->save_for_backward({x, y});
    return {x * y, x + y};
  }
  static variable_list backward(AutogradContext* ctx, variable_list g) {
    auto saved = ctx->get_saved_variables();
    Tensor gx = ctx->needs_input_grad(0) ? g[0] * saved[1] + g[1] : Tensor();
    return {gx, g[0] * saved[0] + g[1], Tensor()};
  }
};

Tensor without_grad(Tensor x) {
  torch::NoGradGuard guard;
  return x * 2;
}

variable_list gradient(Tensor x) {
  auto y = (x * x * x).sum();
  auto first = torch::autograd::grad({y}, {x}, {}, true, true);
  return {first[0], torch::autograd::grad({first[0].sum()}, {x})[0]};
}

Tensor library_scale(const Tensor& x, double by) { return x * by; }
Tensor library_sum(Tensor x, at::TensorList others) {
  for (const Tensor& other : others) x = x + other;
  return x;
}

TORCH_LIBRARY(rl_headers, m) {
  m.def("scale(Tensor x, float by=2.0) -> Tensor");
  m.def("total", &library_sum);
  m.def("first(Tensor x, int[] at, Tensor? w=None) -> (Tensor, Tensor)",
        [](const Tensor& x, at::IntArrayRef at, const c10::optional<Tensor>& w) {
          return std::make_tuple(x[at[0]], w.value_or(x));
        });
}
TORCH_LIBRARY_IMPL(rl_headers, CPU, m) { m.impl("scale", &library_scale); }

Tensor dispatched_scale(Tensor x) {
  static auto op = c10::Dispatcher::singleton()
                       .findSchemaOrThrow("rl_headers::scale", "")
                       .typed<Tensor(const Tensor&, double)>();
  return op.call(x, 3.0);
}

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  m.doc() = "a module for tests";
  m.attr("version") = 3;
  m.def("mixed", &mixed, "Counts.");
  m.def("scaled", &scaled, "Scales.", py::arg("x"), py::arg("by") = 2.0, py::arg("power") = py::none());
  m.def("many", &many);
  m.def("failing", &failing);
  m.def("caught", &caught);
  m.def("none", [] {});
  m.def("overloaded", [](int64_t n) { return n + 1; }, py::arg("n"));
  m.def("overloaded", [](const std::string& s) { return s + "!"; });
  m.def("overloaded", [](Tensor x) { return x + 1; });
  m.def("scalar", [](at::Scalar s) { return s; });
  m.def("types", [](at::ScalarType t, c10::optional<at::Device> d) {
    return py::make_tuple(t, d.has_value() ? d->str() : "nowhere", torch::elementSize(t));
  });
  m.def("mapping", [](std::map<std::string, Tensor> tensors) {
    std::unordered_map<std::string, int64_t> counts;
    for (auto& [name, tensor] : tensors) counts[name] = tensor.numel();
    return counts;
  });
  m.def("sequence", [](std::vector<std::optional<Tensor>> list) {
    std::vector<bool> present;
    std::vector<int64_t> numbers;
    for (const auto& item : list) numbers.push_back(item.has_value());
    return numbers;
  });
  m.def("objects", [](py::dict d, py::list l, py::object o) {
    double total = 0;
    for (auto item : l) total += item.cast<double>();
    l.append(total);
    d["total"] = total;
    o.attr("mark") = "seen";
    return py::str("done");
  });
  m.def("texts", [](std::string_view a, const char* b) { return std::string(a) + b; });
  m.def("released", [](Tensor x) { return x.exp().sum(); }, py::call_guard<py::gil_scoped_release>());

  py::class_<Counter>(m, "Counter", "Counts.")
      .def(py::init<int64_t, Tensor>(), py::arg("start"), py::arg("weight"))
      .def("add", &Counter::add, py::arg("n") = 1)
      .def("apply", &Counter::apply)
      .def("__call__", [](Counter& self, Tensor x) { return self.apply(x); })
      .def("__repr__", [](const Counter& self) { return "Counter(" + std::to_string(self.count) + ")"; })
      .def_readwrite("count", &Counter::count)
      .def_readonly("weight", &Counter::weight)
      .def_property("twice", [](Counter& c) { return 2 * c.count; }, [](Counter& c, int64_t v) { c.count = v / 2; })
      .def_static("zero", [](Tensor w) { return Counter(0, w); });
  m.def("count_of", [](const Counter& c) { return c.count; });
  py::enum_<Mode>(m, "Mode").value("Fast", Mode::Fast).value("Slow", Mode::Slow).export_values();
  m.def("flip", [](Mode mode) { return mode == Mode::Fast ? Mode::Slow : Mode::Fast; });
  auto sub = m.def_submodule("sub", "inner");
  sub.def("one", [] { return 1; });

  m.def("square", [](Tensor x, double a) { return Square::apply(x, a); });
  m.def("two_outputs", [](Tensor x, Tensor y) { return TwoOutputs::apply(x, y, c10::nullopt); });
  m.def("without_grad", &without_grad);
  m.def("gradient", &gradient);
  m.def("backward", [](Tensor x) {
    (x * x).sum().backward();
    return x.grad();
  });
  m.def("dispatched_scale", &dispatched_scale);
}
