// Activation kernels: float32, n elements. y is the output of the forward, x its input, g the
// upstream gradient.
RL_MAP(1, relu, (const float* x, float* y, int64_t n))
RL_MAP(2, relu_grad, (const float* g, const float* y, float* gx, int64_t n))
