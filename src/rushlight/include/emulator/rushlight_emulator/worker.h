// A worker runs the blocks of a grid, one at a time, on one thread of the machine.
//
// A block that may wait (at a barrier, in a warp operation) runs in fibers. A fiber runs one thread
// after another until one of them has to wait; then that thread keeps the fiber, and the next
// thread begins on a new one. So threads that never wait cost no more than a function call each.
#pragma once

#include <cstring>

#include "errors.h"
#include "fiber.h"
#include "vectors.h"

// The built-in variables, as device functions see them. Kernels have copies of their own.
inline thread_local uint3 threadIdx{0, 0, 0};
inline thread_local uint3 blockIdx{0, 0, 0};
inline thread_local dim3 blockDim{1, 1, 1};
inline thread_local dim3 gridDim{1, 1, 1};
constexpr int warpSize = 32;

namespace rushlight::emu {

constexpr unsigned WARP = 32;
constexpr size_t SHARED_BYTES = 48 << 10;          // a block may ask for without opting in
constexpr size_t SHARED_BYTES_OPT_IN = 228 << 10;  // and with cudaFuncSetAttribute
constexpr unsigned FULL = 0xffffffffu;

struct Launch;
class Worker;
#ifdef RUSHLIGHT_CUDA_CHECK
void check_early_read();
#endif

/// What a group of lanes does once all of them have come: answers every lane's request.
using Answer = void (*)(Worker& worker, unsigned first_thread, unsigned lanes);
/// A thread of the kernel: the body, copied, with its index.
using ThreadBody = void (*)(const void* body, uint3 index);

/// Lanes of a warp that wait for each other.
struct LaneGroup {
  unsigned mask, arrived;
  Answer answer;
};

struct WarpState {
  unsigned alive = 0;   // lanes that have not returned
  unsigned groups = 0;  // groups that wait
  unsigned syncs = 0;   // warp operations so far; orders accesses to shared memory
  LaneGroup group[WARP];
};

/// Thread numbers, first in, first out.
class Queue {
 public:
  bool empty() const { return !count_; }
  void clear() { head_ = count_ = 0; }
  void push(unsigned thread) {
    slot_[(head_ + count_++) % MAX_THREADS] = static_cast<uint16_t>(thread);
  }
  unsigned front() const { return slot_[head_]; }
  unsigned pop() {
    const unsigned thread = slot_[head_];
    head_ = (head_ + 1) % MAX_THREADS;
    --count_;
    return thread;
  }

 private:
  unsigned head_ = 0, count_ = 0;
  uint16_t slot_[MAX_THREADS];
};

class Worker {
 public:
  Launch* launch = nullptr;
  const char* kernel = "";
  bool in_fibers = false;
  unsigned threads = 0;  // of the block
  unsigned current = 0;  // the thread that runs
  WarpState warps[MAX_THREADS / WARP];
  void* request[MAX_THREADS];  // what a lane asks of its group
  char* const dynamic_shared = static_cast<char*>(std::aligned_alloc(4096, SHARED_BYTES_OPT_IN));

  Worker() = default;
  Worker(const Worker&) = delete;
  ~Worker() { std::free(dynamic_shared); }

  uint3 index_of(unsigned thread) const { return index_[thread]; }
  unsigned lane() const { return current % WARP; }
  RUSHLIGHT_UNCHECKED WarpState& warp() { return warps[current / WARP]; }
  unsigned exited() const { return exited_; }
  RUSHLIGHT_UNCHECKED unsigned barriers() const { return barriers_; }        // so far; orders accesses to shared memory
  RUSHLIGHT_UNCHECKED unsigned first_epoch() const { return first_epoch_; }  // barriers before this block
  RUSHLIGHT_UNCHECKED const Stacks& stacks() const { return stacks_; }

  /// Whether an address is on the worker's own stack, where the kernel's arguments are.
  bool own_stack(uintptr_t address) const {
    return address - reinterpret_cast<uintptr_t>(main_) < frame_ - reinterpret_cast<uintptr_t>(main_);
  }
  void begin_grid(const void* frame) { frame_ = reinterpret_cast<uintptr_t>(frame); }

  /// Run all threads of a block; false if one of them failed.
  bool run_block(ThreadBody body, const void* data) {
    begin_block(body, data);
    switch_stack(&main_, start_fiber());
    in_fibers = false;
#ifdef RUSHLIGHT_CUDA_CHECK
    check_early_read();
#endif
    return exited_ == threads;
  }

  /// Wait until every thread of the block that has not returned is here; how many said `vote`.
  unsigned barrier(bool vote, int line);

  /// Wait for the lanes in `mask`, then let `answer` answer them all.
  void collective(unsigned mask, void* mine, Answer answer);

  /// The lanes of this warp that run this line together, as far as anyone can tell.
  unsigned converged(const void* place);

  /// Let others run first.
  void yield() {
    if (!in_fibers) return;
    ready_.push(current);
    suspend();
  }

  /// Give the block up: it has failed.
  [[noreturn]] void abandon() {
    void* never;
    switch_stack(&never, main_);
    __builtin_unreachable();
  }

