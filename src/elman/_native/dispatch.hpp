// Which instruction level runs: the best that the machine has, or the one that ELMAN_ISA names.
#pragma once
#include <string>
#include <vector>

#include "kernels.hpp"

namespace elman {

const Level& level();                        // throws std::invalid_argument if ELMAN_ISA names none that runs here
void choose_level(const std::string& name);  // "" for the best; for tests
std::vector<std::string> levels();           // those that this machine can run, best first

template <class T> const Kernels<T>& kernels();
template <> inline const Kernels<float>& kernels() { return level().f32; }
template <> inline const Kernels<double>& kernels() { return level().f64; }

// Of operands as they are, or rounded to bf16; throws std::invalid_argument where there are none.
template <class T> const Products<T>& products(bool bf16);

}  // namespace elman
