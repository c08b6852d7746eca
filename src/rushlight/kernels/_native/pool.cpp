#include "_native/pool.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

#include "_native/parallel.h"

namespace rl {
namespace {

// A block is one header line and the user's bytes behind it. The header is needed because NumPy's
// realloc does not pass the old size.
struct alignas(64) Header {
  size_t bytes;   // room behind the header
  Header* next;   // in the free list
  uint32_t bucket;
  bool mapped;    // own mmap, so it can be returned page by page
};
static_assert(sizeof(Header) == 64);

constexpr size_t kMapped = size_t{1} << 20;  // blocks this large are mapped, not malloc'ed
constexpr size_t kHuge = size_t{4} << 20;    // and get huge pages from here on
constexpr size_t kHugePage = size_t{2} << 20;
constexpr int kSmall = 16;                   // buckets of 64, 128, ... 1024 bytes
constexpr int kSteps = 8;                    // then 8 per power of two: at most 12.5 % lost
constexpr int kBuckets = kSmall + kSteps * 38;

int bucket_of(size_t bytes) {
  if (bytes <= 64 * kSmall) return bytes == 0 ? 0 : static_cast<int>((bytes - 1) / 64);
  const size_t last = bytes - 1;
  const int power = std::bit_width(last) - 1;  // >= 10
  const int step = static_cast<int>(last >> (power - 3)) & 7;
  return kSmall + (power - 10) * kSteps + step;
}

size_t bucket_bytes(int bucket) {
  if (bucket < kSmall) return static_cast<size_t>(bucket + 1) * 64;
  const int power = (bucket - kSmall) / kSteps + 10;
  const int step = (bucket - kSmall) % kSteps;
  return static_cast<size_t>(9 + step) << (power - 3);
}

class SpinLock {
 public:
  void lock() {
    for (int tries = 0; flag_.test_and_set(std::memory_order_acquire); ++tries)
      if (tries > 64) sched_yield();
  }
  void unlock() { flag_.clear(std::memory_order_release); }

