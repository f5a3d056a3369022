// Memory that a thread keeps between calls: packed weights and blocks of large products.
#pragma once
#include <cstdlib>
#include <new>

namespace elman {

class Scratch {
 public:
  ~Scratch() { std::free(data_); }

  template <class T> T* get(std::size_t count) {
    const std::size_t bytes = (count * sizeof(T) + 63) / 64 * 64;
    if (bytes > bytes_) {
      std::free(data_);
      data_ = std::aligned_alloc(64, bytes);
      bytes_ = data_ ? bytes : 0;
      if (!data_) throw std::bad_alloc();
    }
    return static_cast<T*>(data_);
  }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace elman
