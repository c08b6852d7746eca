// Casters: between C++ values and Python's, for arguments and results.
//
// Caster<T> has `load(object)`, which tells whether the object can be a T, and then `value`;
// `make(value)`, a new Python object; and `name(is_result)`, the type as signatures show it.
#pragma once

#include <rushlight/objects.h>

namespace rushlight {

template <class T>
using Bare = std::remove_cv_t<std::remove_reference_t<T>>;

template <class T>
Object make_object(const T& value) {
  return Caster<Bare<T>>::make(value);
}

// Puts the texts in place of each %U.
template <class... Texts>
Object format(const char* pattern, const Texts&... texts) {
  return checked(PyUnicode_FromFormat(pattern, texts.get()...));
}

#define RUSHLIGHT_NAME(text) \
  static Object name(bool) { return Arg(text).object(); }

// Whether a value has to be of the type already. Overloads are tried strictly first, so that a
// tensor of one element is not taken for a number where there is an overload for tensors.
inline bool strictly = false;

// --- numbers and text ---

template <class T>
struct Caster<T, std::enable_if_t<std::is_integral_v<T> && !std::is_same_v<T, bool>>> {
  T value;
  bool load(PyObject* object) {
    if (PyFloat_Check(object)) return false;
    Object number = Object::steal(PyNumber_Index(object));
    if (!number && !strictly) {
      PyErr_Clear();
      number = Object::steal(PyNumber_Long(object));
    }
    if (!number || PyUnicode_Check(object)) return forget_error();
    if constexpr (std::is_unsigned_v<T> && sizeof(T) == 8) {
      value = static_cast<T>(PyLong_AsUnsignedLongLong(number.get()));
      return forget_error();
    } else {
      const long long wide = PyLong_AsLongLong(number.get());
      value = static_cast<T>(wide);
      return forget_error() && static_cast<long long>(value) == wide;
    }
  }
  static Object make(T value) {
    if constexpr (std::is_unsigned_v<T>) {
      return checked(PyLong_FromUnsignedLongLong(value));
    } else {
      return checked(PyLong_FromLongLong(value));
    }
  }
  static Object name(bool is_result) {
    return Arg(is_result ? "int" : "typing.SupportsInt | typing.SupportsIndex").object();
  }

