// The blocked matrix product, after Goto and van de Geijn, "Anatomy of High-Performance Matrix
// Multiplication" (2008): panels of B in L1, blocks of A in L2, both packed unless that costs more
// than it saves. Half operands are always packed, which widens them.
//
// Roofline: 2 M N K flops. A tile of the micro-kernel does two multiplications and additions of vectors
// in each cycle as long as B's panel stays in L1; A streams from L2 with 1 / kColumns of that traffic, C
// is touched once in kDepth inner elements.
#include "gemm/gemm.h"

#include "_native/kernel.h"
#include "activation/gelu.h"
#include "gemm/micro.h"
#include "gemm/pack.h"
#include "gemm/unpacked.h"

#if defined(RL_BF16_LEVEL)
#include "_native/level.h"
namespace rl::RL_BF16_LEVEL {
#include "gemm/cpu.h"
}
#endif

namespace rl::RL_LEVEL {
#include "gemm/cpu.h"

namespace {

constexpr int64_t kDepth = 320;             // rows of a B panel: with A's panel it fills half of L1
constexpr int64_t kBlockRows = 16 * kRows;  // rows of A per task: 96 to 128, a quarter of L2
constexpr int64_t kFewRows = 2 * kBlockRows;    // all of A's rows in one task still fit into L2
constexpr int64_t kMaxColumns = 64 * kColumns;  // packed B below 1 to 3 MB
constexpr int64_t kSumRows = 8 * kBlockRows;    // sums beside C below 3 to 12 MB
constexpr double kTaskFlops = 1.2e6;            // about 15 us: a task is never smaller

int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }

double flops_of(int64_t m, int64_t n, int64_t k) {
  return 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
}

RL_INLINE vf activate(vf y, Activation activation) {
  switch (activation) {
    case Activation::relu: return max(y, vf{});
    case Activation::gelu: return gelu_erf(y);
    case Activation::gelu_tanh: return gelu_tanh(y);
    default: return y;
  }
}

// Rows [row, row + rows) and columns [column, column + columns) of C.
struct Area {
  int64_t row, rows, column, columns;
};

// Writes an area of C: the epilogue of its sums, which begin at `sums`.
template <class T>
void finish(const ProductOf<T>& p, const Sums& sums, const Area& area) {
  const EpilogueOf<T>& e = p.epilogue;
  for (int64_t i = 0; i < area.rows; ++i) {
    const int64_t r = area.row + i, columns = area.columns;
    const float* from = sums.at(i, 0);
    T* c = p.c + r * p.c_stride + area.column;
    if (e.empty()) {  // half elements: all there is to do is to round
      for (int64_t j = 0; j < columns; j += W)
        store_first(c + j, load_first(from + j, columns - j), columns - j);
      continue;
    }
    const T* residual = e.residual ? e.residual + r * e.residual_stride + area.column : nullptr;
    const T* bias = e.column_bias ? e.column_bias + area.column : nullptr;
    const vf row_bias = splat(e.row_bias ? value_of(e.row_bias[r]) : 0.0f);
    for (int64_t j = 0; j < columns; j += W) {
      const int64_t n = columns - j;
      vf y = load_first(from + j, n) + row_bias;
      if (bias) y += load_first(bias + j, n);
      if (residual) y += load_first(residual + j, n);
      store_first(c + j, activate(y, e.activation), n);
    }
  }
}

// One piece of the inner dimension.
struct Pass {
  int64_t first, depth, units;
  bool accumulate, last;

  template <class T>
  Pass(const ProductOf<T>& p, int64_t first, int64_t depth)
      : first(first), depth(std::min(depth, p.k - first)), units(units_in<T>(this->depth)),
        accumulate(p.accumulate || first > 0), last(first + this->depth == p.k) {}
};

// Half operands are never read in place.
const float* in_place(const float* p) { return p; }
template <class T>
const float* in_place(const T*) {
  return nullptr;
}

// The rows of A of one area, in one pass: in place or in panels of kRows.
struct Left {
  const float* data;
  int64_t row, step;  // in place: element (i, k) at data[i * row + k * step]
  bool packed;

  template <class T>
  Left(const ProductOf<T>& p, const Pass& pass, const Area& area, bool pack, float* room)
      : data(room), row(p.a.row_stride), step(p.a.column_stride), packed(pack) {
    const T* from = p.a.data + area.row * row + pass.first * step;
    if (pack) pack_panels<kRows>(from, step, row, area.rows, pass.depth, room);
    else data = in_place(from);
  }

