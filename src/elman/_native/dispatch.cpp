#include "dispatch.hpp"

#include <atomic>
#include <cstdlib>
#include <stdexcept>

namespace elman {

#if defined(__x86_64__)
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

void choose_level(const std::string& name) { chosen.store(find(name), std::memory_order_release); }

std::vector<std::string> levels() {
  std::vector<std::string> names;
  for (const Level* candidate : supported()) names.push_back(candidate->name);
  return names;
}

}  // namespace elman
