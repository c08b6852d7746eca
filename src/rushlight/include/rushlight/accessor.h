// Accessors: elements of a tensor by index, for loops on the CPU and kernels on the GPU.
#pragma once

#include <rushlight/array_ref.h>
#include <rushlight/macros.h>

namespace at {

template <class T>
struct DefaultPtrTraits {
  using PtrType = T*;
};
template <class T>
struct RestrictPtrTraits {
  using PtrType = T* C10_RESTRICT;
};

namespace detail {

template <class T, size_t N, template <class> class PtrTraits, class index_t>
class AccessorBase {
 public:
  using PtrType = typename PtrTraits<T>::PtrType;

  C10_HOST_DEVICE index_t stride(index_t i) const { return strides_[i]; }
  C10_HOST_DEVICE index_t size(index_t i) const { return sizes_[i]; }
  C10_HOST_DEVICE PtrType data() const { return data_; }

 protected:
  C10_HOST_DEVICE AccessorBase(PtrType data, const index_t* sizes, const index_t* strides)
      : data_(data), sizes_(sizes), strides_(strides) {}

  PtrType data_;
  const index_t* sizes_;
  const index_t* strides_;
};

}  // namespace detail

// Looks at sizes and strides that belong to the tensor, which has to live as long.
template <class T, size_t N, template <class> class PtrTraits = DefaultPtrTraits,
          class index_t = int64_t>
class TensorAccessor : public detail::AccessorBase<T, N, PtrTraits, index_t> {
  using Base = detail::AccessorBase<T, N, PtrTraits, index_t>;

 public:
  C10_HOST_DEVICE TensorAccessor(typename Base::PtrType data, const index_t* sizes,
                                 const index_t* strides)
      : Base(data, sizes, strides) {}
  c10::ArrayRef<index_t> sizes() const { return {this->sizes_, N}; }
  c10::ArrayRef<index_t> strides() const { return {this->strides_, N}; }

  C10_HOST_DEVICE decltype(auto) operator[](index_t i) const {
    if constexpr (N == 1) {
      return static_cast<T&>(this->data_[this->strides_[0] * i]);
    } else {
      return TensorAccessor<T, N - 1, PtrTraits, index_t>(
          this->data_ + this->strides_[0] * i, this->sizes_ + 1, this->strides_ + 1);
    }
  }
};

// Holds its own sizes and strides, so that it can be an argument of a kernel.
template <class T, size_t N, template <class> class PtrTraits = DefaultPtrTraits,
          class index_t = int64_t>
class GenericPackedTensorAccessor {
 public:
  using PtrType = typename PtrTraits<T>::PtrType;

  template <class source_t>
  GenericPackedTensorAccessor(PtrType data, const source_t* sizes, const source_t* strides)
      : data_(data) {
    for (size_t i = 0; i < N; ++i) {
      sizes_[i] = static_cast<index_t>(sizes[i]);
      strides_[i] = static_cast<index_t>(strides[i]);
    }
  }
  C10_HOST_DEVICE index_t stride(index_t i) const { return strides_[i]; }
  C10_HOST_DEVICE index_t size(index_t i) const { return sizes_[i]; }
  C10_HOST_DEVICE PtrType data() const { return data_; }
  C10_HOST_DEVICE decltype(auto) operator[](index_t i) const {
    return TensorAccessor<T, N, PtrTraits, index_t>(data_, sizes_, strides_)[i];
  }

 private:
  PtrType data_;
  index_t sizes_[N];
  index_t strides_[N];
};

template <class T, size_t N, template <class> class PtrTraits = DefaultPtrTraits,
          class index_t = int64_t>
using PackedTensorAccessor = GenericPackedTensorAccessor<T, N, PtrTraits, index_t>;
template <class T, size_t N, template <class> class PtrTraits = DefaultPtrTraits>
using PackedTensorAccessor32 = GenericPackedTensorAccessor<T, N, PtrTraits, int32_t>;
template <class T, size_t N, template <class> class PtrTraits = DefaultPtrTraits>
using PackedTensorAccessor64 = GenericPackedTensorAccessor<T, N, PtrTraits, int64_t>;

}  // namespace at
