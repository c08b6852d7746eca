// The operators as functions of at and torch.
#pragma once

#include <rushlight/tensor.h>

namespace rushlight {

// Calls a function that writes to `out`, which is then looked at again.
inline at::Tensor& call_into(at::Tensor& out, Name& name, std::initializer_list<Arg> args) {
  call_function<void>(name, args);
  return out.refresh();
}
// A number as the left operand where the operator has no mirror image.
inline at::Tensor as_tensor_like(const c10::Scalar& value, const at::Tensor& other) {
  static Name name{"full_like"};
  return call_function<at::Tensor>(name, {other, value});
}

}  // namespace rushlight

namespace at {

#define BOTH(T, name, params, args)                      \
  template <class Lazy = void>                           \
  T name RUSHLIGHT_WITH_SELF params {                    \
    RUSHLIGHT_LAZY(T, method, name, RUSHLIGHT_SELF args); \
  }
#define RUSHLIGHT_WITH_SELF(...) (const Tensor& self __VA_OPT__(, ) __VA_ARGS__)
#define RUSHLIGHT_SELF(...) self __VA_OPT__(, ) __VA_ARGS__
#define RUSHLIGHT_EACH(...) __VA_ARGS__
#define METHOD(T, name, params, args)
#define FUNCTION(T, name, params, args) FUNCTION_AS(T, name, name, params, args)
#define FUNCTION_AS(T, name, python, params, args)               \
  template <class Lazy = void>                                   \
  T name params {                                                \
    RUSHLIGHT_LAZY(T, function, python, RUSHLIGHT_EACH args);    \
  }
#define WRITES(name, params, args)                    \
  inline Tensor& name##_ RUSHLIGHT_WITH_SELF params { \
    static ::rushlight::Name name_{#name "_"};        \
    ::rushlight::call_method<void>(name_, {RUSHLIGHT_SELF args}); \
    return self.refresh();                            \
  }
#include <rushlight/operators.def>
#undef BOTH
#undef METHOD
#undef FUNCTION
#undef FUNCTION_AS
#undef WRITES

// `x + y`, `x + 2`, `2 + x`
#define RUSHLIGHT_OPERATOR(op, name, reversed)                                                \
  inline Tensor operator op(const Tensor& x, const Tensor& y) { return x.name(y); }           \
  inline Tensor operator op(const Tensor& x, const Scalar& y) { return x.name(y); }           \
  inline Tensor operator op(const Scalar& x, const Tensor& y) { return reversed; }
RUSHLIGHT_OPERATOR(+, add, y.add(x))
RUSHLIGHT_OPERATOR(-, sub, y.rsub(x))
RUSHLIGHT_OPERATOR(*, mul, y.mul(x))
RUSHLIGHT_OPERATOR(/, div, y.reciprocal().mul(x))
RUSHLIGHT_OPERATOR(%, remainder, ::rushlight::as_tensor_like(x, y).remainder(y))
RUSHLIGHT_OPERATOR(&, bitwise_and, y.bitwise_and(x))
RUSHLIGHT_OPERATOR(|, bitwise_or, y.bitwise_or(x))
RUSHLIGHT_OPERATOR(^, bitwise_xor, y.bitwise_xor(x))
RUSHLIGHT_OPERATOR(<<, bitwise_left_shift, ::rushlight::as_tensor_like(x, y).bitwise_left_shift(y))
RUSHLIGHT_OPERATOR(>>, bitwise_right_shift, ::rushlight::as_tensor_like(x, y).bitwise_right_shift(y))
RUSHLIGHT_OPERATOR(<, lt, y.gt(x))
RUSHLIGHT_OPERATOR(<=, le, y.ge(x))
RUSHLIGHT_OPERATOR(>, gt, y.lt(x))
RUSHLIGHT_OPERATOR(>=, ge, y.le(x))
RUSHLIGHT_OPERATOR(==, eq, y.eq(x))
RUSHLIGHT_OPERATOR(!=, ne, y.ne(x))
#undef RUSHLIGHT_OPERATOR

// `name_out(out, x)` and `name_out(out, x, y)`: into a tensor that exists.
#define RUSHLIGHT_UNARY_OUT(name)                                     \
  inline Tensor& name##_out(Tensor& out, const Tensor& self) {        \
    static ::rushlight::Name name_{#name};                            \
    return ::rushlight::call_into(out, name_, {self, by("out", out)}); \
  }
#define RUSHLIGHT_BINARY_OUT(name)                                                  \
  inline Tensor& name##_out(Tensor& out, const Tensor& self, const Tensor& other) { \
    static ::rushlight::Name name_{#name};                                          \
    return ::rushlight::call_into(out, name_, {self, other, by("out", out)});       \
  }
RUSHLIGHT_UNARY_OUT(abs) RUSHLIGHT_UNARY_OUT(neg) RUSHLIGHT_UNARY_OUT(exp) RUSHLIGHT_UNARY_OUT(log)
RUSHLIGHT_UNARY_OUT(sqrt) RUSHLIGHT_UNARY_OUT(tanh) RUSHLIGHT_UNARY_OUT(sigmoid)
RUSHLIGHT_BINARY_OUT(add) RUSHLIGHT_BINARY_OUT(sub) RUSHLIGHT_BINARY_OUT(mul)
RUSHLIGHT_BINARY_OUT(div) RUSHLIGHT_BINARY_OUT(pow) RUSHLIGHT_BINARY_OUT(maximum)
RUSHLIGHT_BINARY_OUT(minimum) RUSHLIGHT_BINARY_OUT(mm) RUSHLIGHT_BINARY_OUT(bmm)
RUSHLIGHT_BINARY_OUT(matmul) RUSHLIGHT_BINARY_OUT(mv)
#undef RUSHLIGHT_UNARY_OUT
#undef RUSHLIGHT_BINARY_OUT

}  // namespace at