  // How many of the `left` last rows the next tile takes. Two tiles of half the size are faster than
  // a whole one and a rest that has too few sums to keep the multipliers busy.
  int64_t next(int64_t left) const {
    if (left <= kRows) return left;
    return packed || left >= 2 * kRows ? kRows : (left + 1) / 2;
  }
};

// What is still to be brought into L2: lines of memory in rows of `lines`, `stride` bytes apart.
struct Ahead {
  const char* from = nullptr;
  int64_t stride = 0, lines = 0, rows = 0, line = 0;

  int64_t total() const { return rows * lines; }

  void fetch(int64_t count) {
    for (; count > 0 && rows > 0; --count) {
      __builtin_prefetch(from + line * 64, 0, 2);
      if (++line < lines) continue;
      line = 0;
      from += stride;
      --rows;
    }
  }
};

// One panel of B: its row k at data + k * step; and the memory that the next panel will come from.
struct Right {
  const float* data;
  int64_t step;
  Ahead ahead = {};
};

// Multiplies in one area and pass; right(j, columns) is the panel of B for its columns from j on. The
// sums of the area are at `sums`; null: each tile's are finished before the next tile begins.
template <class T, class F>
void block(const ProductOf<T>& p, const Area& area, const Pass& pass, const Left& a, const Sums& sums,
           F right) {
  const bool last = pass.last && !(std::is_same_v<T, float> && p.epilogue.empty());
  float own[kRows * kColumns];
  Tile t;
  t.k = pass.units;
  t.a_row = a.packed ? 1 : a.row;
  t.a_step = a.packed ? kRows : a.step;
  t.accumulate = pass.accumulate;
  for (int64_t j = 0; j < area.columns; j += kColumns) {
    const int64_t columns = std::min<int64_t>(kColumns, area.columns - j);
    const int vectors = static_cast<int>(ceil_div(columns, W));
    Right b = right(j, columns);
    const int64_t share = ceil_div(b.ahead.total() * kRows, area.rows);
    t.b = b.data;
    t.b_step = b.step;
    t.last = columns - (vectors - 1) * W;
    for (int64_t i = 0, rows = 0; i < area.rows; i += rows) {
      rows = a.next(area.rows - i);
      t.a = a.data + i * (a.packed ? pass.units : a.row);
      const Sums tile = sums.data ? Sums{sums.at(i, j), sums.stride} : Sums{own, kColumns};
      t.c = tile.data;
      t.c_stride = tile.stride;
      b.ahead.fetch(share);
      micro_for<typename Units<T>::Arithmetic>(static_cast<int>(rows), vectors)(t);
      if (last) finish(p, tile, {area.row + i, rows, area.column + j, columns});
    }
  }
}

// Where the sums of an area go: into C, or into `room`, which begins with them.
Sums sums_of(const Product& p, const Area& area, float*, int64_t) {
  return {p.c + area.row * p.c_stride + area.column, p.c_stride};
}
template <class T>
Sums sums_of(const ProductOf<T>&, const Area&, float* room, int64_t stride) {
  return {room, stride};
}

// How the result is cut into tasks: the same for the same shape and number of threads.
struct Grid {
  int64_t m, n, threads, most, rows, columns, row_tasks, column_tasks;

  // Blocks of equal height, at most `most_rows`, cut across into up to four tasks for each thread,
  // unless they become too small.
  Grid(int64_t m, int64_t n, int64_t k, int64_t most_rows) : m(m), n(n) {
    const int64_t panels = ceil_div(n, kColumns);
    most = std::max<int64_t>(static_cast<int64_t>(flops_of(m, n, k) / kTaskFlops), 1);
    threads = most == 1 || in_parallel() ? 1 : num_threads();
    const int64_t wanted = threads == 1 ? 1 : std::min(most, 4 * threads);
    // Too few panels for all threads: their rows are cut too, and each task packs its panels itself.
    if (panels < threads && panels < wanted)
      most_rows = std::min(most_rows, ceil_div(m * panels, std::min(wanted, threads)));
    row_tasks = ceil_div(m, most_rows);
    if (row_tasks > threads) row_tasks = round_up(row_tasks, threads);
    rows = round_up(ceil_div(m, row_tasks), kRows);
    row_tasks = ceil_div(m, rows);
    columns = even_width(panels, std::min(ceil_div(wanted, row_tasks), panels)) * kColumns;
    column_tasks = ceil_div(n, columns);
  }

