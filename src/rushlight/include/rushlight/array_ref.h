// ArrayRef: a list that belongs to someone else.
#pragma once

#include <rushlight/check.h>

#include <array>
#include <initializer_list>
#include <optional>
#include <vector>

namespace c10 {

using std::in_place;
using std::make_optional;
using std::nullopt;
using std::nullopt_t;
using std::optional;
using std::string_view;

template <class T>
class ArrayRef {
 public:
  using value_type = T;
  using size_type = size_t;
  using iterator = const T*;
  using const_iterator = const T*;

  constexpr ArrayRef() = default;
  constexpr ArrayRef(const T& only) : data_(&only), size_(1) {}
  constexpr ArrayRef(const T* data, size_t size) : data_(data), size_(size) {}
  constexpr ArrayRef(const T* begin, const T* end) : data_(begin), size_(end - begin) {}
  ArrayRef(const std::vector<T>& list) : data_(list.data()), size_(list.size()) {}
  template <size_t N>
  constexpr ArrayRef(const std::array<T, N>& list) : data_(list.data()), size_(N) {}
  template <size_t N>
  constexpr ArrayRef(const T (&list)[N]) : data_(list), size_(N) {}
  // The list lives as long as the expression in which it is written, which is what it is for.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Winit-list-lifetime"
  constexpr ArrayRef(const std::initializer_list<T>& list)
      : data_(list.begin() == list.end() ? nullptr : list.begin()), size_(list.size()) {}
#pragma GCC diagnostic pop

  constexpr const T* begin() const { return data_; }
  constexpr const T* end() const { return data_ + size_; }
  constexpr const T* data() const { return data_; }
  constexpr size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr const T& operator[](size_t i) const { return data_[i]; }
  const T& at(size_t i) const {
    TORCH_CHECK(i < size_, "ArrayRef: invalid index Index = ", i, "; Length = ", size_);
    return data_[i];
  }
  const T& front() const { return at(0); }
  const T& back() const { return at(size_ - 1); }
  ArrayRef slice(size_t start, size_t count) const {
    TORCH_CHECK(start + count <= size_, "ArrayRef: invalid slice, N = ", start, "; M = ", count,
                "; size = ", size_);
    return {data_ + start, count};
  }
  ArrayRef slice(size_t start) const { return slice(start, size_ - start); }
  std::vector<T> vec() const { return {begin(), end()}; }
  bool equals(ArrayRef other) const {
    if (size_ != other.size_) return false;
    for (size_t i = 0; i < size_; ++i) {
      if (!(data_[i] == other.data_[i])) return false;
    }
    return true;
  }
  friend bool operator==(ArrayRef a, ArrayRef b) { return a.equals(b); }
  friend bool operator!=(ArrayRef a, ArrayRef b) { return !a.equals(b); }
  friend bool operator==(ArrayRef a, const std::vector<T>& b) { return a.equals(b); }
  friend bool operator!=(ArrayRef a, const std::vector<T>& b) { return !a.equals(b); }

 private:
  const T* data_ = nullptr;
  size_t size_ = 0;
};

template <class T>
RUSHLIGHT_COLD void append_text(std::string& out, ArrayRef<T> list) {
  out.push_back('[');
  for (size_t i = 0; i < list.size(); ++i) {
    if (i > 0) out.append(", ");
    ::rushlight::append_value(out, list[i]);
  }
  out.push_back(']');
}

template <class Traits, class T>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& stream, ArrayRef<T> list) {
  stream << '[';
  for (size_t i = 0; i < list.size(); ++i) {
    if (i > 0) stream << ", ";
    stream << list[i];
  }
  return stream << ']';
}

using IntArrayRef = ArrayRef<int64_t>;
template <class T, unsigned N = 0>
using SmallVector = std::vector<T>;
using DimVector = std::vector<int64_t>;
using SymInt = int64_t;
using SymIntArrayRef = ArrayRef<int64_t>;

// A list that may be absent; one number is a list of one.
template <class T>
class OptionalArrayRef {
 public:
  constexpr OptionalArrayRef() = default;
  constexpr OptionalArrayRef(nullopt_t) {}
  constexpr OptionalArrayRef(ArrayRef<T> list) : list_(list), has_(true) {}
  constexpr OptionalArrayRef(const T& only) : list_(only), has_(true) {}
  OptionalArrayRef(const std::vector<T>& list) : list_(list), has_(true) {}
  constexpr OptionalArrayRef(const std::initializer_list<T>& list) : list_(list), has_(true) {}
  template <size_t N>
  constexpr OptionalArrayRef(const std::array<T, N>& list) : list_(list), has_(true) {}
  OptionalArrayRef(const std::optional<ArrayRef<T>>& list)
      : list_(list.value_or(ArrayRef<T>())), has_(list.has_value()) {}

  constexpr bool has_value() const { return has_; }
  constexpr explicit operator bool() const { return has_; }
  constexpr const ArrayRef<T>& operator*() const { return list_; }
  constexpr const ArrayRef<T>* operator->() const { return &list_; }
  const ArrayRef<T>& value() const {
    TORCH_CHECK(has_, "bad optional access");
    return list_;
  }

 private:
  ArrayRef<T> list_;
  bool has_ = false;
};
using OptionalIntArrayRef = OptionalArrayRef<int64_t>;

}  // namespace c10

namespace rushlight {
template <class T>
void append_text(std::string& out, const std::vector<T>& list) {
  append_text(out, ::c10::ArrayRef<T>(list));
}
}  // namespace rushlight
