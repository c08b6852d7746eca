// at::TensorArg and the checks of arguments that name them: at::checkAllSameType("f", {x, y}).
#pragma once

#include <rushlight/torch.h>

namespace at {

using CheckedFrom = const char*;

// An argument: the tensor, its name, and which one it is.
struct TensorArg {
  TensorArg(const Tensor& tensor, const char* name, int pos) : tensor(tensor), name(name), pos(pos) {}
  const Tensor* operator->() const { return &tensor; }
  const Tensor& operator*() const { return tensor; }
  Tensor tensor;
  const char* name;
  int pos;
};
using TensorGeometryArg = TensorArg;

inline void append_text(std::string& out, const TensorArg& arg) {
  out += ::rushlight::text_of("argument #", arg.pos, " '", arg.name, "'");
}

#define RUSHLIGHT_ARG_CHECK(condition, ...) \
  TORCH_CHECK(condition, __VA_ARGS__, " (while checking arguments for ", c, ")")

inline void checkDim(CheckedFrom c, const TensorArg& t, int64_t dim) {
  RUSHLIGHT_ARG_CHECK(t->dim() == dim, "Expected ", dim, "-dimensional tensor, but got ", t->dim(),
                      "-dimensional tensor for ", t);
}
inline void checkDimRange(CheckedFrom c, const TensorArg& t, int64_t begin, int64_t end) {
  RUSHLIGHT_ARG_CHECK(t->dim() >= begin && t->dim() < end, "Expected ", begin, " to ", end - 1,
                      " dimensions, but got ", t->dim(), "-dimensional tensor for ", t);
}
inline void checkContiguous(CheckedFrom c, const TensorArg& t) {
  RUSHLIGHT_ARG_CHECK(t->is_contiguous(), "Expected contiguous tensor, but got non-contiguous tensor for ", t);
}
inline void checkSize(CheckedFrom c, const TensorArg& t, IntArrayRef sizes) {
  checkDim(c, t, static_cast<int64_t>(sizes.size()));
  RUSHLIGHT_ARG_CHECK(t->sizes() == sizes, "Expected tensor of size ", sizes,
                      ", but got tensor of size ", t->sizes(), " for ", t);
}
inline void checkSize(CheckedFrom c, const TensorArg& t, int64_t dim, int64_t size) {
  RUSHLIGHT_ARG_CHECK(t->size(dim) == size, "Expected tensor to have size ", size, " at dimension ",
                      dim, ", but got size ", t->size(dim), " for ", t);
}
inline void checkNumel(CheckedFrom c, const TensorArg& t, int64_t numel) {
  RUSHLIGHT_ARG_CHECK(t->numel() == numel, "Expected tensor for ", t, " to have ", numel,
                      " elements; but it actually has ", t->numel(), " elements");
}
inline void checkScalarType(CheckedFrom c, const TensorArg& t, ScalarType type) {
  RUSHLIGHT_ARG_CHECK(t->scalar_type() == type, "Expected tensor for ", t, " to have scalar type ",
                      type, "; but got ", t->toString(), " instead");
}
inline void checkScalarTypes(CheckedFrom c, const TensorArg& t, ArrayRef<ScalarType> types) {
  bool is_one = false;
  for (const ScalarType type : types) is_one = is_one || t->scalar_type() == type;
  RUSHLIGHT_ARG_CHECK(is_one, "Expected tensor for ", t, " to have one of the following scalar types: ",
                      types, "; but got ", t->toString(), " instead");
}
inline void checkDefined(CheckedFrom c, const TensorArg& t) {
  RUSHLIGHT_ARG_CHECK(t->defined(), "Expected tensor for ", t, " to be non-null, but it was undefined ");
}
inline void checkSameType(CheckedFrom c, const TensorArg& a, const TensorArg& b) {
  RUSHLIGHT_ARG_CHECK(a->type() == b->type(), "Expected tensor for ", a, " to have the same type as tensor for ",
                      b, "; but type ", a->toString(), " does not equal ", b->toString());
}
inline void checkSameSize(CheckedFrom c, const TensorArg& a, const TensorArg& b) {
  RUSHLIGHT_ARG_CHECK(a->sizes() == b->sizes(), "Expected tensor for ", a, " to have same size as tensor for ",
                      b, "; but ", a->sizes(), " does not equal ", b->sizes());
}
inline void checkSameDim(CheckedFrom c, const TensorArg& a, const TensorArg& b) {
  RUSHLIGHT_ARG_CHECK(a->dim() == b->dim(), "Expected tensor for ", a, " to have same dimension as tensor for ",
                      b, "; but ", a->dim(), " does not equal ", b->dim());
}
inline void checkSameNumel(CheckedFrom c, const TensorArg& a, const TensorArg& b) {
  RUSHLIGHT_ARG_CHECK(a->numel() == b->numel(), "Expected tensor for ", a,
                      " to have same number of elements as tensor for ", b, "; but ", a->numel(),
                      " does not equal ", b->numel());
}
inline void checkSameGPU(CheckedFrom c, const TensorArg& a, const TensorArg& b) {
  for (const TensorArg* t : {&a, &b}) {
    RUSHLIGHT_ARG_CHECK((*t)->is_cuda(), "Expected tensor for ", *t, " to be on GPU, but it is on CPU");
  }
  RUSHLIGHT_ARG_CHECK(a->get_device() == b->get_device(), "Expected tensor for ", a,
                      " to have the same device as tensor for ", b, "; but device ", a->get_device(),
                      " does not equal ", b->get_device());
}

// The first is compared with each of the others.
#define RUSHLIGHT_CHECK_ALL(name, check)                                    \
  inline void name(CheckedFrom c, ArrayRef<TensorArg> args) {               \
    for (size_t i = 1; i < args.size(); ++i) check(c, args[0], args[i]);    \
  }
RUSHLIGHT_CHECK_ALL(checkAllSameType, checkSameType)
RUSHLIGHT_CHECK_ALL(checkAllSameSize, checkSameSize)
RUSHLIGHT_CHECK_ALL(checkAllSameNumel, checkSameNumel)
RUSHLIGHT_CHECK_ALL(checkAllSameGPU, checkSameGPU)
#undef RUSHLIGHT_CHECK_ALL
#define RUSHLIGHT_CHECK_EACH(name, check)                       \
  inline void name(CheckedFrom c, ArrayRef<TensorArg> args) {   \
    for (const TensorArg& arg : args) check(c, arg);            \
  }
RUSHLIGHT_CHECK_EACH(checkAllContiguous, checkContiguous)
RUSHLIGHT_CHECK_EACH(checkAllDefined, checkDefined)
#undef RUSHLIGHT_CHECK_EACH
#undef RUSHLIGHT_ARG_CHECK

}  // namespace at
