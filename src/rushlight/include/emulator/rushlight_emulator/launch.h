// A launch: the checks CUDA makes, the blocks spread over the machine, the kernel's threads.
#pragma once

#include <cstdarg>
#include <ctime>
#include <tuple>
#include <type_traits>
#include <utility>

#include "pool.h"
#include "worker.h"

#ifdef RUSHLIGHT_CUDA_CHECK
#include <stdexcept>
#include <string>
#endif

struct CUstream_st;
using cudaStream_t = CUstream_st*;

namespace rushlight::emu {

struct Launch {
  dim3 grid, block;
  size_t shared;
  void (*run)(const void* call);  // runs one block
  const void* call;
  uint64_t blocks = 0, chunk = 1;
  uint64_t next = 0;       // first block that nobody has begun
  int failed = 0;          // whether a report is there
  cudaError_t error = cudaSuccess;
  char report[REPORT_BYTES] = "";
};

#ifdef RUSHLIGHT_CUDA_CHECK
void forget_shared();
template <class Arrays>
Arrays& checked_shared(const char* names);
#endif

inline double seconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Owns the worker of a thread of the machine.
struct WorkerOwner {
  Worker* made = new Worker;
  WorkerOwner() { worker = made; }
  ~WorkerOwner() {
    worker = nullptr;
    delete made;
  }
};

inline void go_to_block(const Launch& launch, uint64_t number) {
  const uint64_t row = number / launch.grid.x;
  blockIdx = {static_cast<unsigned>(number % launch.grid.x),
              static_cast<unsigned>(row % launch.grid.y),
              static_cast<unsigned>(row / launch.grid.y)};
}

/// Run blocks of a launch until none is left, or for about `limit` seconds; true if all are begun.
RUSHLIGHT_OUT_OF_LINE inline bool run_blocks(Launch& launch, double limit) {
  static thread_local WorkerOwner owner;
  worker->launch = &launch;
  worker->begin_grid(__builtin_frame_address(0));
#ifdef RUSHLIGHT_CUDA_CHECK
  forget_shared();
#endif
  gridDim = launch.grid;
  blockDim = launch.block;
  const double end = limit > 0 ? seconds() + limit : 0;
  while (!__atomic_load_n(&launch.failed, __ATOMIC_RELAXED)) {
    uint64_t number = __atomic_fetch_add(&launch.next, launch.chunk, __ATOMIC_RELAXED);
    if (number >= launch.blocks) return true;
    const uint64_t stop = number + launch.chunk < launch.blocks ? number + launch.chunk : launch.blocks;
    for (; number < stop && !__atomic_load_n(&launch.failed, __ATOMIC_RELAXED); ++number) {
      go_to_block(launch, number);
      launch.run(launch.call);
    }
    if (limit > 0 && seconds() > end) return false;
  }
  return true;
}

inline cudaError_t check_configuration(const Launch& launch, size_t allowed_shared) {
  const dim3 g = launch.grid, b = launch.block;
  const bool empty = !g.x || !g.y || !g.z || !b.x || !b.y || !b.z;
  const bool large_grid = g.x > 0x7fffffffu || g.y > 65535 || g.z > 65535;
  const bool large_block = b.x > MAX_THREADS || b.y > MAX_THREADS || b.z > 64 ||
                           uint64_t{b.x} * b.y * b.z > MAX_THREADS;
  if (empty || large_grid || large_block) return cudaErrorInvalidConfiguration;
  return launch.shared > allowed_shared ? cudaErrorInvalidValue : cudaSuccess;
}

/// Run a launch to its end, on this thread alone if that takes no longer than waking others.
RUSHLIGHT_OUT_OF_LINE inline cudaError_t run_launch(Launch& launch, size_t allowed_shared) {
  constexpr double ALONE = 30e-6;
  if (worker && worker->launch) return note(cudaErrorNotSupported);  // a kernel launches a kernel
  if (const cudaError_t bad = check_configuration(launch, allowed_shared)) return note(bad);
  launch.blocks = uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z;
  if (!run_blocks(launch, processors() > 1 ? ALONE : 0)) {
    const uint64_t left = launch.blocks - launch.next;
    launch.chunk = left / (processors() * uint64_t{16}) + 1;
    const auto job = [](void* data) {
      run_blocks(*static_cast<Launch*>(data), 0);
      worker->launch = nullptr;
    };
    const bool helped = left > launch.chunk && Pool::get().start(job, &launch);
    run_blocks(launch, 0);
    if (helped) Pool::get().finish();
  }
  worker->launch = nullptr;
  std::fflush(stdout);
  if (!launch.failed) return cudaSuccess;
  note(launch.error, launch.report);
#ifdef RUSHLIGHT_CUDA_CHECK
  const std::string report = std::string("CUDA error: ") + last_error.report;
  last_error.code = cudaSuccess;  // the exception tells it
  throw std::runtime_error(report);
#else
  std::fprintf(stderr, "CUDA error: %s\n", last_error.report);
  return launch.error;
#endif
}

inline void report_values(cudaError_t error, const char* format, va_list values) {
  Launch& launch = *worker->launch;
  if (__atomic_exchange_n(&launch.failed, 1, __ATOMIC_SEQ_CST)) return;
  launch.error = error;
  char text[REPORT_BYTES - 256];
  std::vsnprintf(text, sizeof text, format, values);
  std::snprintf(launch.report, REPORT_BYTES, "%s (kernel %.60s, block (%u, %u, %u), thread (%u, %u, %u))",
                text, worker->kernel, blockIdx.x, blockIdx.y, blockIdx.z, threadIdx.x, threadIdx.y,
                threadIdx.z);
}

inline void report(cudaError_t error, const char* format, ...) {
  va_list values;
  va_start(values, format);
  report_values(error, format, values);
  va_end(values);
}

inline void fail(cudaError_t error, const char* format, ...) {
  va_list values;
  va_start(values, format);
  if (!worker || !worker->in_fibers) {
    std::fputs("rushlight: a function for kernels was called outside of one: ", stderr);
    std::vfprintf(stderr, format, values);
    std::abort();
  }
  report_values(error, format, values);
  va_end(values);
  worker->abandon();
}

// ---- inside a kernel ----

/// How a kernel's threads run: LOOP if none can wait, and no device function asks for its index.
enum Mode { LOOP, FIBERS };

template <class Body>
void run_thread(const void* body, uint3 index) {
  Body mine(*static_cast<const Body*>(body));  // a thread may change its arguments
  mine(index);
}

/// Run the threads of this block. `body` is the text of the kernel.
template <Mode mode, class Body>
inline void run_threads(const char* kernel, const Body& body) {
  worker->kernel = kernel;
#ifndef RUSHLIGHT_CUDA_CHECK
  if constexpr (mode == LOOP) {
    const dim3 size = ::blockDim;
    for (unsigned z = 0; z < size.z; ++z)
      for (unsigned y = 0; y < size.y; ++y)
#pragma GCC ivdep  // threads of a block have no order, so the compiler may run several at once
        for (unsigned x = 0; x < size.x; ++x) {
          Body mine(body);
          mine(uint3{x, y, z});
        }
    return;
  }
#endif
  worker->run_block(run_thread<Body>, &body);
}

/// The dynamic shared memory of this block, as `extern __shared__ T name[]` names it.
template <class T>
std::remove_extent_t<T>* dynamic_shared() {
  return reinterpret_cast<std::remove_extent_t<T>*>(worker->dynamic_shared);
}

/// `extern __shared__ T name[]` outside of functions.
template <class T>
struct DynamicShared {
  operator std::remove_extent_t<T>*() const { return dynamic_shared<T>(); }
};

// ---- on the host ----

/// Shared memory that kernels asked for with cudaFuncSetAttribute; the largest wish holds for all.
inline size_t opted_in_shared = SHARED_BYTES;

/// What `<<<grid, block, shared, stream>>>` says.
struct Configuration {
  dim3 grid, block;
  size_t shared;
  Configuration(dim3 grid, dim3 block, size_t shared = 0, cudaStream_t = nullptr)
      : grid(grid), block(block), shared(shared) {}
};

template <class Call>
cudaError_t launch(const Configuration& with, const Call& call) {
  Launch all{with.grid, with.block, with.shared, [](const void* c) { (*static_cast<const Call*>(c))(); },
             &call};
  return run_launch(all, opted_in_shared);
}

/// `kernel<<<...>>>` before its arguments: `invoke` calls the kernel with them.
template <class Invoke>
struct Launcher {
  Configuration with;
  Invoke invoke;

