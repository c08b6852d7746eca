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

constexpr int64_t kDepth = 320;           // rows of a B panel: with A's panel it fills half of L1
constexpr int64_t kBlockRows = 16 * kRows;  // rows of A per task: 96 to 128, a quarter of L2
constexpr int64_t kMaxRows = 32 * kBlockRows;     // packed A stays below 4 MB
constexpr int64_t kMaxColumns = 64 * kColumns;    // packed B below 1 to 3 MB
constexpr double kSerialFlops = 1.2e6;    // about 15 us: a task is never smaller

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

// How one block of the product reads its operands: the matrix itself, or panels of kRows rows of A or
// kColumns columns of B. An incomplete last panel of B is always packed: reading it in place would
// run over its end.
struct Operands {
  const float *a, *b;
  const float* b_last;
  int64_t b_last_column;
  bool a_packed, b_packed;
};

// Rows [i0, i1) times columns [j0, j1) of the current block, over `k` inner elements.
void block(const Product& p, const Operands& o, int64_t k, int64_t row0, int64_t column0, int64_t i0,
           int64_t i1, int64_t j0, int64_t j1, bool accumulate, bool last) {
  for (int64_t j = j0; j < j1; j += kColumns) {
    const int64_t columns = std::min<int64_t>(kColumns, j1 - j);
    const int vectors = static_cast<int>(ceil_div(columns, W));
    Tile t;
    t.k = k;
    const bool last_panel = j == o.b_last_column;
    const bool packed = o.b_packed || last_panel;
    t.b = last_panel ? o.b_last : o.b_packed ? o.b + j * k : o.b + j;
    t.b_step = packed ? kColumns : p.b.row_stride;
    t.last = columns - (vectors - 1) * W;
    t.c_stride = p.c_stride;
    t.accumulate = accumulate;
    for (int64_t i = i0; i < i1; i += kRows) {
      const int64_t rows = std::min<int64_t>(kRows, i1 - i);
      t.a = o.a_packed ? o.a + i / kRows * (kRows * k) : o.a + i * p.a.row_stride;
      t.a_row = o.a_packed ? 1 : p.a.row_stride;
      t.a_step = o.a_packed ? kRows : p.a.column_stride;
      t.c = p.c + (row0 + i) * p.c_stride + column0 + j;
      micro_for(static_cast<int>(rows), vectors)(t);
      if (last) finish(p, row0 + i, rows, column0 + j, columns);
    }
  }
}

// A block of at most kMaxRows x kMaxColumns x kDepth: pack what is to be packed, then multiply tasks
// of kBlockRows rows and enough columns to be worth a task.
void outer_block(const Product& p, int64_t row0, int64_t m, int64_t column0, int64_t n, int64_t depth0,
                 int64_t k, bool pack_a, bool pack_b, float* a_room, float* b_room, bool b_is_packed) {
  const float* a = p.a.data + row0 * p.a.row_stride + depth0 * p.a.column_stride;
  const float* b = p.b.data + depth0 * p.b.row_stride + column0 * p.b.column_stride;
  const int64_t a_panels = pack_a ? ceil_div(m, kRows) : 0;
  const int64_t panels = ceil_div(n, kColumns);
  const int64_t whole_panels = n / kColumns;
  const int64_t first_b = pack_b ? 0 : whole_panels;
  const int64_t b_panels = b_is_packed ? 0 : panels - first_b;
  const bool serial = flops_of(m, n, k) < 2 * kSerialFlops;

  const int64_t a_weight = kRows * k, b_weight = kColumns * k;
  const int64_t pack_grain = serial ? a_panels + b_panels : 1 + 16384 / std::max(a_weight, b_weight);
  parallel_for(a_panels + b_panels, pack_grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      if (i < a_panels) {
        const int64_t r = i * kRows;
        pack_panel(a + r * p.a.row_stride, p.a.column_stride, p.a.row_stride, m - r, k,
                   a_room + i * a_weight, kRows);
      } else {
        const int64_t panel = first_b + i - a_panels, j = panel * kColumns;
        pack_panel(b + j * p.b.column_stride, p.b.row_stride, p.b.column_stride, n - j, k,
                   b_room + (panel - first_b) * b_weight, kColumns);
      }
    }
  });

  const Operands operands{pack_a ? a_room : a,
                          pack_b ? b_room : b,
                          b_room + (whole_panels - first_b) * b_weight,
                          whole_panels * kColumns,
                          pack_a,
                          pack_b};
  const bool accumulate = p.accumulate || depth0 > 0;
  const bool last = depth0 + k == p.k && !p.epilogue.empty();
  // Cut the columns until there are four tasks for each thread, unless they become too small.
  const int64_t row_tasks = ceil_div(m, kBlockRows);
  const double strip = flops_of(std::min(m, kBlockRows), kColumns, k);  // one panel of one task
  const auto fewest = static_cast<int64_t>(kSerialFlops / strip) + 1;
  const int64_t even = serial ? panels : ceil_div(panels * row_tasks, 4 * num_threads());
  const int64_t width = std::min(std::max(even, fewest), panels) * kColumns;
  const int64_t column_tasks = ceil_div(n, width);
  auto task = [&](int64_t t) {
    const int64_t i = t / column_tasks * kBlockRows, j = t % column_tasks * width;
    block(p, operands, k, row0, column0, i, std::min(i + kBlockRows, m), j, std::min(j + width, n),
          accumulate, last);
  };
  if (serial) {
    for (int64_t t = 0; t < row_tasks * column_tasks; ++t) task(t);
  } else {
    parallel_chunks(row_tasks * column_tasks, task);
  }
}

