// The blocked matrix product, after Goto and van de Geijn, "Anatomy of High-Performance Matrix
// Multiplication" (2008): panels of B in L1, blocks of A in L2, both packed unless that costs more
// than it saves.
#include "gemm/gemm.h"

#include "_native/kernel.h"
#include "activation/gelu.h"
#include "gemm/few_rows.h"
#include "gemm/micro.h"
#include "gemm/pack.h"

namespace rl::RL_LEVEL {
#include "gemm/cpu.h"

namespace {

constexpr int64_t kDepth = 320;             // rows of a B panel: with A's panel it fills half of L1
constexpr int64_t kBlockRows = 16 * kRows;  // rows of A per task: 96 to 128, a quarter of L2
constexpr int64_t kFewRows = 2 * kBlockRows;    // all of A's rows in one task still fit into L2
constexpr int64_t kMaxColumns = 64 * kColumns;  // packed B below 1 to 3 MB
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

// Applies the epilogue to C's rows [row, row + rows), columns [column, column + columns).
void finish(const Product& p, int64_t row, int64_t rows, int64_t column, int64_t columns) {
  const Epilogue& e = p.epilogue;
  for (int64_t r = row; r < row + rows; ++r) {
    float* c = p.c + r * p.c_stride + column;
    const float* residual = e.residual ? e.residual + r * e.residual_stride + column : nullptr;
    const float* bias = e.column_bias ? e.column_bias + column : nullptr;
    const vf row_bias = splat(e.row_bias ? e.row_bias[r] : 0.0f);
    for (int64_t j = 0; j < columns; j += W) {
      const int64_t n = columns - j;
      vf y = load_first(c + j, n) + row_bias;
      if (bias) y += load_first(bias + j, n);
      if (residual) y += load_first(residual + j, n);
      store_first(c + j, activate(y, e.activation), n);
    }
  }
}

// Rows [row, row + rows) and columns [column, column + columns) of C.
struct Area {
  int64_t row, rows, column, columns;
};

// One piece of the inner dimension.
struct Pass {
  int64_t first, depth;
  bool accumulate, last;

  Pass(const Product& p, int64_t first, int64_t depth)
      : first(first), depth(std::min(depth, p.k - first)), accumulate(p.accumulate || first > 0),
        last(first + this->depth == p.k) {}
};

// The rows of A of one area, in one pass: in place or in panels of kRows.
struct Left {
  const float* data;
  int64_t row, step;  // in place: element (i, k) at data[i * row + k * step]
  bool packed;

  Left(const Product& p, const Pass& pass, const Area& area, bool pack, float* room)
      : data(p.a.data + area.row * p.a.row_stride + pass.first * p.a.column_stride),
        row(p.a.row_stride), step(p.a.column_stride), packed(pack) {
    if (!pack) return;
    pack_panels(data, step, row, area.rows, pass.depth, room, kRows);
    data = room;
  }

  // How many of the `left` last rows the next tile takes. Two tiles of half the size are faster than
  // a whole one and a rest that has too few sums to keep the multipliers busy.
  int64_t next(int64_t left) const {
    if (left <= kRows) return left;
    return packed || left >= 2 * kRows ? kRows : (left + 1) / 2;
  }
};

// One panel of B: its row k at data + k * step.
struct Right {
  const float* data;
  int64_t step;
};

// Multiplies in one area and pass; right(j, columns) is the panel of B for its columns from j on.
template <class F>
void block(const Product& p, const Area& area, const Pass& pass, const Left& a, F right) {
  Tile t;
  t.k = pass.depth;
  t.a_row = a.packed ? 1 : a.row;
  t.a_step = a.packed ? kRows : a.step;
  t.c_stride = p.c_stride;
  t.accumulate = pass.accumulate;
  for (int64_t j = 0; j < area.columns; j += kColumns) {
    const int64_t columns = std::min<int64_t>(kColumns, area.columns - j);
    const int vectors = static_cast<int>(ceil_div(columns, W));
    const Right b = right(j, columns);
    t.b = b.data;
    t.b_step = b.step;
    t.last = columns - (vectors - 1) * W;
    for (int64_t i = 0, rows = 0; i < area.rows; i += rows) {
      rows = a.next(area.rows - i);
      t.a = a.data + i * (a.packed ? pass.depth : a.row);
      t.c = p.c + (area.row + i) * p.c_stride + area.column + j;
      micro_for(static_cast<int>(rows), vectors)(t);
      if (pass.last && !p.epilogue.empty())
        finish(p, area.row + i, rows, area.column + j, columns);
    }
  }
}

// How the result is cut into tasks: the same for the same shape and number of threads.
struct Grid {
  int64_t m, n, rows, columns, row_tasks, column_tasks;

