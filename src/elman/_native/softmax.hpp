// Softmax and cross-entropy of rows of logits, loss and gradient in one pass. Equal to layers.cross_entropy.
//
//   nll = log sum exp(logits) - logits[target]        dlogits = scale · (softmax(logits) - one-hot(target))
//
// logits (rows, V), targets (rows,); a masked row has nll 0 and gradient 0. dlogits may be logits itself.
#pragma once
#include "activations.hpp"

namespace elman::ELMAN_ISA {

// The largest value is subtracted first, so that logits of any size neither overflow nor vanish.
// exps (V,), which may be row itself, receives e^(x - largest); their sum goes to total.
template <class T> ELMAN_INLINE T exponentials(const T* row, Index V, T* exps, T& total) {
  constexpr Index L = lanes<T>;
  Vec<T> top = fill<T>(row[0]), s = {};
  Index j = 0;
  for (; j + L <= V; j += L) {
    const Vec<T> x = load(row + j);
    top = x > top ? x : top;
  }
  T m = largest<T>(top);
  for (; j < V; ++j) m = row[j] > m ? row[j] : m;
  for (j = 0; j + L <= V; j += L) {
    const Vec<T> e = exp<T>(load(row + j) - m);
    store(exps + j, e);
    s += e;
  }
  if (j < V) {
    const Vec<T> e = exp<T>(load(row + j, V - j) - m);
    store(exps + j, e, V - j);
    for (Index i = 0; i < V - j; ++i) s[i] += e[i];
  }
  total = sum<T>(s);
  return m;
}

template <class T>
inline void cross_entropy(const T* logits, const std::int32_t* targets, const std::uint8_t* mask, T scale, Index V, Index first, Index last, T* dlogits, double* nll) {
  constexpr Index L = lanes<T>;
  for (Index r = first; r < last; ++r) {
    T* const d = dlogits + r * V;
    if (mask && !mask[r]) {
      nll[r] = 0;
      for (Index j = 0; j < V; j += L) store(d + j, Vec<T>{}, V - j);
      continue;
    }
    const T right = logits[r * V + targets[r]];
    T total;
    const T m = exponentials(logits + r * V, V, d, total);
    nll[r] = __builtin_log(double(total)) + (double(m) - double(right));
    const T share = scale / total;
    for (Index j = 0; j < V; j += L) store(d + j, share * load(d + j, V - j), V - j);
    d[targets[r]] -= scale;
  }
}

template <class T> inline void log_sum_exp(const T* x, Index V, Index first, Index last, T* work, T* out) {
  for (Index r = first; r < last; ++r) {
    T total;
    const T m = exponentials(x + r * V, V, work, total);
    out[r] = T(__builtin_log(double(total)) + double(m));
  }
}

}  // namespace elman::ELMAN_ISA
