// z = x op y of float32 arrays of one layout, and y = x op s for a number s rounded to float32.
RL_MAP(2, add_arrays, (const float* x, const float* y, float* z, int64_t n))
RL_MAP(2, subtract_arrays, (const float* x, const float* y, float* z, int64_t n))
RL_MAP(2, multiply_arrays, (const float* x, const float* y, float* z, int64_t n))
RL_MAP(2, divide_arrays, (const float* x, const float* y, float* z, int64_t n))
RL_MAP(1, add_number, (const float* x, float* y, int64_t n, double s))
RL_MAP(1, subtract_number, (const float* x, float* y, int64_t n, double s))
RL_MAP(1, multiply_number, (const float* x, float* y, int64_t n, double s))
RL_MAP(1, divide_number, (const float* x, float* y, int64_t n, double s))