  // The arguments live until the launch has ended; each block converts them to the parameters.
  template <class... Args>
  void operator()(Args&&... args) const {
    launch(with, [&] { invoke(args...); });
  }
};

/// The same where the arguments have no types of their own, such as `{1, 2}`: the kernel's count.
template <class... P>
struct TypedLauncher {
  Configuration with;
  void (*kernel)(P...);

  void operator()(P... args) const {
    launch(with, [&] { kernel(args...); });
  }
};

template <class... P>
TypedLauncher<P...> typed_launcher(void (*kernel)(P...), const Configuration& with) {
  return {with, kernel};
}

struct Configured {
  Configuration with;
  template <class Invoke>
  Launcher<Invoke> operator->*(Invoke invoke) const {
    return {with, invoke};
  }
};

template <class... P, size_t... I>
cudaError_t launch_unpacked(void (*kernel)(P...), const Configuration& with, void** args,
                            std::index_sequence<I...>) {
  return launch(with, [&] { kernel(*static_cast<std::remove_reference_t<P>*>(args[I])...); });
}

}  // namespace rushlight::emu

// The translator writes these: `kernel<<<config>>>(args)` and the braces of a kernel's body.
#define RUSHLIGHT_LAUNCH(kernel, ...)                                                      \
  (::rushlight::emu::Configured{::rushlight::emu::Configuration(__VA_ARGS__)}->*           \
   [&](auto&... rushlight_args) { kernel(rushlight_args...); })
