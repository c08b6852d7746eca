// c10::irange: `for (const auto i : c10::irange(n))`.
#pragma once

#include <cstdint>

namespace c10 {

template <class T>
class IntegerRange {
 public:
  struct iterator {
    T value;
    T operator*() const { return value; }
    iterator& operator++() {
      ++value;
      return *this;
    }
    bool operator!=(const iterator& other) const { return value != other.value; }
    bool operator==(const iterator& other) const { return value == other.value; }
  };
  IntegerRange(T begin, T end) : begin_(begin), end_(end < begin ? begin : end) {}
  iterator begin() const { return {begin_}; }
  iterator end() const { return {end_}; }

 private:
  T begin_, end_;
};

template <class T>
IntegerRange<T> irange(T end) {
  return {T(0), end};
}
template <class T, class U>
IntegerRange<U> irange(T begin, U end) {
  return {static_cast<U>(begin), end};
}

// The product of a list's numbers.
template <class List>
int64_t multiply_integers(const List& list) {
  int64_t product = 1;
  for (const auto factor : list) product *= static_cast<int64_t>(factor);
  return product;
}

}  // namespace c10
