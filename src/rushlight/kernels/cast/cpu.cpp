// Conversion between float32 and the half types: six bytes of traffic for each element, so memory is
// all that counts. NumPy's conversion calls a function for each bfloat16.
#include "_native/half.h"
#include "_native/kernel.h"

namespace rl::RL_LEVEL {
#include "cast/cpu.h"

namespace {

constexpr int64_t kGrain = 32768;  // elements: about 10 us in the cache

// The axes of an array from the outermost in y's memory to the innermost, in elements; neighbours that
// both arrays pass through without a jump are one axis.
struct Axes {
  int64_t size[32], x[32], y[32];
  int count = 0;

  Axes(const View& from, const View& to) {
    for (int i = 0; i < to.ndim; ++i) {
      if (to.shape[i] == 1) continue;
      int at = count++;
      for (; at > 0 && y[at - 1] < to.stride(i); --at) move(at - 1, at);
      size[at] = to.shape[i];
      x[at] = from.stride(i);
      y[at] = to.stride(i);
    }
    int last = 0;
    for (int i = 1; i < count; ++i) {
      if (x[last] == x[i] * size[i] && y[last] == y[i] * size[i]) {
        size[last] *= size[i];
        x[last] = x[i];
        y[last] = y[i];
      } else {
        move(i, ++last);
      }
    }
    count = count == 0 ? 0 : last + 1;
  }

  void move(int from, int to) {
    size[to] = size[from];
    x[to] = x[from];
    y[to] = y[from];
  }
};

template <class X, class Y>
void convert_row(const X* x, Y* y, int64_t n) {
  int64_t i = 0;
  for (; i + 2 * W <= n; i += 2 * W) store_two(y + i, load(x + i), load(x + i + W));
  for (; i < n; i += W) store_first(y + i, load_first(x + i, n - i), n - i);
}

template <class X, class Y>
void convert_strided(const X* x, int64_t x_step, Y* y, int64_t y_step, int64_t n) {
  for (int64_t i = 0; i < n; ++i)
    store_first(y + i * y_step, splat(value_of(x[i * x_step])), 1);
}

template <class X, class Y>
void convert_all(const X* x, Y* y, const Axes& axes) {
  const int inner = axes.count - 1;
  const int64_t n = inner < 0 ? 1 : axes.size[inner];
  const int64_t x_step = inner < 0 ? 1 : axes.x[inner], y_step = inner < 0 ? 1 : axes.y[inner];
  if (inner <= 0 && x_step == 1 && y_step == 1) {
    parallel_for(ceil_div(n, 64), kGrain / 64, [&](int64_t begin, int64_t end) {
      convert_row(x + begin * 64, y + begin * 64, std::min(end * 64, n) - begin * 64);
    });
    return;
  }
  int64_t rows = 1;
  for (int i = 0; i < inner; ++i) rows *= axes.size[i];
  parallel_for(rows, kGrain / n + 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      int64_t from = 0, to = 0, rest = row;
      for (int i = inner - 1; i >= 0; --i) {
        const int64_t index = rest % axes.size[i];
        rest /= axes.size[i];
        from += index * axes.x[i];
        to += index * axes.y[i];
      }
      if (x_step == 1 && y_step == 1) convert_row(x + from, y + to, n);
      else convert_strided(x + from, x_step, y + to, y_step, n);
    }
  });
}

}  // namespace

bool convert(const View& x, const View& y) {
  if (x.ndim > 32) return false;
  if (y.size == 0) return true;
  const Axes axes(x, y);
  if (x.is(DType::float32)) {
    return with_float_type(y.dtype, [&](auto* type) {
      convert_all(x.f32(), static_cast<decltype(type)>(y.data), axes);
    });
  }
  return with_float_type(x.dtype, [&](auto* type) {
    convert_all(static_cast<decltype(type)>(x.data), y.f32(), axes);
  });
}

}  // namespace rl::RL_LEVEL
