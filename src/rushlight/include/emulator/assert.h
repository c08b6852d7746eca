// assert for kernels and for the host. Like C's, it may be included again after NDEBUG changed.
#include "rushlight_emulator/traps.h"

#undef assert
#ifdef NDEBUG
#define assert(condition) (static_cast<void>(0))
#else
#define assert(condition)             \
  ((condition) ? static_cast<void>(0) \
               : ::rushlight::emu::assertion(#condition, __FILE__, __LINE__, __func__))
#endif
