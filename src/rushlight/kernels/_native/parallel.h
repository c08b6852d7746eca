// The thread pool. One per process; created at the first parallel region, again after a fork.
#pragma once
#include <cstdint>
#include <type_traits>
#include <utility>

namespace rl {

int num_threads();
void set_num_threads(int n);

// True inside a chunk: nested regions run serially.
bool in_parallel();

// Calls body(ctx, chunk) for every chunk in [0, chunks), in any order, on any thread.
void run_chunks(int64_t chunks, void (*body)(void*, int64_t), void* ctx);

// f(chunk) for chunk in [0, chunks). Chunks are handed out as threads become free, so a reduction
// must keep one partial result per chunk and add them in order afterwards.
template <class F>
void parallel_chunks(int64_t chunks, F&& f) {
  if (chunks <= 1 || num_threads() == 1 || in_parallel()) {
    for (int64_t i = 0; i < chunks; ++i) f(i);
    return;
  }
  using Fn = std::remove_reference_t<F>;
  run_chunks(chunks, [](void* ctx, int64_t i) { (*static_cast<Fn*>(ctx))(i); },
             const_cast<void*>(static_cast<const void*>(&f)));
}

// f(begin, end) over [0, n) in pieces of at least `grain` items. Choose the grain so that one piece
// is about 25 us of work; anything smaller runs serially. The split depends on n, grain and the
// number of threads only.
template <class F>
void parallel_for(int64_t n, int64_t grain, F&& f) {
  if (n <= 0) return;
  const int64_t threads = num_threads();
  if (n <= grain || threads == 1 || in_parallel()) {
    f(int64_t{0}, n);
    return;
  }
  const int64_t most = threads * 4;
  int64_t chunks = n / grain;
  if (chunks > most) chunks = most;
  if (chunks < 2) chunks = 2;
  const int64_t step = (n + chunks - 1) / chunks;
  parallel_chunks((n + step - 1) / step, [&](int64_t i) {
    const int64_t begin = i * step;
    f(begin, begin + step < n ? begin + step : n);
  });
}

}  // namespace rl
