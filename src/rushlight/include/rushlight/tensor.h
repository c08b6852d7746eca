// at::Tensor: a counted reference to a Python Tensor.
#pragma once

#include <rushlight/accessor.h>
#include <rushlight/call.h>

#include <tuple>

namespace at {

using namespace c10;
using ::rushlight::by;

class Tensor;
class GradientAccessor;
using TensorList = ArrayRef<Tensor>;
using TensorPair = std::tuple<Tensor, Tensor>;
using IntList = std::vector<int64_t>;
using TensorTriple = std::tuple<Tensor, Tensor, Tensor>;
using TensorVector = std::vector<Tensor>;

namespace Reduction {
enum Reduction { None, Mean, Sum, END };
inline const char* name(int64_t reduction) {
  return reduction == None ? "none" : reduction == Mean ? "mean" : "sum";
}
}  // namespace Reduction

namespace indexing {
class TensorIndex;
}

// The memory behind a tensor.
class StorageProperties {
 public:
  StorageProperties(void* memory, size_t bytes) : memory_(memory), bytes_(bytes) {}
  void* data() const { return memory_; }
  void* data_ptr() const { return memory_; }
  void* mutable_data() const { return memory_; }
  size_t nbytes() const { return bytes_; }
  bool is_alias_of(const StorageProperties& other) const { return memory_ == other.memory_; }

 private:
  void* memory_;
  size_t bytes_;
};

// What old sources get from Tensor::type().
class TypeProperties {
 public:
  TypeProperties(ScalarType type, Device device) : type_(type), device_(device) {}
  ScalarType scalarType() const { return type_; }
  caffe2::TypeMeta typeMeta() const { return type_; }
  bool is_cuda() const { return device_.is_cuda(); }
  DeviceType device_type() const { return device_.type(); }
  operator TensorOptions() const { return TensorOptions(device_).dtype(type_); }
  std::string toString() const {
    return ::rushlight::text_of(is_cuda() ? "CUDA" : "CPU", type_, "Type");
  }
  friend bool operator==(const TypeProperties& a, const TypeProperties& b) {
    return a.type_ == b.type_ && a.device_.type() == b.device_.type();
  }
  friend bool operator!=(const TypeProperties& a, const TypeProperties& b) { return !(a == b); }