void blocked(const Product& p) {
  // Packing reads each element once more; it pays when the panel is then read often enough, or when
  // the operand cannot be read in place (B needs contiguous rows).
  const bool pack_b = p.b.column_stride != 1 || p.m > 64;
  const bool pack_a = (p.a.column_stride != 1 && p.a.row_stride != 1) || p.n > 256;
  const int64_t depths = ceil_div(p.k, kDepth);
  const int64_t depth = ceil_div(p.k, depths);
  const int64_t rows = std::min(p.m, kMaxRows), columns = std::min(p.n, kMaxColumns);
  const size_t a_bytes = pack_a ? static_cast<size_t>(round_up(rows, kRows) * depth) * 4 : 0;
  const int64_t b_columns = pack_b ? round_up(columns, kColumns) : kColumns;
  const size_t b_bytes = static_cast<size_t>(b_columns * depth) * 4;
  // One vector more than needed: packing stores whole vectors.
  const Scratch room(a_bytes + b_bytes + 4 * W);
  float* b_room = room.f32();
  float* a_room = b_room + b_bytes / 4;
  for (int64_t column = 0; column < p.n; column += columns) {
    const int64_t n = std::min(columns, p.n - column);
    for (int64_t d = 0; d < p.k; d += depth) {
      const int64_t k = std::min(depth, p.k - d);
      for (int64_t row = 0; row < p.m; row += rows)
        outer_block(p, row, std::min(rows, p.m - row), column, n, d, k, pack_a, pack_b, a_room, b_room,
                    row > 0);
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
  } else {
    blocked(p);
  }
}

// One vector more than needed: packing stores whole vectors.
int64_t packed_size(int64_t n, int64_t k) { return round_up(n, kColumns) * k + W; }

void pack(const Matrix& b, int64_t n, int64_t k, float* to) {
  const int64_t panels = ceil_div(n, kColumns);
  for (int64_t d = 0; d < k; d += kDepth) {
    const int64_t depth = std::min(kDepth, k - d), weight = kColumns * depth;
    const float* from = b.data + d * b.row_stride;
    float* block_start = to + panels * kColumns * d;
    parallel_for(panels, 1 + 16384 / weight, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t j = i * kColumns;
        pack_panel(from + j * b.column_stride, b.row_stride, b.column_stride, n - j, depth,
                   block_start + i * weight, kColumns);
      }
    });
  }
}

void multiply_packed(const Product& p) {
  const int64_t columns = round_up(p.n, kColumns), whole = p.n / kColumns * kColumns;
  for (int64_t d = 0; d < p.k; d += kDepth) {
    const int64_t depth = std::min(kDepth, p.k - d);
    const float* b = p.b.data + columns * d;
    const Operands operands{p.a.data + d * p.a.column_stride, b, b + whole * depth, whole, false,
                            true};
    block(p, operands, depth, 0, 0, 0, p.m, 0, p.n, p.accumulate || d > 0,
          d + depth == p.k && !p.epilogue.empty());
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
  if (batch >= 2 * num_threads() || flops < 2 * kSerialFlops) {
    const auto grain = static_cast<int64_t>(kSerialFlops / std::max(flops, 1.0)) + 1;
    parallel_for(batch, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) one(i);
    });
  } else {
    for (int64_t i = 0; i < batch; ++i) one(i);
  }
  return true;
}

}  // namespace rl::RL_LEVEL
