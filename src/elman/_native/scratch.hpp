// Memory that a thread keeps between calls: packed weights, blocks of large products, the arrays of a window.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace elman {

class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  ~Scratch() { std::free(data_); }

  template <class T> T* get(std::size_t count) {
    const std::size_t huge = std::size_t(1) << 21, line = count * sizeof(T) < huge ? 64 : huge;
    const std::size_t bytes = (count * sizeof(T) + line - 1) / line * line;
    if (bytes > bytes_) {
      std::free(data_);
      data_ = std::aligned_alloc(line, bytes);
      bytes_ = data_ ? bytes : 0;
      if (!data_) throw std::bad_alloc();
#if defined(__linux__)
      if (line == huge) madvise(data_, bytes, MADV_HUGEPAGE);  // fewer page faults; advice only
#endif
    }
    return static_cast<T*>(data_);
  }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

// Cuts one block into arrays. Laid out twice by the same code: with a null base it only counts.
struct Pieces {
  char* base = nullptr;
  std::size_t used = 0;

  template <class T> T* take(std::ptrdiff_t count) {
    char* const at = base ? base + used : nullptr;
    used += (std::size_t(count) * sizeof(T) + 63) / 64 * 64;
    return reinterpret_cast<T*>(at);
  }
};

}  // namespace elman
