// Views of arrays, and how they are had from Python objects: what `rushlight/module.h` needs.
#pragma once

#include <Python.h>
#include <stdint.h>
#include <string.h>

namespace rushlight {

namespace detail {

template <class T>
struct WithoutConst {
  using type = T;
  static constexpr bool is_const = false;
};
template <class T>
struct WithoutConst<const T> {
  using type = T;
  static constexpr bool is_const = true;
};

// An element type: f, i, u, b as in NumPy's `dtype.kind`; v is void, ? unknown.
template <class T>
struct Kind {
  static constexpr char letter = '?';
};
#define RUSHLIGHT_KIND(T, LETTER, NAME)         \
  template <>                                   \
  struct Kind<T> {                              \
    static constexpr char letter = LETTER;      \
    static constexpr const char* name = NAME;   \
  };
RUSHLIGHT_KIND(void, 'v', "None")
RUSHLIGHT_KIND(bool, 'b', "bool")
RUSHLIGHT_KIND(float, 'f', "float32")
RUSHLIGHT_KIND(double, 'f', "float64")
RUSHLIGHT_KIND(signed char, 'i', "int8")
RUSHLIGHT_KIND(short, 'i', "int16")
RUSHLIGHT_KIND(int, 'i', "int32")
RUSHLIGHT_KIND(long, 'i', sizeof(long) == 8 ? "int64" : "int32")
RUSHLIGHT_KIND(long long, 'i', "int64")
RUSHLIGHT_KIND(unsigned char, 'u', "uint8")
RUSHLIGHT_KIND(unsigned short, 'u', "uint16")
RUSHLIGHT_KIND(unsigned int, 'u', "uint32")
RUSHLIGHT_KIND(unsigned long, 'u', sizeof(long) == 8 ? "uint64" : "uint32")
RUSHLIGHT_KIND(unsigned long long, 'u', "uint64")
#undef RUSHLIGHT_KIND

}  // namespace detail

// An array of T with N dimensions (-1: any number), in somebody else's memory.
template <class T, int N = -1>
class View {
 public:
  View(T* data, int rank, const int64_t* shape, const int64_t* strides)
      : data_(data), rank_(rank), shape_(shape), strides_(strides), size_(1) {
    int64_t dense = 1;
    for (int d = rank; d-- > 0;) {
      is_contiguous_ = is_contiguous_ && (shape[d] == 1 || strides[d] == dense);
      dense *= shape[d];
    }
    size_ = dense;
    is_contiguous_ = is_contiguous_ || size_ == 0;
  }

  T* data() const { return data_; }
  int rank() const { return N < 0 ? rank_ : N; }
  int64_t size() const { return size_; }
  int64_t shape(int d) const { return shape_[d]; }
  // In elements, not in bytes.
  int64_t stride(int d) const { return strides_[d]; }
  // Whether elements lie side by side in memory, the last index the fastest.
  bool is_contiguous() const { return is_contiguous_; }

  // An element by its indices, one per dimension.
  template <class... Index>
  T& operator()(Index... index) const {
    static_assert(N < 0 || N == static_cast<int>(sizeof...(Index)), "one index per dimension");
    int64_t offset = 0;
    int d = 0;
    ((offset += static_cast<int64_t>(index) * strides_[d++]), ...);
    return data_[offset];
  }

  // The i-th element in the order of the indices, whatever the strides.
  T& operator[](int64_t i) const {
    if (is_contiguous_) return data_[i];
    int64_t offset = 0;
    for (int d = rank_; d-- > 0;) {
      offset += i % shape_[d] * strides_[d];
      i /= shape_[d];
    }
    return data_[offset];
  }

