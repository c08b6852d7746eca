// Barriers, shuffles, votes and reductions: what the threads of a block do together.
#pragma once

#include "worker.h"

// ---- the block ----

inline void __syncthreads(int line = __builtin_LINE()) { rushlight::emu::worker->barrier(false, line); }

inline int __syncthreads_count(int predicate, int line = __builtin_LINE()) {
  return static_cast<int>(rushlight::emu::worker->barrier(predicate != 0, line));
}

inline int __syncthreads_or(int predicate, int line = __builtin_LINE()) {
  return rushlight::emu::worker->barrier(predicate != 0, line) != 0;
}

inline int __syncthreads_and(int predicate, int line = __builtin_LINE()) {
  return rushlight::emu::worker->barrier(predicate == 0, line) == 0;
}

namespace rushlight::emu {

template <class Request>
Request& request_of(Worker& worker, unsigned thread) {
  return *static_cast<Request*>(worker.request[thread]);
}

/// Call `visit(lane)` for each lane in `lanes`.
template <class Visit>
void for_lanes(unsigned lanes, Visit visit) {
  for (; lanes; lanes &= lanes - 1) visit(static_cast<unsigned>(__builtin_ctz(lanes)));
}

// ---- shuffles ----

template <class T>
struct Shuffle {
  T value;
  unsigned from;
  T result;
};

template <class T>
void answer_shuffle(Worker& worker, unsigned first, unsigned lanes) {
  for_lanes(lanes, [&](unsigned lane) {
    auto& mine = request_of<Shuffle<T>>(worker, first + lane);
    const bool there = lanes >> mine.from & 1;
    mine.result = there ? request_of<Shuffle<T>>(worker, first + mine.from).value : mine.value;
  });
}

template <class T>
T shuffle(unsigned mask, T value, unsigned from) {
  Shuffle<T> mine{value, from, value};
  worker->collective(mask, &mine, answer_shuffle<T>);
  return mine.result;
}

/// The first lane of this lane's segment of `width` lanes.
inline unsigned segment(int width) { return worker->lane() & ~static_cast<unsigned>(width - 1); }

// ---- votes ----

struct Vote {
  bool yes;
  unsigned lanes, ballot;
};

inline void answer_vote(Worker& worker, unsigned first, unsigned lanes) {
  unsigned ballot = 0;
  for_lanes(lanes, [&](unsigned lane) {
    ballot |= static_cast<unsigned>(request_of<Vote>(worker, first + lane).yes) << lane;
  });
  for_lanes(lanes, [&](unsigned lane) {
    auto& mine = request_of<Vote>(worker, first + lane);
    mine.lanes = lanes;
    mine.ballot = ballot;
  });
}

inline Vote vote(unsigned mask, bool yes) {
  Vote mine{yes, 0, 0};
  worker->collective(mask, &mine, answer_vote);
  return mine;
}

template <class T>
struct Match {
  T value;
  unsigned same;
  bool all;
};

template <class T>
void answer_match(Worker& worker, unsigned first, unsigned lanes) {
  for_lanes(lanes, [&](unsigned lane) {
    auto& mine = request_of<Match<T>>(worker, first + lane);
    mine.same = 0;
    for_lanes(lanes, [&](unsigned other) {
      const auto& theirs = request_of<Match<T>>(worker, first + other);
      mine.same |= static_cast<unsigned>(theirs.value == mine.value) << other;
    });
    mine.all = mine.same == lanes;
  });
}

template <class T>
Match<T> match(unsigned mask, T value) {
  Match<T> mine{value, 0, false};
  worker->collective(mask, &mine, answer_match<T>);
  return mine;
}

// ---- reductions ----

struct Sum {
  template <class T>
  T operator()(T a, T b) const { return a + b; }
};
struct Least {
  template <class T>
  T operator()(T a, T b) const { return b < a ? b : a; }
};
struct Greatest {
  template <class T>
  T operator()(T a, T b) const { return a < b ? b : a; }
};
struct BitAnd {
  template <class T>
  T operator()(T a, T b) const { return a & b; }
};
struct BitOr {
  template <class T>
  T operator()(T a, T b) const { return a | b; }
};
struct BitXor {
  template <class T>
  T operator()(T a, T b) const { return a ^ b; }
};

template <class T, class Op>
struct Reduction {
  T value;
  Op op;
  T result;
};

template <class T, class Op>
void answer_reduction(Worker& worker, unsigned first, unsigned lanes) {
  auto& lowest = request_of<Reduction<T, Op>>(worker, first + __builtin_ctz(lanes));
  T total = lowest.value;
  for_lanes(lanes & (lanes - 1), [&](unsigned lane) {
    total = lowest.op(total, request_of<Reduction<T, Op>>(worker, first + lane).value);
  });
  for_lanes(lanes, [&](unsigned lane) {
    request_of<Reduction<T, Op>>(worker, first + lane).result = total;
  });
}

template <class T, class Op>
T reduce(unsigned mask, T value, Op op) {
  Reduction<T, Op> mine{value, op, value};
  worker->collective(mask, &mine, answer_reduction<T, Op>);
  return mine.result;
}

}  // namespace rushlight::emu

