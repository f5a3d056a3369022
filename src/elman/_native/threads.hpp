// A persistent pool of threads. Work is cut into numbered parts; the cut depends on the thread count
// only, never on which thread takes which part, so results do not depend on timing.
#pragma once
#include "kernels.hpp"

namespace elman {

// How many parts to cut the work of the calling thread into: each has a number of its own, 1 at first.
void set_threads(int count);
int threads();

// run(context, part) for part = 0..parts-1; returns when all are done, or throws what one of
// them threw. Several callers may be at it at once.
void parallel(int parts, void (*run)(void* context, int part), void* context);

template <class Body> void parallel(int parts, Body&& body) {
  parallel(parts, [](void* context, int part) { (*static_cast<Body*>(context))(part); }, &body);
}

// How many parts `units` of indivisible work are worth: a part below a million operations costs more to hand over than to do.
inline int parts_for(Index units, double operations) {
  const double most = operations / 1e6 < 1 ? 1 : operations / 1e6;
  const double parts = threads() < most ? threads() : most;
  return parts < double(units) ? int(parts) : int(units < 1 ? 1 : units);
}

constexpr double WEIGHTS_WORTH_A_PART = 1e5;

// Part `part` of `parts` of 0..n, in multiples of `grain`.
struct Range { Index first, last; };
inline Range share(Index n, int part, int parts, Index grain = 1) {
  const Index blocks = (n + grain - 1) / grain;
  const auto cut = [&](Index i) { const Index at = blocks * i / parts * grain; return at < n ? at : n; };
  return {cut(part), cut(part + 1)};
}

// One step of one sequence reads every weight once, so it is divided where a part of the weights takes longer to read than
// to hand over. Panels go in pairs, as a row alone takes them: the sums do not depend on the number of parts.
inline int parts_by_units(Index panels, double weights) { return parts_for((panels + 1) / 2, weights / WEIGHTS_WORTH_A_PART * 1e6); }
inline Range share_of_units(Index panels, int part, int parts) { return share(panels, part, parts, 2); }

}  // namespace elman