  // Blocks of equal height, at most `most_rows`, cut across until there are four tasks for each
  // thread, unless they become too small; and if possible as many for each thread.
  Grid(int64_t m, int64_t n, int64_t k, int64_t most_rows) : m(m), n(n) {
    const int64_t threads = in_parallel() ? 1 : num_threads(), panels = ceil_div(n, kColumns);
    const auto most = static_cast<int64_t>(flops_of(m, n, k) / kTaskFlops);
    const int64_t wanted = threads == 1 ? 1 : std::clamp<int64_t>(most, 1, 4 * threads);
    // Too few panels for all threads: their rows are cut too, and each task packs its panels itself.
    if (panels < threads && panels < wanted)
      most_rows = std::min(most_rows, ceil_div(m * panels, std::min(wanted, threads)));
    rows = round_up(ceil_div(m, ceil_div(m, most_rows)), kRows);
    row_tasks = ceil_div(m, rows);
    int64_t across = wanted / row_tasks;
    while (across > 1 && across * row_tasks > threads && across * row_tasks % threads != 0) --across;
    columns = ceil_div(panels, std::clamp<int64_t>(across, 1, panels)) * kColumns;
    column_tasks = ceil_div(n, columns);
  }

  int64_t tasks() const { return row_tasks * column_tasks; }