 private:
  static bool forget_error() {
    const bool is_fine = PyErr_Occurred() == nullptr;
    PyErr_Clear();
    return is_fine;
  }
};

template <class T>
struct Caster<T, std::enable_if_t<std::is_floating_point_v<T> || std::is_same_v<T, c10::Half> ||
                                  std::is_same_v<T, c10::BFloat16>>> {
  T value;
  bool load(PyObject* object) {
    if (strictly && !PyFloat_Check(object)) return false;
    const double wide = PyUnicode_Check(object) ? -1 : PyFloat_AsDouble(object);
    const bool is_fine = !PyUnicode_Check(object) && !(wide == -1 && PyErr_Occurred());
    PyErr_Clear();
    value = static_cast<T>(wide);
    return is_fine;
  }
  static Object make(T value) { return checked(PyFloat_FromDouble(static_cast<double>(value))); }
  static Object name(bool is_result) {
    return Arg(is_result ? "float" : "typing.SupportsFloat | typing.SupportsIndex").object();
  }
};

template <>
struct Caster<bool> {
  bool value;
  bool load(PyObject* object) {
    if (strictly && !PyBool_Check(object)) return false;
    const bool has_truth = object == Py_None || (Py_TYPE(object)->tp_as_number != nullptr &&
                                                 Py_TYPE(object)->tp_as_number->nb_bool != nullptr);
    const int truth = has_truth ? PyObject_IsTrue(object) : -1;
    PyErr_Clear();
    value = truth > 0;
    return truth >= 0;
  }
  static Object make(bool value) { return Arg(value).object(); }
  RUSHLIGHT_NAME("bool")
};

template <>
struct Caster<std::string_view> {
  std::string_view value;
  bool load(PyObject* object) {
    if (PyBytes_Check(object)) {
      value = {PyBytes_AS_STRING(object), static_cast<size_t>(PyBytes_GET_SIZE(object))};
      return true;
    }
    Py_ssize_t size = 0;
    const char* text = PyUnicode_Check(object) ? PyUnicode_AsUTF8AndSize(object, &size) : nullptr;
    PyErr_Clear();
    if (text != nullptr) value = {text, static_cast<size_t>(size)};
    return text != nullptr;
  }
  static Object make(std::string_view value) { return Arg(value).object(); }
  RUSHLIGHT_NAME("str")
};
template <>
struct Caster<std::string> {
  std::string value;
  bool load(PyObject* object) {
    Caster<std::string_view> text;
    if (!text.load(object)) return false;
    value = text.value;
    return true;
  }
  static Object make(const std::string& value) { return Arg(std::string_view(value)).object(); }
  RUSHLIGHT_NAME("str")
};
template <>
struct Caster<const char*> {
  const char* value = nullptr;
  bool load(PyObject* object) {
    Caster<std::string_view> text;
    if (object != Py_None && !text.load(object)) return false;
    value = text.value.data();
    return true;
  }
  static Object make(const char* value) { return Arg(value).object(); }
  RUSHLIGHT_NAME("str")
};
template <>
struct Caster<char*> : Caster<const char*> {};
template <size_t N>
struct Caster<char[N]> : Caster<const char*> {};

template <class T>
struct Caster<c10::complex<T>> {
  c10::complex<T> value;
  bool load(PyObject* object) {
    const Py_complex z = PyComplex_AsCComplex(object);
    const bool is_fine = PyErr_Occurred() == nullptr;
    PyErr_Clear();
    value = {static_cast<T>(z.real), static_cast<T>(z.imag)};
    return is_fine;
  }
  static Object make(const c10::complex<T>& z) {
    return checked(PyComplex_FromDoubles(z.real(), z.imag()));
  }
  RUSHLIGHT_NAME("complex")
};

// --- torch's types ---

template <>
struct Caster<at::Tensor> {
  at::Tensor value;
  bool load(PyObject* object) {
    if (!is_tensor(object)) return false;
    value = at::Tensor::adopt(Object::borrow(object));
    return true;
  }
  static Object make(const at::Tensor& value) { return tensor_object(value); }
  RUSHLIGHT_NAME("torch.Tensor")
};

template <>
struct Caster<c10::Scalar> {
  c10::Scalar value;
  bool load(PyObject* object) {
    if (!PyNumber_Check(object)) return false;
    const bool is_plain = PyBool_Check(object) || PyLong_Check(object) || PyFloat_Check(object) ||
                          PyComplex_Check(object);
    const Object number =
        is_plain ? Object::borrow(object)
                 : Object::steal(PyObject_CallMethod(object, "item", nullptr));
    if (!number) PyErr_Clear();
    if (number) value = Result<c10::Scalar>::from(number);
    return static_cast<bool>(number);
  }
  static Object make(const c10::Scalar& value) { return scalar_object(value); }
  RUSHLIGHT_NAME("Union[Number, torch.SymInt, torch.SymFloat, torch.SymBool]")
};

template <>
struct Caster<c10::ScalarType> {
  c10::ScalarType value;
  bool load(PyObject* object) {
    for (int i = 0; i < static_cast<int>(c10::ScalarType::NumOptions); ++i) {
      value = static_cast<c10::ScalarType>(i);
      if (std::string_view(c10::toString(value)) != "Undefined" && dtype_object(value) == object) {
        return true;
      }
    }
    return false;
  }
  static Object make(c10::ScalarType value) { return Object::borrow(dtype_object(value)); }
  RUSHLIGHT_NAME("torch.dtype")
};
template <>
struct Caster<caffe2::TypeMeta> : Caster<c10::ScalarType> {};

template <>
struct Caster<c10::Device> {
  c10::Device value{c10::kCPU};
  bool load(PyObject* object) {
    const Object type = attribute(library(), "device");
    const int is_device = PyObject_IsInstance(object, type.get());
    if (is_device <= 0 && !PyUnicode_Check(object)) return false;
    value = c10::Device(
        Result<std::string>::from(is_device > 0 ? checked(PyObject_Str(object))
                                                : Object::borrow(object)));
    return true;
  }
  static Object make(const c10::Device& value) { return device_object(value); }
  RUSHLIGHT_NAME("torch.device")
};

template <>
struct Caster<c10::MemoryFormat> {
  c10::MemoryFormat value;
  bool load(PyObject* object) {
    for (int i = 0; i < 4; ++i) {
      value = static_cast<c10::MemoryFormat>(i);
      if (memory_format_object(value).get() == object) return true;
    }
    return false;
  }
  static Object make(c10::MemoryFormat value) { return memory_format_object(value); }
  RUSHLIGHT_NAME("torch.memory_format")
};
template <>
struct Caster<c10::Layout> {
  c10::Layout value = c10::kStrided;
  bool load(PyObject* object) { return make(c10::kStrided).get() == object; }
  static Object make(c10::Layout value) { return Arg(value).object(); }
  RUSHLIGHT_NAME("torch.layout")
};

// --- absent values, lists, tuples, mappings ---

template <class T>
struct Caster<std::optional<T>> {
  std::optional<T> value;
  bool load(PyObject* object) {
    value.reset();
    if (object == Py_None) return true;
    if (!inner_.load(object)) return false;
    value = inner_.value;
    return true;
  }
  static Object make(const std::optional<T>& value) {
    return value.has_value() ? make_object(*value) : Object::borrow(Py_None);
  }
  static Object name(bool is_result) { return format("%U | None", Caster<T>::name(is_result)); }

