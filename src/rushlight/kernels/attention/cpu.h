// Operands are (N, H, L or S, E), float32, elements of a row next to each other; `bias` (N, H, L, S)
// may repeat itself along any axis but the last; see __init__.py.
RL_KERNEL(bool, attention_forward, (const View& q, const View& k, const View& v, const View& bias,
                                    const View& y, const View& lse, double scale, bool causal))
RL_KERNEL(bool, attention_backward, (const View& g, const View& q, const View& k, const View& v,
                                     const View& bias, const View& lse, const View& gq, const View& gk,
                                     const View& gv, double scale, bool causal))
