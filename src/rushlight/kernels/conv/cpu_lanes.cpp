// Depthwise convolution of small planes, or with a stride: W planes at a time, one in each lane.
//
// W planes (of channels that follow each other, then of the next image) are turned into one image of
// vectors, with its padding; every tap of every pixel is then one vector, wherever it lies. Lanes
// never wait for the end of a row, and a stride costs nothing; turning costs some two instructions for
// each vector of pixels. Letters: conv/geometry.h.
// Roofline: x and y (g and gx) once through memory; one load (input gradient: load and store) for
// each multiply-add from L1 or L2.
#include "conv/depthwise.h"

namespace rl::RL_LEVEL {
namespace {

constexpr int kPixels = 4;  // output pixels of a row worked on together
constexpr int kMostTaps = 9;  // of the weight gradient at a time, each with a sum in a register

// The padded image of vectors.
struct VectorImage {
  int64_t rows, row, taps;

  explicit VectorImage(const ConvShape& s)
      : rows(std::max(s.h.size + s.h.padding, s.h.reach())),
        row(std::max(s.w.size + s.w.padding, s.w.reach())), taps(s.h.kernel * s.w.kernel) {}

  int64_t floats() const { return rows * row * W; }
  int64_t start(const ConvShape& s, int64_t r) const { return r * s.h.stride * row * W; }

  void find_taps(const ConvShape& s, int32_t* offset) const {
    for (int64_t t = 0; t < taps; ++t) {
      const int64_t r = t / s.w.kernel * s.h.dilation, c = t % s.w.kernel * s.w.dilation;
      offset[t] = static_cast<int32_t>((r * row + c) * W);
    }
  }

  // Where the input's pixels lie in the image.
  void find_pixels(const ConvShape& s, int32_t* place) const {
    for (int64_t r = 0; r < s.h.size; ++r)
      for (int64_t c = 0; c < s.w.size; ++c)
        *place++ = static_cast<int32_t>(((r + s.h.padding) * row + c + s.w.padding) * W);
  }
};

// What is the same for all blocks of planes of one call.
struct Lanes {
  const ConvShape& s;
  VectorImage image;
  Scratch tables;
  int32_t *offset, *place;

  explicit Lanes(const ConvShape& shape)
      : s(shape), image(shape), tables(static_cast<size_t>(image.taps + shape.in_plane()) * 4),
        offset(tables.as<int32_t>()), place(offset + image.taps) {
    image.find_taps(s, offset);
    image.find_pixels(s, place);
  }

  int64_t planes() const { return s.n * s.c; }
  int64_t blocks() const { return (planes() + W - 1) / W; }
  // The last block begins early enough to end with the last plane: some planes come twice.
  int64_t first_plane(int64_t block) const { return std::min(block * W, planes() - W); }

