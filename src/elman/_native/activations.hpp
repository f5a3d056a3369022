// exp, sigmoid and tanh: one reduction and one polynomial, no branches, no vector libm.
//
//   x = n·ln 2 + r, |r| <= ln 2 / 2       e^x = 2^n (1 + p),  p = e^r - 1 = r + r² q(r)
//
// q is the Chebyshev interpolant of (e^r - 1 - r) / r². Keeping p apart from the 1 keeps small tanh
// exact. Largest errors over all float32, with fused multiply-add: see docs/engine.md.
// Equal to numpy.exp, numpy.tanh and 1 / (1 + exp(-x)); NaN stays NaN, subnormal results are kept.
#pragma once
#include "simd.hpp"

namespace elman::ELMAN_ISA {

template <class T> struct Exp;

template <> struct Exp<float> {
  static constexpr int mantissa = 23, bias = 127, degree = 5;
  static constexpr float round = 0x1.8p23f + 127;  // adding it leaves the nearest integer, biased, in the low bits
  static constexpr float log2e = 1.44269504f, ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
  static constexpr float low = -104.0f, high = 89.0f;  // beyond: 0 and infinity
  static constexpr float sigmoid_high = 87.3f, tanh_high = 9.1f;
  static constexpr float q[] = {0.50000000134658092f,    0.166666666816232314f,   0.04166646492528590541f,
                                0.008333310925480900835f, 0.001393364999630925043f, 0.0001989099082467365385f};
};

template <> struct Exp<double> {
  static constexpr int mantissa = 52, bias = 1023, degree = 10;
  static constexpr double round = 0x1.8p52 + 1023;
  static constexpr double log2e = 1.4426950408889634, ln2_high = 0x1.62e42fee00000p-1, ln2_low = 0x1.a39ef35793c76p-33;
  static constexpr double low = -746.0, high = 710.0;
  static constexpr double sigmoid_high = 708.3, tanh_high = 19.1;
  static constexpr double q[] = {0.5,
                                 0.1666666666666667099,
                                 0.04166666666666666975,
                                 0.008333333333326135126,
                                 0.00138888888888837483,
                                 0.0001984126987482062527,
                                 0.00002480158732554774122,
                                 2.755725540020642443e-6,
                                 2.755727364311029533e-7,
                                 2.510521700472074516e-8,
                                 2.091468696808687723e-9};
};

template <class T> struct Reduced {
  Vec<T> p;             // e^r - 1
  VecBits<T> exponent;  // n + bias in the low bits, ready to be shifted into place
};

template <class T> ELMAN_INLINE Reduced<T> reduce(Vec<T> x) {
  using E = Exp<T>;
  const Vec<T> shifted = x * E::log2e + E::round;
  const Vec<T> n = shifted - E::round;
  const Vec<T> r = (x - n * E::ln2_high) - n * E::ln2_low;
  Vec<T> q = fill<T>(E::q[E::degree]);
#pragma GCC unroll 16
  for (int i = E::degree - 1; i >= 0; --i) q = q * r + E::q[i];
  return {r + r * r * q, as_bits<T>(shifted)};
}

template <class T> ELMAN_INLINE Vec<T> power_of_two(VecBits<T> exponent) { return from_bits<T>(exponent << Exp<T>::mantissa); }

template <class T> ELMAN_INLINE Vec<T> exp(Vec<T> x) {
  using E = Exp<T>;
  x = x < E::low ? fill<T>(E::low) : x;  // a comparison with NaN is false: NaN passes
  x = x > E::high ? fill<T>(E::high) : x;
  const Reduced<T> e = reduce<T>(x);
  const VecBits<T> n = e.exponent - as_bits<T>(fill<T>(E::round)), half = n >> 1;  // two steps reach subnormal results and infinity
  const Vec<T> s = power_of_two<T>(half + Bits<T>(E::bias));
  return (s + s * e.p) * power_of_two<T>(n - half + Bits<T>(E::bias));
}

// m / d for d from 1 to 2^27.
template <class T> ELMAN_INLINE Vec<T> quotient(Vec<T> m, Vec<T> d) { return m / d; }

#if defined(__AVX512F__)  // dividing 16 lanes takes 16 cycles; this takes 4
template <> ELMAN_INLINE Vec<float> quotient<float>(Vec<float> m, Vec<float> d) {
  Vec<float> inverse = _mm512_maskz_rcp14_ps(__mmask16(-1), d);
  inverse += inverse * (1 - d * inverse);
  const Vec<float> q = m * inverse;
  return q + inverse * (m - q * d);
}
#endif

// Of -|x|, so that nothing overflows. Below -sigmoid_high, where it is about 1e-38 (double: 1e-307), it is 0.
template <class T> ELMAN_INLINE Vec<T> sigmoid(Vec<T> x) {
  using E = Exp<T>;
  const Vec<T> a = x < 0 ? x : -x;
  const Reduced<T> e = reduce<T>(a < -E::sigmoid_high ? fill<T>(-E::sigmoid_high) : a);
  const Vec<T> s = power_of_two<T>(e.exponent), y = s + s * e.p;
  return quotient<T>(x < 0 ? (a < -E::sigmoid_high ? Vec<T>{} : y) : fill<T>(1), 1 + y);
}

template <class T> ELMAN_INLINE Vec<T> tanh(Vec<T> x) {
  using E = Exp<T>;
  const VecBits<T> sign = as_bits<T>(x) & as_bits<T>(fill<T>(T(-0.0)));
  const Vec<T> a = from_bits<T>(as_bits<T>(x) ^ sign);
  const Reduced<T> e = reduce<T>(2 * (a > E::tanh_high ? fill<T>(E::tanh_high) : a));
  const Vec<T> s = power_of_two<T>(e.exponent);
  const Vec<T> m = s * e.p + (s - 1);  // e^2a - 1, exact to its last bits for small a
  return from_bits<T>(as_bits<T>(quotient<T>(m, m + 2)) | sign);
}

}  // namespace elman::ELMAN_ISA
