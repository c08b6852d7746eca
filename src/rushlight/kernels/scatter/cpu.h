// y (outer, rows, inner), index int64 and v (outer, n, inner), C order: y[o, index[o, i, j], j] gets
// v[o, i, j] added.
RL_KERNEL(bool, scatter_add, (const View& y, const View& index, const View& v))
