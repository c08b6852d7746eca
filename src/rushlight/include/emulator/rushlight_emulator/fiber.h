// Fibers: the threads of a block that waits at barriers, all on one thread of the machine.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "qualifiers.h"

#if defined(__ELF__) && defined(__x86_64__) && !defined(RUSHLIGHT_UCONTEXT)
#define RUSHLIGHT_SWITCH_X86 1
#elif defined(__ELF__) && defined(__aarch64__) && !defined(RUSHLIGHT_UCONTEXT)
#define RUSHLIGHT_SWITCH_ARM 1
#else
#include <ucontext.h>
#endif

#if defined(RUSHLIGHT_SWITCH_X86) || defined(RUSHLIGHT_SWITCH_ARM)
extern "C" __attribute__((visibility("hidden"))) void rushlight_emulator_switch(void** from, void* to);

// A function of its own section, so that every translation unit may carry it.
#define RUSHLIGHT_SWITCH(body)                                                                     \
  asm(".pushsection .text.rushlight_emulator_switch,\"axG\",%progbits,"                            \
      "rushlight_emulator_switch,comdat\n"                                                         \
      ".weak rushlight_emulator_switch\n"                                                          \
      ".hidden rushlight_emulator_switch\n"                                                        \
      ".type rushlight_emulator_switch,%function\n"                                                \
      "rushlight_emulator_switch:\n" body                                                          \
      ".size rushlight_emulator_switch, .-rushlight_emulator_switch\n"                             \
      ".popsection\n")
#endif

#if defined(RUSHLIGHT_SWITCH_X86)
RUSHLIGHT_SWITCH(
    "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
    "  movq %rsp, (%rdi)\n"
    "  movq %rsi, %rsp\n"
    "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n"
    "  ret\n");
#elif defined(RUSHLIGHT_SWITCH_ARM)
RUSHLIGHT_SWITCH(
    "  sub sp, sp, #160\n"
    "  stp x19, x20, [sp, #0]\n  stp x21, x22, [sp, #16]\n  stp x23, x24, [sp, #32]\n"
    "  stp x25, x26, [sp, #48]\n  stp x27, x28, [sp, #64]\n  stp x29, x30, [sp, #80]\n"
    "  stp d8, d9, [sp, #96]\n  stp d10, d11, [sp, #112]\n"
    "  stp d12, d13, [sp, #128]\n  stp d14, d15, [sp, #144]\n"
    "  mov x9, sp\n  str x9, [x0]\n  mov sp, x1\n"
    "  ldp x19, x20, [sp, #0]\n  ldp x21, x22, [sp, #16]\n  ldp x23, x24, [sp, #32]\n"
    "  ldp x25, x26, [sp, #48]\n  ldp x27, x28, [sp, #64]\n  ldp x29, x30, [sp, #80]\n"
    "  ldp d8, d9, [sp, #96]\n  ldp d10, d11, [sp, #112]\n"
    "  ldp d12, d13, [sp, #128]\n  ldp d14, d15, [sp, #144]\n"
    "  add sp, sp, #160\n"
    "  ret\n");
#endif

namespace rushlight::emu {

#if defined(RUSHLIGHT_SWITCH_X86) || defined(RUSHLIGHT_SWITCH_ARM)

/// Leave this stack, noted in `from`, for the one that `to` notes.
inline void switch_stack(void** from, void* to) { rushlight_emulator_switch(from, to); }

/// Make a stack that begins to run `entry` when it is first switched to.
inline void* new_stack(char* low, char* high, void (*entry)()) {
  (void)low;
  void** top = reinterpret_cast<void**>(reinterpret_cast<uintptr_t>(high) & ~uintptr_t{15});
#if defined(RUSHLIGHT_SWITCH_X86)
  top -= 8;  // six registers, the entry, and a return address that is never used
  for (int i = 0; i < 8; ++i) top[i] = nullptr;
  top[6] = reinterpret_cast<void*>(entry);
#else
  top -= 20;
  for (int i = 0; i < 20; ++i) top[i] = nullptr;
  top[11] = reinterpret_cast<void*>(entry);  // x30, where `ret` goes
#endif
  return top;
}

#else

inline void switch_stack(void** from, void* to) {
  ucontext_t here;
  *from = &here;
  swapcontext(&here, static_cast<ucontext_t*>(to));
}

inline void* new_stack(char* low, char* high, void (*entry)()) {
  auto* context = reinterpret_cast<ucontext_t*>(
      (reinterpret_cast<uintptr_t>(high) - sizeof(ucontext_t)) & ~uintptr_t{63});
  getcontext(context);
  context->uc_stack.ss_sp = low;
  context->uc_stack.ss_size = static_cast<size_t>(reinterpret_cast<char*>(context) - low);
  context->uc_link = nullptr;
  makecontext(context, entry, 0);
  return context;
}

#endif

constexpr unsigned MAX_THREADS = 1024;  // of a block
inline size_t stack_bytes = size_t{256} << 10;

/// The stacks of one worker, in one piece of memory that is used as far as it is touched.
class Stacks {
 public:
  ~Stacks() { unmap(); }

  /// A stack that begins to run `entry`.
  void* start(unsigned number, void (*entry)()) {
    if (!memory_ || each_ != stack_bytes) map();
    char* low = memory_ + number * each_;
    // Tops at different distances from a page's end: else all fibers share few cache lines.
    return new_stack(low, low + each_ - (number % 31 + 1) * 128, entry);
  }

  RUSHLIGHT_UNCHECKED bool contains(uintptr_t address) const {
    return address - reinterpret_cast<uintptr_t>(memory_) < each_ * MAX_THREADS;
  }

 private:
  void map() {
    unmap();
    each_ = stack_bytes;
    void* got = mmap(nullptr, each_ * MAX_THREADS, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (got == MAP_FAILED) {
      std::fputs("rushlight: no memory for the stacks of a block's threads\n", stderr);
      std::abort();
    }
    memory_ = static_cast<char*>(got);
  }

  void unmap() {
    if (memory_) munmap(memory_, each_ * MAX_THREADS);
    memory_ = nullptr;
  }

  char* memory_ = nullptr;
  size_t each_ = 0;
};

}  // namespace rushlight::emu
