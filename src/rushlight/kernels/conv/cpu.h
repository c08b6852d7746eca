// Convolution kernels: float32, C order, two spatial axes (one is two with H = 1).
// Options: stride, padding, dilation per axis (h, w), then groups.
RL_KERNEL(bool, conv_forward, (const View& x, const View& w, const View& b, const View& y,
                               int64_t sh, int64_t sw, int64_t ph, int64_t pw, int64_t dh,
                               int64_t dw, int64_t groups, bool relu))
RL_KERNEL(bool, conv_backward_input, (const View& g, const View& w, const View& gx, int64_t sh,
                                      int64_t sw, int64_t ph, int64_t pw, int64_t dh, int64_t dw,
                                      int64_t groups))
RL_KERNEL(bool, conv_backward_weight, (const View& g, const View& x, const View& gw, int64_t sh,
                                       int64_t sw, int64_t ph, int64_t pw, int64_t dh, int64_t dw,
                                       int64_t groups))
RL_KERNEL(bool, conv_backward_bias, (const View& g, const View& gb))
// Channels-last: x and y (N, H, W, C), w (O, KH, KW, C/G); sizes and options as above.
RL_KERNEL(bool, conv_last_forward, (const View& x, const View& w, const View& b, const View& y,
                                    int64_t sh, int64_t sw, int64_t ph, int64_t pw, int64_t dh,
                                    int64_t dw, int64_t groups, bool relu))
RL_KERNEL(bool, conv_last_backward_input, (const View& g, const View& w, const View& gx, int64_t sh,
                                           int64_t sw, int64_t ph, int64_t pw, int64_t dh, int64_t dw,
                                           int64_t groups))
RL_KERNEL(bool, conv_last_backward_weight, (const View& g, const View& x, const View& gw, int64_t sh,
                                            int64_t sw, int64_t ph, int64_t pw, int64_t dh,
                                            int64_t dw, int64_t groups))
// gb (O) = sums of the rows of g (*, O).
RL_KERNEL(bool, conv_last_backward_bias, (const View& g, const View& gb))
