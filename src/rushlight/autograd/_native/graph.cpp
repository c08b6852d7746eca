#include "autograd/_native/graph.h"

namespace rl::graph {

bool enabled = false;

void bind_graph(nb::module_& m) {
  bind_apply(m);
  bind_saved(m);
  bind_walk(m);
  m.def("use_native_calls", [](bool on) { enabled = on; });
}

}  // namespace rl::graph
