// One recurrent layer in one direction, float32 in C order; see __init__.py for the operands. `sizes`
// (T) int64 are the rows of each step. States are overwritten by the last ones.
RL_KERNEL(bool, lstm_forward, (const View& gates, const View& h, const View& c, const View& w,
                               const View& sizes, const View& y, const View& cells, bool reverse))
RL_KERNEL(bool, lstm_backward, (const View& gates, const View& cells, const View& before,
                                const View& g, const View& gh, const View& gc, const View& w,
                                const View& sizes, const View& gx, bool reverse))
RL_KERNEL(bool, gru_forward, (const View& gates, const View& h, const View& w, const View& b,
                              const View& sizes, const View& y, const View& inner, bool reverse))
RL_KERNEL(bool, gru_backward, (const View& gates, const View& inner, const View& before, const View& g,
                               const View& gh, const View& w, const View& sizes,
                               const View& to_input, const View& to_state, bool reverse))
RL_KERNEL(bool, simple_forward, (const View& gates, const View& h, const View& w, const View& sizes,
                                 bool relu, bool reverse))
RL_KERNEL(bool, simple_backward, (const View& y, const View& g, const View& gh, const View& w,
                                  const View& sizes, const View& gx, bool relu, bool reverse))
