// The type of kernels; see dispatch.cpp.
#pragma once
#include <nanobind/nanobind.h>

namespace nb = nanobind;

namespace rl {
void bind_dispatch(nb::module_& m);
}