  // The panels of one task, of at most `tasks` across: as many as leave the busiest thread the
  // least, and if there is a choice the fewest, because a thread may come late.
  int64_t even_width(int64_t panels, int64_t tasks) const {
    int64_t best = panels, least = INT64_MAX;
    for (int64_t across = 1; across <= tasks; ++across) {
      const int64_t width = ceil_div(panels, across);
      const int64_t load = ceil_div(row_tasks * ceil_div(panels, width), threads) * width;
      if (load <= least) {
        least = load;
        best = width;
      }
    }
    return best;
  }

  // Low blocks of a small product share a chunk.
  template <class F>
  void run(F task) const {
    const int64_t tasks = row_tasks * column_tasks, each = ceil_div(tasks, most);
    parallel_chunks(ceil_div(tasks, each), [&](int64_t chunk) {
      const int64_t end = std::min((chunk + 1) * each, tasks);
      for (int64_t i = chunk * each; i < end; ++i) task(i);
    });
  }

  Area area(int64_t task) const {
    const int64_t row = task / column_tasks * rows, column = task % column_tasks * columns;
    return {row, std::min(rows, m - row), column, std::min(columns, n - column)};
  }
};

// Packing A costs one more read of each element. It pays when the element is then read often and its
// neighbours lie far away: rows of A one after the other are no trouble if they are few, while a row
// of A^T and the next may share their place in the cache.
template <class T>
bool is_a_worth_packing(const ProductOf<T>& p) {
  if (!std::is_same_v<T, float>) return true;
  if (p.a.column_stride != 1 && p.a.row_stride != 1) return true;
  if (p.a.column_stride == 1) return p.n > 256 && p.m > 64;
  return p.n > 256 || (p.n > 64 && p.a.column_stride >= 512);
}

// Passes of equal depth, in elements.
template <class T>
int64_t depth_of(const ProductOf<T>& p) {
  const int64_t units = units_in<T>(p.k);
  return ceil_div(units, ceil_div(units, kDepth)) * Units<T>::kElements;
}

// Sums of half products wait beside C for the next pass.
template <class T>
bool keeps_sums(const ProductOf<T>& p) {
  return !std::is_same_v<T, float> && depth_of(p) < p.k;
}

// The panel of B that begins at `from`, if it has many rows to wait for: it comes while those of the
// panel before it are multiplied, and costs nothing if it is in the cache already.
template <class T>
Ahead panel_ahead(const ProductOf<T>& p, const Pass& pass, const T* from, int64_t columns) {
  if (columns <= 0 || p.m < 4 * kRows) return {};
  const bool rows = p.b.column_stride == 1;
  const int64_t stride = (rows ? p.b.row_stride : p.b.column_stride) * int64_t{sizeof(T)};
  const int64_t bytes = (rows ? columns : pass.depth) * int64_t{sizeof(T)};
  if (!rows && p.b.row_stride != 1) return {};
  return {reinterpret_cast<const char*>(from), stride, ceil_div(bytes, 64),
          rows ? pass.depth : columns};
}

// Few rows: a task goes through all inner elements of its columns and packs each panel of B just
// before it is used, so nothing is shared and B passes through L1 once.
template <class T>
void multiply_by_columns(const ProductOf<T>& p) {
  const bool pack_a = is_a_worth_packing(p), keep_sums = keeps_sums(p);
  const bool pack_b = !std::is_same_v<T, float> || p.b.column_stride != 1 || p.m > 64;
  const int64_t depth = depth_of(p), units = units_in<T>(depth);
  const Grid grid(p.m, p.n, p.k, kFewRows);
  const int64_t sums_size = keep_sums ? grid.rows * grid.columns : 0;
  grid.run([&](int64_t task) {
    const Area area = grid.area(task);
    const int64_t packed = (kColumns + (pack_a ? grid.rows : 0)) * units;
    const Scratch room(static_cast<size_t>(packed + sums_size) * 4);
    float *b_room = room.f32(), *a_room = b_room + kColumns * units;
    const Sums sums = sums_of(p, area, keep_sums ? b_room + packed : nullptr, grid.columns);
    for (int64_t d = 0; d < p.k; d += depth) {
      const Pass pass(p, d, depth);
      const Left a(p, pass, area, pack_a, a_room);
      const T* b = p.b.data + d * p.b.row_stride + area.column * p.b.column_stride;
      block(p, area, pass, a, sums, [&](int64_t j, int64_t columns) -> Right {
        const T* from = b + j * p.b.column_stride;
        const Ahead ahead =
            panel_ahead(p, pass, from + kColumns * p.b.column_stride,
                        std::min<int64_t>(kColumns, area.columns - j - kColumns));
        // The micro-kernels read whole vectors.
        if (!pack_b && columns % W == 0) return {in_place(from), p.b.row_stride, ahead};
        pack_panels<kColumns>(from, p.b.row_stride, p.b.column_stride, columns, pass.depth, b_room);
        return {b_room, kColumns, ahead};
      });
    }
  });
}

// `n` columns of B in one pass, as panels.
template <class T>
void pack_columns(const MatrixOf<T>& b, const Pass& pass, int64_t column, int64_t n, float* to) {
  const T* from = b.data + pass.first * b.row_stride + column * b.column_stride;
  const int64_t grain = 1 + 16384 / (kColumns * pass.units);
  parallel_for(ceil_div(n, kColumns), grain, [&](int64_t begin, int64_t end) {
    const int64_t first = begin * kColumns, count = std::min(end * kColumns, n) - first;
    pack_panels<kColumns>(from + first * b.column_stride, b.row_stride, b.column_stride, count,
                          pass.depth, to + first * pass.units);
  });
}

// Many rows: B is packed once for all tasks, in blocks of at most kMaxColumns columns and kDepth units;
// a task packs its own block of A.
template <class T>
void multiply_by_blocks(const ProductOf<T>& p) {
  const bool pack_a = is_a_worth_packing(p), keep_sums = keeps_sums(p);
  const int64_t depth = depth_of(p), units = units_in<T>(depth), most = std::min(p.n, kMaxColumns);
  const int64_t panels_size = round_up(most, kColumns) * units;
  const Scratch shared(static_cast<size_t>(panels_size + (keep_sums ? p.m * most : 0)) * 4);
  float* panels = shared.f32();
  for (int64_t column = 0; column < p.n; column += most) {
    const int64_t n = std::min(most, p.n - column);
    const Grid grid(p.m, n, std::min(depth, p.k), kBlockRows);
    for (int64_t d = 0; d < p.k; d += depth) {
      const Pass pass(p, d, depth);
      pack_columns(p.b, pass, column, n, panels);
      grid.run([&](int64_t task) {
        Area area = grid.area(task);
        const float* b = panels + area.column * pass.units;
        float* kept = keep_sums ? panels + panels_size + area.row * n + area.column : nullptr;
        area.column += column;
        const Scratch room(pack_a ? static_cast<size_t>(grid.rows * units) * 4 : 0);
        const Left a(p, pass, area, pack_a, room.f32());
        block(p, area, pass, a, sums_of(p, area, kept, n),
              [&](int64_t j, int64_t) { return Right{b + j * pass.units, kColumns}; });
      });
    }
  }
}

// Rows [first, first + rows) of a product.
template <class T>
ProductOf<T> rows_of(ProductOf<T> p, int64_t first, int64_t rows) {
  p.m = std::min(rows, p.m - first);
  p.a.data += first * p.a.row_stride;
  p.c += first * p.c_stride;
  if (p.epilogue.row_bias) p.epilogue.row_bias += first;
  if (p.epilogue.residual) p.epilogue.residual += first * p.epilogue.residual_stride;
  return p;
}

template <class T>
void multiply_in_place(const ProductOf<T>& p) {
  const Area all{0, p.m, 0, p.n};
  if constexpr (std::is_same_v<T, float>) {
    const Sums sums{p.c, p.c_stride};
    multiply_unpacked(p, sums);
    if (!p.epilogue.empty()) finish(p, sums, all);
  } else {
    const Scratch room(static_cast<size_t>(p.m * p.n) * 4);
    const Sums sums{room.f32(), p.n};
    multiply_unpacked(p, sums);
    finish(p, sums, all);
  }
}

// K = 0: the sums are zero, or what C holds.
template <class T>
void multiply_nothing(const ProductOf<T>& p) {
  const Area all{0, p.m, 0, p.n};
  if constexpr (std::is_same_v<T, float>)
    if (p.accumulate) return finish(p, {p.c, p.c_stride}, all);
  const Scratch zeros(static_cast<size_t>(p.n) * 4);
  std::memset(zeros.f32(), 0, static_cast<size_t>(p.n) * 4);
  finish(p, {zeros.f32(), 0}, all);
}

template <class T>
void multiply_any(const ProductOf<T>& p) {
  if (p.m <= 0 || p.n <= 0) return;
  if (p.k <= 0) {
    multiply_nothing(p);
  } else if (needs_no_packing(p)) {
    multiply_in_place(p);
  } else if (p.m <= kFewRows) {
    multiply_by_columns(p);
  } else {
    const int64_t rows = keeps_sums(p) ? kSumRows : p.m;
    for (int64_t i = 0; i < p.m; i += rows) multiply_by_blocks(rows_of(p, i, rows));
  }
}

}  // namespace

