// Calls of the library: every operator of the headers is one of them, so that dtypes, gradients and
// errors are the library's.
#pragma once

#include <rushlight/scalar.h>
#include <rushlight/tensor_data.h>

namespace at {
class Tensor;
}

namespace rushlight {

// --- Python objects of dtypes, devices and formats. Need the GIL. ---

inline PyObject* dtype_objects[static_cast<int>(c10::ScalarType::NumOptions)] = {};

// The dtype's object; the library keeps it alive.
inline PyObject* dtype_object(c10::ScalarType type) {
  PyObject*& cached = dtype_objects[static_cast<int>(type)];
  if (cached == nullptr) {
    const char* name = nullptr;
    switch (type) {
#define RUSHLIGHT_CASE(cpp, label, python, number) \
  case c10::ScalarType::label:                     \
    name = #python;                                \
    break;
      RUSHLIGHT_FOR_EACH_TYPE(RUSHLIGHT_CASE)
#undef RUSHLIGHT_CASE
      default:
        fail<c10::Error>("an undefined ScalarType has no dtype");
    }
    cached = attribute(library(), name).release();
  }
  return cached;
}

RUSHLIGHT_COLD inline Object device_object(const c10::Device& device) {
  const bool is_host = emulates_cuda && device.is_cuda();
  return checked(PyObject_CallMethod(library(), "device", "s", is_host ? "cpu" : device.str().c_str()));
}

inline Object memory_format_object(c10::MemoryFormat format) {
  constexpr const char* names[] = {"contiguous_format", "preserve_format", "channels_last",
                                   "channels_last_3d"};
  return attribute(library(), names[static_cast<int>(format)]);
}

RUSHLIGHT_COLD inline Object scalar_object(const c10::Scalar& value) {
  if (value.isBoolean()) return checked(PyBool_FromLong(value.toBool()));
  if (value.isIntegral()) return checked(PyLong_FromLongLong(value.toLong()));
  if (value.isFloatingPoint()) return checked(PyFloat_FromDouble(value.toDouble()));
  const auto z = value.toComplexDouble();
  return checked(PyComplex_FromDoubles(z.real(), z.imag()));
}

// --- arguments ---

// One argument of a call. Refers to what it was made of, for the length of the call.
class Arg {
 public:
  enum class Kind : uint8_t {
    none, tensor, integer, real, boolean, scalar, integers, reals, text, dtype, device, layout,
    memory_format, tensors, spread, options, object
  };

  Arg(std::nullopt_t) : kind(Kind::none) {}
  Arg(const at::Tensor& value) : kind(Kind::tensor), pointer(&value) {}
  Arg(int64_t value) : kind(Kind::integer), integer(value) {}
  Arg(int value) : kind(Kind::integer), integer(value) {}
  Arg(double value) : kind(Kind::real), real(value) {}
  Arg(bool value) : kind(Kind::boolean), integer(value) {}
  Arg(const c10::Scalar& value) : kind(Kind::scalar), pointer(&value) {}
  Arg(c10::IntArrayRef list) : kind(Kind::integers), pointer(list.data()), size(list.size()) {}
  Arg(c10::ArrayRef<double> list) : kind(Kind::reals), pointer(list.data()), size(list.size()) {}
  Arg(c10::ArrayRef<at::Tensor> list)
      : kind(Kind::tensors), pointer(list.data()), size(list.size()) {}
  Arg(std::string_view value) : kind(Kind::text), pointer(value.data()), size(value.size()) {}
  Arg(const char* value) : Arg(std::string_view(value)) {}
  Arg(c10::ScalarType value) : kind(Kind::dtype), integer(static_cast<int>(value)) {}
  Arg(const c10::Device& value) : kind(Kind::device), pointer(&value) {}
  Arg(c10::Layout value) : kind(Kind::layout), integer(static_cast<int>(value)) {}
  Arg(c10::MemoryFormat value) : kind(Kind::memory_format), integer(static_cast<int>(value)) {}
  Arg(const c10::TensorOptions& value) : kind(Kind::options), pointer(&value) {}
  Arg(caffe2::TypeMeta value) : Arg(value.toScalarType()) {}
  Arg(const Object& value) : kind(Kind::object), pointer(value.get()) {}
  template <class T>
  Arg(const std::optional<T>& value) : Arg(std::nullopt) {
    if (value.has_value()) *this = Arg(*value);
  }
  Arg(const c10::OptionalIntArrayRef& value) : Arg(std::nullopt) {
    if (value.has_value()) *this = Arg(*value);
  }

  Object object() const;

