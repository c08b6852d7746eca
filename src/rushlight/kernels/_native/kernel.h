// What every kernels/<family>/cpu.cpp includes first. See README.md beside this file.
#pragma once
#ifndef RL_LEVEL
#error "cpu.cpp files are compiled once per capability level (see CMakeLists.txt)"
#endif

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "_native/parallel.h"
#include "_native/pool.h"
#include "_native/simd.h"
#include "_native/view.h"

namespace rl::RL_LEVEL {
inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
}  // namespace rl::RL_LEVEL

// Within a level the families may call each other: their cpu.h files then declare functions.
#define RL_KERNEL(result, name, parameters) result name parameters;
#define RL_MAP(inputs, name, parameters) void name parameters;