 private:
  Caster<T> inner_;
};
template <>
struct Caster<std::nullopt_t> {
  static Object make(std::nullopt_t) { return Object::borrow(Py_None); }
};

template <class Items>
Object list_of(const Items& items) {
  Object list = checked(PyList_New(static_cast<Py_ssize_t>(items.size())));
  Py_ssize_t i = 0;
  for (const auto& item : items) PyList_SET_ITEM(list.get(), i++, make_object(item).release());
  return list;
}

// Gives each item of a sequence to `take`, until that returns false.
template <class Take>
bool load_items(PyObject* object, Take take) {
  if (!PySequence_Check(object) || PyUnicode_Check(object) || PyBytes_Check(object)) return false;
  const Object items = Object::steal(PySequence_Fast(object, ""));
  if (!items) PyErr_Clear();
  if (!items) return false;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.get()); ++i) {
    if (!take(PySequence_Fast_GET_ITEM(items.get(), i))) return false;
  }
  return true;
}

template <class T>
struct Caster<std::vector<T>> {
  std::vector<T> value;
  bool load(PyObject* object) {
    value.clear();
    return load_items(object, [this](PyObject* item) {
      Caster<T> element;
      if (!element.load(item)) return false;
      value.push_back(static_cast<T&&>(element.value));
      return true;
    });
  }
  static Object make(const std::vector<T>& value) { return list_of(value); }
  static Object name(bool is_result) {
    return format(is_result ? "list[%U]" : "collections.abc.Sequence[%U]", Caster<T>::name(is_result));
  }
};

template <class T>
struct Caster<c10::ArrayRef<T>> {
  c10::ArrayRef<T> value;
  bool load(PyObject* object) {
    if (!list_.load(object)) return false;
    value = list_.value;
    return true;
  }
  static Object make(c10::ArrayRef<T> value) { return list_of(value); }
  static Object name(bool is_result) {
    if (std::is_same_v<T, int64_t>) return Arg("Tuple[int, ...]").object();
    return Caster<std::vector<T>>::name(is_result);
  }

