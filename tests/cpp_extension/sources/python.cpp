// pybind11 as sources use it: arrays, classes that share, keyword arguments, callables.
#include <torch/extension.h>
#include <pybind11/numpy.h>
#include <pybind11/functional.h>
namespace py = pybind11;
using namespace pybind11::literals;

py::array_t<double> add_arrays(py::array_t<double> input1, py::array_t<double> input2) {
  py::buffer_info buf1 = input1.request(), buf2 = input2.request();
  if (buf1.ndim != 1 || buf2.ndim != 1) throw std::runtime_error("Number of dimensions must be one");
  if (buf1.size != buf2.size) throw std::runtime_error("Input shapes must match");
  auto result = py::array_t<double>(buf1.size);
  py::buffer_info buf3 = result.request();
  double *ptr1 = static_cast<double *>(buf1.ptr), *ptr2 = static_cast<double *>(buf2.ptr), *ptr3 = static_cast<double *>(buf3.ptr);
  for (size_t idx = 0; idx < buf1.shape[0]; idx++) ptr3[idx] = ptr1[idx] + ptr2[idx];
  return result;
}
float trace(py::array_t<float, py::array::c_style | py::array::forcecast> a) {
  auto r = a.unchecked<2>(); float s = 0;
  for (py::ssize_t i = 0; i < r.shape(0); i++) s += r(i, i);
  return s;
}
void scale_(py::array_t<float> a, float f) { auto r = a.mutable_unchecked<1>(); for (py::ssize_t i = 0; i < r.shape(0); ++i) r(i) *= f; }
torch::Tensor from_np(py::array_t<float> a) {
  auto t = torch::from_blob(a.mutable_data(), {a.shape(0), a.shape(1)}, torch::kFloat).clone(); return t; }
py::array_t<int64_t> matrix(int n) { py::array_t<int64_t> m({n, n}); auto p = m.mutable_data(); for (int i = 0; i < n*n; ++i) p[i] = i; return m; }

enum class Mode { Sum = 0, Mean, Max };
class Pooler {
 public:
  explicit Pooler(int k, Mode mode = Mode::Sum) : k_(k), mode_(mode) {}
  torch::Tensor forward(const torch::Tensor& x) { calls++; 
    auto y = x.view({-1, k_});
    switch (mode_) { case Mode::Sum: return y.sum(1); case Mode::Mean: return y.mean(-1); case Mode::Max: return std::get<0>(y.max(1)); }
    return y; }
  int k() const { return k_; }
  void set_k(int k) { k_ = k; }
  Mode mode_of() const { return mode_; }
  int calls = 0;
  std::unordered_map<std::string, torch::Tensor> state;
  virtual ~Pooler() = default;
  virtual std::string name() const { return "Pooler"; }
 private:
  int k_; Mode mode_;
};
class Big : public Pooler { public: using Pooler::Pooler; std::string name() const override { return "Big"; } };
class Cache { public: static std::shared_ptr<Cache> create() { return std::make_shared<Cache>(); } 
  void put(const std::string& k, torch::Tensor t) { m[k] = t; } torch::Tensor get(const std::string& k) { 
    auto it = m.find(k); if (it == m.end()) throw py::key_error(k); return it->second; }
  std::map<std::string, torch::Tensor> m; };
int cache_size(std::shared_ptr<Cache> c) { return c->m.size(); }

torch::Tensor kw(torch::Tensor x, py::kwargs kwargs) {
  double s = 1; 
  for (auto item : kwargs) { auto key = item.first.cast<std::string>(); if (key == "scale") s *= item.second.cast<double>(); }
  if (kwargs.contains("shift")) x = x + kwargs["shift"].cast<float>();
  return x * s;
}
int nargs(py::args args, const py::kwargs& kwargs) { int n = 0; for (auto a : args) n += py::cast<int>(a); return n * 100 + kwargs.size(); }
py::dict stats(const torch::Tensor& x) {
  py::dict d; d["mean"] = x.mean().item<float>(); d["shape"] = py::cast(x.sizes().vec()); d["x"] = x; d[py::str("n")] = x.numel(); 
  return d; }
