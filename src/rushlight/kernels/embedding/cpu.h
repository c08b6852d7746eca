// Embedding kernels: float32 rows of `width`, int64 indices, C order.
RL_KERNEL(bool, embedding_forward, (const View& w, const View& index, const View& y))
RL_KERNEL(bool, embedding_backward, (const View& g, const View& index, const View& gw,
                                     int64_t padding_idx, bool scale_by_freq))
