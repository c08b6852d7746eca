// What ends a kernel early: assert, __trap.
#pragma once

#include "worker.h"

namespace rushlight::emu {

/// A failed assertion: ends the kernel, or, on the host, the process, as C's does.
[[noreturn]] inline void assertion(const char* text, const char* file, int line, const char* function) {
  if (worker && worker->in_fibers)
    fail(cudaErrorAssert, "%s:%d: assertion `%s` failed", file, line, text);
  std::fprintf(stderr, "%s:%d: %s: Assertion `%s' failed.\n", file, line, function, text);
  std::abort();
}

}  // namespace rushlight::emu

[[noreturn]] inline void __trap(int line = __builtin_LINE()) {
  rushlight::emu::fail(cudaErrorLaunchFailure, "__trap() at line %d", line);
}
inline void __brkpt() {}
#define __builtin_assume(condition) static_cast<void>(0)
#define __assume(condition) static_cast<void>(0)
