// c (*, M, N) = activation(a b + bias + residual (+ c)); all float32, or all of one half type without
// "+ c". a (*, M, K) and b (*, K, N) may have any strides, and batch axes that are absent or of length 1;
// c has contiguous rows, bias (N,) and residual (*, M, N) are contiguous. activation: 0 none, 1 relu,
// 2 gelu, 3 gelu (tanh form).
RL_KERNEL(bool, gemm, (const View& a, const View& b, const View& c, const View& bias, const View& residual, int64_t activation, bool accumulate))
