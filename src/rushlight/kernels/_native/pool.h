// Caching memory pool for tensor buffers: 64-byte aligned, size-bucketed, bounded.
#pragma once
#include <cstddef>
#include <cstdint>

namespace rl {

void* pool_malloc(size_t bytes);   // null when the system has no memory left
void* pool_calloc(size_t bytes);   // zeroed
void* pool_realloc(void* p, size_t bytes);
void pool_free(void* p);

struct PoolStats {
  int64_t allocated;  // bytes in use, rounded up to their buckets
  int64_t cached;     // bytes kept for reuse
  int64_t hits;       // requests served from the cache
  int64_t misses;     // requests that went to the system
  int64_t peak;       // highest value of `allocated`
  int64_t limit;      // most bytes the cache may keep
};
PoolStats pool_stats();
void pool_reset_peak();
void pool_set_limit(int64_t bytes);
void pool_empty_cache();

// Working memory of a kernel, from the pool. Throws std::bad_alloc.
class Scratch {
 public:
  explicit Scratch(size_t bytes);
  ~Scratch() { pool_free(p_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  template <class T>
  T* as() const { return static_cast<T*>(p_); }
  float* f32() const { return static_cast<float*>(p_); }

 private:
  void* p_;
};

}  // namespace rl
