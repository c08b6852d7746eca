// Normalisation kernels: float32, C order. w and b may be None.
// Batch norm: x (N, C, *S), statistics (C). Layer norm: rows of `length` elements; w and b (length).
RL_KERNEL(bool, batch_norm_statistics, (const View& x, const View& mean, const View& rstd,
                                        const View& var, double eps))
// residual: added, if given; relu: of the sum.
RL_KERNEL(bool, batch_norm_apply, (const View& x, const View& w, const View& b, const View& mean,
                                   const View& rstd, const View& residual, const View& y, bool relu))
// y: the result of the ReLU behind the normalisation, or none.
RL_KERNEL(bool, batch_norm_backward, (const View& g, const View& x, const View& w, const View& mean,
                                      const View& rstd, const View& y, const View& gx,
                                      const View& gw, const View& gb, bool training))
// The same for channels-last images as a matrix (N S, C).
RL_KERNEL(bool, batch_norm_last_statistics, (const View& x, const View& mean, const View& rstd,
                                             const View& var, double eps))
RL_KERNEL(bool, batch_norm_last_apply, (const View& x, const View& w, const View& b, const View& mean,
                                        const View& rstd, const View& residual, const View& y,
                                        bool relu))
RL_KERNEL(bool, batch_norm_last_backward, (const View& g, const View& x, const View& w,
                                           const View& mean, const View& rstd, const View& y,
                                           const View& gx, const View& gw, const View& gb,
                                           bool training))
RL_KERNEL(bool, layer_norm_forward, (const View& x, const View& w, const View& b, const View& y,
                                     const View& mean, const View& rstd, int64_t length, double eps))
RL_KERNEL(bool, layer_norm_backward, (const View& g, const View& x, const View& w, const View& mean,
                                      const View& rstd, const View& gx, const View& gw,
                                      const View& gb, int64_t length))
// Group norm: x (N, C, *S), statistics (N, groups).
RL_KERNEL(bool, group_norm_forward, (const View& x, const View& w, const View& b, const View& y,
                                     const View& mean, const View& rstd, int64_t groups, double eps))
RL_KERNEL(bool, group_norm_backward, (const View& g, const View& x, const View& w, const View& mean,
                                      const View& rstd, const View& gx, const View& gw,
                                      const View& gb, int64_t groups))
