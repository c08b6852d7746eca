// CUDA's runtime for machines without a GPU: kernels run on the processor.
//
// In order: what declarations say (qualifiers.h), vectors.h, mathematics (math.h); a block's threads
// (fiber.h, worker.h) and what they do together (warp.h, atomics.h, traps.h); a grid's blocks
// (pool.h, launch.h); the functions of the host (errors.h, allocations.h, runtime.h). check.h is
// the debug mode: it sees every access to memory.
#pragma once

#include "rushlight_emulator/qualifiers.h"

#ifdef RUSHLIGHT_CUDA_CHECK
#include <dlfcn.h>
#include <link.h>
#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#include <cmath>
#include <iterator>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>
#if !defined(__clang__)
// The debug mode compiles kernels without optimization, for it wants to see every access, but not
// what they call here.
#pragma GCC push_options
#pragma GCC optimize("O2")
#endif
#endif

#include "rushlight_emulator/atomics.h"
#include "rushlight_emulator/launch.h"
#include "rushlight_emulator/math.h"
#include "rushlight_emulator/runtime.h"
#include "rushlight_emulator/vectors.h"
#include "rushlight_emulator/warp.h"

#ifdef RUSHLIGHT_CUDA_CHECK
#include "rushlight_emulator/check.h"
#if !defined(__clang__)
#pragma GCC pop_options
#endif
#endif

#include <assert.h>
