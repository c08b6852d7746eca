// Debug mode: every access to memory inside a kernel is checked.
//
// The compiler calls the functions at the end of this file before each load and store (that is what
// -fsanitize=kernel-address means; nothing else of that sanitizer is used). An access has to be
// inside a tensor, an allocation, a shared array or a variable. For each byte of shared memory
// there is a record of who wrote and read it last, and when, which finds races.
#pragma once

#include <dlfcn.h>
#include <link.h>

#include <iterator>
#include <string>
#include <vector>

#include "atomics.h"
#include "launch.h"

namespace rushlight::emu {

constexpr size_t FENCE = 64;  // bytes between shared arrays

/// An access to a byte of shared memory.
struct Touch {
  unsigned epoch = 0;  // barriers of this worker before it
  unsigned syncs = 0;  // operations of its warp before it
  unsigned thread = 0;
  bool atomic = false;
  const void* place = nullptr;
};

struct Byte {
  Touch write, first_read, last_read;
};

struct SharedArray {
  const void* key;
  const char* names;
  size_t begin, bytes;
};

struct Variable {
  uintptr_t begin;
  size_t bytes, with_fence;
  const char* name;
};

struct Range {
  uintptr_t begin = 0, end = 0;
  RUSHLIGHT_UNCHECKED bool contains(uintptr_t address) const { return address - begin < end - begin; }
};

/// A write of what another thread wrote in the same epoch: a race, unless both write the same.
struct Overwrite {
  bool open = false;
  uintptr_t address;
  size_t bytes;
  unsigned char before[16];
  Touch first, second;
};

/// A read of what nobody has written yet: a race if somebody does before the next barrier.
struct EarlyRead {
  bool open = false;
  Touch touch;
  const char* names = "";
};

/// What a worker knows of the shared memory of the block it runs.
struct Shadow {
  char* const memory;  // static arrays
  Byte* const static_bytes;
  Byte* const dynamic_bytes;
  SharedArray arrays[64];
  unsigned count = 0;  // of arrays
  size_t used = FENCE;
  Overwrite overwrite;
  EarlyRead early;
  Range seen[8];  // allocations that were accessed last
  unsigned next_seen = 0;

