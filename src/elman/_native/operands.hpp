// What products are computed from: values as they are, or pairs of them rounded to bfloat16.
//
// A kernel names its operands X, and computes everything else in Real<X>. A Pair holds two neighbours along the
// sum of a product, k and k + 1, so a packed matrix has half as many rows of as many vectors; the last of an odd number has
// a zero beside it. vdpbf16ps multiplies exactly, adds in float32, and takes subnormal numbers for zero.
#pragma once
#include "simd.hpp"

namespace elman::ELMAN_ISA {

typedef std::int32_t Pair;

template <class X> struct RealOf { typedef X type; };
template <> struct RealOf<Pair> { typedef float type; };
template <class X> using Real = typename RealOf<X>::type;

template <class X> constexpr Index PER = 1;  // values in an operand
template <> constexpr Index PER<Pair> = 2;
template <class X> ELMAN_INLINE Index operands(Index values) { return (values + PER<X> - 1) / PER<X>; }

template <class T> ELMAN_INLINE Vec<T> multiply_add(Vec<T> sum, T x, Vec<T> w) { return sum + x * w; }

// The values at p, neighbours along the sum, of which n exist.
template <class X> ELMAN_INLINE Vec<X> along(const Real<X>* p, Index n) { return load(p, n); }

// The values at p and at `next`, whose neighbours have sums of their own. One operand takes one value: the second is not read.
template <class X> ELMAN_INLINE Vec<X> across(const Real<X>* p, const Real<X>*, Index n) { return load(p, n); }

#if defined(__AVX512BF16__)
ELMAN_INLINE Vec<float> multiply_add(Vec<float> sum, Pair x, Vec<Pair> w) {
  return Vec<float>(_mm512_dpbf16_ps(__m512(sum), (__m512bh)_mm512_set1_epi32(x), (__m512bh)w));
}

template <> ELMAN_INLINE Vec<Pair> along<Pair>(const float* p, Index n) {
  const Vec<float> low = n > 0 ? load(p, n) : Vec<float>{}, high = n > 16 ? load(p + 16, n - 16) : Vec<float>{};
  return (Vec<Pair>)_mm512_cvtne2ps_pbh(__m512(high), __m512(low));
}

template <> ELMAN_INLINE Vec<Pair> across<Pair>(const float* p, const float* next, Index n) {
  const Vec<float> low = load(p, n), high = next ? load(next, n) : Vec<float>{};
  alignas(64) static constexpr std::uint16_t order[32] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                                          8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  return (Vec<Pair>)_mm512_permutexvar_epi16(_mm512_load_si512(order), (__m512i)_mm512_cvtne2ps_pbh(__m512(high), __m512(low)));
}
#endif

// Rows of x (rows, K) as a product reads them: where they are, or rounded into the scratch. ld: from one row to the next.
template <class X> ELMAN_INLINE const X* rows_of(const Real<X>* x, Index& ld, Index rows, Index K, Real<X>* scratch) {
  if constexpr (PER<X> == 1) {
    return x;
  } else {
    const Index depth = operands<X>(K);
    X* const to = reinterpret_cast<X*>(scratch);
    for (Index r = 0; r < rows; ++r)
      for (Index k = 0; k < depth; k += lanes<X>) store(to + r * depth + k, along<X>(x + r * ld + k * PER<X>, K - k * PER<X>), depth - k);
    ld = depth;
    return to;
  }
}

}  // namespace elman::ELMAN_ISA