 private:
  Caster<std::vector<T>> list_;
};
template <class T>
struct Caster<c10::OptionalArrayRef<T>> {
  c10::OptionalArrayRef<T> value;
  bool load(PyObject* object) {
    if (object == Py_None) return true;
    if (!list_.load(object)) return false;
    value = list_.value;
    return true;
  }
  static Object name(bool is_result) {
    return format("%U | None", Caster<c10::ArrayRef<T>>::name(is_result));
  }

 private:
  Caster<std::vector<T>> list_;
};

template <class T, size_t N>
struct Caster<std::array<T, N>> {
  std::array<T, N> value;
  bool load(PyObject* object) {
    Caster<std::vector<T>> list;
    if (!list.load(object) || list.value.size() != N) return false;
    for (size_t i = 0; i < N; ++i) value[i] = list.value[i];
    return true;
  }
  static Object make(const std::array<T, N>& value) { return list_of(value); }
  static Object name(bool is_result) { return Caster<std::vector<T>>::name(is_result); }
};

// Tuples and pairs.
template <class Tuple, class... T>
struct TupleCaster {
  Tuple value;
  bool load(PyObject* object) {
    return PySequence_Check(object) && PySequence_Size(object) == sizeof...(T) &&
           load_all(object, std::index_sequence_for<T...>());
  }
  static Object make(const Tuple& value) { return make_all(value, std::index_sequence_for<T...>()); }
  static Object name(bool is_result) {
    Object names;
    ((names = names ? format("%U, %U", names, Caster<T>::name(is_result))
                    : Caster<T>::name(is_result)),
     ...);
    return names ? format("tuple[%U]", names) : Arg("tuple[()]").object();
  }

 private:
  template <size_t... I>
  bool load_all(PyObject* object, std::index_sequence<I...>) {
    return (load_one(object, I, std::get<I>(value)) && ...);
  }
  template <class Item>
  static bool load_one(PyObject* object, size_t i, Item& item) {
    const Object source = checked(PySequence_GetItem(object, static_cast<Py_ssize_t>(i)));
    Caster<Item> caster;
    if (!caster.load(source.get())) return false;
    item = caster.value;
    return true;
  }
  template <size_t... I>
  static Object make_all(const Tuple& value, std::index_sequence<I...>) {
    Object tuple = checked(PyTuple_New(sizeof...(T)));
    (PyTuple_SET_ITEM(tuple.get(), I, make_object(std::get<I>(value)).release()), ...);
    return tuple;
  }
};
template <class... T>
struct Caster<std::tuple<T...>> : TupleCaster<std::tuple<T...>, T...> {};
template <class A, class B>
struct Caster<std::pair<A, B>> : TupleCaster<std::pair<A, B>, A, B> {};

// std::map, std::unordered_map and their like.
template <class Map>
struct Caster<Map, std::void_t<typename Map::mapped_type>> {
  using Key = typename Map::key_type;
  using Item = typename Map::mapped_type;
  Map value;
  bool load(PyObject* object) {
    if (!PyDict_Check(object)) return false;
    PyObject *key, *item;
    for (Py_ssize_t place = 0; PyDict_Next(object, &place, &key, &item) != 0;) {
      Caster<Key> key_caster;
      Caster<Item> item_caster;
      if (!key_caster.load(key) || !item_caster.load(item)) return false;
      value.emplace(key_caster.value, item_caster.value);
    }
    return true;
  }
  static Object make(const Map& value) {
    Object dict = checked(PyDict_New());
    for (const auto& [key, item] : value) {
      checked(PyDict_SetItem(dict.get(), make_object(key).get(), make_object(item).get()));
    }
    return dict;
  }
  static Object name(bool is_result) {
    return format(is_result ? "dict[%U, %U]" : "collections.abc.Mapping[%U, %U]",
                  Caster<Key>::name(is_result), Caster<Item>::name(is_result));
  }
};

