// Cross-entropy: x (N, C) float32, target (N) int64, w (C) or None, stats (2, N), each (N).
// reduction: 0 none, 1 mean, 2 sum. loss and g are (N) for none, else one number; total one number.
RL_KERNEL(bool, cross_entropy_forward, (const View& x, const View& target, const View& w,
                                        const View& loss, const View& stats, const View& total,
                                        int64_t ignore_index, int64_t reduction, double smoothing))
RL_KERNEL(bool, cross_entropy_backward, (const View& g, const View& x, const View& target,
                                         const View& w, const View& stats, const View& total,
                                         const View& gx, int64_t ignore_index, int64_t reduction,
                                         double smoothing))