  // Each lane's weights, tap by tap, and its bias.
  void turn_weights(int64_t plane, const float* w, float* to) const {
    for (int i = 0; i < W; ++i) {
      const float* from = w + (plane + i) % s.c * image.taps;
      for (int64_t t = 0; t < image.taps; ++t) to[t * W + i] = from[t];
    }
  }
  vf bias(int64_t plane, const float* b) const {
    float to[W] = {};
    for (int i = 0; i < W && b; ++i) to[i] = b[(plane + i) % s.c];
    return load(to);
  }
  int64_t grain() const { return 1 + 20000 / (s.in_plane() + image.taps * s.out_plane()); }
};

// Calls f(p, x) for vectors of the same pixels of W planes, x[i] for pixel p + i.
template <class F>
RL_INLINE void turn_planes(const float* planes, int64_t pixels, F&& f) {
  for (int64_t p = 0; p < pixels; p += W) {
    const int64_t from = std::min(p, pixels - W);
    vf x[W];
    load_transposed(planes + from, pixels, x);
    f(from, x);
  }
}

void into_image(const Lanes& l, const float* x, float* image) {
  turn_planes(x, l.s.in_plane(), [&](int64_t p, const vf(&pixel)[W]) {
#pragma GCC unroll 16
    for (int i = 0; i < W; ++i) store(image + l.place[p + i], pixel[i]);
  });
}

void into_vectors(const float* planes, int64_t pixels, float* vectors) {
  turn_planes(planes, pixels, [&](int64_t p, const vf(&pixel)[W]) {
#pragma GCC unroll 16
    for (int i = 0; i < W; ++i) store(vectors + (p + i) * W, pixel[i]);
  });
}

// The reverse: vectors of pixels, where `at(p)` says, into W planes.
template <class At>
RL_INLINE void into_planes(int64_t pixels, float* planes, At&& at) {
  float square[W * W];
  for (int64_t p = 0; p < pixels; p += W) {
    const int64_t from = std::min(p, pixels - W);
#pragma GCC unroll 16
    for (int i = 0; i < W; ++i) store(square + i * W, load(at(from + i)));
    vf x[W];
    load_transposed(square, W, x);
#pragma GCC unroll 16
    for (int i = 0; i < W; ++i) store(planes + i * pixels + from, x[i]);
  }
}

// f<P>(vector of the first output pixel, offset of its window) for P pixels of a row at a time.
template <class F>
RL_INLINE void for_pixels(const Lanes& l, F&& f) {
  const ConvShape& s = l.s;
  for (int64_t r = 0; r < s.h.out; ++r) {
    const int64_t start = l.image.start(s, r);
    int64_t c = 0;
    for (; c + kPixels <= s.w.out; c += kPixels)
      f.template operator()<kPixels>(r * s.w.out + c, start + c * s.w.stride * W);
    for (; c < s.w.out; ++c) f.template operator()<1>(r * s.w.out + c, start + c * s.w.stride * W);
  }
}

}  // namespace

bool in_lanes(const ConvShape& s) {
  if (s.n * s.c < W || s.in_plane() < W || s.out_plane() < W) return false;
  return s.w.stride > 1 ? s.in_plane() <= 16384 : s.w.out < 6 * W && s.in_plane() <= 4096;
}

void lanes_forward(const ConvShape& s, const float* x, const float* w, const float* b, float* y,
                   bool relu) {
  const Lanes l(s);
  const int64_t taps = l.image.taps, step = s.w.stride * W;
  parallel_for(l.blocks(), l.grain(), [&](int64_t begin, int64_t end) {
    const int64_t floats = l.image.floats(), out = s.out_plane() * W;
    const Scratch memory(static_cast<size_t>(floats + out + taps * W) * 4);
    float *image = memory.f32(), *result = image + floats, *weight = result + out;
    std::memset(image, 0, static_cast<size_t>(floats) * 4);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t plane = l.first_plane(i);
      into_image(l, x + plane * s.in_plane(), image);
      l.turn_weights(plane, w, weight);
      const vf bias = l.bias(plane, b);
      for_pixels(l, [&]<int P>(int64_t pixel, int64_t at) {
        vf acc[P];
        for (int p = 0; p < P; ++p) acc[p] = bias;
        for (int64_t t = 0; t < taps; ++t) {
          const vf wv = load(weight + t * W);
          const float* from = image + at + l.offset[t];
#pragma GCC unroll 4
          for (int p = 0; p < P; ++p) acc[p] = fma(wv, load(from + p * step), acc[p]);
        }
        for (int p = 0; p < P; ++p)
          store(result + (pixel + p) * W, relu ? max(acc[p], vf{}) : acc[p]);
      });
      into_planes(s.out_plane(), y + plane * s.out_plane(),
                  [&](int64_t p) { return result + p * W; });
    }
  });
}