#define RUSHLIGHT_TYPED_LAUNCH(kernel, ...) \
  ::rushlight::emu::typed_launcher(kernel, ::rushlight::emu::Configuration(__VA_ARGS__))
#define RUSHLIGHT_KERNEL(mode)                                                    \
  [[maybe_unused]] const ::uint3 blockIdx = ::blockIdx;                           \
  [[maybe_unused]] const ::dim3 blockDim = ::blockDim;                            \
  [[maybe_unused]] const ::dim3 gridDim = ::gridDim;                              \
  ::rushlight::emu::run_threads<::rushlight::emu::mode>(                          \
      __func__, [=]([[maybe_unused]] const ::uint3 threadIdx) mutable -> void {
#define RUSHLIGHT_KERNEL_END });
// `__shared__ float a[8], b;` is written as RUSHLIGHT_SHARED(n) float a[8], b;
// RUSHLIGHT_SHARED_END(n, "a, b") RUSHLIGHT_SHARED_NAME(n, a) RUSHLIGHT_SHARED_NAME(n, b).
#ifdef RUSHLIGHT_CUDA_CHECK
#define RUSHLIGHT_SHARED(n, ...) \
  struct rushlight_shared_##n {  \
    __VA_ARGS__
#define RUSHLIGHT_SHARED_END(n, names) \
  };                                   \
  auto& rushlight_memory_##n = ::rushlight::emu::checked_shared<rushlight_shared_##n>(names);
#define RUSHLIGHT_SHARED_NAME(n, name) auto& name = rushlight_memory_##n.name;
#else
// A worker runs one block at a time, all its threads included: its own copy is the block's.
#define RUSHLIGHT_SHARED(n, ...) __VA_ARGS__ static thread_local
#define RUSHLIGHT_SHARED_END(n, names)
#define RUSHLIGHT_SHARED_NAME(n, name)
#endif
// `target = value` through a volatile pointer: all threads read, then all write.
#define RUSHLIGHT_IN_STEP(target, ...)                                                   \
  do {                                                                                   \
    const std::remove_cv_t<std::remove_reference_t<decltype(target)>> rushlight_value = __VA_ARGS__; \
    ::rushlight::emu::take_turn();                                                       \
    target = rushlight_value;                                                            \
    ::rushlight::emu::take_turn();                                                       \
  } while (false)
// For kernels with lambdas or classes inside that could not see local copies.
#define RUSHLIGHT_KERNEL_WITHOUT_INDICES(mode) \
  ::rushlight::emu::run_threads<::rushlight::emu::mode>(__func__, [=](::uint3) mutable -> void {
#define RUSHLIGHT_INLINE_PTX(...) \
  static_assert(sizeof(#__VA_ARGS__) == 0, "inline PTX cannot run without a GPU")

template <class... P>
cudaError_t cudaLaunchKernel(void (*kernel)(P...), dim3 grid, dim3 block, void** args,
                             size_t shared = 0, cudaStream_t stream = nullptr) {
  return rushlight::emu::launch_unpacked(kernel, {grid, block, shared, stream}, args,
                                         std::index_sequence_for<P...>());
}
