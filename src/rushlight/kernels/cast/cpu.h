// y = x for float32 and one of bfloat16 and float16, either way. Same shape, any strides.
RL_KERNEL(bool, convert, (const View& x, const View& y))
