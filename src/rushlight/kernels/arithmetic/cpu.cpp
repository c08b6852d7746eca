// Sums, differences, products and quotients. One operation for 12 bytes (8 with a number): large
// arrays are bound by memory, and threads help where one core cannot fill the bus; for small ones
// what counts is the call, a third of a NumPy ufunc's. One rounding each, as in NumPy.
#include "_native/kernel.h"
#include "_native/map.h"

namespace rl::RL_LEVEL {
#include "arithmetic/cpu.h"

#define RL_ARITHMETIC(name, op, cost)                                             \
  void name##_arrays(const float* x, const float* y, float* z, int64_t n) {       \
    map2(x, y, z, n, cost, [](vf a, vf b) { return a op b; });                    \
  }                                                                               \
  void name##_number(const float* x, float* y, int64_t n, double s) {             \
    const float number = static_cast<float>(s);                                   \
    map1(x, y, n, cost, [number](vf v) { return v op number; });                  \
  }

RL_ARITHMETIC(add, +, 5)
RL_ARITHMETIC(subtract, -, 5)
RL_ARITHMETIC(multiply, *, 5)
RL_ARITHMETIC(divide, /, 10)

}  // namespace rl::RL_LEVEL