  Shadow()
      : memory(new char[SHARED_BYTES_OPT_IN]()),
        static_bytes(new Byte[SHARED_BYTES_OPT_IN]),
        dynamic_bytes(new Byte[SHARED_BYTES_OPT_IN]) {}
  Shadow(const Shadow&) = delete;
  ~Shadow() {
    delete[] memory;
    delete[] static_bytes;
    delete[] dynamic_bytes;
  }
};

inline thread_local Shadow* shadow = nullptr;
inline thread_local bool checking = false;

/// While it lives nothing is checked: the checks themselves are code like any other.
struct Quiet {
  RUSHLIGHT_UNCHECKED Quiet() {
    checking = true;
    asm volatile("" ::: "memory");
  }
  RUSHLIGHT_UNCHECKED ~Quiet() {
    asm volatile("" ::: "memory");
    checking = false;
  }
};

inline std::vector<Variable>& variables() {
  static auto* all = new std::vector<Variable>;
  return *all;
}

// ---- where and who, in words ----

/// The line of source that an instruction belongs to, outside of these headers.
inline std::string line_of(const void* place) {
  Dl_info module;
  if (!dladdr(place, &module)) return "an unknown line";
  char command[4096];
  const auto offset = static_cast<const char*>(place) - static_cast<const char*>(module.dli_fbase);
  std::snprintf(command, sizeof command, "addr2line -i -e '%s' 0x%zx 2>/dev/null", module.dli_fname,
                static_cast<size_t>(offset - 1));
  std::string line;
  if (FILE* answer = popen(command, "r")) {
    char text[4096];
    while (line.empty() && std::fgets(text, sizeof text, answer)) {
      std::string candidate(text, std::strcspn(text, " \n"));
      const bool ours = candidate.find("/rushlight/include/emulator/") != std::string::npos;
      if (!ours && candidate[0] != '?') line = candidate.substr(candidate.rfind('/') + 1);
    }
    pclose(answer);
  }
  return line.empty() ? "an unknown line" : line;
}

inline std::string thread_name(unsigned thread) {
  char text[64];
  const unsigned row = thread / blockDim.x;
  std::snprintf(text, sizeof text, "(%u, %u, %u)", thread % blockDim.x, row % blockDim.y,
                row / blockDim.y);
  return text;
}

inline std::string quantity(size_t bytes) {
  return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes");
}

/// "8 bytes past the end of WHAT", for an address that is not in it.
inline std::string beside(uintptr_t address, uintptr_t begin, size_t bytes, const std::string& what) {
  if (address - begin < bytes) return "over the end of " + what;
  if (address < begin) return quantity(begin - address) + " before the beginning of " + what;
  const size_t past = address - (begin + bytes);
  return (past ? quantity(past) : "just") + " past the end of " + what;
}

inline std::string allocation_text(const Allocation& a) {
  return std::string(a.owned ? "an allocation" : "a tensor") + " of " + quantity(a.end - a.begin);
}

[[noreturn]] inline void out_of_bounds(size_t bytes, bool write, const void* place,
                                       const std::string& where) {
  static thread_local std::string text;  // the fiber ends without running destructors
  text = "out-of-bounds " + std::string(write ? "write" : "read") + " of " + quantity(bytes) + " at " +
         line_of(place) + ": " + where;
  fail(cudaErrorIllegalAddress, "%s", text.c_str());
}

// ---- shared memory ----

inline Shadow& this_shadow() {
  static thread_local Shadow own;
  return *(shadow = &own);
}

/// Forget the arrays of the kernel before.
inline void forget_shared() {
  Shadow& s = this_shadow();
  s.count = 0;
  s.used = FENCE;
  s.overwrite.open = s.early.open = false;
  for (Range& range : s.seen) range = Range();
  checking = false;  // a block that failed before may have left it on
  in_atomic = false;
}

/// The memory of a kernel's `__shared__` arrays, `names`; the same for all threads of the block.
template <class Arrays>
Arrays& checked_shared(const char* names) {
  static const char key = 0;
  Quiet quiet;
  Shadow& s = this_shadow();
  for (unsigned i = 0; i < s.count; ++i)
    if (s.arrays[i].key == &key) return *reinterpret_cast<Arrays*>(s.memory + s.arrays[i].begin);
  const size_t begin = (s.used + FENCE - 1) / FENCE * FENCE;
  if (begin + sizeof(Arrays) + FENCE > SHARED_BYTES_OPT_IN || s.count == std::size(s.arrays))
    fail(cudaErrorInvalidValue, "too much shared memory: %s needs %zu bytes", names, sizeof(Arrays));
  s.arrays[s.count++] = {&key, names, begin, sizeof(Arrays)};
  s.used = begin + sizeof(Arrays) + FENCE;
  return *reinterpret_cast<Arrays*>(s.memory + begin);
}

/// Whether nothing orders an earlier access before one of the running thread.
RUSHLIGHT_UNCHECKED inline bool is_unordered(const Touch& earlier) {
  if (earlier.thread == worker->current || earlier.epoch != worker->barriers()) return false;
  const bool same_warp = earlier.thread / WARP == worker->current / WARP;
  return !same_warp || earlier.syncs == worker->warp().syncs;
}

[[noreturn]] inline void race(const char* name, bool write, const void* place,
                              const Touch& earlier, bool earlier_write) {
  static thread_local std::string text;
  text = "race on shared memory '" + std::string(name) + "': " + (write ? "write" : "read") + " at " + line_of(place) +
         ", " + (earlier_write ? "written" : "read") + " by thread " + thread_name(earlier.thread) +
         " at " + line_of(earlier.place) + " with no barrier between";
  fail(cudaErrorLaunchFailure, "%s", text.c_str());
}

RUSHLIGHT_UNCHECKED inline void check_byte(Byte& byte, const char* name, bool write, const Touch& now) {
  if (is_unordered(byte.write) && !(now.atomic && byte.write.atomic) && !write)
    race(name, false, now.place, byte.write, true);
  if (!write) {
    if (byte.first_read.epoch != now.epoch) byte.first_read = now;
    byte.last_read = now;
    return;
  }
  if (now.atomic) {
    byte.write = now;
    return;
  }
  for (const Touch* read : {&byte.first_read, &byte.last_read})
    if (is_unordered(*read)) race(name, true, now.place, *read, false);
  byte.write = now;
}

RUSHLIGHT_UNCHECKED inline const char* shared_name(const Shadow& s, size_t offset, bool dynamic) {
  if (dynamic) return "extern";
  for (unsigned i = 0; i < s.count; ++i)
    if (offset - s.arrays[i].begin < s.arrays[i].bytes) return s.arrays[i].names;
  return "";
}

/// Report an overwrite that changed what another thread had just written.
inline void check_overwrite(Shadow& s) {
  Overwrite& o = s.overwrite;
  if (!o.open) return;
  o.open = false;
  if (!std::memcmp(reinterpret_cast<const void*>(o.address), o.before, o.bytes)) return;
  const auto offset = o.address - reinterpret_cast<uintptr_t>(s.memory);
  const bool dynamic = offset >= SHARED_BYTES_OPT_IN;
  race(shared_name(s, offset, dynamic), true, o.second.place, o.first, true);
}

/// Report a read of shared memory that nobody has written by the end of its epoch.
inline void check_early_read() {
  Shadow& s = *shadow;
  if (!s.early.open) return;
  s.early.open = false;
  static thread_local std::string text;
  text = "read of shared memory '" + std::string(s.early.names) + "' that no thread has written, at " +
         line_of(s.early.touch.place);
  threadIdx = worker->index_of(s.early.touch.thread);
  report(cudaErrorLaunchFailure, "%s", text.c_str());
}

RUSHLIGHT_UNCHECKED inline void check_shared(Shadow& s, size_t offset, size_t bytes, bool write, const void* place,
                         bool dynamic, bool atomic) {
  Byte* const all = dynamic ? s.dynamic_bytes : s.static_bytes;
  const char* name = shared_name(s, offset, dynamic);
  const Touch now{worker->barriers(), worker->warp().syncs, worker->current, atomic, place};
  const Touch before = all[offset].write;
  if (!write && before.epoch < worker->first_epoch() && !s.early.open)
    s.early = {true, now, name};
  if (write && is_unordered(before) && !(atomic && before.atomic) && bytes <= 16) {
    s.overwrite = {true, 0, bytes, {}, before, now};
    char* memory = (dynamic ? worker->dynamic_shared : s.memory) + offset;
    s.overwrite.address = reinterpret_cast<uintptr_t>(memory);
    std::memcpy(s.overwrite.before, memory, bytes);
  }
  for (size_t i = 0; i < bytes; ++i) check_byte(all[offset + i], name, write, now);
}

/// Check an access to shared memory; false if the address is none.
RUSHLIGHT_UNCHECKED inline bool in_shared(uintptr_t address, size_t bytes, bool write, const void* place, bool atomic) {
  Shadow& s = *shadow;
  const size_t in_static = address - reinterpret_cast<uintptr_t>(s.memory);
  if (in_static < SHARED_BYTES_OPT_IN) {
    const SharedArray* nearest = nullptr;
    for (unsigned i = 0; i < s.count; ++i) {
      const SharedArray& array = s.arrays[i];
      const size_t offset = in_static - array.begin;
      if (offset < array.bytes && bytes <= array.bytes - offset) {
        check_shared(s, in_static, bytes, write, place, false, atomic);
        return true;
      }
      if (array.begin <= in_static || !nearest) nearest = &array;
    }
    const auto begin = reinterpret_cast<uintptr_t>(s.memory) + (nearest ? nearest->begin : 0);
    const std::string what = std::string("shared memory '") + (nearest ? nearest->names : "") + "' of " +
                             quantity(nearest ? nearest->bytes : 0);
    out_of_bounds(bytes, write, place, beside(address, begin, nearest ? nearest->bytes : 0, what));
  }
  const size_t in_dynamic = address - reinterpret_cast<uintptr_t>(worker->dynamic_shared);
  if (in_dynamic >= SHARED_BYTES_OPT_IN) return false;
  const size_t size = worker->launch->shared;
  if (in_dynamic + bytes > size)
    out_of_bounds(bytes, write, place,
                  beside(address, reinterpret_cast<uintptr_t>(worker->dynamic_shared), size,
                         "the dynamic shared memory of " + quantity(size)));
  check_shared(s, in_dynamic, bytes, write, place, true, atomic);
  return true;
}

// ---- everything else ----

/// The memory of the library that holds the kernel: its constants and variables.
inline const std::vector<Range>& module_ranges() {
  static const auto* ranges = [] {
    auto* found = new std::vector<Range>;
    const auto visit = [](dl_phdr_info* info, size_t, void* data) {
      std::vector<Range> loaded;
      bool is_this = false;
      const auto here = reinterpret_cast<uintptr_t>(&line_of);
      for (int i = 0; i < info->dlpi_phnum; ++i) {
        if (info->dlpi_phdr[i].p_type != PT_LOAD) continue;
        const uintptr_t begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        loaded.push_back({begin, begin + info->dlpi_phdr[i].p_memsz});
        is_this |= loaded.back().contains(here);
      }
      if (is_this) *static_cast<std::vector<Range>*>(data) = loaded;
      return is_this ? 1 : 0;
    };
    dl_iterate_phdr(visit, found);
    return found;
  }();
  return *ranges;
}

inline bool in_module(uintptr_t address, size_t bytes, bool write, const void* place) {
  for (const Variable& v : variables()) {
    const size_t offset = address - v.begin;
    if (offset >= v.with_fence) continue;
    if (offset + bytes <= v.bytes) return true;
    out_of_bounds(bytes, write, place,
                  beside(address, v.begin, v.bytes, "the variable '" + std::string(v.name) + "' of " + quantity(v.bytes)));
  }
  for (const Range& range : module_ranges())
    if (range.contains(address)) return true;
  return false;
}

/// The emulator's own memory: the worker, the built-in variables, the kernel's arguments.
inline bool is_ours(uintptr_t address) {
  const auto object = [&](const auto& x) {
    return address - reinterpret_cast<uintptr_t>(&x) < sizeof x;
  };
  if (object(*worker) || object(worker) || object(in_atomic)) return true;
  if (object(threadIdx) || object(blockIdx) || object(blockDim) || object(gridDim)) return true;
  return worker->own_stack(address) || object(*worker->launch);
}

inline void check_global(uintptr_t address, size_t bytes, bool write, const void* place) {
  Allocation at = allocations().find(address);
  if (at.begin && address < at.end && bytes <= at.end - address) {
    shadow->seen[shadow->next_seen++ % std::size(shadow->seen)] = {at.begin, at.end};
    return;
  }
  if (in_module(address, bytes, write, place) || is_ours(address)) return;
  const Allocation next = allocations().after(address);
  const size_t after = at.begin ? address - at.end : SIZE_MAX;
  const size_t before = next.begin ? next.begin - address : SIZE_MAX;
  constexpr size_t NEAR = size_t{16} << 20;
  if (after <= before && (after < NEAR || (at.begin && address < at.end)))
    out_of_bounds(bytes, write, place, beside(address, at.begin, at.end - at.begin, allocation_text(at)));
  if (before < after && before < NEAR)
    out_of_bounds(bytes, write, place,
                  beside(address, next.begin, next.end - next.begin, allocation_text(next)));
  out_of_bounds(bytes, write, place,
                address < 4096 ? "a null pointer"
                               : "memory that is neither a tensor's nor from cudaMalloc (the host's?)");
}

RUSHLIGHT_UNCHECKED inline void check_address(uintptr_t address, size_t bytes, bool write,
                                              const void* place) {
  if (shadow->overwrite.open) check_overwrite(*shadow);
  for (const Range& range : shadow->seen)
    if (range.contains(address) && bytes <= range.end - address) return;
  if (shadow->early.open && shadow->early.touch.epoch != worker->barriers()) {
    check_early_read();
    worker->abandon();
  }
  if (!in_shared(address, bytes, write, place, in_atomic)) check_global(address, bytes, write, place);
}

RUSHLIGHT_UNCHECKED inline void check_access(const void* pointer, size_t bytes, bool write,
                                             const void* place) {
  if (!worker || !worker->in_fibers || checking || !shadow) return;
  if (reinterpret_cast<uintptr_t>(pointer) - reinterpret_cast<uintptr_t>(worker) < sizeof *worker) return;
  if (worker->stacks().contains(reinterpret_cast<uintptr_t>(pointer))) return;
  Quiet quiet;
  check_address(reinterpret_cast<uintptr_t>(pointer), bytes, write, place);
}

}  // namespace rushlight::emu

