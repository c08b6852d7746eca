#include "_native/blas.h"

#include <dlfcn.h>
#if defined(__linux__)
#include <link.h>
#endif

#include <cstring>
#include <vector>

namespace rl {
namespace {

using SetThreads = void (*)(int);

#if defined(__linux__)
// dlsym(RTLD_DEFAULT) does not see libraries that Python loaded privately, so ask each one.
int look_into(dl_phdr_info* info, size_t, void* out) {
  const char* name = info->dlpi_name;
  if (name == nullptr || (std::strstr(name, "blas") == nullptr && std::strstr(name, "mkl") == nullptr &&
                          std::strstr(name, "blis") == nullptr))
    return 0;
  void* library = dlopen(name, RTLD_LAZY | RTLD_NOLOAD);
  if (library == nullptr) return 0;
  constexpr const char* names[] = {
      "scipy_openblas_set_num_threads64_", "scipy_openblas_set_num_threads",
      "openblas_set_num_threads64_",       "openblas_set_num_threads",
      "MKL_Set_Num_Threads",               "bli_thread_set_num_threads"};
  for (const char* symbol : names) {
    if (void* f = dlsym(library, symbol)) {
      static_cast<std::vector<SetThreads>*>(out)->push_back(reinterpret_cast<SetThreads>(f));
      break;
    }
  }
  return 0;
}
#endif

}  // namespace

bool limit_blas_threads(int n) {
  static const std::vector<SetThreads> setters = [] {
    std::vector<SetThreads> found;
#if defined(__linux__)
    dl_iterate_phdr(look_into, &found);
#endif
    return found;
  }();
  for (SetThreads set : setters) set(n);
  return !setters.empty();
}

}  // namespace rl
