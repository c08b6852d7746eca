// Softmax kernels: float32, C order, along the last axis (`length` elements per row).
RL_KERNEL(bool, softmax_forward, (const View& x, const View& y, int64_t length))
RL_KERNEL(bool, softmax_backward, (const View& g, const View& y, const View& gx, int64_t length))
RL_KERNEL(bool, log_softmax_forward, (const View& x, const View& y, int64_t length))
RL_KERNEL(bool, log_softmax_backward, (const View& g, const View& y, const View& gx, int64_t length))
