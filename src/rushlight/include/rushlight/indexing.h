// Indices: `x.index({Slice(0, 2), None, "...", mask})` and `x.index_put_(..., value)`.
#pragma once

#include <rushlight/operators.h>

namespace at::indexing {

enum class EllipsisIndexType { Ellipsis };
constexpr EllipsisIndexType Ellipsis = EllipsisIndexType::Ellipsis;
constexpr std::nullopt_t None = std::nullopt;

// start:stop:step, each of which may be absent.
class Slice {
 public:
  Slice(std::optional<int64_t> start = nullopt, std::optional<int64_t> stop = nullopt,
        std::optional<int64_t> step = nullopt)
      : start_(start), stop_(stop), step_(step) {}
  int64_t start() const { return start_.value_or(0); }
  int64_t stop() const { return stop_.value_or(INT64_MAX); }
  int64_t step() const { return step_.value_or(1); }

  // Needs the GIL.
  ::rushlight::Object object() const {
    using ::rushlight::Arg;
    return ::rushlight::checked(PySlice_New(Arg(start_).object().get(), Arg(stop_).object().get(),
                                            Arg(step_).object().get()));
  }

 private:
  std::optional<int64_t> start_, stop_, step_;
};

class TensorIndex {
 public:
  TensorIndex(std::nullopt_t) : kind_(Kind::none) {}
  TensorIndex(EllipsisIndexType) : kind_(Kind::ellipsis) {}
  TensorIndex(const char* text) : kind_(Kind::ellipsis) {
    TORCH_CHECK_VALUE(std::string_view(text) == "...",
                      "Expected \"...\" to represent an ellipsis index, but got \"", text, "\"");
  }
  template <class T, std::enable_if_t<std::is_integral_v<T>, int> = 0>
  TensorIndex(T index)
      : kind_(std::is_same_v<T, bool> ? Kind::boolean : Kind::integer), integer_(index) {}
  TensorIndex(Slice slice) : kind_(Kind::slice), slice_(slice) {}
  TensorIndex(Tensor tensor) : kind_(Kind::tensor), tensor_(std::move(tensor)) {}

  bool is_none() const { return kind_ == Kind::none; }
  bool is_ellipsis() const { return kind_ == Kind::ellipsis; }
  bool is_integer() const { return kind_ == Kind::integer; }
  bool is_boolean() const { return kind_ == Kind::boolean; }
  bool is_slice() const { return kind_ == Kind::slice; }
  bool is_tensor() const { return kind_ == Kind::tensor; }

  // Needs the GIL.
  ::rushlight::Object object() const {
    using ::rushlight::Arg;
    switch (kind_) {
      case Kind::ellipsis:
        return ::rushlight::Object::borrow(Py_Ellipsis);
      case Kind::integer:
        return Arg(integer_).object();
      case Kind::boolean:
        return Arg(integer_ != 0).object();
      case Kind::slice:
        return slice_.object();
      case Kind::tensor:
        return Arg(tensor_).object();
      default:
        return ::rushlight::Object::borrow(Py_None);
    }
  }

 private:
  enum class Kind { none, ellipsis, integer, boolean, slice, tensor };
  Kind kind_;
  int64_t integer_ = 0;
  Slice slice_;
  Tensor tensor_;
};

}  // namespace at::indexing

namespace rushlight {

inline Object index_tuple(c10::ArrayRef<at::indexing::TensorIndex> indices) {
  return tuple_of(indices.data(), indices.size(),
                  [](const at::indexing::TensorIndex& index) { return index.object(); });
}
inline at::Tensor get_item(const at::Tensor& tensor, const Object& index) {
  return at::Tensor::adopt(checked(PyObject_GetItem(tensor.python_object(), index.get())));
}
inline at::Tensor& put_item(at::Tensor& tensor, c10::ArrayRef<at::indexing::TensorIndex> indices,
                            const Arg& value) {
  Gil gil;
  checked(PyObject_SetItem(tensor.python_object(), index_tuple(indices).get(),
                           value.object().get()));
  return tensor;
}

}  // namespace rushlight

namespace at {

inline Tensor Tensor::index(ArrayRef<indexing::TensorIndex> indices) const {
  ::rushlight::Gil gil;
  return ::rushlight::get_item(*this, ::rushlight::index_tuple(indices));
}
inline Tensor Tensor::index(std::initializer_list<indexing::TensorIndex> indices) const {
  return index(ArrayRef<indexing::TensorIndex>(indices));
}
// An absent tensor stands for the whole dimension.
inline Tensor Tensor::index(const std::vector<std::optional<Tensor>>& indices) const {
  ::rushlight::Gil gil;
  const auto object = [](const std::optional<Tensor>& index) {
    return index.has_value() && index->defined() ? ::rushlight::tensor_object(*index)
                                                 : indexing::Slice().object();
  };
  return ::rushlight::get_item(*this,
                               ::rushlight::tuple_of(indices.data(), indices.size(), object));
}
inline Tensor Tensor::operator[](const Tensor& index) const {
  ::rushlight::Gil gil;
  return ::rushlight::get_item(*this, ::rushlight::tensor_object(index));
}
inline Tensor Tensor::slice(int64_t dim, optional<int64_t> start, optional<int64_t> end,
                            int64_t step) const {
  static ::rushlight::Name name{"slice_along"};
  return ::rushlight::call_runtime<Tensor>(name, {*this, dim, start, end, step});
}
inline Tensor slice(const Tensor& self, int64_t dim = 0, optional<int64_t> start = nullopt,
                    optional<int64_t> end = nullopt, int64_t step = 1) {
  return self.slice(dim, start, end, step);
}

#define RUSHLIGHT_INDEX_PUT(Value)                                                             \
  inline Tensor& Tensor::index_put_(ArrayRef<indexing::TensorIndex> indices, const Value& value) { \
    return ::rushlight::put_item(*this, indices, value);                                       \
  }                                                                                            \
  inline Tensor& Tensor::index_put_(std::initializer_list<indexing::TensorIndex> indices,      \
                                    const Value& value) {                                      \
    return ::rushlight::put_item(*this, indices, value);                                       \
  }
RUSHLIGHT_INDEX_PUT(Tensor)
RUSHLIGHT_INDEX_PUT(Scalar)
#undef RUSHLIGHT_INDEX_PUT

}  // namespace at
