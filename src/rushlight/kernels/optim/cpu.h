// One optimizer step over lists of arrays (float32, C order, equal lengths and sizes), in place.
// An empty list means that the optional state is not used. Scalars as the reference computes them.
RL_KERNEL(bool, sgd_step, (const Views& p, const Views& g, const Views& buffer, double lr, double momentum, double dampening, double weight_decay, bool nesterov, bool maximize, bool first))
RL_KERNEL(bool, adam_step, (const Views& p, const Views& g, const Views& mean, const Views& square, const Views& largest, double beta1, double beta2, double eps, double weight_decay, double shrink, double rate, double root_correction, bool maximize))
RL_KERNEL(bool, nadam_step, (const Views& p, const Views& g, const Views& mean, const Views& square, double beta1, double beta2, double eps, double weight_decay, double shrink, double from_gradient, double from_mean, double correction, bool maximize))
RL_KERNEL(bool, rmsprop_step, (const Views& p, const Views& g, const Views& square, const Views& mean, const Views& buffer, double lr, double alpha, double eps, double weight_decay, double momentum, bool maximize))
RL_KERNEL(bool, adagrad_step, (const Views& p, const Views& g, const Views& sum, double rate, double eps, double weight_decay, bool maximize))
