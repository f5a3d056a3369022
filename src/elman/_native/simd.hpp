// Vectors of the widest kind that the instruction level has, as GCC and Clang spell them.
//
// This header and every kernel header is compiled once per instruction level, each time into its own
// namespace (ELMAN_ISA). Nothing here may call a standard-library inline function: the linker keeps
// one copy of those for all levels, and it could be one that the running machine cannot execute.
#pragma once
#include "kernels.hpp"

#if defined(__AVX512F__)
#include <immintrin.h>  // intrinsics are always inlined: no copy for the linker to choose
#endif

#ifndef ELMAN_ISA
#error "compile with -DELMAN_ISA=<namespace of this instruction level>"
#endif

#if defined(__AVX512F__)
#define ELMAN_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define ELMAN_VECTOR_BYTES 32
#else
#define ELMAN_VECTOR_BYTES 16
#endif

#if defined(__AVX512F__) || defined(__aarch64__)
#define ELMAN_ACCUMULATORS 24  // of 32 vector registers
#else
#define ELMAN_ACCUMULATORS 12  // of 16
#endif

#define ELMAN_INLINE inline __attribute__((always_inline))

namespace elman::ELMAN_ISA {

template <class T> struct VecOf { typedef T type __attribute__((vector_size(ELMAN_VECTOR_BYTES))); };
template <class T> struct BitsOf;
template <> struct BitsOf<float> { typedef int32_t type; };
template <> struct BitsOf<double> { typedef int64_t type; };

template <class T> using Vec = typename VecOf<T>::type;
template <class T> using Bits = typename BitsOf<T>::type;
template <class T> using VecBits = typename VecOf<Bits<T>>::type;
template <class T> constexpr Index lanes = ELMAN_VECTOR_BYTES / Index(sizeof(T));

ELMAN_INLINE Index smaller(Index a, Index b) { return a < b ? a : b; }

ELMAN_INLINE bool whole(const Part& rows) { return rows.last - rows.first == rows.batch; }
ELMAN_INLINE Index size(const Part& rows) { return rows.steps * (rows.last - rows.first); }

// The rows of a part of a (T·B, N), from the k-th on: neighbours, then a leap over those of other sequences.
template <class T> struct Walk {
  const T* at;
  Index N, run, leap, left;

  ELMAN_INLINE Walk(const T* a, Index N, const Part& rows, Index k) : N(N) {
    run = whole(rows) ? size(rows) : rows.last - rows.first;
    leap = whole(rows) ? 0 : (rows.batch - run) * N;
    left = run - k % run;
    at = a + (rows.first + k) * N + k / run * leap;
  }
  ELMAN_INLINE void next() {
    at += N;
    if (--left == 0) at += leap, left = run;
  }
};

template <int... I> struct Sequential {};
template <int N, int... I> struct Counting : Counting<N - 1, N - 1, I...> {};
template <int... I> struct Counting<0, I...> { typedef Sequential<I...> type; };

template <class T> ELMAN_INLINE Vec<T> load(const T* p) {
  Vec<T> v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

template <class T> ELMAN_INLINE void store(T* p, Vec<T> v) { __builtin_memcpy(p, &v, sizeof v); }

// The first n lanes; the others read as zero and are not written.
template <class T> ELMAN_INLINE Vec<T> load(const T* p, Index n) {
  if (n >= lanes<T>) return load(p);
  Vec<T> v = {};
  for (Index i = 0; i < n; ++i) v[i] = p[i];
  return v;
}

template <class T> ELMAN_INLINE void store(T* p, Vec<T> v, Index n) {
  if (n >= lanes<T>) return store(p, v);
  for (Index i = 0; i < n; ++i) p[i] = v[i];
}

#if defined(__AVX512F__)
template <> ELMAN_INLINE Vec<float> load(const float* p, Index n) {
  return n >= 16 ? load(p) : Vec<float>(_mm512_maskz_loadu_ps(__mmask16((1 << n) - 1), p));
}
template <> ELMAN_INLINE Vec<double> load(const double* p, Index n) {
  return n >= 8 ? load(p) : Vec<double>(_mm512_maskz_loadu_pd(__mmask8((1 << n) - 1), p));
}
template <> ELMAN_INLINE void store(float* p, Vec<float> v, Index n) {
  if (n >= 16) return store(p, v);
  _mm512_mask_storeu_ps(p, __mmask16((1 << n) - 1), v);
}
template <> ELMAN_INLINE void store(double* p, Vec<double> v, Index n) {
  if (n >= 8) return store(p, v);
  _mm512_mask_storeu_pd(p, __mmask8((1 << n) - 1), v);
}
#endif

template <class T> ELMAN_INLINE Vec<T> fill(T x) { return x - Vec<T>{}; }  // x - 0 is x, -0 included

template <class T> ELMAN_INLINE VecBits<T> as_bits(Vec<T> v) {
  VecBits<T> b;
  __builtin_memcpy(&b, &v, sizeof b);
  return b;
}

template <class T> ELMAN_INLINE Vec<T> from_bits(VecBits<T> b) {
  Vec<T> v;
  __builtin_memcpy(&v, &b, sizeof v);
  return v;
}

// Asks for the cache line after the one at p, for reading or writing. The tiles of a batch touch rows that
// lie far apart, a pattern that the hardware does not foresee.
template <class T> ELMAN_INLINE void prefetch_next(const T* p) { __builtin_prefetch(p + 64 / sizeof(T)); }
template <class T> ELMAN_INLINE void prefetch_next_write(T* p) { __builtin_prefetch(p + 64 / sizeof(T), 1); }

// Interleaves two vectors, a0 b0 a1 b1 ...: the first half of the result, or the second.
template <class T, int... I> ELMAN_INLINE Vec<T> interleave(Vec<T> a, Vec<T> b, bool second, Sequential<I...>) {
  constexpr int L = int(lanes<T>);
  return second ? __builtin_shufflevector(a, b, (I / 2 + L / 2 + I % 2 * L)...) : __builtin_shufflevector(a, b, (I / 2 + I % 2 * L)...);
}

// Rows become columns: interleaving the two halves of the rows log2(lanes) times does it.
template <class T> ELMAN_INLINE void transpose(Vec<T> (&rows)[lanes<T>]) {
  constexpr Index L = lanes<T>;
  using All = typename Counting<int(L)>::type;
#pragma GCC unroll 4
  for (Index step = 1; step < L; step *= 2) {
    Vec<T> next[L];
#pragma GCC unroll 8
    for (Index i = 0; i < L / 2; ++i) {
      next[2 * i] = interleave<T>(rows[i], rows[i + L / 2], false, All{});
      next[2 * i + 1] = interleave<T>(rows[i], rows[i + L / 2], true, All{});
    }
#pragma GCC unroll 16
    for (Index i = 0; i < L; ++i) rows[i] = next[i];
  }
}

// Lanes are added in order, so that a sum does not depend on how a compiler shuffles.
template <class T> ELMAN_INLINE T sum(Vec<T> v) {
  T s = v[0];
  for (Index i = 1; i < lanes<T>; ++i) s += v[i];
  return s;
}

template <class T> ELMAN_INLINE T largest(Vec<T> v) {
  T s = v[0];
  for (Index i = 1; i < lanes<T>; ++i) s = v[i] > s ? v[i] : s;
  return s;
}

}  // namespace elman::ELMAN_ISA
