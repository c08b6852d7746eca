#include "_native/kernel.h"
#include "_native/map.h"

namespace rl::RL_LEVEL {
#include "activation/cpu.h"

void relu(const float* x, float* y, int64_t n) {
  map1(x, y, n, 4, [](vf v) { return max(v, vf{}); });
}

void relu_grad(const float* g, const float* y, float* gx, int64_t n) {
  map2(g, y, gx, n, 5, [](vf gv, vf yv) { return yv > 0.0f ? gv : vf{}; });
}

}  // namespace rl::RL_LEVEL
