// c (M, N) or (B, M, N) = epilogue(a b), float32. a and b may have any strides, 0 for a broadcast
// batch included. activation: 0 none, 1 relu, 2 gelu, 3 gelu (tanh form).
RL_KERNEL(bool, gemm, (const View& a, const View& b, const View& c, const View& bias, const View& residual, int64_t activation, bool accumulate))
