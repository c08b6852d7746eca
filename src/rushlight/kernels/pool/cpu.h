// Pooling kernels: float32, C order, two spatial axes. Options: kernel, stride, padding (h, w), then
// dilation. Offsets are uint8: the position of the maximum in its window.
RL_KERNEL(bool, max_pool_forward, (const View& x, const View& y, const View& offsets, int64_t kh,
                                   int64_t kw, int64_t sh, int64_t sw, int64_t ph, int64_t pw,
                                   int64_t dh, int64_t dw))
RL_KERNEL(bool, max_pool_backward, (const View& g, const View& offsets, const View& gx, int64_t kh,
                                    int64_t kw, int64_t sh, int64_t sw, int64_t ph, int64_t pw,
                                    int64_t dh, int64_t dw))
RL_KERNEL(bool, avg_pool_forward, (const View& x, const View& y, int64_t kh, int64_t kw, int64_t sh,
                                   int64_t sw, int64_t ph, int64_t pw, bool include, int64_t divisor))
RL_KERNEL(bool, avg_pool_backward, (const View& g, const View& gx, int64_t kh, int64_t kw, int64_t sh,
                                    int64_t sw, int64_t ph, int64_t pw, bool include, int64_t divisor))
// Channels-last: x (N, H, W, C), y and offsets (N, OH, OW, C); options as above.
RL_KERNEL(bool, max_pool_last_forward, (const View& x, const View& y, const View& offsets, int64_t kh,
                                        int64_t kw, int64_t sh, int64_t sw, int64_t ph, int64_t pw,
                                        int64_t dh, int64_t dw))
RL_KERNEL(bool, max_pool_last_backward, (const View& g, const View& offsets, const View& gx,
                                         int64_t kh, int64_t kw, int64_t sh, int64_t sw, int64_t ph,
                                         int64_t pw, int64_t dh, int64_t dw))
RL_KERNEL(bool, avg_pool_last_forward, (const View& x, const View& y, int64_t kh, int64_t kw,
                                        int64_t sh, int64_t sw, int64_t ph, int64_t pw, bool include,
                                        int64_t divisor))
RL_KERNEL(bool, avg_pool_last_backward, (const View& g, const View& gx, int64_t kh, int64_t kw,
                                         int64_t sh, int64_t sw, int64_t ph, int64_t pw, bool include,
                                         int64_t divisor))
