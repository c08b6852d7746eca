#include "_native/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace rl {
namespace {

constexpr std::chrono::microseconds kSpin{200};  // several times the gap between two kernels in a step

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

thread_local bool inside = false;

// state: bit 63 = open for workers, bits 32..62 = job number, bits 0..31 = workers inside the job.
constexpr uint64_t kOpen = uint64_t{1} << 63;
constexpr uint64_t kJob = uint64_t{1} << 32;
constexpr uint64_t kActive = kJob - 1;

class Pool {
 public:
  explicit Pool(int workers) {
    threads_.reserve(static_cast<size_t>(workers));
    for (int i = 0; i < workers; ++i) threads_.emplace_back([this] { work(); });
  }

  ~Pool() {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (auto& t : threads_) t.join();
  }

  void run(int64_t chunks, void (*body)(void*, int64_t), void* ctx) {
    body_ = body;
    ctx_ = ctx;
    chunks_ = chunks;
    next_.store(0, std::memory_order_relaxed);
    const uint64_t job = (state_.load(std::memory_order_relaxed) & ~kOpen & ~kActive) + kJob;
    state_.store((job & ~kOpen) | kOpen, std::memory_order_seq_cst);
    if (sleepers_.load(std::memory_order_seq_cst) > 0) {
      { std::lock_guard lock(mutex_); }
      wake_.notify_all();
    }
    take_chunks();
    state_.fetch_and(~kOpen, std::memory_order_acq_rel);
    // Workers still inside hold at most one chunk each.
    for (int spins = 0; (state_.load(std::memory_order_acquire) & kActive) != 0; ++spins) {
      if (spins < 2000) pause(); else std::this_thread::yield();
    }
  }

 private:
  void take_chunks() {
    inside = true;
    for (;;) {
      const int64_t i = next_.fetch_add(1, std::memory_order_relaxed);
      if (i >= chunks_) break;
      body_(ctx_, i);
    }
    inside = false;
  }

  // Enters the open job unless this worker has already been in it.
  bool enter(uint64_t& last) {
    uint64_t s = state_.load(std::memory_order_seq_cst);
    while ((s & kOpen) != 0 && (s & ~kActive) != last) {
      if (state_.compare_exchange_weak(s, s + 1, std::memory_order_acq_rel)) {
        last = s & ~kActive;
        return true;
      }
    }
    return false;
  }

  bool spin(uint64_t& last) {
    const auto end = std::chrono::steady_clock::now() + kSpin;
    do {
      for (int i = 0; i < 32; ++i) {
        if (enter(last)) return true;
        pause();
      }
    } while (std::chrono::steady_clock::now() < end);
    return false;
  }

  void work() {
    uint64_t last = 0;
    for (;;) {
      bool entered = spin(last);
      if (!entered) {
        std::unique_lock lock(mutex_);
        sleepers_.fetch_add(1, std::memory_order_seq_cst);
        wake_.wait(lock, [&] { return stop_ || (entered = enter(last)); });
        sleepers_.fetch_sub(1, std::memory_order_relaxed);
        if (!entered) return;
      }
      take_chunks();
      state_.fetch_sub(1, std::memory_order_acq_rel);
    }
  }

  void (*body_)(void*, int64_t) = nullptr;
  void* ctx_ = nullptr;
  int64_t chunks_ = 0;
  alignas(64) std::atomic<int64_t> next_{0};
  alignas(64) std::atomic<uint64_t> state_{0};
  alignas(64) std::atomic<int> sleepers_{0};
  bool stop_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> threads_;
};

int cores_available() {
#if defined(__linux__)
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

int default_threads() {
  const char* wish = std::getenv("OMP_NUM_THREADS");
  const int n = wish == nullptr ? 0 : std::atoi(wish);
  return n > 0 ? n : cores_available();
}

std::atomic<int> threads{0};  // 0: not decided yet
std::atomic_flag busy = ATOMIC_FLAG_INIT;
Pool* pool = nullptr;  // guarded by busy; never destroyed at exit, when threads may be gone already
int pool_size = 0;

// The child of a fork has no workers: forget the pool (its memory cannot be freed safely).
void forget_pool() {
  pool = nullptr;
  pool_size = 0;
  inside = false;
  busy.clear();
}

}  // namespace

int num_threads() {
  const int n = threads.load(std::memory_order_relaxed);
  if (n != 0) return n;
  const int fresh = default_threads();
  threads.store(fresh, std::memory_order_relaxed);
  return fresh;
}

void set_num_threads(int n) { threads.store(std::max(1, n), std::memory_order_relaxed); }

bool in_parallel() { return inside; }

void run_chunks(int64_t chunks, void (*body)(void*, int64_t), void* ctx) {
  // A second Python thread that comes while the pool works runs its region itself.
  if (busy.test_and_set(std::memory_order_acquire)) {
    for (int64_t i = 0; i < chunks; ++i) body(ctx, i);
    return;
  }
  static const int registered = pthread_atfork(nullptr, nullptr, forget_pool);
  static_cast<void>(registered);
  const int workers = num_threads() - 1;
  if (pool_size != workers) {
    delete pool;
    pool = workers > 0 ? new Pool(workers) : nullptr;
    pool_size = workers;
  }
  if (pool != nullptr) {
    pool->run(chunks, body, ctx);
  } else {
    for (int64_t i = 0; i < chunks; ++i) body(ctx, i);
  }
  busy.clear(std::memory_order_release);
}

}  // namespace rl
