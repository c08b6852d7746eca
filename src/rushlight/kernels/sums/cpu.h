// y[r] = the sum of row r of x, rows of `length` float32 in C order.
RL_KERNEL(bool, sum_rows, (const View& x, const View& y, int64_t length))