// std::set and its like; std::list, std::deque.
template <class Set>
struct Caster<Set, std::enable_if_t<std::is_same_v<typename Set::key_type, typename Set::value_type>>> {
  Set value;
  bool load(PyObject* object) {
    if (!PyAnySet_Check(object)) return false;
    const Object items = checked(PySequence_List(object));
    return load_items(items.get(), [this](PyObject* item) {
      Caster<typename Set::key_type> element;
      if (!element.load(item)) return false;
      value.insert(element.value);
      return true;
    });
  }
  static Object make(const Set& value) { return checked(PySet_New(list_of(value).get())); }
  static Object name(bool is_result) {
    return format(is_result ? "set[%U]" : "collections.abc.Set[%U]",
                  Caster<typename Set::key_type>::name(is_result));
  }
};
template <class List>
struct Caster<List, std::void_t<typename List::value_type,
                                decltype(std::declval<List&>().push_front(
                                    std::declval<typename List::value_type>()))>> {
  List value;
  bool load(PyObject* object) {
    return load_items(object, [this](PyObject* item) {
      Caster<typename List::value_type> element;
      if (!element.load(item)) return false;
      value.push_back(element.value);
      return true;
    });
  }
  static Object make(const List& value) { return list_of(value); }
  static Object name(bool is_result) {
    return Caster<std::vector<typename List::value_type>>::name(is_result);
  }
};

// --- Python's objects ---

inline bool has_type(const pybind11::handle*, PyObject*) { return true; }
inline bool has_type(const pybind11::list*, PyObject* object) { return PyList_Check(object); }
inline bool has_type(const pybind11::tuple*, PyObject* object) { return PyTuple_Check(object); }
inline bool has_type(const pybind11::dict*, PyObject* object) { return PyDict_Check(object); }
inline bool has_type(const pybind11::str*, PyObject* object) { return PyUnicode_Check(object); }
inline bool has_type(const pybind11::bytes*, PyObject* object) { return PyBytes_Check(object); }
inline bool has_type(const pybind11::int_*, PyObject* object) { return PyLong_Check(object); }
inline bool has_type(const pybind11::float_*, PyObject* object) { return PyFloat_Check(object); }
inline bool has_type(const pybind11::bool_*, PyObject* object) { return PyBool_Check(object); }
inline bool has_type(const pybind11::function*, PyObject* object) {
  return PyCallable_Check(object) != 0;
}

// Whether a class of Python objects has a caster of its own (pybind11/numpy.h).
template <class T>
inline constexpr bool has_own_caster = false;

template <class T>
struct Caster<T, std::enable_if_t<std::is_base_of_v<pybind11::handle, T> && !has_own_caster<T>>> {
  T value{Object::borrow(Py_None)};
  bool load(PyObject* object) {
    if (!has_type(static_cast<const T*>(nullptr), object)) return false;
    value = T(Object::borrow(object));
    return true;
  }
  static Object make(const T& value) {
    return Object::borrow(value ? value.ptr() : Py_None);
  }
  RUSHLIGHT_NAME("object")
};
template <>
struct Caster<pybind11::handle> {
  pybind11::handle value;
  bool load(PyObject* object) {
    value = object;
    return true;
  }
  static Object make(pybind11::handle value) { return Object::borrow(value.ptr()); }
  RUSHLIGHT_NAME("object")
};
template <>
struct Caster<Object> {
  static Object make(const Object& value) { return value; }
};

// --- the user's classes and enumerations (classes.h) ---

// A Python object that holds a C++ object.
struct Instance {
  PyObject_HEAD
  void* value;  // nullptr until __init__ has run
  PyObject* dict;
  void* owner;             // a smart pointer that owns the value
  void (*release)(void*);  // ends the owner; nullptr if the instance itself owns the value
};