 private:
  std::atomic_flag flag_ = ATOMIC_FLAG_INIT;
};

struct FreeList {
  Header* top = nullptr;
  uint64_t last_use = 0;
};

SpinLock lock;
FreeList lists[kBuckets];
uint64_t clock_ticks = 0;
PoolStats stats{};

int64_t default_limit() {
  const int64_t pages = sysconf(_SC_PHYS_PAGES);
  const int64_t page = sysconf(_SC_PAGESIZE);
  return std::max<int64_t>(int64_t{256} << 20, pages * page / 4);
}

// Guard that also sets up what must happen once per process.
struct Guard {
  Guard() {
    lock.lock();
    if (stats.limit == 0) {
      stats.limit = default_limit();
      pthread_atfork([] { lock.lock(); }, [] { lock.unlock(); }, [] { lock.unlock(); });
    }
  }
  ~Guard() { lock.unlock(); }
};

size_t mapped_bytes(size_t room) {
  const size_t page = room >= kHuge ? kHugePage : size_t{4096};
  return (room + sizeof(Header) + page - 1) / page * page;
}

Header* map_block(size_t room) {
  const size_t total = mapped_bytes(room);
  const size_t slack = room >= kHuge ? kHugePage : 0;
  void* raw = mmap(nullptr, total + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  char* begin = static_cast<char*>(raw);
  if (slack != 0) {
    const size_t skip = (kHugePage - reinterpret_cast<uintptr_t>(raw) % kHugePage) % kHugePage;
    if (skip != 0) munmap(begin, skip);
    if (slack != skip) munmap(begin + skip + total, slack - skip);
    begin += skip;
#ifdef MADV_HUGEPAGE
    madvise(begin, total, MADV_HUGEPAGE);
#endif
  }
  return new (begin) Header{};
}

Header* system_block(size_t room) {
  Header* h = nullptr;
  const bool mapped = room >= kMapped;
  if (mapped) {
    h = map_block(room);
  } else {
    void* raw = std::aligned_alloc(64, room + sizeof(Header));
    if (raw != nullptr) h = new (raw) Header{};
  }
  if (h != nullptr) h->mapped = mapped;
  return h;
}

void release(Header* h) {
  if (h->mapped) {
    munmap(static_cast<void*>(h), mapped_bytes(h->bytes));
  } else {
    std::free(h);
  }
}

// Takes blocks out of the lists, least recently used bucket first, until `bytes` more fit; the
// caller releases the chain outside the lock.
Header* evict(int64_t bytes) {
  Header* chain = nullptr;
  while (stats.cached > 0 && stats.cached + bytes > stats.limit) {
    FreeList* oldest = nullptr;
    for (FreeList& list : lists)
      if (list.top != nullptr && (oldest == nullptr || list.last_use < oldest->last_use))
        oldest = &list;
    if (oldest == nullptr) break;
    while (oldest->top != nullptr && stats.cached + bytes > stats.limit) {
      Header* h = oldest->top;
      oldest->top = h->next;
      stats.cached -= static_cast<int64_t>(h->bytes);
      h->next = chain;
      chain = h;
    }
  }
  return chain;
}

void release_chain(Header* chain) {
  while (chain != nullptr) {
    Header* next = chain->next;
    release(chain);
    chain = next;
  }
}

void count_allocated(size_t room) {
  stats.allocated += static_cast<int64_t>(room);
  stats.peak = std::max(stats.peak, stats.allocated);
}

Header* take_cached(int bucket) {
  Guard guard;
  FreeList& list = lists[bucket];
  Header* h = list.top;
  if (h == nullptr) return nullptr;
  list.top = h->next;
  list.last_use = ++clock_ticks;
  stats.cached -= static_cast<int64_t>(h->bytes);
  stats.hits += 1;
  count_allocated(h->bytes);
  return h;
}

// `fresh_zero` tells whether the bytes are known to be zero already.
Header* allocate(size_t bytes, bool& fresh_zero) {
  fresh_zero = false;
  if (bytes > (size_t{1} << 46)) return nullptr;
  const int bucket = bucket_of(bytes);
  if (Header* h = take_cached(bucket)) return h;
  const size_t room = bucket_bytes(bucket);
  Header* h = system_block(room);
  if (h == nullptr) {
    pool_empty_cache();
    h = system_block(room);
    if (h == nullptr) return nullptr;
  }
  h->bytes = room;
  h->bucket = static_cast<uint32_t>(bucket);
  fresh_zero = h->mapped;
  Guard guard;
  stats.misses += 1;
  count_allocated(room);
  return h;
}

Header* header_of(void* p) { return static_cast<Header*>(p) - 1; }

void zero(Header* h, size_t bytes) {
  char* c = reinterpret_cast<char*>(h + 1);
#if defined(MADV_DONTNEED) && defined(__linux__)
  // Dropping whole huge pages leaves the zeroing to the first write, when the page enters the cache
  // anyway; only the first one, which holds the header, is cleared here.
  if (h->mapped && h->bytes >= kHuge) {
    char* rest = reinterpret_cast<char*>(h) + kHugePage;
    if (madvise(rest, mapped_bytes(h->bytes) - kHugePage, MADV_DONTNEED) == 0)
      bytes = std::min(bytes, static_cast<size_t>(rest - c));
  }
#endif
  parallel_for(static_cast<int64_t>(bytes), int64_t{512} << 10, [c](int64_t begin, int64_t end) {
    std::memset(c + begin, 0, static_cast<size_t>(end - begin));
  });
}

}  // namespace

void* pool_malloc(size_t bytes) {
  bool fresh_zero;
  Header* h = allocate(bytes, fresh_zero);
  return h == nullptr ? nullptr : h + 1;
}

void* pool_calloc(size_t bytes) {
  bool fresh_zero;
  Header* h = allocate(bytes, fresh_zero);
  if (h == nullptr) return nullptr;
  if (!fresh_zero) zero(h, bytes);
  return h + 1;
}

void* pool_realloc(void* p, size_t bytes) {
  if (p == nullptr) return pool_malloc(bytes);
  const size_t room = header_of(p)->bytes;
  if (bytes <= room && bytes * 2 >= room) return p;
  void* q = pool_malloc(bytes);
  if (q == nullptr) return nullptr;
  std::memcpy(q, p, std::min(bytes, room));
  pool_free(p);
  return q;
}

void pool_free(void* p) {
  if (p == nullptr) return;
  Header* h = header_of(p);
  const int64_t room = static_cast<int64_t>(h->bytes);
  Header* chain = nullptr;
  {
    Guard guard;
    stats.allocated -= room;
    if (room > stats.limit) {
      h->next = nullptr;
      chain = h;
    } else {
      if (stats.cached + room > stats.limit) chain = evict(room);
      FreeList& list = lists[h->bucket];
      h->next = list.top;
      list.top = h;
      list.last_use = ++clock_ticks;
      stats.cached += room;
    }
  }
  release_chain(chain);
}

PoolStats pool_stats() {
  Guard guard;
  return stats;
}

void pool_reset_peak() {
  Guard guard;
  stats.peak = stats.allocated;
}

void pool_set_limit(int64_t bytes) {
  Header* chain;
  {
    Guard guard;
    stats.limit = std::max<int64_t>(1, bytes);
    chain = evict(0);
  }
  release_chain(chain);
}

void pool_empty_cache() {
  Header* chain = nullptr;
  {
    Guard guard;
    const int64_t limit = stats.limit;
    stats.limit = 0;
    chain = evict(0);
    stats.limit = limit;
  }
  release_chain(chain);
}

Scratch::Scratch(size_t bytes) : p_(pool_malloc(bytes)) {
  if (p_ == nullptr) throw std::bad_alloc();
}

}  // namespace rl
