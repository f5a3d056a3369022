// Optimizer updates over elements first..last of the arena, each in one pass, and the gradient's norm.
// Equal to elman.nn.optimizers; dropout to layers.dropout. Plain loops: compilers vectorise these by themselves.
#pragma once
#include "simd.hpp"

namespace elman::ELMAN_ISA {

ELMAN_INLINE float root(float x) { return __builtin_sqrtf(x); }
ELMAN_INLINE double root(double x) { return __builtin_sqrt(x); }

// Adagrad's p -= rate · g / √(v += g²), epsilon inside the root, as far as whole vectors go; returns where they end.
// Root and division of 16 lanes take 35 cycles, an estimate of 1/√v and one step of Newton 5.
#if defined(__AVX512F__)
ELMAN_INLINE Index adagrad_vectors(const Update<float>& u, float shrink, float rate, float epsilon, Index first, Index last) {
  for (; first + 16 <= last; first += 16) {
    const Vec<float> g = load(u.g + first), v = load(u.v + first) + g * g, sum = v + epsilon;
    Vec<float> inverse = _mm512_maskz_rsqrt14_ps(__mmask16(-1), sum);
    inverse += inverse * (0.5f - (0.5f * sum * inverse) * inverse);
    inverse = sum == __builtin_inff() ? Vec<float>{} : inverse;  // where the step of Newton multiplied 0 by infinity
    store(u.v + first, v);
    store(u.p + first, load(u.p + first) * shrink - rate * g * inverse);
  }
  return first;
}
#endif
template <class T> ELMAN_INLINE Index adagrad_vectors(const Update<T>&, T, T, T, Index first, Index) { return first; }

// step(i, gradient) for each element, after decay.
template <class T, class Step> ELMAN_INLINE void each(const Update<T>& u, Index first, Index last, Step&& step) {
  const T shrink = T(1 - u.learning_rate * u.decay);
  T* __restrict const p = u.p;
  const T* __restrict const gradient = u.g;
  for (Index i = first; i < last; ++i) p[i] = p[i] * shrink - step(i, gradient[i]);
}

template <class T> inline void update(const Update<T>& u, Index first, Index last) {
  const T rate = T(u.learning_rate), epsilon = T(u.epsilon), keep1 = T(u.beta1), keep2 = T(u.beta2), new1 = T(1 - u.beta1), new2 = T(1 - u.beta2);
  T* __restrict const m = u.m;
  T* __restrict const v = u.v;
  switch (u.rule) {
    case SGD:
      if (m)
        each(u, first, last, [&](Index i, T g) { return rate * (m[i] = keep1 * m[i] + g); });
      else
        each(u, first, last, [&](Index, T g) { return rate * g; });
      break;
    case ADAGRAD:
      first = adagrad_vectors(u, T(1 - u.learning_rate * u.decay), rate, epsilon, first, last);
      each(u, first, last, [&](Index i, T g) { return rate * g / root((v[i] += g * g) + epsilon); });
      break;
    case RMSPROP:
      each(u, first, last, [&](Index i, T g) { return rate * g / (root(v[i] = keep2 * v[i] + new2 * g * g) + epsilon); });
      break;
    case ADAM: {  // with weight decay: AdamW
      const T rate1 = T(u.learning_rate / u.correction1), factor2 = T(1 / u.correction2);
      each(u, first, last, [&](Index i, T g) {
        m[i] = keep1 * m[i] + new1 * g;
        v[i] = keep2 * v[i] + new2 * g * g;
        return rate1 * m[i] / (root(v[i] * factor2) + epsilon);
      });
    }
  }
}

// y = x · scale where the random bits reach the threshold, else 0. y may be x itself.
template <class T> inline void dropout(const T* x, const std::uint16_t* bits, int threshold, T scale, Index first, Index last, T* y) {
  for (Index i = first; i < last; ++i) y[i] = int(bits[i]) >= threshold ? x[i] * scale : T(0);
}

// x = max(-limit, min(x, limit)) · scale
template <class T> inline void clip(T* x, T limit, T scale, Index first, Index last) {
  for (Index i = first; i < last; ++i) {
    T v = x[i];
    v = v > limit ? limit : v;
    v = v < -limit ? -limit : v;
    x[i] = v * scale;
  }
}

// Sum of squares in double precision; 32 running sums in a fixed order.
template <class T> inline double sum_of_squares(const T* x, Index n) {
  double s[32] = {};
  Index i = 0;
  for (; i + 32 <= n; i += 32)
#pragma GCC unroll 32
    for (Index k = 0; k < 32; ++k) s[k] += double(x[i + k]) * double(x[i + k]);
  for (Index k = 0; i < n; ++i, ++k) s[k] += double(x[i]) * double(x[i]);
  for (Index half = 16; half; half /= 2)
    for (Index k = 0; k < half; ++k) s[k] += s[k + half];
  return s[0];
}

}  // namespace elman::ELMAN_ISA
