// cuRAND inside kernels: Philox 4x32-10, with cuRAND's numbers; the other generators under its hood.
#pragma once

#include "cuda_runtime.h"

/// The state of Philox: a key, a counter, and the four numbers of the counter.
struct curandStatePhilox4_32_10 {
  uint4 ctr, output;
  uint2 key;
  unsigned STATE;
  bool has_normal;
  float normal;
};
using curandStatePhilox4_32_10_t = curandStatePhilox4_32_10;

namespace rushlight::emu {

inline uint4 philox(uint4 c, uint2 key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t first = uint64_t{0xD2511F53u} * c.x, second = uint64_t{0xCD9E8D57u} * c.z;
    c = {static_cast<unsigned>(second >> 32) ^ c.y ^ key.x, static_cast<unsigned>(second),
         static_cast<unsigned>(first >> 32) ^ c.w ^ key.y, static_cast<unsigned>(first)};
    key.x += 0x9E3779B9u;
    key.y += 0xBB67AE85u;
  }
  return c;
}

inline void advance(uint4& counter, uint64_t steps) {
  const uint64_t low = counter.x | uint64_t{counter.y} << 32, next = low + steps;
  counter.x = static_cast<unsigned>(next);
  counter.y = static_cast<unsigned>(next >> 32);
  if (next < low && !++counter.z) ++counter.w;
}

inline float uniform(unsigned bits) { return bits * 0x1p-32f + 0x1p-33f; }
inline double uniform(unsigned low, unsigned high) {
  const uint64_t bits = uint64_t{high} << 21 ^ low;  // 53 of them
  return static_cast<double>(bits) * 0x1p-53 + 0x1p-54;
}

/// Two normal numbers from two uniform ones.
inline float2 box_muller(unsigned a, unsigned b) {
  const float radius = std::sqrt(-2.0f * std::log(uniform(a)));
  const float angle = b * (0x1p-32f * 6.2831855f) + 0x1p-33f * 6.2831855f;
  return {radius * std::sin(angle), radius * std::cos(angle)};
}

}  // namespace rushlight::emu

inline void skipahead(unsigned long long count, curandStatePhilox4_32_10* state) {
  state->STATE += count & 3;
  rushlight::emu::advance(state->ctr, count / 4 + (state->STATE > 3));
  state->STATE &= 3;
  state->output = rushlight::emu::philox(state->ctr, state->key);
}

inline void curand_init(unsigned long long seed, unsigned long long subsequence,
                        unsigned long long offset, curandStatePhilox4_32_10* state) {
  *state = {};
  state->key = {static_cast<unsigned>(seed), static_cast<unsigned>(seed >> 32)};
  state->ctr.z = static_cast<unsigned>(subsequence);
  state->ctr.w = static_cast<unsigned>(subsequence >> 32);
  skipahead(offset, state);
}

inline unsigned curand(curandStatePhilox4_32_10* state) {
  const unsigned numbers[] = {state->output.x, state->output.y, state->output.z, state->output.w};
  const unsigned result = numbers[state->STATE];
  skipahead(1, state);
  return result;
}

inline uint4 curand4(curandStatePhilox4_32_10* state) {
  const unsigned a = curand(state), b = curand(state), c = curand(state);
  return {a, b, c, curand(state)};
}

// cuRAND's other generators have the same functions; here they all draw from Philox.
struct curandStateXORWOW : curandStatePhilox4_32_10 {};
struct curandStateMRG32k3a : curandStatePhilox4_32_10 {};
using curandState = curandStateXORWOW;
using curandState_t = curandStateXORWOW;
using curandStateXORWOW_t = curandStateXORWOW;
using curandStateMRG32k3a_t = curandStateMRG32k3a;

inline float curand_uniform(curandStatePhilox4_32_10* state) {
  return rushlight::emu::uniform(curand(state));
}
inline double curand_uniform_double(curandStatePhilox4_32_10* state) {
  const unsigned low = curand(state);
  return rushlight::emu::uniform(low, curand(state));
}
inline float4 curand_uniform4(curandStatePhilox4_32_10* state) {
  using rushlight::emu::uniform;
  const uint4 bits = curand4(state);
  return {uniform(bits.x), uniform(bits.y), uniform(bits.z), uniform(bits.w)};
}
inline float2 curand_normal2(curandStatePhilox4_32_10* state) {
  const unsigned first = curand(state);
  return rushlight::emu::box_muller(first, curand(state));
}
inline float4 curand_normal4(curandStatePhilox4_32_10* state) {
  const float2 first = curand_normal2(state), second = curand_normal2(state);
  return {first.x, first.y, second.x, second.y};
}
inline float curand_normal(curandStatePhilox4_32_10* state) {
  state->has_normal = !state->has_normal;
  if (!state->has_normal) return state->normal;
  const float2 pair = curand_normal2(state);
  state->normal = pair.y;
  return pair.x;
}
inline double curand_normal_double(curandStatePhilox4_32_10* state) {
  const double radius = std::sqrt(-2.0 * std::log(curand_uniform_double(state)));
  return radius * std::sin(2 * M_PI * curand_uniform_double(state));
}
inline float curand_log_normal(curandStatePhilox4_32_10* state, float mean, float deviation) {
  return std::exp(mean + deviation * curand_normal(state));
}
inline unsigned curand_poisson(curandStatePhilox4_32_10* state, double rate) {
  // Knuth's product, in steps small enough for exp(-rate) not to vanish.
  unsigned count = 0;
  for (double rest = rate; rest > 0; rest -= 500) {
    const double limit = std::exp(-(rest < 500 ? rest : 500));
    for (double product = curand_uniform_double(state); product > limit; ++count)
      product *= curand_uniform_double(state);
  }
  return count;
}