// ---- CUDA's names ----

inline void __syncwarp(unsigned mask = rushlight::emu::FULL) { rushlight::emu::vote(mask, false); }

/// The lanes that run this line together: those that come here before all others have to wait.
__attribute__((noinline)) inline unsigned __activemask() {
  return rushlight::emu::worker->converged(__builtin_return_address(0));
}

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = warpSize) {
  const unsigned in_segment = static_cast<unsigned>(source) & static_cast<unsigned>(width - 1);
  return rushlight::emu::shuffle(mask, value, rushlight::emu::segment(width) + in_segment);
}

template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = warpSize) {
  const unsigned lane = rushlight::emu::worker->lane();
  const bool inside = lane - rushlight::emu::segment(width) >= delta;
  return rushlight::emu::shuffle(mask, value, inside ? lane - delta : lane);
}

template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = warpSize) {
  const unsigned lane = rushlight::emu::worker->lane();
  const bool inside = lane - rushlight::emu::segment(width) + delta < static_cast<unsigned>(width);
  return rushlight::emu::shuffle(mask, value, inside ? lane + delta : lane);
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = warpSize) {
  const unsigned lane = rushlight::emu::worker->lane();
  const unsigned from = lane ^ static_cast<unsigned>(lane_mask);
  const bool inside = from < rushlight::emu::segment(width) + static_cast<unsigned>(width);
  return rushlight::emu::shuffle(mask, value, inside ? from : lane);
}

inline unsigned __ballot_sync(unsigned mask, int predicate) {
  return rushlight::emu::vote(mask, predicate != 0).ballot;
}
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
inline int __all_sync(unsigned mask, int predicate) {
  const auto vote = rushlight::emu::vote(mask, predicate != 0);
  return vote.ballot == vote.lanes;
}
inline int __uni_sync(unsigned mask, int predicate) {
  const auto vote = rushlight::emu::vote(mask, predicate != 0);
  return vote.ballot == vote.lanes || vote.ballot == 0;
}

template <class T>
unsigned __match_any_sync(unsigned mask, T value) {
  return rushlight::emu::match(mask, value).same;
}
template <class T>
unsigned __match_all_sync(unsigned mask, T value, int* predicate) {
  const auto found = rushlight::emu::match(mask, value);
  *predicate = found.all;
  return found.all ? found.same : 0;
}

template <class T>
T __reduce_add_sync(unsigned mask, T value) {
  return rushlight::emu::reduce(mask, value, rushlight::emu::Sum());
}
template <class T>
T __reduce_min_sync(unsigned mask, T value) {
  return rushlight::emu::reduce(mask, value, rushlight::emu::Least());
}
template <class T>
T __reduce_max_sync(unsigned mask, T value) {
  return rushlight::emu::reduce(mask, value, rushlight::emu::Greatest());
}
inline unsigned __reduce_and_sync(unsigned mask, unsigned value) {
  return rushlight::emu::reduce(mask, value, rushlight::emu::BitAnd());
}
inline unsigned __reduce_or_sync(unsigned mask, unsigned value) {
  return rushlight::emu::reduce(mask, value, rushlight::emu::BitOr());
}
inline unsigned __reduce_xor_sync(unsigned mask, unsigned value) {
  return rushlight::emu::reduce(mask, value, rushlight::emu::BitXor());
}

inline void __nanosleep(unsigned) { rushlight::emu::worker->yield(); }