 private:
  static constexpr int START = -1, MAIN = -2;

  void begin_block(ThreadBody body, const void* data);
  void number_threads();
  void enter(unsigned thread);
  void leave();
  void suspend();
  int next();
  void* start_fiber();
  static void fiber();
  void open_barrier();
  void open_group(WarpState& warp, unsigned first, unsigned index);
  bool open_converged();
  void check_barrier(int line, bool by_return);
  [[noreturn]] void deadlock();

  ThreadBody body_ = nullptr;
  const void* data_ = nullptr;
  Stacks stacks_;
  uintptr_t frame_ = 0;             // the end of its own stack, as far as the grid is concerned
  void* main_ = nullptr;            // the worker's own stack, while a fiber runs
  void* at_[MAX_THREADS];           // where each waiting thread stopped
  uint16_t stack_of_[MAX_THREADS];  // the stack each waiting thread is on
  uint16_t free_stacks_[MAX_THREADS];
  unsigned stacks_used_ = 0, stacks_free_ = 0, stack_ = 0;
  unsigned started_ = 0, exited_ = 0;
  uint3 index_[MAX_THREADS];
  uint3 numbered_{0, 0, 0};  // the block `index_` was made for: width, height, threads
  Queue ready_;

  Queue waiting_;  // at the barrier
  unsigned waiters_ = 0, votes_ = 0, result_ = 0, barriers_ = 0, first_epoch_ = 0;
  int barrier_line_ = 0;

