// Softmax and cross-entropy of rows of logits, loss and gradient in one pass. Equal to layers.softmax_cross_entropy.
//
//   nats = log sum exp(logits) - logits[target]        dlogits = weight · (softmax(logits) - one-hot(target))
//
// logits (rows, V), targets (rows,), weights (rows,) or null: 1. A row of weight 0 has nats 0. dlogits may be logits itself.
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
inline void cross_entropy(const T* logits, const std::int32_t* targets, const T* weights, Index V, Index first, Index last, T* dlogits, double* nats) {
  constexpr Index L = lanes<T>;
  for (Index r = first; r < last; ++r) {
    T* const d = dlogits + r * V;
    const T weight = weights ? weights[r] : T(1);
    if (weight == 0) {
      nats[r] = 0;
      for (Index j = 0; j < V; j += L) store(d + j, Vec<T>{}, V - j);
      continue;
    }
    const T right = logits[r * V + targets[r]];
    T total;
    const T m = exponentials(logits + r * V, V, d, total);
    nats[r] = __builtin_log(double(total)) + (double(m) - double(right));
    const T share = weight / total;
    for (Index j = 0; j < V; j += L) store(d + j, share * load(d + j, V - j), V - j);
    d[targets[r]] -= weight;
  }
}

// The nats alone; the logits are overwritten.
template <class T> inline void only_nats(T* logits, const std::int32_t* targets, Index V, Index first, Index last, double* nats) {
  for (Index r = first; r < last; ++r) {
    const T right = logits[r * V + targets[r]];
    T total;
    const T m = exponentials(logits + r * V, V, logits + r * V, total);
    nats[r] = __builtin_log(double(total)) + (double(m) - double(right));
  }
}

}  // namespace elman::ELMAN_ISA