  Kind kind;
  const char* keyword = nullptr;  // nullptr: given by position
  union {
    const void* pointer;
    int64_t integer;
    double real;
  };
  size_t size = 0;
  bool is_integers = false;  // what is spread: integers, or tensors
};

// An argument given by name; left out if it is absent.
template <class T>
Arg by(const char* name, const T& value) {
  Arg arg(value);
  arg.keyword = name;
  return arg;
}

template <class T, class Convert>
Object tuple_of(const T* items, size_t count, Convert convert) {
  Object tuple = checked(PyTuple_New(static_cast<Py_ssize_t>(count)));
  for (size_t i = 0; i < count; ++i) {
    PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), convert(items[i]).release());
  }
  return tuple;
}

// All of the tensors by position.
inline Arg spread(c10::ArrayRef<at::Tensor> tensors) {
  Arg arg(tensors);
  arg.kind = Arg::Kind::spread;
  return arg;
}
inline Arg spread(c10::IntArrayRef list) {
  Arg arg(list);
  arg.kind = Arg::Kind::spread;
  arg.is_integers = true;
  return arg;
}
inline Arg none_if_empty(c10::IntArrayRef list) {
  return list.empty() ? Arg(std::nullopt) : Arg(list);
}
// The options; a format stands beside them where torch's function has a parameter for it.
inline c10::TensorOptions with_format(const c10::TensorOptions& options,
                                      std::optional<c10::MemoryFormat> format) {
  return format.has_value() ? options.memory_format(format) : options;
}

Object tensor_object(const at::Tensor& tensor);
Object tensor_tuple(const at::Tensor* tensors, size_t count);
void check_self(const at::Tensor& tensor);

inline Object Arg::object() const {
  switch (kind) {
    case Kind::tensor:
      return tensor_object(*static_cast<const at::Tensor*>(pointer));
    case Kind::integer:
      return checked(PyLong_FromLongLong(integer));
    case Kind::real:
      return checked(PyFloat_FromDouble(real));
    case Kind::boolean:
      return Object::borrow(integer != 0 ? Py_True : Py_False);
    case Kind::scalar:
      return scalar_object(*static_cast<const c10::Scalar*>(pointer));
    case Kind::spread:
      if (!is_integers) return tensor_tuple(static_cast<const at::Tensor*>(pointer), size);
      [[fallthrough]];
    case Kind::integers:
      return tuple_of(static_cast<const int64_t*>(pointer), size,
                      [](int64_t item) { return checked(PyLong_FromLongLong(item)); });
    case Kind::reals:
      return tuple_of(static_cast<const double*>(pointer), size,
                      [](double item) { return checked(PyFloat_FromDouble(item)); });
    case Kind::text:
      return checked(PyUnicode_FromStringAndSize(static_cast<const char*>(pointer),
                                                 static_cast<Py_ssize_t>(size)));
    case Kind::dtype:
      return Object::borrow(dtype_object(static_cast<c10::ScalarType>(integer)));
    case Kind::device:
      return device_object(*static_cast<const c10::Device*>(pointer));
    case Kind::layout:
      return attribute(library(), integer == 0 ? "strided" : "sparse_coo");
    case Kind::memory_format:
      return memory_format_object(static_cast<c10::MemoryFormat>(integer));
    case Kind::tensors:
      return tensor_tuple(static_cast<const at::Tensor*>(pointer), size);
    case Kind::object:
      return Object::borrow(static_cast<PyObject*>(const_cast<void*>(pointer)));
    default:
      return Object::borrow(Py_None);
  }
}

// A node of the graph, as `grad_fn` of a tensor: stands for torch's pointer to one.
class GraphNode {
 public:
  GraphNode() = default;
  explicit GraphNode(Object object) : object_(std::move(object)) {}
  GraphNode(const GraphNode& other) : GraphNode(other.object_.get()) {}
  GraphNode& operator=(const GraphNode&) = delete;
  ~GraphNode() {
    Gil gil;
    object_ = Object();
  }
  explicit operator bool() const { return object_ && object_.get() != Py_None; }
  bool operator==(std::nullptr_t) const { return !*this; }
  const GraphNode* operator->() const { return this; }
  std::string name() const;

 private:
  explicit GraphNode(PyObject* object) {
    Gil gil;
    object_ = Object::borrow(object);
  }
  Object object_;
};

// --- the call ---