void lanes_backward_input(const ConvShape& s, const float* g, const float* w, float* gx) {
  const Lanes l(s);
  const int64_t taps = l.image.taps, step = s.w.stride * W;
  parallel_for(l.blocks(), l.grain(), [&](int64_t begin, int64_t end) {
    const int64_t floats = l.image.floats(), out = s.out_plane() * W;
    const Scratch memory(static_cast<size_t>(floats + out + taps * W) * 4);
    float *image = memory.f32(), *up = image + floats, *weight = up + out;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t plane = l.first_plane(i);
      std::memset(image, 0, static_cast<size_t>(floats) * 4);
      into_vectors(g + plane * s.out_plane(), s.out_plane(), up);
      l.turn_weights(plane, w, weight);
      for_pixels(l, [&]<int P>(int64_t pixel, int64_t at) {
        vf gv[P];
        for (int p = 0; p < P; ++p) gv[p] = load(up + (pixel + p) * W);
        for (int64_t t = 0; t < taps; ++t) {
          const vf wv = load(weight + t * W);
          float* to = image + at + l.offset[t];
#pragma GCC unroll 4
          for (int p = 0; p < P; ++p) store(to + p * step, fma(wv, gv[p], load(to + p * step)));
        }
      });
      into_planes(s.in_plane(), gx + plane * s.in_plane(),
                  [&](int64_t p) { return image + l.place[p]; });
    }
  });
}

namespace {

// Adds to sums[channel][tap], for T taps, what W planes give; the first `skip` have been there before.
template <int T>
void add_taps(const Lanes& l, const float* up, const float* image, const int32_t* offset,
              int64_t plane, int64_t skip, double* sums) {
  const int64_t step = l.s.w.stride * W;
  vf acc[T] = {};
  for (int64_t r = 0; r < l.s.h.out; ++r) {
    const float* at = image + l.image.start(l.s, r);
    for (int64_t c = 0; c < l.s.w.out; ++c, at += step, up += W) {
      const vf gv = load(up);
#pragma GCC unroll 16
      for (int t = 0; t < T; ++t) acc[t] = fma(gv, load(at + offset[t]), acc[t]);
    }
  }
  for (int64_t i = skip; i < W; ++i) {
    double* to = sums + (plane + i) % l.s.c * l.image.taps;
    for (int t = 0; t < T; ++t) to[t] += static_cast<double>(acc[t][i]);
  }
}

}  // namespace

void lanes_backward_weight(const ConvShape& s, const float* g, const float* x, float* gw) {
  const Lanes l(s);
  const int64_t taps = l.image.taps, blocks = l.blocks(), weights = s.c * taps;
  // Each chunk has planes of its own and sums of its own, which are added in order.
  const int64_t wanted = num_threads() == 1 ? 1 : std::min<int64_t>(4 * num_threads(), 1 + blocks / l.grain());
  const int64_t step = (blocks + wanted - 1) / wanted, chunks = (blocks + step - 1) / step;
  const Scratch sums(static_cast<size_t>(chunks * weights) * 8);
  std::memset(sums.as<double>(), 0, static_cast<size_t>(chunks * weights) * 8);
  parallel_chunks(chunks, [&](int64_t chunk) {
    const int64_t floats = l.image.floats();
    const Scratch memory(static_cast<size_t>(floats + s.out_plane() * W) * 4);
    float *image = memory.f32(), *up = image + floats;
    std::memset(image, 0, static_cast<size_t>(floats) * 4);
    double* to = sums.as<double>() + chunk * weights;
    for (int64_t i = chunk * step; i < std::min(blocks, (chunk + 1) * step); ++i) {
      const int64_t plane = l.first_plane(i), skip = i * W - plane;
      into_vectors(g + plane * s.out_plane(), s.out_plane(), up);
      into_image(l, x + plane * s.in_plane(), image);
      int64_t t = 0;
      for (; t + kMostTaps <= taps; t += kMostTaps)
        add_taps<kMostTaps>(l, up, image, l.offset + t, plane, skip, to + t);
      for (; t < taps; ++t) add_taps<1>(l, up, image, l.offset + t, plane, skip, to + t);
    }
  });
  for (int64_t j = 0; j < weights; ++j) {
    double sum = 0.0;
    for (int64_t k = 0; k < chunks; ++k) sum += sums.as<double>()[k * weights + j];
    gw[j] = static_cast<float>(sum);
  }
}

}  // namespace rl::RL_LEVEL