void multiply(const Product& p) { multiply_any(p); }

int64_t packed_size(int64_t n, int64_t k) { return round_up(n, kColumns) * k; }

void pack(const Matrix& b, int64_t n, int64_t k, float* to) {
  const Product whole{0, n, k, {}, b, nullptr, 0};
  for (int64_t d = 0; d < k; d += kDepth)
    pack_columns(b, Pass(whole, d, kDepth), 0, n, to + round_up(n, kColumns) * d);
}

int64_t packed_place(int64_t n, int64_t k, int64_t row, int64_t column) {
  const int64_t first = row / kDepth * kDepth, depth = std::min(kDepth, k - first);
  return round_up(n, kColumns) * first + column / kColumns * kColumns * depth +
         (row - first) * kColumns + column % kColumns;
}

void multiply_packed(const Product& p) {
  const Area area{0, p.m, 0, p.n};
  for (int64_t d = 0; d < p.k; d += kDepth) {
    const Pass pass(p, d, kDepth);
    const float* b = p.b.data + round_up(p.n, kColumns) * d;
    block(p, area, pass, Left(p, pass, area, false, nullptr), sums_of(p, area, nullptr, 0),
          [&](int64_t j, int64_t) { return Right{b + j * pass.depth, kColumns}; });
  }
}

