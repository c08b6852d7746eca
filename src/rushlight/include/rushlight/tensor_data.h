// TensorData: what at::Tensor points to. A Python Tensor, and what its array says, read once.
#pragma once

#include <rushlight/options.h>
#include <rushlight/python.h>

#include <cstdlib>

#ifdef RUSHLIGHT_CUDA_CHECK
// The emulator's debug mode lets kernels use tensors whose memory a source has asked for.
extern "C" __attribute__((weak, visibility("hidden"))) void rushlight_cuda_allow(const void* address,
                                                                                 size_t bytes);
#endif

namespace rushlight {

// NumPy's arrays and dtypes, as far as their layout is fixed by NumPy's binary interface. (Arrays
// of bfloat16 pass neither the buffer protocol nor DLPack.)
struct NumpyDtype {
  PyObject_HEAD
  PyTypeObject* element;
  char kind, letter, order, flags;
  int number;
};
struct NumpyArray {
  PyObject_HEAD
  char* data;
  int rank;
  Py_intptr_t* shape;
  Py_intptr_t* strides;  // in bytes
  PyObject* base;
  NumpyDtype* dtype;
};

inline c10::ScalarType scalar_type_of(const NumpyDtype* dtype) {
  using namespace c10;
  // In the order of NumPy's numbers; its `long` is 64 bits where torch's extensions run.
  constexpr ScalarType types[] = {
      kBool,   kChar,   kByte,  kShort,  kUInt16, kInt,  kUInt32,
      kLong,   kUInt64, kLong,  kUInt64, kFloat,  kDouble,
      ScalarType::Undefined, kComplexFloat, kComplexDouble};
  static_assert(sizeof(long) == 8 || sizeof(void*) == 4);
  if (dtype->number >= 0 && dtype->number < static_cast<int>(sizeof types)) {
    return types[dtype->number];
  }
  if (dtype->number == 23) return kHalf;
  return dtype->letter == 'E' ? kBFloat16 : ScalarType::Undefined;
}

struct TensorData {
  long references = 1;
  PyObject* object = nullptr;  // the Python Tensor
  PyObject* array = nullptr;   // its array, which keeps the memory alive
  void* memory = nullptr;
  int64_t* extents = room;  // sizes, then strides in elements
  int64_t rank = 0;
  int64_t count = 0;
  c10::ScalarType type = c10::ScalarType::Undefined;
  c10::Device device{c10::kCPU};
  int64_t room[10];

  // Takes over a reference to a Python Tensor. Needs the GIL, as all below but `retain` does.
  explicit TensorData(PyObject* tensor) : object(tensor) {}
  TensorData(const TensorData&) = delete;
  TensorData& operator=(const TensorData&) = delete;
  ~TensorData() {
    if (extents != room) std::free(extents);
    Py_XDECREF(array);
    Py_XDECREF(object);
  }

  void retain() { __atomic_add_fetch(&references, 1, __ATOMIC_RELAXED); }

  const int64_t* sizes() const { return extents; }
  const int64_t* strides() const { return extents + rank; }

  // The memory, for code that is going to use it.
  void* taken_memory() const {
#ifdef RUSHLIGHT_CUDA_CHECK
    int64_t last = 0;
    for (int64_t i = 0; i < rank; ++i) last += (sizes()[i] - 1) * strides()[i];
    if (count > 0 && rushlight_cuda_allow != nullptr)
      rushlight_cuda_allow(memory, static_cast<size_t>(last + 1) * c10::elementSize(type));
#endif
    return count > 0 ? memory : nullptr;
  }

  // Reads the array; again after the tensor has been changed in place.
  void read();

 private:
  void read_numpy(const NumpyArray* numpy);
  void read_foreign();
  void set_rank(int64_t new_rank);
  void set_contiguous_strides();
};

// Without the GIL: it is taken for the last reference. After the interpreter's end nothing is freed.
inline void release(TensorData* data) {
  if (data == nullptr || __atomic_sub_fetch(&data->references, 1, __ATOMIC_ACQ_REL) > 0) return;
  if (!Py_IsInitialized()) return;
  Gil gil;
  delete data;
}

inline PyObject* tensor_type_cache = nullptr;
inline PyObject* ndarray_type_cache = nullptr;

inline PyTypeObject* cached_type(PyObject*& cache, const char* module, const char* name) {
  if (cache == nullptr) cache = attribute(import(module).get(), name).release();
  return reinterpret_cast<PyTypeObject*>(cache);
}
inline bool is_tensor(PyObject* object) {
  return PyObject_TypeCheck(object, cached_type(tensor_type_cache, "rushlight", "Tensor"));
}
inline bool is_numpy_array(PyObject* object) {
  return PyObject_TypeCheck(object, cached_type(ndarray_type_cache, "numpy", "ndarray"));
}

inline void TensorData::read() {
  static Name name{"array"};
  PyObject* fresh = checked(PyObject_GetAttr(object, name.get())).release();
  Py_XDECREF(array);
  array = fresh;
  if (is_numpy_array(array)) {
    read_numpy(reinterpret_cast<const NumpyArray*>(array));
  } else {
    read_foreign();
  }
}

inline void TensorData::set_rank(int64_t new_rank) {
  if (new_rank > rank && 2 * new_rank > 10) {
    if (extents != room) std::free(extents);
    extents = static_cast<int64_t*>(std::malloc(2 * new_rank * sizeof(int64_t)));
  }
  rank = new_rank;
}

// Of an array without elements, which NumPy gives strides of 0.
inline void TensorData::set_contiguous_strides() {
  int64_t stride = 1;
  for (int64_t i = rank - 1; i >= 0; --i) {
    extents[rank + i] = stride;
    if (extents[i] > 1) stride *= extents[i];
  }
}

inline void TensorData::read_numpy(const NumpyArray* numpy) {
  type = scalar_type_of(numpy->dtype);
  TORCH_CHECK(type != c10::ScalarType::Undefined, "extensions cannot read tensors of this dtype");
  memory = numpy->data;
  device = c10::Device(c10::kCPU);
  if (passes_for_cuda()) device = c10::Device(c10::kCUDA, 0);
  set_rank(numpy->rank);
  const int64_t size = static_cast<int64_t>(c10::elementSize(type));
  count = 1;
  for (int64_t i = 0; i < rank; ++i) {
    extents[i] = numpy->shape[i];
    extents[rank + i] = numpy->strides[i] / size;
    count *= extents[i];
  }
  if (count == 0) set_contiguous_strides();
}

// An array of a GPU.
RUSHLIGHT_COLD inline void TensorData::read_foreign() {
  const Object seen = checked(PyObject_CallMethod(runtime(), "read_array", "O", array));
  unsigned long long address;
  PyObject *dtype, *sizes, *strides;
  int index;
  checked(PyArg_ParseTuple(seen.get(), "KOiOO", &address, &dtype, &index, &sizes, &strides) - 1);
  type = scalar_type_of(reinterpret_cast<const NumpyDtype*>(dtype));
  memory = reinterpret_cast<void*>(address);
  device = c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
  set_rank(PyTuple_GET_SIZE(sizes));
  const int64_t size = static_cast<int64_t>(c10::elementSize(type));
  count = 1;
  for (int64_t i = 0; i < rank; ++i) {
    extents[i] = PyLong_AsLongLong(PyTuple_GET_ITEM(sizes, i));
    extents[rank + i] = PyLong_AsLongLong(PyTuple_GET_ITEM(strides, i)) / size;
    count *= extents[i];
  }
}

}  // namespace rushlight