// The arguments of one call as Python takes them: those by position first.
class Arguments {
 public:
  explicit Arguments(std::initializer_list<Arg> args) {
    for (const Arg& arg : args) {
      if (arg.kind == Arg::Kind::options) {
        add_options(*static_cast<const c10::TensorOptions*>(arg.pointer));
      } else if (arg.kind == Arg::Kind::spread) {
        add_all(arg.object());
      } else if (arg.keyword != nullptr) {
        add_keyword(arg.keyword, arg);
      } else {
        push(arg.object());
        ++positional_;
      }
    }
  }
  Arguments(const Arguments&) = delete;
  ~Arguments() {
    for (int i = 1; i <= count_; ++i) Py_DECREF(slots_[i]);
  }

  Object call(PyObject* function) const {
    const Object names = keyword_names();
    return checked(PyObject_Vectorcall(function, slots_ + 1,
                                       positional_ | PY_VECTORCALL_ARGUMENTS_OFFSET, names.get()));
  }
  Object call_method(PyObject* name) const {
    const Object names = keyword_names();
    return checked(PyObject_VectorcallMethod(
        name, slots_ + 1, positional_ | PY_VECTORCALL_ARGUMENTS_OFFSET, names.get()));
  }

 private:
  static constexpr int kMost = 24;

  void push(Object object) {
    TORCH_INTERNAL_ASSERT(count_ < kMost);
    slots_[1 + count_++] = object.release();
  }
  void add_keyword(const char* name, const Arg& arg) {
    if (arg.kind == Arg::Kind::none) return;
    push(arg.object());
    keywords_[count_ - 1] = name;
  }
  void add_all(const Object& tuple) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple.get()); ++i, ++positional_) {
      push(Object::borrow(PyTuple_GET_ITEM(tuple.get(), i)));
    }
  }
  void add_options(const c10::TensorOptions& options) {
    add_keyword("dtype", options.dtype_opt());
    add_keyword("device", options.device_opt());
    add_keyword("requires_grad", options.requires_grad_opt());
    add_keyword("memory_format", options.memory_format_opt());
  }
  Object keyword_names() const {
    if (count_ == static_cast<int>(positional_)) return Object();
    return tuple_of(keywords_ + positional_, static_cast<size_t>(count_) - positional_,
                    [](const char* name) { return checked(PyUnicode_InternFromString(name)); });
  }

  PyObject* slots_[1 + kMost];  // the first is Python's, for the length of the call
  const char* keywords_[kMost];
  int count_ = 0;
  size_t positional_ = 0;
};

// What a name means in the library, looked up once.
RUSHLIGHT_COLD inline PyObject* find_function(Name& name) {
  name.function =
      checked(PyObject_CallMethod(runtime(), "function", "O", name.get())).release();
  return name.function;
}

// The result of a call as a T, and an attribute of a tensor.
template <class T>
struct Result;
template <class T>
T get_attribute(const at::Tensor& tensor, Name& name);
void set_attribute(const at::Tensor& tensor, const char* name, const at::Tensor& value);
std::string printed(const at::Tensor& tensor);

template <class T>
T call_function(Name& name, std::initializer_list<Arg> args) {
  Gil gil;
  PyObject* function = name.function != nullptr ? name.function : find_function(name);
  return Result<T>::from(Arguments(args).call(function));
}

// Calls a function of `runtime()`.
template <class T>
T call_runtime(Name& name, std::initializer_list<Arg> args) {
  Gil gil;
  if (name.function == nullptr) name.function = attribute(runtime(), name.text).release();
  return Result<T>::from(Arguments(args).call(name.function));
}

// Calls the method of the first argument.
template <class T>
T call_method(Name& name, std::initializer_list<Arg> args) {
  Gil gil;
  check_self(*static_cast<const at::Tensor*>(args.begin()->pointer));
  return Result<T>::from(Arguments(args).call_method(name.get()));
}

// The same in a template: the compiler reads its arguments only where it is used. That saves a
// tenth of the compile time of a short source.
template <class T, class Lazy>
struct Caller {
  static T function(Name& name, std::initializer_list<Arg> args) {
    return call_function<T>(name, args);
  }
  static T method(Name& name, std::initializer_list<Arg> args) { return call_method<T>(name, args); }
};

}  // namespace rushlight

// Defines the name it calls, in a function that returns what was called.
#define RUSHLIGHT_CALL_FUNCTION(T, name, ...) \
  static ::rushlight::Name name_{#name};      \
  return ::rushlight::call_function<T>(name_, {__VA_ARGS__})
#define RUSHLIGHT_CALL_METHOD(T, name, ...) \
  static ::rushlight::Name name_{#name};    \
  return ::rushlight::call_method<T>(name_, {__VA_ARGS__})
#define RUSHLIGHT_LAZY(T, kind, name, ...) \
  static ::rushlight::Name name_{#name};   \
  return ::rushlight::Caller<T, Lazy>::kind(name_, {__VA_ARGS__})