// Gives an instance a value that a smart pointer owns.
template <class Owner>
void own(Instance* instance, Owner made) {
  auto* owner = new Owner(std::move(made));
  instance->value = const_cast<void*>(static_cast<const void*>(owner->get()));
  instance->owner = owner;
  instance->release = [](void* pointer) { delete static_cast<Owner*>(pointer); };
}

// The Python class of a C++ class or enumeration; nullptr if it has none.
template <class T>
inline PyTypeObject* class_of = nullptr;
template <class T>
inline PyObject* enum_class = nullptr;

template <class T>
T* held(PyObject* object) {
  if (class_of<T> == nullptr || !PyObject_TypeCheck(object, class_of<T>)) return nullptr;
  void* value = reinterpret_cast<Instance*>(object)->value;
  TORCH_CHECK_TYPE(value != nullptr, class_of<T>->tp_name,
                   ".__init__() must be called when overriding __init__");
  return static_cast<T*>(value);
}

RUSHLIGHT_COLD inline Object new_instance(PyTypeObject* type) {
  TORCH_CHECK_TYPE(type != nullptr, "Unregistered type: the class has no py::class_");
  return checked(type->tp_alloc(type, 0));
}

// Every class that has no caster of its own. Functions get a reference into the Python object.
template <class T, class Enable>
struct Caster {
  static_assert(std::is_class_v<T>, "no Python object becomes a value of this type");
  T* pointer = nullptr;
  bool load(PyObject* object) {
    pointer = held<T>(object);
    return pointer != nullptr;
  }
  static Object make(const T& value) {
    Object made = new_instance(class_of<T>);
    reinterpret_cast<Instance*>(made.get())->value = new T(value);
    return made;
  }
  RUSHLIGHT_NAME(class_of<T> != nullptr ? class_of<T>->tp_name : "(unregistered class)")
};
template <class T>
struct Caster<T*, std::enable_if_t<std::is_class_v<T>>> {
  T* value = nullptr;
  bool load(PyObject* object) {
    value = object == Py_None ? nullptr : held<std::remove_const_t<T>>(object);
    return object == Py_None || value != nullptr;
  }
  // A pointer that a function returns belongs to Python.
  static Object make(T* value) {
    if (value == nullptr) return Object::borrow(Py_None);
    Object made = new_instance(class_of<T>);
    reinterpret_cast<Instance*>(made.get())->value = value;
    return made;
  }
  static Object name(bool is_result) { return Caster<std::remove_const_t<T>>::name(is_result); }
};
// std::shared_ptr and std::unique_ptr of such classes. A shared pointer that a function gets keeps
// the Python object alive.
template <class Owner>
struct Caster<Owner, std::void_t<typename Owner::element_type, decltype(std::declval<Owner&>().reset())>> {
  using T = typename Owner::element_type;
  Owner value;
  bool load(PyObject* object) {
    T* pointer = object == Py_None ? nullptr : held<std::remove_const_t<T>>(object);
    if (pointer == nullptr) return object == Py_None;
    Py_INCREF(object);
    value = Owner(pointer, [object](T*) {
      Gil gil;
      Py_DECREF(object);
    });
    return true;
  }
  static Object make(const Owner& value) { return make(std::move(const_cast<Owner&>(value))); }
  static Object make(Owner&& value) {
    if (value == nullptr) return Object::borrow(Py_None);
    Object made = new_instance(class_of<std::remove_const_t<T>>);
    Owner taken = take(value, 0);
    own(reinterpret_cast<Instance*>(made.get()), std::move(taken));
    return made;
  }
  static Object name(bool is_result) { return Caster<std::remove_const_t<T>>::name(is_result); }