// ---- what the compiler calls ----

extern "C" {

#define RUSHLIGHT_HOOK __attribute__((weak, no_sanitize_address))
#define RUSHLIGHT_HOOKS(bytes)                                                              \
  RUSHLIGHT_HOOK void __asan_load##bytes##_noabort(void* address) {                         \
    rushlight::emu::check_access(address, bytes, false, __builtin_return_address(0));       \
  }                                                                                         \
  RUSHLIGHT_HOOK void __asan_store##bytes##_noabort(void* address) {                        \
    rushlight::emu::check_access(address, bytes, true, __builtin_return_address(0));        \
  }
RUSHLIGHT_HOOKS(1)
RUSHLIGHT_HOOKS(2)
RUSHLIGHT_HOOKS(4)
RUSHLIGHT_HOOKS(8)
RUSHLIGHT_HOOKS(16)
#undef RUSHLIGHT_HOOKS

RUSHLIGHT_HOOK void __asan_loadN_noabort(void* address, long bytes) {
  rushlight::emu::check_access(address, static_cast<size_t>(bytes), false, __builtin_return_address(0));
}
RUSHLIGHT_HOOK void __asan_storeN_noabort(void* address, long bytes) {
  rushlight::emu::check_access(address, static_cast<size_t>(bytes), true, __builtin_return_address(0));
}
RUSHLIGHT_HOOK void __asan_handle_no_return() {}

/// As compilers describe a global variable.
struct rushlight_asan_global {
  uintptr_t begin, bytes, with_fence;
  const char* name;
  const char* module;
  uintptr_t dynamic;
  const void* location;
  uintptr_t odr;
};

RUSHLIGHT_HOOK void __asan_register_globals(void* first, long count) {
  const auto* global = static_cast<const rushlight_asan_global*>(first);
  for (long i = 0; i < count; ++i, ++global)
    rushlight::emu::variables().push_back(
        {global->begin, global->bytes, global->with_fence, global->name});
}
RUSHLIGHT_HOOK void __asan_unregister_globals(void*, long) {}
RUSHLIGHT_HOOK void __asan_before_dynamic_init(const void*) {}
RUSHLIGHT_HOOK void __asan_after_dynamic_init() {}
#undef RUSHLIGHT_HOOK

}  // extern "C"