 private:
  ScalarType type_;
  Device device_;
};

// Reads an attribute of the Python Tensor.
#define RUSHLIGHT_GET(T, name)           \
  static ::rushlight::Name name_{#name}; \
  return ::rushlight::get_attribute<T>(*this, name_)

// Copying costs one atomic addition and needs no GIL; nor does anything that only asks what the
// tensor is. Operators take the GIL for their call of the library.
class Tensor {
  using TensorData = ::rushlight::TensorData;

 public:
  Tensor() : data_(nullptr) {}
  Tensor(const Tensor& other) : data_(other.data_) {
    if (data_ != nullptr) data_->retain();
  }
  Tensor(Tensor&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  ~Tensor() { ::rushlight::release(data_); }

  Tensor& operator=(const Tensor& other) & {
    Tensor copy(other);
    std::swap(data_, copy.data_);
    return *this;
  }
  Tensor& operator=(Tensor&& other) & noexcept {
    std::swap(data_, other.data_);
    return *this;
  }
  // To a temporary, as in `x[0] = y`: into its memory.
  Tensor& operator=(const Tensor& other) && { return copy_(other); }
  Tensor& operator=(Tensor&& other) && { return copy_(other); }
  Tensor& operator=(const Scalar& value) && { return fill_(value); }

  // Takes over a reference to a Python Tensor. Needs the GIL.
  static Tensor adopt(::rushlight::Object object) {
    if (object.get() == Py_None) return Tensor();
    TORCH_CHECK_TYPE(::rushlight::is_tensor(object.get()), "expected a Tensor, got ",
                     Py_TYPE(object.get())->tp_name);
    Tensor tensor;
    tensor.data_ = new TensorData(object.release());
    tensor.data_->read();
    return tensor;
  }
  // Looks again at a tensor that was changed in place.
  Tensor& refresh() const {
    ::rushlight::Gil gil;
    self().read();
    return const_cast<Tensor&>(*this);
  }
  // The Python Tensor, borrowed.
  PyObject* python_object() const { return self().object; }

  // --- what the tensor is ---
  bool defined() const { return data_ != nullptr; }
  void reset() { *this = Tensor(); }
  bool is_same(const Tensor& other) const {
    return data_ == other.data_ ||
           (data_ != nullptr && other.data_ != nullptr && data_->object == other.data_->object);
  }
  // With the reference that Python has.
  size_t use_count() const { return data_ == nullptr ? 0 : data_->references + 1; }
  int64_t dim() const { return self().rank; }
  int64_t ndimension() const { return self().rank; }
  int64_t numel() const { return self().count; }
  IntArrayRef sizes() const { return {self().sizes(), static_cast<size_t>(data_->rank)}; }
  IntArrayRef strides() const { return {self().strides(), static_cast<size_t>(data_->rank)}; }
  IntArrayRef sym_sizes() const { return sizes(); }
  int64_t size(int64_t dim) const { return self().sizes()[wrapped(dim)]; }
  int64_t stride(int64_t dim) const { return self().strides()[wrapped(dim)]; }
  int64_t sym_size(int64_t dim) const { return size(dim); }
  int64_t sym_numel() const { return numel(); }
  ScalarType scalar_type() const { return self().type; }
  caffe2::TypeMeta dtype() const { return self().type; }
  Device device() const { return self().device; }
  int64_t get_device() const { return device().is_cuda() ? device().index() : -1; }
  Layout layout() const { return kStrided; }
  TensorOptions options() const { return TensorOptions(device()).dtype(scalar_type()); }
  TypeProperties type() const { return {scalar_type(), device()}; }
  std::string toString() const { return type().toString(); }
  size_t element_size() const { return elementSize(scalar_type()); }
  size_t itemsize() const { return element_size(); }
  size_t nbytes() const { return static_cast<size_t>(numel()) * element_size(); }
  bool is_cuda() const { return device().is_cuda(); }
  bool is_cpu() const { return device().is_cpu(); }
  bool is_meta() const { return false; }
  bool is_sparse() const { return false; }
  bool is_quantized() const { return false; }
  bool is_mkldnn() const { return false; }
  bool is_mps() const { return false; }
  bool is_xpu() const { return false; }
  bool is_hip() const { return false; }
  bool is_view() const { RUSHLIGHT_CALL_METHOD(bool, is_view, *this); }
  bool is_pinned() const { RUSHLIGHT_CALL_METHOD(bool, is_pinned, *this); }
  bool is_inference() const { RUSHLIGHT_CALL_METHOD(bool, is_inference, *this); }
  bool is_nonzero() const { RUSHLIGHT_CALL_METHOD(bool, is_nonzero, *this); }
  bool is_same_size(const Tensor& other) const { return sizes() == other.sizes(); }
  bool is_floating_point() const { return isFloatingType(scalar_type()); }
  bool is_complex() const { return isComplexType(scalar_type()); }
  bool is_signed() const { return isSignedType(scalar_type()); }
  bool has_storage() const { return true; }
  bool is_contiguous(MemoryFormat format) const {
    RUSHLIGHT_CALL_METHOD(bool, is_contiguous, *this, by("memory_format", format));
  }
  bool is_contiguous() const {
    const int64_t* sizes = self().sizes();
    const int64_t* strides = data_->strides();
    if (data_->count == 0) return true;
    int64_t expected = 1;
    for (int64_t i = data_->rank - 1; i >= 0; expected *= sizes[i--]) {
      if (sizes[i] != 1 && strides[i] != expected) return false;
    }
    return true;
  }
  MemoryFormat suggest_memory_format() const {
    const bool is_last = dim() == 4 && !is_contiguous() && is_contiguous(MemoryFormat::ChannelsLast);
    return is_last ? MemoryFormat::ChannelsLast : MemoryFormat::Contiguous;
  }
  StorageProperties storage() const {
    static ::rushlight::Name name{"storage_of"};
    const IntList found = ::rushlight::call_runtime<IntList>(name, {*this});
    return {reinterpret_cast<void*>(found[0]), static_cast<size_t>(found[1])};
  }
  bool is_alias_of(const Tensor& other) const { return storage().is_alias_of(other.storage()); }
  int64_t storage_offset() const { RUSHLIGHT_CALL_METHOD(int64_t, storage_offset, *this); }

  // --- its memory ---
  void* data_ptr() const { return self().taken_memory(); }
  const void* const_data_ptr() const { return self().taken_memory(); }
  void* mutable_data_ptr() const { return self().taken_memory(); }
  template <class T>
  T* data_ptr() const {
    check_type<std::remove_const_t<T>>();
    return static_cast<T*>(data_->taken_memory());
  }
  template <class T>
  const std::remove_const_t<T>* const_data_ptr() const {
    return data_ptr<std::remove_const_t<T>>();
  }
  template <class T>
  T* mutable_data_ptr() const {
    return data_ptr<T>();
  }
  template <class T>
  T* data() const {
    return data_ptr<T>();
  }
  template <class T, size_t N>
  TensorAccessor<T, N> accessor() const& {
    check_rank(N);
    return TensorAccessor<T, N>(data_ptr<T>(), data_->sizes(), data_->strides());
  }
  template <class T, size_t N>
  TensorAccessor<T, N> accessor() && = delete;  // it would outlive the tensor
  template <class T, size_t N, template <class> class PtrTraits = DefaultPtrTraits,
            class index_t = int64_t>
  GenericPackedTensorAccessor<T, N, PtrTraits, index_t> generic_packed_accessor() const {
    check_rank(N);
    return {data_ptr<T>(), data_->sizes(), data_->strides()};
  }
  template <class T, size_t N, template <class> class PtrTraits = DefaultPtrTraits>
  PackedTensorAccessor32<T, N, PtrTraits> packed_accessor32() const {
    TORCH_CHECK(numel() <= INT32_MAX,
                "numel needs to be smaller than int32_t max; otherwise, please use "
                "packed_accessor64");
    return generic_packed_accessor<T, N, PtrTraits, int32_t>();
  }
  template <class T, size_t N, template <class> class PtrTraits = DefaultPtrTraits>
  PackedTensorAccessor64<T, N, PtrTraits> packed_accessor64() const {
    return generic_packed_accessor<T, N, PtrTraits, int64_t>();
  }
  template <class T, size_t N, template <class> class PtrTraits = DefaultPtrTraits,
            class index_t = int64_t>
  GenericPackedTensorAccessor<T, N, PtrTraits, index_t> packed_accessor() const {
    return generic_packed_accessor<T, N, PtrTraits, index_t>();
  }

  // --- its only element ---
  Scalar item() const { RUSHLIGHT_CALL_METHOD(Scalar, item, *this); }
  template <class T>
  T item() const {
    if (numel() == 1 && data_->type == CppTypeToScalarType<T>::value && !data_->device.is_cuda()) {
      return *static_cast<const T*>(data_->memory);
    }
    return item().to<T>();
  }

  // --- its place in the graph ---
  bool requires_grad() const { RUSHLIGHT_GET(bool, requires_grad); }
  bool is_leaf() const { RUSHLIGHT_GET(bool, is_leaf); }
  Tensor grad() const { RUSHLIGHT_GET(Tensor, grad); }
  // Assigning to it sets the tensor's gradient.
  GradientAccessor mutable_grad() const;
  ::rushlight::GraphNode grad_fn() const { RUSHLIGHT_GET(::rushlight::GraphNode, grad_fn); }
  int64_t output_nr() const { RUSHLIGHT_GET(int64_t, output_nr); }
  // The same memory outside the graph.
  Tensor data() const { RUSHLIGHT_GET(Tensor, data); }
  Tensor variable_data() const { return data(); }
  Tensor tensor_data() const { return data(); }
  int64_t _version() const { RUSHLIGHT_GET(int64_t, _version); }
  Tensor& requires_grad_(bool value = true) const {
    static ::rushlight::Name name{"requires_grad_"};
    return changed(name, {*this, value});
  }
  const Tensor& set_requires_grad(bool value) const { return requires_grad_(value); }
  void backward(const Tensor& gradient = {}, std::optional<bool> retain_graph = nullopt,
                bool create_graph = false) const {
    RUSHLIGHT_CALL_METHOD(void, backward, *this, gradient, retain_graph, create_graph);
  }
  Tensor _base() const { RUSHLIGHT_GET(Tensor, _base); }
  void set_data(const Tensor& other) const {
    ::rushlight::Gil gil;
    ::rushlight::set_attribute(*this, "data", other);
    refresh();
  }
  // Another stream uses the memory: nothing that the library's memory would have to know.
  template <class Stream>
  void record_stream(const Stream&) const {}
  void print() const { std::puts(toString().c_str()); }
  // Calls `hook` with the gradient once it is complete; what it returns, if anything, replaces it.
  template <class Hook>
  unsigned register_hook(Hook&& hook) const;
  void retain_grad() const { RUSHLIGHT_CALL_METHOD(void, retain_grad, *this); }

  // --- another type, another device, another order in memory ---
  Tensor to(ScalarType dtype, bool non_blocking = false, bool copy = false) const {
    RUSHLIGHT_CALL_METHOD(Tensor, to, *this, dtype,
                          by("non_blocking", non_blocking), by("copy", copy));
  }
  Tensor to(caffe2::TypeMeta dtype, bool non_blocking = false, bool copy = false) const {
    return to(dtype.toScalarType(), non_blocking, copy);
  }
  Tensor to(Device device, bool non_blocking = false, bool copy = false) const {
    RUSHLIGHT_CALL_METHOD(Tensor, to, *this, device,
                          by("non_blocking", non_blocking), by("copy", copy));
  }
  Tensor to(Device device, ScalarType dtype, bool non_blocking = false, bool copy = false) const {
    RUSHLIGHT_CALL_METHOD(Tensor, to, *this, device, dtype,
                          by("non_blocking", non_blocking), by("copy", copy));
  }
  Tensor to(const Tensor& other, bool non_blocking = false, bool copy = false) const {
    RUSHLIGHT_CALL_METHOD(Tensor, to, *this, other,
                          by("non_blocking", non_blocking), by("copy", copy));
  }
  Tensor to(const TensorOptions& options, bool non_blocking = false, bool copy = false) const {
    RUSHLIGHT_CALL_METHOD(Tensor, to, *this, by("device", options.device_opt()),
                          by("dtype", options.dtype_opt()), by("non_blocking", non_blocking),
                          by("copy", copy));
  }
  Tensor toType(ScalarType dtype) const { return to(dtype); }
  Tensor cuda() const { return to(Device(kCUDA)); }
  Tensor contiguous(MemoryFormat format = MemoryFormat::Contiguous) const {
    if (format == MemoryFormat::Contiguous && is_contiguous()) return *this;
    RUSHLIGHT_CALL_METHOD(Tensor, contiguous, *this, by("memory_format", format));
  }
  Tensor mT() const { return transpose(-2, -1); }
  Tensor numpy_T() const { RUSHLIGHT_GET(Tensor, T); }

  // --- parts ---
  Tensor operator[](int64_t index) const { return select(0, index); }
  Tensor operator[](const Scalar& index) const { return select(0, index.toLong()); }
  Tensor operator[](const Tensor& index) const;
  Tensor slice(int64_t dim = 0, optional<int64_t> start = nullopt, optional<int64_t> end = nullopt,
               int64_t step = 1) const;
  Tensor index(std::initializer_list<indexing::TensorIndex> indices) const;
  Tensor index(ArrayRef<indexing::TensorIndex> indices) const;
  Tensor index(const std::vector<std::optional<Tensor>>& indices) const;
  Tensor& index_put_(std::initializer_list<indexing::TensorIndex> indices, const Tensor& value);
  Tensor& index_put_(std::initializer_list<indexing::TensorIndex> indices, const Scalar& value);
  Tensor& index_put_(ArrayRef<indexing::TensorIndex> indices, const Tensor& value);
  Tensor& index_put_(ArrayRef<indexing::TensorIndex> indices, const Scalar& value);

  // --- operators ---
#define BOTH(T, name, params, args) METHOD(T, name, params, args)
#define METHOD(T, name, params, args)                           \
  template <class Lazy = void>                                  \
  T name params const {                                         \
    RUSHLIGHT_LAZY(T, method, name, RUSHLIGHT_WITH_THIS args);  \
  }
#define RUSHLIGHT_WITH_THIS(...) *this __VA_OPT__(, ) __VA_ARGS__
#define FUNCTION(T, name, params, args)
#define FUNCTION_AS(T, name, python, params, args)
#define WRITES(name, params, args)                     \
  Tensor& name##_ params const {                       \
    static ::rushlight::Name name_{#name "_"};         \
    return changed(name_, {RUSHLIGHT_WITH_THIS args}); \
  }
#include <rushlight/operators.def>
#undef BOTH
#undef METHOD
#undef FUNCTION
#undef FUNCTION_AS
#undef WRITES

  Tensor& operator+=(const Tensor& other) { return add_(other); }
  Tensor& operator-=(const Tensor& other) { return sub_(other); }
  Tensor& operator*=(const Tensor& other) { return mul_(other); }
  Tensor& operator/=(const Tensor& other) { return div_(other); }
  Tensor& operator&=(const Tensor& other) { return bitwise_and_(other); }
  Tensor& operator|=(const Tensor& other) { return bitwise_or_(other); }
  Tensor& operator^=(const Tensor& other) { return bitwise_xor_(other); }
  Tensor& operator+=(const Scalar& other) { return add_(other); }
  Tensor& operator-=(const Scalar& other) { return sub_(other); }
  Tensor& operator*=(const Scalar& other) { return mul_(other); }
  Tensor& operator/=(const Scalar& other) { return div_(other); }
  Tensor operator-() const { return neg(); }
  Tensor operator~() const { return bitwise_not(); }

 private:
  TensorData& self() const {
    if (C10_UNLIKELY(data_ == nullptr)) fail_undefined();
    return *data_;
  }
  [[noreturn]] RUSHLIGHT_COLD static void fail_undefined() {
    ::rushlight::fail<Error>(
        "Expected a proper Tensor but got None (or an undefined Tensor in C++)");
  }
  int64_t wrapped(int64_t dim) const {
    const int64_t rank = self().rank, most = rank > 0 ? rank : 1;
    TORCH_CHECK_INDEX(rank > 0, "Dimension specified as ", dim, " but tensor has no dimensions");
    TORCH_CHECK_INDEX(-most <= dim && dim < most, "Dimension out of range (expected to be in range of [",
                      -most, ", ", most - 1, "], but got ", dim, ")");
    return dim < 0 ? dim + rank : dim;
  }
  template <class T>
  void check_type() const {
    static_assert(CppTypeToScalarType<T>::is_known, "no tensor has elements of this type");
    TORCH_CHECK(self().type == CppTypeToScalarType<T>::value, "expected scalar type ",
                CppTypeToScalarType<T>::value, " but found ", data_->type);
  }
  void check_rank(size_t rank) const {
    TORCH_CHECK(dim() == static_cast<int64_t>(rank), "TensorAccessor expected ", rank,
                " dims but tensor has ", dim());
  }
  // Calls a method that changes this tensor, and looks at it again.
  Tensor& changed(::rushlight::Name& name, std::initializer_list<::rushlight::Arg> args) const {
    ::rushlight::call_method<void>(name, args);
    return refresh();
  }

  TensorData* data_;
};

#undef RUSHLIGHT_GET

// What `mutable_grad()` returns.
class GradientAccessor : public Tensor {
 public:
  explicit GradientAccessor(const Tensor& owner) : Tensor(owner.grad()), owner_(owner) {}
  void operator=(const Tensor& gradient) && {
    ::rushlight::Gil gil;
    ::rushlight::set_attribute(owner_, "grad", gradient);
  }

 private:
  Tensor owner_;
};
inline GradientAccessor Tensor::mutable_grad() const { return GradientAccessor(*this); }

inline void append_text(std::string& out, const Tensor& tensor) {
  out += ::rushlight::printed(tensor);
}

template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& stream, const Tensor& tensor) {
  return stream << ::rushlight::printed(tensor);
}

}  // namespace at

namespace rushlight {

inline Object tensor_object(const at::Tensor& tensor) {
  return Object::borrow(tensor.defined() ? tensor.python_object() : Py_None);
}
inline Object tensor_tuple(const at::Tensor* tensors, size_t count) {
  return tuple_of(tensors, count, tensor_object);
}

inline void check_self(const at::Tensor& tensor) {
  TORCH_CHECK(tensor.defined(), "Expected a proper Tensor but got None (or an undefined Tensor in "
              "C++) for argument #0 'self'");
}

// --- what a call returned ---

template <>
struct Result<void> {
  static void from(const Object&) {}
};
template <>
struct Result<Object> {
  static Object from(Object object) { return object; }
};
template <>
struct Result<at::Tensor> {
  static at::Tensor from(Object object) { return at::Tensor::adopt(std::move(object)); }
};
template <>
struct Result<std::vector<int64_t>> {
  static std::vector<int64_t> from(const Object& object) {
    std::vector<int64_t> numbers;
    for (Py_ssize_t i = 0; i < PyTuple_Size(object.get()); ++i) {
      numbers.push_back(PyLong_AsLongLong(PyTuple_GET_ITEM(object.get(), i)));
    }
    return numbers;
  }
};
template <>
struct Result<GraphNode> {
  static GraphNode from(Object object) { return GraphNode(std::move(object)); }
};
template <>
struct Result<bool> {
  static bool from(const Object& object) {
    const int truth = PyObject_IsTrue(object.get());
    checked(truth);
    return truth != 0;
  }
};
template <>
struct Result<int64_t> {
  static int64_t from(const Object& object) {
    const int64_t value = PyLong_AsLongLong(object.get());
    if (value == -1 && PyErr_Occurred()) throw_python_error();
    return value;
  }
};
template <>
struct Result<std::string> {
  static std::string from(const Object& object) {
    Py_ssize_t size = 0;
    const char* text = PyUnicode_AsUTF8AndSize(object.get(), &size);
    if (text == nullptr) throw_python_error();
    return std::string(text, static_cast<size_t>(size));
  }
};
template <>
struct Result<c10::Scalar> {
  RUSHLIGHT_COLD static c10::Scalar from(const Object& object) {
    PyObject* number = object.get();
    if (PyBool_Check(number)) return c10::Scalar(number == Py_True);
    if (PyLong_Check(number)) return c10::Scalar(Result<int64_t>::from(object));
    if (PyComplex_Check(number)) {
      return c10::complex<double>(PyComplex_RealAsDouble(number), PyComplex_ImagAsDouble(number));
    }
    const double value = PyFloat_AsDouble(number);
    if (value == -1 && PyErr_Occurred()) throw_python_error();
    return c10::Scalar(value);
  }
};
template <>
struct Result<at::TensorVector> {
  static at::TensorVector from(const Object& object) {
    const Object items = checked(PySequence_Fast(object.get(), "expected several tensors"));
    at::TensorVector tensors;
    const Py_ssize_t count = PySequence_Fast_GET_SIZE(items.get());
    tensors.reserve(static_cast<size_t>(count));
    for (Py_ssize_t i = 0; i < count; ++i) {
      tensors.push_back(
          at::Tensor::adopt(Object::borrow(PySequence_Fast_GET_ITEM(items.get(), i))));
    }
    return tensors;
  }
};
template <class... Tensors>
struct Result<std::tuple<at::Tensor, Tensors...>> {
  static std::tuple<at::Tensor, Tensors...> from(const Object& object) {
    at::TensorVector tensors = Result<at::TensorVector>::from(object);
    TORCH_INTERNAL_ASSERT(tensors.size() == 1 + sizeof...(Tensors));
    at::Tensor* next = tensors.data();
    return {std::move(*next), static_cast<Tensors&&>(*++next)...};
  }
};

template <class T>
T get_attribute(const at::Tensor& tensor, Name& name) {
  Gil gil;
  return Result<T>::from(checked(PyObject_GetAttr(tensor.python_object(), name.get())));
}

inline void set_attribute(const at::Tensor& tensor, const char* name, const at::Tensor& value) {
  checked(PyObject_SetAttrString(tensor.python_object(), name, tensor_object(value).get()));
}

inline std::string GraphNode::name() const {
  Gil gil;
  return Result<std::string>::from(
      checked(PyObject_CallMethod(object_.get(), "name", nullptr)));
}

RUSHLIGHT_COLD inline std::string printed(const at::Tensor& tensor) {
  if (!tensor.defined()) return "[ Tensor (undefined) ]";
  Gil gil;
  return Result<std::string>::from(checked(PyObject_Str(tensor.python_object())));
}

}  // namespace rushlight
