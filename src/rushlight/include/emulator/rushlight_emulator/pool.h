// Threads of the machine that run the blocks of a grid.
#pragma once

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>

namespace rushlight::emu {

/// How many threads to use: RUSHLIGHT_CUDA_THREADS, else all processors this process may use.
inline unsigned processors() {
  static const unsigned count = [] {
    if (const char* wish = std::getenv("RUSHLIGHT_CUDA_THREADS"))
      if (const int n = std::atoi(wish); n > 0) return static_cast<unsigned>(n);
#ifdef __linux__
    cpu_set_t allowed;
    if (!sched_getaffinity(0, sizeof allowed, &allowed))
      return static_cast<unsigned>(CPU_COUNT(&allowed));
#endif
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? static_cast<unsigned>(online) : 1u;
  }();
  return count;
}

/// Helpers that sleep until there is a job, then all run it once.
class Pool {
 public:
  using Job = void (*)(void* data);

  static Pool& get() {
    static Pool* pool = new Pool;  // never destroyed: its threads sleep until the process ends
    return *pool;
  }

  /// Let the helpers run `job(data)` beside the caller; false if they are busy for someone else.
  bool start(Job job, void* data) {
    if (pthread_mutex_trylock(&owner_)) return false;
    spawn_missing();
    pthread_mutex_lock(&mutex_);
    job_ = job;
    data_ = data;
    ++serial_;
    busy_ = helpers_;
    pthread_cond_broadcast(&wake_);
    pthread_mutex_unlock(&mutex_);
    return true;
  }

  /// Wait for the helpers that `start` woke.
  void finish() {
    pthread_mutex_lock(&mutex_);
    while (busy_) pthread_cond_wait(&done_, &mutex_);
    pthread_mutex_unlock(&mutex_);
    pthread_mutex_unlock(&owner_);
  }

 private:
  Pool() { pthread_atfork(nullptr, nullptr, in_child); }

  static void in_child() {
    Pool& pool = get();
    pthread_mutex_init(&pool.owner_, nullptr);
    pthread_mutex_init(&pool.mutex_, nullptr);
    pthread_cond_init(&pool.wake_, nullptr);
    pthread_cond_init(&pool.done_, nullptr);
    pool.helpers_ = pool.busy_ = 0;
  }

  void spawn_missing() {
    spawned_at_ = serial_;
    while (helpers_ + 1 < processors()) {
      pthread_t thread;
      if (pthread_create(&thread, nullptr, work, this)) return;
      pthread_detach(thread);
      pthread_mutex_lock(&mutex_);
      ++helpers_;
      pthread_mutex_unlock(&mutex_);
    }
  }

  static void* work(void* self) {
    Pool& pool = *static_cast<Pool*>(self);
    pthread_mutex_lock(&pool.mutex_);
    unsigned long seen = pool.spawned_at_;  // the job that follows is this thread's first
    for (;;) {
      while (pool.serial_ == seen) pthread_cond_wait(&pool.wake_, &pool.mutex_);
      seen = pool.serial_;
      pthread_mutex_unlock(&pool.mutex_);
      pool.job_(pool.data_);
      pthread_mutex_lock(&pool.mutex_);
      if (!--pool.busy_) pthread_cond_signal(&pool.done_);
    }
  }

  pthread_mutex_t owner_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t wake_ = PTHREAD_COND_INITIALIZER;
  pthread_cond_t done_ = PTHREAD_COND_INITIALIZER;
  Job job_ = nullptr;
  void* data_ = nullptr;
  unsigned helpers_ = 0, busy_ = 0;
  unsigned long serial_ = 0, spawned_at_ = 0;
};

}  // namespace rushlight::emu
