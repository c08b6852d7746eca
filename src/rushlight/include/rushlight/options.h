// Device and TensorOptions: where and how a tensor is made.
#pragma once

#include <rushlight/array_ref.h>
#include <rushlight/scalar_type.h>

namespace rushlight {
// Whether this library's CUDA kernels run on the processor: tensors in main memory then pass for
// tensors of the GPU, so that a source's own checks hold. Set by sources compiled that way.
inline bool emulates_cuda = false;
#ifdef RUSHLIGHT_CUDA_EMULATED
static const bool emulation_is_noted = emulates_cuda = true;
#endif
// Kernels of an operator that are for the CPU see the same tensors as what they are.
inline thread_local bool sees_cpu = false;
inline bool passes_for_cuda() { return emulates_cuda && !sees_cpu; }
struct SeesCpu {
  explicit SeesCpu(bool value = true) : outer(sees_cpu) { sees_cpu = value; }
  ~SeesCpu() { sees_cpu = outer; }
  SeesCpu(const SeesCpu&) = delete;
  bool outer;
};
}  // namespace rushlight

namespace c10 {

enum class DeviceType : int8_t { CPU = 0, CUDA = 1, Meta = 14 };
constexpr DeviceType kCPU = DeviceType::CPU, kCUDA = DeviceType::CUDA, kMeta = DeviceType::Meta;
using DeviceIndex = int8_t;

RUSHLIGHT_COLD inline const char* DeviceTypeName(DeviceType type) {
  return type == kCPU ? "cpu" : type == kCUDA ? "cuda" : "meta";
}

struct Device {
 public:
  using Type = DeviceType;
  Device(DeviceType type, DeviceIndex index = -1) : type_(type), index_(index) {}
  // "cpu", "cuda", "cuda:1"
  Device(const std::string& text);
  Device(const char* text) : Device(std::string(text)) {}

  DeviceType type() const { return type_; }
  DeviceIndex index() const { return index_; }
  bool has_index() const { return index_ >= 0; }
  bool is_cpu() const { return type_ == kCPU || (type_ == kCUDA && ::rushlight::emulates_cuda); }
  bool is_cuda() const { return type_ == kCUDA; }
  bool is_meta() const { return type_ == kMeta; }
  void set_index(DeviceIndex index) { index_ = index; }
  std::string str() const;
  friend bool operator==(const Device& a, const Device& b) {
    return a.type_ == b.type_ && a.index_ == b.index_;
  }
  friend bool operator!=(const Device& a, const Device& b) { return !(a == b); }

 private:
  DeviceType type_;
  DeviceIndex index_;
};

RUSHLIGHT_COLD inline Device::Device(const std::string& text) : type_(kCPU), index_(-1) {
  const size_t colon = text.find(':');
  const std::string kind = text.substr(0, colon);
  TORCH_CHECK(kind == "cpu" || kind == "cuda" || kind == "meta",
              "Expected one of cpu, cuda, meta device type at start of device string: ", text);
  type_ = kind == "cpu" ? kCPU : kind == "cuda" ? kCUDA : kMeta;
  if (colon == std::string::npos) return;
  int index = 0;
  for (const char digit : text.substr(colon + 1)) {
    TORCH_CHECK(digit >= '0' && digit <= '9' && index < 13, "Invalid device string: '", text, "'");
    index = index * 10 + (digit - '0');
  }
  TORCH_CHECK(colon + 1 < text.size(), "Invalid device string: '", text, "'");
  index_ = static_cast<DeviceIndex>(index);
}

RUSHLIGHT_COLD inline std::string Device::str() const {
  const char* name = DeviceTypeName(type_);
  return has_index() ? ::rushlight::text_of(name, ":", static_cast<int>(index_)) : name;
}

RUSHLIGHT_COLD inline void append_text(std::string& out, const Device& device) {
  out += device.str();
}
inline void append_text(std::string& out, DeviceType type) { out += DeviceTypeName(type); }
inline void append_text(std::string& out, Layout layout) {
  out += layout == kStrided ? "Strided" : "Sparse";
}

template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& stream, const Device& device) {
  return stream << device.str();
}
template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& stream, DeviceType type) {
  return stream << DeviceTypeName(type);
}
template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& stream, Layout layout) {
  return stream << ::rushlight::text_of(layout);
}

// What is not set is left to the function that gets the options.
struct TensorOptions {
  TensorOptions() = default;
  TensorOptions(ScalarType type) : dtype_(type) {}
  TensorOptions(caffe2::TypeMeta type) : dtype_(type.toScalarType()) {}
  TensorOptions(Device device) : device_(device) {}
  TensorOptions(DeviceType type) : device_(Device(type)) {}
  TensorOptions(const char* device) : device_(Device(device)) {}
  TensorOptions(const std::string& device) : device_(Device(device)) {}
  TensorOptions(Layout layout) : layout_(layout) {}
  TensorOptions(MemoryFormat format) : memory_format_(format) {}