  Area area(int64_t task) const {
    const int64_t row = task / column_tasks * rows, column = task % column_tasks * columns;
    return {row, std::min(rows, m - row), column, std::min(columns, n - column)};
  }
};

// Packing A costs one more read of each element. It pays when the element is then read often and its
// neighbours lie far away: rows of A one after the other are no trouble if they are few, while a row
// of A^T and the next may share their place in the cache.
bool is_a_worth_packing(const Product& p) {
  if (p.a.column_stride != 1 && p.a.row_stride != 1) return true;
  if (p.a.column_stride == 1) return p.n > 256 && p.m > 64;
  return p.n > 256 || (p.n > 64 && p.a.column_stride >= 512);
}

// Passes of equal depth.
int64_t depth_of(const Product& p) { return ceil_div(p.k, ceil_div(p.k, kDepth)); }

// Few rows: a task goes through all inner elements of its columns and packs each panel of B just
// before it is used, so nothing is shared and B passes through L1 once.
void multiply_by_columns(const Product& p) {
  const bool pack_a = is_a_worth_packing(p), pack_b = p.b.column_stride != 1 || p.m > 64;
  const int64_t depth = depth_of(p);
  const Grid grid(p.m, p.n, p.k, kFewRows);
  parallel_chunks(grid.tasks(), [&](int64_t task) {
    const Area area = grid.area(task);
    const Scratch room(static_cast<size_t>((kColumns + (pack_a ? grid.rows : 0)) * depth) * 4);
    float *b_room = room.f32(), *a_room = b_room + kColumns * depth;
    for (int64_t d = 0; d < p.k; d += depth) {
      const Pass pass(p, d, depth);
      const Left a(p, pass, area, pack_a, a_room);
      const float* b = p.b.data + d * p.b.row_stride + area.column * p.b.column_stride;
      block(p, area, pass, a, [&](int64_t j, int64_t columns) -> Right {
        const float* from = b + j * p.b.column_stride;
        // The micro-kernels read whole vectors.
        if (!pack_b && columns % W == 0) return {from, p.b.row_stride};
        pack_panels(from, p.b.row_stride, p.b.column_stride, columns, pass.depth, b_room, kColumns);
        return {b_room, kColumns};
      });
    }
  });
}

// `n` columns of B in one pass, as panels.
void pack_columns(const Matrix& b, const Pass& pass, int64_t column, int64_t n, float* to) {
  const float* from = b.data + pass.first * b.row_stride + column * b.column_stride;
  const int64_t grain = 1 + 16384 / (kColumns * pass.depth);
  parallel_for(ceil_div(n, kColumns), grain, [&](int64_t begin, int64_t end) {
    const int64_t first = begin * kColumns, count = std::min(end * kColumns, n) - first;
    pack_panels(from + first * b.column_stride, b.row_stride, b.column_stride, count, pass.depth,
                to + first * pass.depth, kColumns);
  });
}

// Many rows: B is packed once for all tasks, in blocks of at most kMaxColumns columns and kDepth rows;
// a task packs its own block of A.
void multiply_by_blocks(const Product& p) {
  const bool pack_a = is_a_worth_packing(p);
  const int64_t depth = depth_of(p), most = std::min(p.n, kMaxColumns);
  const Scratch panels(static_cast<size_t>(round_up(most, kColumns) * depth) * 4);
  for (int64_t column = 0; column < p.n; column += most) {
    const int64_t n = std::min(most, p.n - column);
    const Grid grid(p.m, n, std::min(depth, p.k), kBlockRows);
    for (int64_t d = 0; d < p.k; d += depth) {
      const Pass pass(p, d, depth);
      pack_columns(p.b, pass, column, n, panels.f32());
      parallel_chunks(grid.tasks(), [&](int64_t task) {
        Area area = grid.area(task);
        const float* b = panels.f32() + area.column * pass.depth;
        area.column += column;
        const Scratch room(pack_a ? static_cast<size_t>(grid.rows * depth) * 4 : 0);
        const Left a(p, pass, area, pack_a, room.f32());
        block(p, area, pass, a,
              [&](int64_t j, int64_t) { return Right{b + j * pass.depth, kColumns}; });
      });
    }
  }
}

}  // namespace

void multiply(const Product& p) {
  if (p.m <= 0 || p.n <= 0) return;
  if (p.k <= 0) {
    for (int64_t i = 0; i < p.m && !p.accumulate; ++i)
      std::memset(p.c + i * p.c_stride, 0, static_cast<size_t>(p.n) * 4);
    if (!p.epilogue.empty()) finish(p, 0, p.m, 0, p.n);
    return;
  }
  if (multiply_few_rows(p)) {
    if (!p.epilogue.empty()) finish(p, 0, p.m, 0, p.n);
  } else if (p.m <= kFewRows) {
    multiply_by_columns(p);
  } else {
    multiply_by_blocks(p);
  }
}

int64_t packed_size(int64_t n, int64_t k) { return round_up(n, kColumns) * k; }

void pack(const Matrix& b, int64_t n, int64_t k, float* to) {
  const Product whole{0, n, k, {}, b, nullptr, 0};
  for (int64_t d = 0; d < k; d += kDepth)
    pack_columns(b, Pass(whole, d, kDepth), 0, n, to + round_up(n, kColumns) * d);
}

void multiply_packed(const Product& p) {
  const Area area{0, p.m, 0, p.n};
  for (int64_t d = 0; d < p.k; d += kDepth) {
    const Pass pass(p, d, kDepth);
    const float* b = p.b.data + round_up(p.n, kColumns) * d;
    block(p, area, pass, Left(p, pass, area, false, nullptr),
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

}  // namespace

bool gemm(const View& a, const View& b, const View& c, const View& bias, const View& residual,
          int64_t activation, bool accumulate) {
  if (!a.is(DType::float32) || !b.is(DType::float32) || !c.is(DType::float32)) return false;
  if (c.size == 0) return true;
  Product p{};
  p.m = a.dim(-2);
  p.k = a.dim(-1);
  p.n = b.dim(-1);
  p.a = {a.f32(), a.stride(-2), a.stride(-1)};
  p.b = {b.f32(), b.stride(-2), b.stride(-1)};
  p.c = c.f32();
  p.c_stride = c.dim(-2) == 1 ? p.n : c.stride(-2);
  p.accumulate = accumulate;
  p.epilogue = {bias.f32(), nullptr, residual.f32(), p.n, static_cast<Activation>(activation)};
  int64_t batch = c.size / (p.m * p.n);
  if (b.ndim == 2 && a.contiguous && c.contiguous) {  // one tall product
    p.m *= batch;
    p.a.row_stride = p.k;
    p.c_stride = p.n;
    batch = 1;
  }
  if (batch == 1) {
    multiply(p);
    return true;
  }
  auto one = [&](int64_t i) {
    Product q = p;
    q.a.data += batch_offset(a, c, i);
    q.b.data += batch_offset(b, c, i);
    q.c += batch_offset(c, c, i);
    if (residual) q.epilogue.residual += i * p.m * p.n;
    multiply(q);
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
  return true;
}

}  // namespace rl::RL_LEVEL
