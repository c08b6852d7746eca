// Which inputs and outputs of a sliding window meet along one axis, listed for either side.
#pragma once
#include "conv/padded.h"

namespace rl::RL_LEVEL {

// What one position meets: element[i] of the window brings it together with position at[i].
struct Reach {
  int64_t count;
  const int64_t *element, *at;
};

class AxisReach {
 public:
  AxisReach(int64_t positions, int64_t kernel)
      : most_(kernel), memory_(static_cast<size_t>(positions * (2 * kernel + 1)) * 8 + 64) {
    counts_ = memory_.as<int64_t>();
    elements_ = counts_ + positions;
    places_ = elements_ + positions * kernel;
    for (int64_t i = 0; i < positions; ++i) counts_[i] = 0;
  }
  void add(int64_t position, int64_t element, int64_t at) {
    const int64_t i = position * most_ + counts_[position]++;
    elements_[i] = element;
    places_[i] = at;
  }
  Reach of(int64_t position) const {
    return {counts_[position], elements_ + position * most_, places_ + position * most_};
  }

 private:
  int64_t most_;
  Scratch memory_;
  int64_t *counts_, *elements_, *places_;
};

// Calls f(o, t, i) where output o meets input i by element t of the window, in the order of outputs.
template <class F>
void for_meetings(const Axis& a, F&& f) {
  for (int64_t o = 0; o < a.out; ++o)
    for (int64_t t = 0; t < a.kernel; ++t) {
      const int64_t i = o * a.stride - a.padding + t * a.dilation;
      if (i >= 0 && i < a.size) f(o, t, i);
    }
}

}  // namespace rl::RL_LEVEL