  struct Place {
    unsigned thread;
    const void* where;
  };
  Place places_[MAX_THREADS];  // who waits in `converged`
  unsigned placed_ = 0;
};

inline thread_local Worker* worker = nullptr;

/// Let the other threads of the block come as far as this one. The translator writes this where a
/// source relies on threads that keep step.
inline void take_turn() {
  if (worker) worker->yield();
}

/// Note that a launch failed; the first report is kept.
void report(cudaError_t error, const char* format, ...) __attribute__((format(printf, 2, 3)));
/// The same, and give the block up.
[[noreturn]] void fail(cudaError_t error, const char* format, ...) __attribute__((format(printf, 2, 3)));

RUSHLIGHT_OUT_OF_LINE inline void Worker::begin_block(ThreadBody body, const void* data) {
  body_ = body;
  data_ = data;
  threads = blockDim.x * blockDim.y * blockDim.z;
  in_fibers = true;
  number_threads();
  started_ = exited_ = stacks_used_ = stacks_free_ = waiters_ = votes_ = placed_ = 0;
  first_epoch_ = ++barriers_;
  ready_.clear();
  waiting_.clear();
  for (unsigned first = 0; first < threads; first += WARP) {
    WarpState& warp = warps[first / WARP];
    warp.alive = threads - first >= WARP ? FULL : (1u << (threads - first)) - 1;
    warp.groups = 0;
  }
}

/// The index of every thread: a table, for threads change more often than one can divide.
inline void Worker::number_threads() {
  if (numbered_.x == blockDim.x && numbered_.y == blockDim.y && threads <= numbered_.z) return;
  numbered_ = {blockDim.x, blockDim.y, threads};
  uint3 at{0, 0, 0};
  for (unsigned thread = 0; thread < threads; ++thread) {
    index_[thread] = at;
    if (++at.x < blockDim.x) continue;
    at.x = 0;
    if (++at.y < blockDim.y) continue;
    at.y = 0;
    ++at.z;
  }
}

inline void Worker::enter(unsigned thread) {
  current = thread;
  threadIdx = index_[thread];
}

inline void* Worker::start_fiber() {
  stack_ = stacks_free_ ? free_stacks_[--stacks_free_] : stacks_used_++;
  return stacks_.start(stack_, fiber);
}

RUSHLIGHT_OUT_OF_LINE inline void Worker::fiber() {
  Worker& self = *worker;
  do {
    self.enter(self.started_++);
    self.body_(self.data_, threadIdx);
    self.leave();
  } while (self.ready_.empty() && self.started_ < self.threads);
  self.free_stacks_[self.stacks_free_++] = static_cast<uint16_t>(self.stack_);
  const int next = self.next();
  void* never;
  switch_stack(&never, next == MAIN ? self.main_ : next == START ? self.start_fiber() : self.at_[next]);
  __builtin_unreachable();
}

/// Who runs next when this thread cannot.
inline int Worker::next() {
  if (ready_.empty() && started_ < threads) return START;
  if (exited_ == threads) return MAIN;
  if (ready_.empty() && !open_converged()) deadlock();
  const unsigned thread = ready_.pop();
  // The stacks of a large block do not fit into the nearest cache.
  if (!ready_.empty()) __builtin_prefetch(at_[ready_.front()]);
  stack_ = stack_of_[thread];
  enter(thread);
  return static_cast<int>(thread);
}

RUSHLIGHT_OUT_OF_LINE inline void Worker::suspend() {
  const unsigned me = current;
  stack_of_[me] = static_cast<uint16_t>(stack_);
  const int to = next();
  if (to == static_cast<int>(me)) return;
  switch_stack(&at_[me], to == START ? start_fiber() : at_[to]);
}

/// The running thread has returned: those who wait for it need not any more.
inline void Worker::leave() {
  ++exited_;
  WarpState& mine = warp();
  mine.alive &= ~(1u << lane());
  for (unsigned i = mine.groups; i-- > 0;)
    if (mine.group[i].arrived == (mine.group[i].mask & mine.alive))
      open_group(mine, current - lane(), i);
  if (waiters_ && waiters_ == threads - exited_) {
    check_barrier(barrier_line_, true);
    open_barrier();
  }
}

RUSHLIGHT_OUT_OF_LINE inline unsigned Worker::barrier(bool vote, int line) {
  check_barrier(line, false);
  barrier_line_ = line;
  votes_ += vote;
  if (++waiters_ == threads - exited_) {
    if (exited_) check_barrier(line, true);
    open_barrier();
  } else {
    waiting_.push(current);
    suspend();
  }
  return result_;
}

inline void Worker::open_barrier() {
  result_ = votes_;
  waiters_ = votes_ = 0;
  ++barriers_;
  while (!waiting_.empty()) ready_.push(waiting_.pop());
}

RUSHLIGHT_OUT_OF_LINE inline void Worker::collective(unsigned mask, void* mine, Answer answer) {
  WarpState& in = warp();
  const unsigned bit = 1u << lane(), first = current - lane();
  if (!(mask & bit)) fail(cudaErrorLaunchFailure, "the mask 0x%x of a warp operation leaves out the lane itself", mask);
  request[current] = mine;
  unsigned i = 0;
  while (i < in.groups && in.group[i].mask != mask) ++i;
  if (i == in.groups) in.group[in.groups++] = {mask, 0, answer};
  LaneGroup& group = in.group[i];
  if (group.answer != answer)
    fail(cudaErrorLaunchFailure, "lanes with the mask 0x%x are at different warp operations", mask);
  group.arrived |= bit;
  if (group.arrived == (mask & in.alive)) {
    group.arrived &= ~bit;  // this lane runs on without a stop
    answer(*this, first, group.arrived | bit);
    open_group(in, first, i);
  } else {
    suspend();
  }
}

/// Wake the lanes of a group; `answer` is still to be run if the last lane came by returning.
RUSHLIGHT_OUT_OF_LINE inline void Worker::open_group(WarpState& in, unsigned first, unsigned index) {
  const LaneGroup group = in.group[index];
  in.group[index] = in.group[--in.groups];
  ++in.syncs;
  const bool answered = (group.mask & in.alive) != group.arrived;
  if (!answered) group.answer(*this, first, group.arrived);
  for (unsigned lanes = group.arrived; lanes; lanes &= lanes - 1)
    ready_.push(first + static_cast<unsigned>(__builtin_ctz(lanes)));
}

inline unsigned Worker::converged(const void* place) {
  unsigned mask = 1u << lane();
  if (!in_fibers) return mask;
  request[current] = &mask;
  places_[placed_++] = {current, place};
  suspend();
  return mask;
}

/// Nobody can run: whoever waits at one place with the first in `converged` is together.
inline bool Worker::open_converged() {
  if (!placed_) return false;
  const Place first = places_[0];
  const auto together = [&](const Place& p) {
    return p.where == first.where && p.thread / WARP == first.thread / WARP;
  };
  unsigned mask = 0, kept = 0;
  for (unsigned i = 0; i < placed_; ++i)
    if (together(places_[i])) mask |= 1u << places_[i].thread % WARP;
  for (unsigned i = 0; i < placed_; ++i) {
    if (together(places_[i])) {
      *static_cast<unsigned*>(request[places_[i].thread]) = mask;
      ready_.push(places_[i].thread);
    } else {
      places_[kept++] = places_[i];
    }
  }
  placed_ = kept;
  return true;
}

inline void Worker::check_barrier(int line, bool by_return) {
#ifdef RUSHLIGHT_CUDA_CHECK
  if (by_return)
    fail(cudaErrorLaunchFailure, "divergent __syncthreads(): line %d waits for threads that have returned", line);
  if (waiters_ && line != barrier_line_)
    fail(cudaErrorLaunchFailure, "divergent __syncthreads(): this thread is at line %d, others wait at line %d", line,
         barrier_line_);
#else
  (void)line;
  (void)by_return;
#endif
}

inline void Worker::deadlock() {
  unsigned in_warps = 0;
  for (unsigned first = 0; first < threads; first += WARP)
    for (unsigned i = 0; i < warps[first / WARP].groups; ++i)
      in_warps += static_cast<unsigned>(__builtin_popcount(warps[first / WARP].group[i].arrived));
  fail(cudaErrorLaunchFailure,
       "deadlock: of %u threads %u wait at __syncthreads() (line %d), %u in warp operations for "
       "lanes that never come, %u have returned",
       threads, waiters_, barrier_line_, in_warps, exited_);
}

}  // namespace rushlight::emu
