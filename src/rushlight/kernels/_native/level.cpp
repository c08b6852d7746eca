#include "_native/level.h"

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace rl {
namespace {

bool built(Level l) {
  switch (l) {
#ifdef RL_HAS_plain
    case Level::plain: return true;
#endif
#ifdef RL_HAS_v2
    case Level::v2: return true;
#endif
#ifdef RL_HAS_v3
    case Level::v3: return true;
#endif
#ifdef RL_HAS_v4
    case Level::v4: return true;
#endif
    default: return false;
  }
}

bool cpu_runs(Level l) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  switch (l) {
    case Level::v4:
      return cpu_runs(Level::v3) && __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    case Level::v3:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
             __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    case Level::v2:
      return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
    default: return true;
  }
#else
  return l == Level::plain;
#endif
}

Level choose() {
  constexpr Level descending[] = {Level::v4, Level::v3, Level::v2, Level::plain};
  const char* wish = std::getenv("RUSHLIGHT_CPU");
  if (wish != nullptr && *wish != '\0') {
    for (Level l : descending) {
      if (level_name(l) != std::string(wish)) continue;
      if (!built(l) || !cpu_runs(l))
        throw std::runtime_error("RUSHLIGHT_CPU=" + std::string(wish) +
                                 (built(l) ? ": this processor cannot run it" : ": not built"));
      return l;
    }
    throw std::runtime_error("RUSHLIGHT_CPU: expected v2, v3, v4 or plain, got " +
                             std::string(wish));
  }
  for (Level l : descending)
    if (built(l) && cpu_runs(l)) return l;
  throw std::runtime_error("no kernel build fits this processor");
}

}  // namespace

Level level() {
  static const Level chosen = choose();
  return chosen;
}

bool multiplies_bf16() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16") != 0;
#else
  return false;
#endif
}

const char* level_name(Level l) {
  constexpr const char* names[] = {"plain", "v2", "v3", "v4"};
  return names[static_cast<int>(l)];
}

}  // namespace rl