 private:
  T* data_;
  int rank_;
  const int64_t* shape_;
  const int64_t* strides_;
  int64_t size_;
  bool is_contiguous_ = true;
};

namespace detail {

// The structures of DLPack (unversioned), as its specification lays them out.
struct DLTensor {
  void* data;
  struct {
    int32_t type, id;
  } device;
  int32_t ndim;
  struct {
    uint8_t code, bits;
    uint16_t lanes;
  } dtype;
  int64_t* shape;
  int64_t* strides;
  uint64_t byte_offset;
};
struct DLManagedTensor {
  DLTensor tensor;
  void* manager;
  void (*deleter)(DLManagedTensor*);
};

// Returns rushlight.Tensor if rushlight is loaded: a borrowed reference, or null without an error.
inline PyObject* tensor_type() {
  static PyObject* type = nullptr;
  if (type == nullptr) {
    PyObject* name = PyUnicode_FromString("rushlight");
    PyObject* module = name == nullptr ? nullptr : PyImport_GetModule(name);
    if (module != nullptr) type = PyObject_GetAttrString(module, "Tensor");
    Py_XDECREF(module);
    Py_XDECREF(name);
    PyErr_Clear();
  }
  return type;
}

// The memory of a Python object, held for the time of a call.
class Memory {
 public:
  static constexpr int MAX_RANK = 32;

  Memory() = default;
  Memory(const Memory&) = delete;
  ~Memory() {
    if (has_buffer_) PyBuffer_Release(&buffer_);
    Py_XDECREF(capsule_);
  }

  void* data = nullptr;
  int rank = 0;
  int64_t shape[MAX_RANK];
  int64_t strides[MAX_RANK];

  // Takes hold of an object's memory; on failure a Python exception is set.
  bool open(PyObject* object, bool writable, const char* function, int argument) {
    function_ = function;
    argument_ = argument;
    PyObject* type = tensor_type();
    if (type != nullptr && PyObject_IsInstance(object, type) == 1) {
      return open_tensor(object, writable);
    }
    PyErr_Clear();
    return open_array(object, writable);
  }

  bool has_type(char letter, size_t size, const char* name) const {
    if (letter_ == letter && size_ == size) return true;
    const char* kind = letter_ == 'f'   ? "float"
                       : letter_ == 'i' ? "int"
                       : letter_ == 'u' ? "uint"
                       : letter_ == 'c' ? "complex"
                                        : nullptr;
    if (letter_ == 'b') return fail("must be an array of %s, not of bool", name);
    if (kind == nullptr) return fail("must be an array of %s, not of another type", name);
    return fail("must be an array of %s, not of %s%d", name, kind, static_cast<int>(size_ * 8));
  }

  bool has_rank(int expected) const {
    if (expected < 0 || expected == rank) return true;
    return fail("must have %d dimension(s), not %d", expected, rank);
  }

 private:
  bool open_tensor(PyObject* tensor, bool writable) {
    PyObject* array = PyObject_GetAttrString(tensor, "array");
    bool ok = array != nullptr && open_array(array, writable);
    Py_XDECREF(array);  // the buffer or the capsule holds it
    // Gradients that have saved the tensor must notice that it changes.
    return ok && (!writable || raise_version(tensor));
  }

  static bool raise_version(PyObject* tensor) {
    PyObject* graph = PyImport_ImportModule("rushlight.autograd.graph");
    PyObject* none = graph == nullptr
                         ? nullptr
                         : PyObject_CallMethod(graph, "increment_version", "O", tensor);
    Py_XDECREF(graph);
    Py_XDECREF(none);
    return none != nullptr;
  }

  bool open_array(PyObject* object, bool writable) {
    if (PyObject_CheckBuffer(object)) return open_buffer(object, writable);
    if (PyObject_HasAttrString(object, "__dlpack__")) return open_dlpack(object);
    return fail("must be an array, not %.200s", Py_TYPE(object)->tp_name);
  }