  [[nodiscard]] TensorOptions dtype(std::optional<ScalarType> type) const {
    return with(&TensorOptions::dtype_, type);
  }
  template <class T>
  [[nodiscard]] TensorOptions dtype() const {
    return dtype(CppTypeToScalarType<T>::value);
  }
  [[nodiscard]] TensorOptions device(std::optional<Device> device) const {
    return with(&TensorOptions::device_, device);
  }
  [[nodiscard]] TensorOptions device(DeviceType type, DeviceIndex index = -1) const {
    return device(Device(type, index));
  }
  [[nodiscard]] TensorOptions device_index(DeviceIndex index) const {
    return device(Device(kCUDA, index));
  }
  [[nodiscard]] TensorOptions layout(std::optional<Layout> layout) const {
    return with(&TensorOptions::layout_, layout);
  }
  [[nodiscard]] TensorOptions requires_grad(std::optional<bool> value) const {
    return with(&TensorOptions::requires_grad_, value);
  }
  [[nodiscard]] TensorOptions pinned_memory(std::optional<bool> value) const {
    return with(&TensorOptions::pinned_, value);
  }
  [[nodiscard]] TensorOptions memory_format(std::optional<MemoryFormat> format) const {
    return with(&TensorOptions::memory_format_, format);
  }

  caffe2::TypeMeta dtype() const { return dtype_.value_or(kFloat); }
  Device device() const { return device_.value_or(Device(kCPU)); }
  Layout layout() const { return layout_.value_or(kStrided); }
  bool requires_grad() const { return requires_grad_.value_or(false); }
  bool pinned_memory() const { return pinned_.value_or(false); }
  bool has_dtype() const { return dtype_.has_value(); }
  bool has_device() const { return device_.has_value(); }
  std::optional<ScalarType> dtype_opt() const { return dtype_; }
  std::optional<Device> device_opt() const { return device_; }
  std::optional<bool> requires_grad_opt() const { return requires_grad_; }
  std::optional<Layout> layout_opt() const { return layout_; }
  std::optional<bool> pinned_memory_opt() const { return pinned_; }
  std::optional<MemoryFormat> memory_format_opt() const { return memory_format_; }

 private:
  template <class T>
  TensorOptions with(std::optional<T> TensorOptions::*member, std::optional<T> value) const {
    TensorOptions changed = *this;
    changed.*member = value;
    return changed;
  }

  std::optional<ScalarType> dtype_;
  std::optional<Device> device_;
  std::optional<Layout> layout_;
  std::optional<bool> requires_grad_;
  std::optional<bool> pinned_;
  std::optional<MemoryFormat> memory_format_;
};

RUSHLIGHT_COLD inline void append_text(std::string& out, const TensorOptions& o) {
  const auto of = [](bool is_set) { return is_set ? "" : " (default)"; };
  out += ::rushlight::text_of(
      "TensorOptions(dtype=", o.dtype(), of(o.has_dtype()), ", device=", o.device(),
      of(o.has_device()), ", layout=", o.layout(), of(o.layout_opt().has_value()), ", requires_grad=",
      o.requires_grad() ? "true" : "false", of(o.requires_grad_opt().has_value()),
      ", pinned_memory=", o.pinned_memory() ? "true" : "false",
      of(o.pinned_memory_opt().has_value()), ", memory_format=(nullopt))");
}
template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& stream, const TensorOptions& o) {
  return stream << ::rushlight::text_of(o);
}

inline TensorOptions dtype(ScalarType type) { return TensorOptions(type); }
inline TensorOptions dtype(caffe2::TypeMeta type) { return TensorOptions(type); }
template <class T>
TensorOptions dtype() {
  return TensorOptions(CppTypeToScalarType<T>::value);
}
inline TensorOptions device(Device where) { return TensorOptions(where); }
inline TensorOptions device(DeviceType type, DeviceIndex index = -1) {
  return TensorOptions(Device(type, index));
}
inline TensorOptions device_index(DeviceIndex index) { return TensorOptions(Device(kCUDA, index)); }
inline TensorOptions layout(Layout layout) { return TensorOptions(layout); }
inline TensorOptions requires_grad(bool value = true) {
  return TensorOptions().requires_grad(value);
}
inline TensorOptions memory_format(MemoryFormat format) { return TensorOptions(format); }

}  // namespace c10