 private:
  template <class Shared, class = decltype(std::declval<Shared&>().use_count())>
  static Shared take(Shared& value, int) {
    return value;
  }
  template <class Unique>
  static Unique take(Unique& value, long) {
    return std::move(value);
  }
};
template <class T>
struct Caster<T, std::enable_if_t<std::is_enum_v<T>>> {
  T value;
  bool load(PyObject* object) {
    Caster<int64_t> number;
    if (!PyLong_Check(object) || !number.load(object)) return false;
    value = static_cast<T>(number.value);
    return true;
  }
  static Object make(T value) {
    const Object number = checked(PyLong_FromLongLong(static_cast<int64_t>(value)));
    return enum_class<T> == nullptr ? number
                                    : checked(PyObject_CallOneArg(enum_class<T>, number.get()));
  }
  RUSHLIGHT_NAME("int")
};

#undef RUSHLIGHT_NAME

template <class C>
constexpr auto has_pointer(int) -> decltype(std::declval<C&>().pointer, true) {
  return true;
}
template <class C>
constexpr bool has_pointer(long) {
  return false;
}

// What a caster has loaded, as an argument of type A.
template <class A, class C>
decltype(auto) pass(C& caster) {
  if constexpr (has_pointer<C>(0)) {
    using Reference = std::conditional_t<std::is_reference_v<A>, A, const A&>;
    return static_cast<Reference>(*caster.pointer);
  } else {
    return static_cast<A&&>(caster.value);
  }
}

}  // namespace rushlight

namespace pybind11 {

template <class T>
object cast(const T& value, return_value_policy = return_value_policy::automatic) {
  return object(::rushlight::make_object(value));
}
template <class T>
T cast(handle from) {
  ::rushlight::Caster<::rushlight::Bare<T>> caster;
  if (!from || !caster.load(from.ptr())) {
    throw cast_error(::rushlight::text_of(
        "Unable to cast Python instance of type ",
        from ? Py_TYPE(from.ptr())->tp_name : "(missing)", " to C++ type"));
  }
  return ::rushlight::pass<T>(caster);
}
template <class T>
T handle::cast() const {
  return pybind11::cast<T>(*this);
}
template <class T>
bool isinstance(handle object) {
  return ::rushlight::has_type(static_cast<const T*>(nullptr), object.ptr());
}

}  // namespace pybind11

namespace rushlight {
// An argument of a call, by position or, if it is an `arg_v`, by name.
template <class T>
void add_argument(const pybind11::list& positional, const pybind11::dict& named, const T& value) {
  if constexpr (std::is_same_v<T, pybind11::arg_v>) {
    checked(PyDict_SetItemString(named.ptr(), value.name, value.value.ptr()));
  } else {
    checked(PyList_Append(positional.ptr(), make_object(value).get()));
  }
}
}  // namespace rushlight

namespace pybind11 {

template <class... Values>
tuple make_tuple(Values&&... values) {
  return tuple(::rushlight::Caster<std::tuple<::rushlight::Bare<Values>...>>::make(
      std::make_tuple(values...)));
}
template <class... Values>
object handle::operator()(Values&&... values) const {
  if constexpr ((std::is_same_v<::rushlight::Bare<Values>, arg_v> || ...)) {
    const list positional;
    const dict named;
    (::rushlight::add_argument(positional, named, values), ...);
    return object(::rushlight::checked(PyObject_Call(ptr(), tuple(positional).ptr(), named.ptr())));
  } else {
    return object(::rushlight::checked(
        PyObject_CallObject(ptr(), pybind11::make_tuple(values...).ptr())));
  }
}
template <class... Values>
void print(Values&&... values) {
  handle(PyDict_GetItemString(PyEval_GetBuiltins(), "print"))(values...);
}

template <class T>
void attribute_accessor::operator=(const T& value) && {
  ::rushlight::checked(
      PyObject_SetAttrString(owner_.ptr(), name_, ::rushlight::make_object(value).get()));
}
template <class T>
void item_accessor::operator=(const T& value) && {
  ::rushlight::checked(
      PyObject_SetItem(owner_.ptr(), key_.ptr(), ::rushlight::make_object(value).get()));
}
template <class T>
void list::append(const T& value) const {
  ::rushlight::checked(PyList_Append(ptr(), ::rushlight::make_object(value).get()));
}

}  // namespace pybind11