namespace {

// Where the matrices of batch entry i begin: axes that are absent or have length 1 do not move.
int64_t batch_offset(const View& x, const View& c, int64_t i) {
  int64_t offset = 0;
  for (int axis = c.ndim - 3, own = x.ndim - 3; axis >= 0; --axis, --own) {
    const int64_t index = i % c.shape[axis];
    i /= c.shape[axis];
    if (own >= 0 && x.shape[own] != 1) offset += index * x.stride(own);
  }
  return offset;
}

template <class T>
void gemm_of(const View& a, const View& b, const View& c, const View& bias, const View& residual,
             int64_t activation, bool accumulate) {
  ProductOf<T> p{};
  p.m = a.dim(-2);
  p.k = a.dim(-1);
  p.n = b.dim(-1);
  p.a = {a.as<T>(), a.stride(-2), a.stride(-1)};
  p.b = {b.as<T>(), b.stride(-2), b.stride(-1)};
  p.c = c.as<T>();
  p.c_stride = c.dim(-2) == 1 ? p.n : c.stride(-2);
  p.accumulate = accumulate;
  p.epilogue = {bias.as<T>(), nullptr, residual.as<T>(), p.n, static_cast<Activation>(activation)};
  int64_t batch = c.size / (p.m * p.n);
  if (b.ndim == 2 && a.contiguous && c.contiguous) {  // one tall product
    p.m *= batch;
    p.a.row_stride = p.k;
    p.c_stride = p.n;
    batch = 1;
  }
  if (batch == 1) return multiply_any(p);
  auto one = [&](int64_t i) {
    ProductOf<T> q = p;
    q.a.data += batch_offset(a, c, i);
    q.b.data += batch_offset(b, c, i);
    q.c += batch_offset(c, c, i);
    if (residual) q.epilogue.residual += i * p.m * p.n;
    multiply_any(q);
  };
  const double flops = flops_of(p.m, p.n, p.k);
  if (batch >= 2 * num_threads() || flops < 2 * kTaskFlops) {
    const auto grain = static_cast<int64_t>(kTaskFlops / std::max(flops, 1.0)) + 1;
    parallel_for(batch, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) one(i);
    });
  } else {
    for (int64_t i = 0; i < batch; ++i) one(i);
  }
}

}  // namespace

bool gemm(const View& a, const View& b, const View& c, const View& bias, const View& residual,
          int64_t activation, bool accumulate) {
  if (!b.is(a.dtype) || !c.is(a.dtype) || (bias && !bias.is(a.dtype)) ||
      (residual && !residual.is(a.dtype)) || (accumulate && !a.is(DType::float32)))
    return false;
#if defined(RL_BF16_LEVEL)
  if (a.is(DType::bfloat16) && multiplies_bf16())
    return RL_BF16_LEVEL::gemm(a, b, c, bias, residual, activation, accumulate);
#endif
  return with_float_type(a.dtype, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    if (c.size > 0) gemm_of<T>(a, b, c, bias, residual, activation, accumulate);
  });
}

}  // namespace rl::RL_LEVEL
