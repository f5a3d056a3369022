#include "threads.hpp"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

namespace elman {
namespace {

struct Job {
  void (*run)(void*, int);
  void* context;
  int parts, next = 0;
  std::atomic<int> left;
  std::exception_ptr failure = nullptr;  // of the last part that threw: the caller throws it once no part runs any more
};

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// True as soon as ready() is, false after some tens of microseconds: waking a sleeping thread takes about as long.
template <class Ready> bool spin(Ready&& ready) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(40);
  do {
    for (int i = 0; i < 64; ++i) {
      if (ready()) return true;
      relax();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

class Pool {
 public:
  const pid_t process = getpid();

  void run(int parts, void (*body)(void*, int), void* context) {
    Job job{body, context, parts, 0, {parts}};
    int part;
    {
      std::lock_guard<std::mutex> hold(lock_);
      while (workers_ < parts - 1) {
        std::thread([this] { work(); }).detach();  // lives as long as the process
        ++workers_;
      }
      jobs_.push_back(&job);
      part = next_part(&job);  // the caller's is always the first, which is in its cache if it was its before
    }
    arrived_.notify_all();
    for (; part >= 0; part = take(&job)) finish(&job, part);
    const auto done = [&] { return job.left.load(std::memory_order_acquire) == 0; };
    spin(done);
    {
      std::unique_lock<std::mutex> hold(lock_);  // the last worker has let go of the job once it lets go of the lock
      finished_.wait(hold, done);
    }
    if (job.failure) std::rethrow_exception(job.failure);
  }

 private:
  int take(Job* job) {
    std::lock_guard<std::mutex> hold(lock_);
    return next_part(job);
  }

  int next_part(Job* job) {  // under the lock
    if (job->next >= job->parts) return -1;
    const int part = job->next++;
    if (job->next == job->parts)
      for (auto at = jobs_.begin(); at != jobs_.end(); ++at)
        if (*at == job) {
          jobs_.erase(at);
          break;
        }
    waiting_.store(int(jobs_.size()), std::memory_order_release);
    return part;
  }

  void finish(Job* job, int part) {
    std::exception_ptr failure = nullptr;
    try {
      job->run(job->context, part);
    } catch (...) {
      failure = std::current_exception();
    }
    std::lock_guard<std::mutex> hold(lock_);
    if (failure) job->failure = failure;
    if (job->left.fetch_sub(1, std::memory_order_acq_rel) == 1) finished_.notify_all();
  }

  void work() {
    for (;;) {
      spin([&] { return waiting_.load(std::memory_order_acquire) > 0; });
      Job* job;
      int part;
      {
        std::unique_lock<std::mutex> hold(lock_);
        arrived_.wait(hold, [&] { return !jobs_.empty(); });
        job = jobs_.front();
        part = next_part(job);
      }
      finish(job, part);
    }
  }

  std::mutex lock_;
  std::condition_variable arrived_, finished_;
  std::deque<Job*> jobs_;
  std::atomic<int> waiting_{0};
  int workers_ = 0;
};

// A fork copies no threads: the child makes a pool of its own. Pools are never destroyed, since their
// threads may still wait on them while the process ends.
Pool& pool() {
  static std::atomic<Pool*> current{nullptr};
  Pool* now = current.load(std::memory_order_acquire);
  if (!now || now->process != getpid()) {
    Pool* fresh = new Pool;
    if (current.compare_exchange_strong(now, fresh))
      now = fresh;
    else
      delete fresh;  // another thread was first
  }
  return *now;
}

thread_local int count = 1;

}  // namespace

void set_threads(int n) { count = n < 1 ? 1 : n; }
int threads() { return count; }

void parallel(int parts, void (*run)(void*, int), void* context) {
  if (parts <= 1) {
    if (parts == 1) run(context, 0);
    return;
  }
  pool().run(parts, run, context);
}

}  // namespace elman
