// Capability levels: which build of the kernels this processor runs.
#pragma once

namespace rl {

enum class Level { plain, v2, v3, v4 };

// Chosen once: the highest level that was built and that this CPU runs, or the one RUSHLIGHT_CPU names.
Level level();
const char* level_name(Level l);

// Whether this CPU multiplies pairs of bfloat16 (AVX512-BF16), which no level asks for.
bool multiplies_bf16();

template <class F>
struct Candidates {  // one kernel, as built for each level (null: not built)
  F plain = nullptr, v2 = nullptr, v3 = nullptr, v4 = nullptr;
  F pick() const {
    switch (level()) {
      case Level::v4: return v4;
      case Level::v3: return v3;
      case Level::v2: return v2;
      default: return plain;
    }
  }
};

}  // namespace rl
