// Atomic operations on global and shared memory, and fences.
#pragma once

#include <type_traits>

#include "worker.h"

namespace rushlight::emu {

#ifdef RUSHLIGHT_CUDA_CHECK
// The checks must know that several threads may do this at once.
inline thread_local bool in_atomic = false;
struct Atomic {
  Atomic() { in_atomic = true; }
  ~Atomic() { in_atomic = false; }
};
#else
struct Atomic {
  Atomic() {}
};
#endif

template <size_t>
struct Bits;
template <>
struct Bits<2> {
  using type = uint16_t;
};
template <>
struct Bits<4> {
  using type = uint32_t;
};
template <>
struct Bits<8> {
  using type = uint64_t;
};

template <class To, class From>
RUSHLIGHT_INLINE To bits_as(const From& from) {
  static_assert(sizeof(To) == sizeof(From), "the types differ in size");
  To to;
  std::memcpy(static_cast<void*>(&to), static_cast<const void*>(&from), sizeof to);
  return to;
}

/// `*address = change(*address)` as one step; the old value.
template <class T, class Change>
RUSHLIGHT_INLINE T atomic_change(T* address, Change change) {
  using Word = typename Bits<sizeof(T)>::type;
  Atomic guard;
  auto* word = reinterpret_cast<Word*>(const_cast<std::remove_volatile_t<T>*>(address));
  Word old = __atomic_load_n(word, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(word, &old, bits_as<Word>(change(bits_as<T>(old))), true,
                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
  return bits_as<T>(old);
}

}  // namespace rushlight::emu

// The value's type follows from the pointer, as it does with CUDA's overloads.
#define RUSHLIGHT_VALUE(T) std::common_type_t<T>

template <class T>
RUSHLIGHT_INLINE T atomicAdd(T* address, RUSHLIGHT_VALUE(T) value) {
  if constexpr (std::is_integral_v<T>) {
    rushlight::emu::Atomic guard;
    return __atomic_fetch_add(address, value, __ATOMIC_RELAXED);
  } else {
    return rushlight::emu::atomic_change(address, [&](T old) -> T { return old + value; });
  }
}
template <class T>
RUSHLIGHT_INLINE T atomicSub(T* address, RUSHLIGHT_VALUE(T) value) {
  rushlight::emu::Atomic guard;
  return __atomic_fetch_sub(address, value, __ATOMIC_RELAXED);
}
template <class T>
RUSHLIGHT_INLINE T atomicMin(T* address, RUSHLIGHT_VALUE(T) value) {
  return rushlight::emu::atomic_change(address, [&](T old) { return value < old ? value : old; });
}
template <class T>
RUSHLIGHT_INLINE T atomicMax(T* address, RUSHLIGHT_VALUE(T) value) {
  return rushlight::emu::atomic_change(address, [&](T old) { return old < value ? value : old; });
}
template <class T>
RUSHLIGHT_INLINE T atomicExch(T* address, RUSHLIGHT_VALUE(T) value) {
  return rushlight::emu::atomic_change(address, [&](T) { return value; });
}
template <class T>
RUSHLIGHT_INLINE T atomicAnd(T* address, RUSHLIGHT_VALUE(T) value) {
  return rushlight::emu::atomic_change(address, [&](T old) -> T { return old & value; });
}
template <class T>
RUSHLIGHT_INLINE T atomicOr(T* address, RUSHLIGHT_VALUE(T) value) {
  return rushlight::emu::atomic_change(address, [&](T old) -> T { return old | value; });
}
template <class T>
RUSHLIGHT_INLINE T atomicXor(T* address, RUSHLIGHT_VALUE(T) value) {
  return rushlight::emu::atomic_change(address, [&](T old) -> T { return old ^ value; });
}
RUSHLIGHT_INLINE unsigned atomicInc(unsigned* address, unsigned limit) {
  return rushlight::emu::atomic_change(address,
                                       [&](unsigned old) { return old >= limit ? 0 : old + 1; });
}
RUSHLIGHT_INLINE unsigned atomicDec(unsigned* address, unsigned limit) {
  return rushlight::emu::atomic_change(
      address, [&](unsigned old) { return old == 0 || old > limit ? limit : old - 1; });
}

template <class T>
RUSHLIGHT_INLINE T atomicCAS(T* address, RUSHLIGHT_VALUE(T) compare, RUSHLIGHT_VALUE(T) value) {
  using Word = typename rushlight::emu::Bits<sizeof(T)>::type;
  Word expected = rushlight::emu::bits_as<Word>(T(compare));
  {
    rushlight::emu::Atomic guard;
    if (__atomic_compare_exchange_n(reinterpret_cast<Word*>(address), &expected,
                                    rushlight::emu::bits_as<Word>(T(value)), false,
                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
      return compare;
  }
  // Whoever turns until a lock is free lets the thread that holds it run.
  rushlight::emu::worker->yield();
  return rushlight::emu::bits_as<T>(expected);
}

#define RUSHLIGHT_SCOPES(name)                                 \
  template <class T, class... V>                               \
  RUSHLIGHT_INLINE T name##_block(T* address, V... values) {                    \
    return name(address, values...);                           \
  }                                                            \
  template <class T, class... V>                               \
  RUSHLIGHT_INLINE T name##_system(T* address, V... values) {                   \
    return name(address, values...);                           \
  }
RUSHLIGHT_SCOPES(atomicAdd)
RUSHLIGHT_SCOPES(atomicSub)
RUSHLIGHT_SCOPES(atomicMin)
RUSHLIGHT_SCOPES(atomicMax)
RUSHLIGHT_SCOPES(atomicExch)
RUSHLIGHT_SCOPES(atomicCAS)
RUSHLIGHT_SCOPES(atomicAnd)
RUSHLIGHT_SCOPES(atomicOr)
RUSHLIGHT_SCOPES(atomicXor)
#undef RUSHLIGHT_SCOPES
#undef RUSHLIGHT_VALUE

inline void __threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
inline void __threadfence_block() { __atomic_signal_fence(__ATOMIC_SEQ_CST); }
inline void __threadfence_system() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
