// c10::List and c10::Dict. Copies share their content.
#pragma once

#include <rushlight/casters.h>

#include <memory>
#include <unordered_map>

namespace c10 {

template <class T>
class List {
 public:
  using value_type = T;
  List() : items_(std::make_shared<std::vector<T>>()) {}
  List(std::initializer_list<T> items) : items_(std::make_shared<std::vector<T>>(items)) {}
  explicit List(ArrayRef<T> items) : List() { items_->assign(items.begin(), items.end()); }
  List(const std::vector<T>& items) : items_(std::make_shared<std::vector<T>>(items)) {}

  size_t size() const { return items_->size(); }
  bool empty() const { return items_->empty(); }
  void push_back(T item) const { items_->push_back(std::move(item)); }
  template <class... Args>
  void emplace_back(Args&&... args) const {
    items_->emplace_back(static_cast<Args&&>(args)...);
  }
  void reserve(size_t count) const { items_->reserve(count); }
  void clear() const { items_->clear(); }
  T get(size_t i) const { return items_->at(i); }
  void set(size_t i, T item) const { items_->at(i) = std::move(item); }
  typename std::vector<T>::reference operator[](size_t i) const { return (*items_)[i]; }
  auto begin() const { return items_->begin(); }
  auto end() const { return items_->end(); }
  std::vector<T> vec() const { return *items_; }
  operator std::vector<T>() const { return *items_; }
  operator ArrayRef<T>() const { return *items_; }

 private:
  std::shared_ptr<std::vector<T>> items_;
};

template <class Key, class Value>
class Dict {
 public:
  using Map = std::unordered_map<Key, Value>;
  Dict() : items_(std::make_shared<Map>()) {}
  size_t size() const { return items_->size(); }
  bool empty() const { return items_->empty(); }
  bool contains(const Key& key) const { return items_->count(key) > 0; }
  const Value& at(const Key& key) const { return items_->at(key); }
  void insert(const Key& key, Value value) const { items_->emplace(key, std::move(value)); }
  void insert_or_assign(const Key& key, Value value) const { (*items_)[key] = std::move(value); }
  void erase(const Key& key) const { items_->erase(key); }
  auto find(const Key& key) const { return items_->find(key); }
  auto begin() const { return items_->begin(); }
  auto end() const { return items_->end(); }
  const Map& map() const { return *items_; }

 private:
  std::shared_ptr<Map> items_;
};

}  // namespace c10

namespace torch {
using c10::Dict;
using c10::List;
}  // namespace torch

namespace rushlight {

template <class T>
struct Caster<c10::List<T>> {
  c10::List<T> value;
  bool load(PyObject* object) {
    Caster<std::vector<T>> list;
    if (!list.load(object)) return false;
    value = c10::List<T>(list.value);
    return true;
  }
  static Object make(const c10::List<T>& value) { return list_of(value); }
  static Object name(bool is_result) { return Caster<std::vector<T>>::name(is_result); }
};
template <class Key, class Value>
struct Caster<c10::Dict<Key, Value>> {
  using Map = typename c10::Dict<Key, Value>::Map;
  c10::Dict<Key, Value> value;
  bool load(PyObject* object) {
    Caster<Map> map;
    if (!map.load(object)) return false;
    for (const auto& [key, item] : map.value) value.insert(key, item);
    return true;
  }
  static Object make(const c10::Dict<Key, Value>& value) { return Caster<Map>::make(value.map()); }
  static Object name(bool is_result) { return Caster<Map>::name(is_result); }
};

}  // namespace rushlight
