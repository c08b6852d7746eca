// at::parallel_for and its like: a range in pieces, one thread each.
#pragma once

#include <rushlight/macros.h>
#include <rushlight/python.h>

#include <pthread.h>

#include <vector>

namespace rushlight {

// A piece of a range, and what is to be done with it.
struct Piece {
  void (*run)(const void* body, int64_t begin, int64_t end, int thread);
  const void* body;
  int64_t begin, end;
  int thread;
  std::exception_ptr error{};
  pthread_t runner{};
  bool has_runner = false;
};

inline thread_local int thread_number = -1;  // in a parallel region: which piece this is

inline void* run_piece(void* pointer) {
  auto* piece = static_cast<Piece*>(pointer);
  const int outer = std::exchange(thread_number, piece->thread);
  try {
    piece->run(piece->body, piece->begin, piece->end, piece->thread);
  } catch (...) {
    piece->error = std::current_exception();
  }
  thread_number = outer;
  return nullptr;
}

// Lets other threads have the GIL for a while, if this one has it.
class WithoutGil {
 public:
  WithoutGil() : state_(PyGILState_Check() != 0 ? PyEval_SaveThread() : nullptr) {}
  ~WithoutGil() {
    if (state_ != nullptr) PyEval_RestoreThread(state_);
  }
  WithoutGil(const WithoutGil&) = delete;

 private:
  PyThreadState* state_;
};

// Runs the pieces, the first in this thread; rethrows the first exception.
inline void run_pieces(Piece* pieces, size_t count) {
  WithoutGil without_gil;
  for (size_t i = 1; i < count; ++i) {
    Piece& piece = pieces[i];
    piece.has_runner = pthread_create(&piece.runner, nullptr, run_piece, &piece) == 0;
  }
  run_piece(&pieces[0]);
  for (size_t i = 1; i < count; ++i) {
    if (pieces[i].has_runner) {
      pthread_join(pieces[i].runner, nullptr);
    } else {
      run_piece(&pieces[i]);
    }
  }
  for (size_t i = 0; i < count; ++i) {
    if (pieces[i].error) std::rethrow_exception(pieces[i].error);
  }
}

}  // namespace rushlight

namespace at {

template <class T, class = std::enable_if_t<std::is_integral_v<T>>>
C10_HOST_DEVICE constexpr T ceil_div(T a, T b) {
  return (a + b - 1) / b;
}
template <class T>
C10_HOST_DEVICE constexpr T round_up(T a, T b) {
  return ceil_div(a, b) * b;
}
inline int64_t divup(int64_t x, int64_t y) { return (x + y - 1) / y; }
inline bool in_parallel_region() { return ::rushlight::thread_number >= 0; }
inline int get_thread_num() { return in_parallel_region() ? ::rushlight::thread_number : 0; }
inline void init_num_threads() {}
inline int get_num_threads() {
  ::rushlight::Gil gil;
  const ::rushlight::Object count = ::rushlight::checked(
      PyObject_CallMethod(::rushlight::library(), "get_num_threads", nullptr));
  return static_cast<int>(PyLong_AsLong(count.get()));
}
inline void set_num_threads(int count) {
  ::rushlight::Gil gil;
  ::rushlight::checked(PyObject_CallMethod(::rushlight::library(), "set_num_threads", "i", count));
}

// Calls `f(begin, end)` for pieces of the range, none smaller than `grain_size` if there are
// several. While threads run none of them has the GIL; operators take it for their calls.
template <class F>
void parallel_for(int64_t begin, int64_t end, int64_t grain_size, const F& f) {
  if (begin >= end) return;
  const int64_t most = divup(end - begin, grain_size > 0 ? grain_size : 1);
  const int64_t threads = most > 1 && !in_parallel_region() ? get_num_threads() : 1;
  const int64_t count = most < threads ? most : threads;
  if (count <= 1) return f(begin, end);
  const auto run = [](const void* body, int64_t from, int64_t to, int) {
    (*static_cast<const F*>(body))(from, to);
  };
  const int64_t step = divup(end - begin, count);
  std::vector<::rushlight::Piece> pieces;
  for (int64_t from = begin; from < end; from += step) {
    const int64_t to = from + step < end ? from + step : end;
    pieces.push_back({run, &f, from, to, static_cast<int>(pieces.size())});
  }
  ::rushlight::run_pieces(pieces.data(), pieces.size());
}

// Combines the results of pieces, in the order of the range.
template <class T, class F, class Combine>
T parallel_reduce(int64_t begin, int64_t end, int64_t grain_size, const T identity, const F& f,
                  const Combine& combine) {
  if (begin >= end) return identity;
  const int64_t grain = grain_size > 0 ? grain_size : 1;
  const int64_t threads = in_parallel_region() ? 1 : get_num_threads();
  const int64_t step = divup(end - begin, threads) > grain ? divup(end - begin, threads) : grain;
  std::vector<T> results(static_cast<size_t>(divup(end - begin, step)), identity);
  parallel_for(0, static_cast<int64_t>(results.size()), 1, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) {
      const int64_t first = begin + i * step;
      results[static_cast<size_t>(i)] = f(first, first + step < end ? first + step : end, identity);
    }
  });
  T total = identity;
  for (const T& result : results) total = combine(total, result);
  return total;
}

}  // namespace at