py::list doubled(py::list l) { py::list out; for (auto h : l) { if (py::isinstance<py::int_>(h)) out.append(h.cast<int>() * 2); else if (py::isinstance<py::str>(h)) out.append(py::str(h.cast<std::string>() + "!")); else out.append(h.cast<torch::Tensor>() * 2); } return out; }
py::object call_py(py::function f, torch::Tensor x) { return f(x, "dim"_a = 0); }
torch::Tensor apply_fn(const std::function<torch::Tensor(torch::Tensor)>& f, torch::Tensor x) { return f(x) + 1; }
std::map<std::string, std::vector<int>> mapping(const std::unordered_map<std::string, int>& m) { std::map<std::string, std::vector<int>> o; for (auto& [k, v] : m) o[k] = {v, v + 1}; return o; }
std::tuple<torch::Tensor, int, std::string, bool> tup(std::pair<int, float> p, std::array<int, 3> a) { return {torch::full({p.first}, p.second), a[0] + a[2], "s", true}; }
torch::Tensor opt(torch::Tensor x, c10::optional<torch::Tensor> b, std::optional<double> s, const std::optional<at::Tensor>& c) { if (b) x = x + *b; if (s.has_value()) x = x * s.value(); return c ? x + c.value() : x; }
int64_t par(int64_t n) { std::atomic<int64_t> s{0}; at::parallel_for(0, n, 16, [&](int64_t b, int64_t e) { int64_t l = 0; for (auto i = b; i < e; i++) l += i; s += l; }); return s; }
PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  m.doc() = R"pbdoc(
     A module
  )pbdoc";
  m.def("add_arrays", &add_arrays, "Add two NumPy arrays");
  m.def("trace", &trace); m.def("scale_", &scale_); m.def("from_np", &from_np); m.def("matrix", &matrix);
  py::enum_<Mode>(m, "Mode", py::arithmetic()).value("Sum", Mode::Sum).value("Mean", Mode::Mean, "the mean").value("Max", Mode::Max).export_values();
  py::class_<Pooler, std::shared_ptr<Pooler>>(m, "Pooler")
    .def(py::init<int, Mode>(), py::arg("k"), py::arg("mode") = Mode::Sum)
    .def("__call__", &Pooler::forward).def("forward", &Pooler::forward, "x"_a, py::call_guard<py::gil_scoped_release>())
    .def_property("k", &Pooler::k, &Pooler::set_k).def_readonly("calls", &Pooler::calls).def_readwrite("state", &Pooler::state)
    .def_property_readonly("mode", &Pooler::mode_of).def("name", &Pooler::name)
    .def("__repr__", [](const Pooler& p) { return "<Pooler k=" + std::to_string(p.k()) + ">"; })
    .def(py::pickle([](const Pooler& p) { return py::make_tuple(p.k(), (int)p.mode_of()); },
         [](py::tuple t) { if (t.size() != 2) throw std::runtime_error("Invalid state!"); return Pooler(t[0].cast<int>(), (Mode)t[1].cast<int>()); }));
  py::class_<Big, Pooler, std::shared_ptr<Big>>(m, "Big").def(py::init<int>());
  py::class_<Cache, std::shared_ptr<Cache>>(m, "Cache").def(py::init(&Cache::create)).def("put", &Cache::put).def("get", &Cache::get).def_static("create", &Cache::create)
    .def("__len__", [](Cache& c) { return c.m.size(); }).def("__contains__", [](Cache& c, const std::string& k) { return c.m.count(k) > 0; });
  m.def("cache_size", &cache_size);
  m.def("kw", &kw); m.def("nargs", &nargs); m.def("stats", &stats); m.def("doubled", &doubled); m.def("call_py", &call_py); m.def("apply_fn", &apply_fn, "f"_a, "x"_a);
  m.def("mapping", &mapping); m.def("tup", &tup); m.def("opt", &opt, py::arg("x"), py::arg("b") = py::none(), py::arg("s") = c10::nullopt, py::arg("c") = std::nullopt);
  m.def("par", &par, py::call_guard<py::gil_scoped_release>());
  m.attr("VERSION") = "1.2"; m.attr("answer") = 42; m.attr("dt") = py::cast(torch::kFloat16);
  py::module_ sub = m.def_submodule("sub", "submodule"); sub.def("one", []() { return 1; }); sub.def("raise", []() { throw py::index_error("bad"); });
}
