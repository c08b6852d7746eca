// The native paths through the graph: calls of operators, saved tensors, the reverse walk.
//
// Each does what the Python function it stands for does in the plain case, and hands everything
// else to that function. Nothing here is used unless Python installs it.
#pragma once
#include "_native/interpreter.h"
#include "autograd/_native/objects.h"

namespace rl::graph {

// False while the Python functions are to run instead, as tests that compare the two ask for.
extern bool enabled;

void bind_apply(nb::module_& m);
void bind_saved(nb::module_& m);
void bind_walk(nb::module_& m);
void bind_graph(nb::module_& m);

}  // namespace rl::graph
