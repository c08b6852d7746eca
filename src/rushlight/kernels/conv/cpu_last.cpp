// Channels-last convolution: which algorithm serves which shape.
//
// 1x1 windows are plain products of (N H W, C) with (C, O); 3x3 windows with many channels go through
// Winograd's transforms, whose lanes are channels here and need no shuffles; single-channel groups have
// loops of their own; all else multiplies patches. Only where lanes would stay empty the images are
// reordered for the kernels of planes: groups of less than 16 channels (4 groups of 8 at 16x16: forward
// 0.44 ms instead of 0.85), and the input gradient of the first layer of a network, which has 3 channels
// (to 64 at 32x32, 3x3: 4.4 ms instead of 11).
#include "conv/depthwise.h"
#include "conv/last.h"
#include "conv/pointwise.h"
#include "conv/reorder.h"
#include "conv/winograd.h"
#include "gemm/gemm.h"
#include "norm/columns.h"

namespace rl::RL_LEVEL {
#include "conv/cpu.h"

namespace {

// Sizes from x (N, H, W, C), w (O, KH, KW, C/G), y (N, OH, OW, O).
bool last_shape(const View& x, const View& w, const View& y, const int64_t (&o)[7], ConvShape& s) {
  if (!x.dense_f32() || !w.dense_f32() || !y.dense_f32() || x.ndim != 4) return false;
  const int64_t in[] = {x.dim(0), x.dim(3), x.dim(1), x.dim(2)};
  const int64_t window[] = {w.dim(0), w.dim(3), w.dim(1), w.dim(2)};
  const int64_t out[] = {y.dim(0), y.dim(3), y.dim(1), y.dim(2)};
  return conv_shape(in, window, out, o, s);
}

bool is_product(const ConvShape& s) {
  return s.h.kernel == 1 && s.w.kernel == 1 && s.h.stride == 1 && s.w.stride == 1 &&
         s.h.padding == 0 && s.w.padding == 0 && s.groups == 1;
}

Axis turned(const Axis& a) {
  return {a.out, a.kernel, 1, (a.kernel - 1) * a.dilation - a.padding, a.dilation, a.size};
}

// The convolution of g with turned windows that is the input gradient, for stride 1.
ConvShape turned(const ConvShape& s) {
  return {s.n, s.o, s.c, s.groups, turned(s.h), turned(s.w)};
}

// Whether a product with so few columns leaves most lanes empty.
bool is_narrow(int64_t columns) { return columns <= 4; }

bool has_small_groups(const ConvShape& s) {
  return s.groups > 1 && !is_depthwise(s) && std::min(s.c, s.o) < 16 * s.groups;
}

// Room for an array (N, H, W, C) as (N, C, H, W), for the kernels of planes.
class Planes {
 public:
  explicit Planes(const View& last)
      : last_(last), shape_{last.dim(0), last.dim(3), last.dim(1), last.dim(2)},
        memory_(static_cast<size_t>(last.size) * 4) {}

  const View& read() {
    transpose_images(last_.f32(), shape_[0], shape_[2] * shape_[3], shape_[1], memory_.f32());
    return room();
  }
  const View& room() {
    view_ = last_;
    view_.data = memory_.f32();
    view_.shape = shape_;
    return view_;
  }
  void write() const {
    transpose_images(memory_.f32(), shape_[0], shape_[1], shape_[2] * shape_[3], last_.f32());
  }

 private:
  View last_, view_;
  int64_t shape_[4];
  Scratch memory_;
};

}  // namespace

bool conv_last_forward(const View& x, const View& w, const View& b, const View& y, int64_t sh,
                       int64_t sw, int64_t ph, int64_t pw, int64_t dh, int64_t dw, int64_t groups,
                       bool relu) {
  ConvShape s;
  if (!last_shape(x, w, y, {sh, sw, ph, pw, dh, dw, groups}, s) || (b && !b.dense_f32())) return false;
  if (has_small_groups(s)) {
    Planes in(x), window(w), out(y);
    conv_forward(in.read(), window.read(), b, out.room(), sh, sw, ph, pw, dh, dw, groups, relu);
    out.write();
  } else if (is_depthwise(s)) {
    last_depthwise_forward(s, x.f32(), w.f32(), b.f32(), y.f32(), relu);
  } else if (is_product(s)) {
    Product p{s.n * s.out_plane(), s.o, s.c, {x.f32(), s.c, 1}, {w.f32(), 1, s.c}, y.f32(), s.o};
    p.epilogue.column_bias = b.f32();
    p.epilogue.activation = relu ? Activation::relu : Activation::none;
    multiply(p);
  } else if (winograd_worth(s)) {
    last_winograd(s, x.f32(), w.f32(), false, b.f32(), y.f32(), relu);
  } else {
    last_patches_forward(s, x.f32(), w.f32(), b.f32(), y.f32(), relu);
  }
  return true;
}

bool conv_last_backward_input(const View& g, const View& w, const View& gx, int64_t sh, int64_t sw,
                              int64_t ph, int64_t pw, int64_t dh, int64_t dw, int64_t groups) {
  ConvShape s;
  if (!last_shape(gx, w, g, {sh, sw, ph, pw, dh, dw, groups}, s)) return false;
  if (has_small_groups(s) || is_narrow(s.c)) {
    Planes up(g), window(w), out(gx);
    conv_backward_input(up.read(), window.read(), out.room(), sh, sw, ph, pw, dh, dw, groups);
    out.write();
  } else if (is_depthwise(s)) {
    last_depthwise_input(s, g.f32(), w.f32(), gx.f32());
  } else if (is_product(s)) {
    multiply({s.n * s.in_plane(), s.c, s.o, {g.f32(), s.o, 1}, {w.f32(), s.c, 1}, gx.f32(), s.c});
  } else if (s.h.stride == 1 && s.w.stride == 1 && winograd_worth(turned(s))) {
    last_winograd(turned(s), g.f32(), w.f32(), true, nullptr, gx.f32(), false);
  } else {
    last_patches_input(s, g.f32(), w.f32(), gx.f32());
  }
  return true;
}

bool conv_last_backward_weight(const View& g, const View& x, const View& gw, int64_t sh, int64_t sw,
                               int64_t ph, int64_t pw, int64_t dh, int64_t dw, int64_t groups) {
  ConvShape s;
  if (!last_shape(x, gw, g, {sh, sw, ph, pw, dh, dw, groups}, s)) return false;
  if (has_small_groups(s)) {
    Planes up(g), in(x), out(gw);
    conv_backward_weight(up.read(), in.read(), out.room(), sh, sw, ph, pw, dh, dw, groups);
    out.write();
  } else if (is_depthwise(s)) last_depthwise_weight(s, g.f32(), x.f32(), gw.f32());
  else if (winograd_worth(s)) last_winograd_weight(s, g.f32(), x.f32(), gw.f32());
  else last_patches_weight(s, g.f32(), x.f32(), gw.f32());
  return true;
}

bool conv_last_backward_bias(const View& g, const View& gb) {
  if (!g.dense_f32() || g.size == 0) return false;
  const int64_t channels = g.dim(-1);
  const Scratch sums(static_cast<size_t>(channels) * 8);
  const float* from = g.f32();
  column_sums<1>(g.size / channels, channels, sums.as<double>(),
                 [=](int64_t row, int64_t c, int64_t n, vf(&v)[1]) {
    v[0] = load_first(from + row * channels + c, n);
  });
  for (int64_t c = 0; c < channels; ++c) gb.f32()[c] = static_cast<float>(sums.as<double>()[c]);
  return true;
}

}  // namespace rl::RL_LEVEL