  bool open_buffer(PyObject* object, bool writable) {
    int flags = PyBUF_STRIDES | PyBUF_FORMAT;
    if (PyObject_GetBuffer(object, &buffer_, flags | (writable ? PyBUF_WRITABLE : 0)) != 0) {
      PyErr_Clear();
      bool readable = writable && PyObject_GetBuffer(object, &buffer_, flags) == 0;
      if (readable) PyBuffer_Release(&buffer_);
      PyErr_Clear();
      return readable ? fail("is written to, and this array is read-only")
                      : fail("has elements that C++ cannot read");
    }
    has_buffer_ = true;
    data = buffer_.buf;
    size_ = static_cast<size_t>(buffer_.itemsize);
    letter_ = letter_of(buffer_.format == nullptr ? "B" : buffer_.format);
    if (!take_rank(buffer_.ndim)) return false;
    for (int d = 0; d < rank; ++d) {
      shape[d] = buffer_.shape[d];
      if (!take_stride(d, buffer_.strides[d])) return false;
    }
    return true;
  }

  bool take_stride(int d, int64_t bytes) {
    int64_t size = static_cast<int64_t>(size_);
    strides[d] = bytes / size;
    return bytes % size == 0 || fail("has strides that are no multiple of its element's size");
  }

  bool take_rank(int given) {
    rank = given;
    return given <= MAX_RANK || fail("has %d dimensions, and 32 is the most", given);
  }

  static char letter_of(const char* format) {
    if (*format == '@' || *format == '=' || (*format == '<' && is_little_endian())) ++format;
    if (format[0] == 'Z') return 'c';
    if (format[0] == '\0' || format[1] != '\0') return '?';
    if (format[0] == '?') return 'b';
    if (strchr("efd", format[0]) != nullptr) return 'f';
    if (strchr("bhilqn", format[0]) != nullptr) return 'i';
    return strchr("BHILQNc", format[0]) != nullptr ? 'u' : '?';
  }

  static bool is_little_endian() {
    const uint16_t one = 1;
    return *reinterpret_cast<const unsigned char*>(&one) == 1;
  }

  bool open_dlpack(PyObject* object) {
    if (!is_host_memory(object)) return false;
    capsule_ = PyObject_CallMethod(object, "__dlpack__", nullptr);
    if (capsule_ == nullptr) return false;
    // The capsule stays as it is: when it goes, it hands the memory back by itself.
    auto* managed = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule_, "dltensor"));
    if (managed == nullptr) return false;
    const DLTensor& tensor = managed->tensor;
    data = static_cast<char*>(tensor.data) + tensor.byte_offset;
    size_ = tensor.dtype.bits / 8u;
    const char letters[] = "iuf??cb";
    letter_ = tensor.dtype.lanes == 1 && tensor.dtype.code < 7 ? letters[tensor.dtype.code] : '?';
    if (!take_rank(tensor.ndim)) return false;
    int64_t dense = 1;
    for (int d = rank; d-- > 0;) {
      shape[d] = tensor.shape[d];
      strides[d] = tensor.strides == nullptr ? dense : tensor.strides[d];
      dense *= shape[d];
    }
    return true;
  }

  // Asks before `__dlpack__` is called: a library might copy, or wait for, a device's memory.
  bool is_host_memory(PyObject* object) {
    PyObject* device = PyObject_CallMethod(object, "__dlpack_device__", nullptr);
    int type = 0, id = 0;
    bool ok = device != nullptr && PyArg_ParseTuple(device, "ii", &type, &id);
    Py_XDECREF(device);
    if (!ok) return false;
    const int cpu = 1, cuda_host = 3;
    return type == cpu || type == cuda_host ||
           fail("must be in the CPU's memory (its DLPack device is %d:%d)", type, id);
  }

  // Sets a TypeError; always returns false.
  template <class... Values>
  bool fail(const char* format, Values... values) const {
    PyObject* text = PyUnicode_FromFormat(format, values...);
    if (text != nullptr) {
      PyErr_Format(PyExc_TypeError, "%s(): argument %d %U", function_, argument_, text);
      Py_DECREF(text);
    }
    return false;
  }

  Py_buffer buffer_{};
  bool has_buffer_ = false;
  PyObject* capsule_ = nullptr;
  const char* function_ = "";
  int argument_ = 0;
  char letter_ = '?';
  size_t size_ = 0;
};

}  // namespace detail
}  // namespace rushlight
