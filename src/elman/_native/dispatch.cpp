#include "dispatch.hpp"

#include <atomic>
#include <cstdlib>
#include <stdexcept>

namespace elman {

#if defined(__x86_64__)
namespace v4bf16 { extern const Products<float> bf16; }
namespace v4 { extern const Level level; }
namespace v3 { extern const Level level; }
namespace baseline { extern const Level level; }
#elif defined(__aarch64__)
namespace neon { extern const Level level; }
#else
namespace baseline { extern const Level level; }
#endif

static std::vector<const Level*> supported() {
  std::vector<const Level*> found;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool v3_here = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  const bool v4_here = v3_here && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  static const Level with_bf16{"v4bf16", v4::level.f32, v4::level.f64, &v4bf16::bf16};
  if (v4_here && __builtin_cpu_supports("avx512bf16")) found.push_back(&with_bf16);
  if (v4_here) found.push_back(&v4::level);
  if (v3_here) found.push_back(&v3::level);
  found.push_back(&baseline::level);
#elif defined(__aarch64__)
  found.push_back(&neon::level);
#else
  found.push_back(&baseline::level);
#endif
  return found;
}

static const Level* find(const std::string& name) {
  std::string known;
  for (const Level* candidate : supported()) {
    if (name.empty() || name == candidate->name) return candidate;
    known += known.empty() ? "" : ", ";
    known += candidate->name;
  }
  throw std::invalid_argument("instruction level '" + name + "' is not one that this machine runs: " + known);
}

static std::atomic<const Level*> chosen{nullptr};

const Level& level() {
  const Level* now = chosen.load(std::memory_order_acquire);
  if (!now) {
    const char* name = std::getenv("ELMAN_ISA");
    chosen.store(now = find(name ? name : ""), std::memory_order_release);
  }
  return *now;
}

template <> const Products<float>& products(bool bf16) {
  if (bf16 && !level().bf16) throw std::invalid_argument(std::string("instruction level ") + level().name + " has no products of bf16");
  return bf16 ? *level().bf16 : level().f32.products;
}

template <> const Products<double>& products(bool bf16) {
  if (bf16) throw std::invalid_argument("products of bf16 are for float32, not float64");
  return level().f64.products;
}

void choose_level(const std::string& name) { chosen.store(find(name), std::memory_order_release); }

std::vector<std::string> levels() {
  std::vector<std::string> names;
  for (const Level* candidate : supported()) names.push_back(candidate->name);
  return names;
}

}  // namespace elman
