// Rows of a table by their ids, and the gradient of that. Equal to table[ids] + bias and numpy.add.at.
#pragma once
#include "simd.hpp"

namespace elman::ELMAN_ISA {

// out (n, N) = table (V, N)[ids] + bias (N,), rows first..last.
template <class T>
inline void gather(const T* table, const std::int32_t* ids, const T* bias, Index N, Index first, Index last, T* out) {
  constexpr Index L = lanes<T>;
  for (Index r = first; r < last; ++r) {
    const T* const from = table + ids[r] * N;
    for (Index j = 0; j < N; j += L) {
      const Vec<T> v = load(from + j, N - j);
      store(out + r * N + j, bias ? v + load(bias + j, N - j) : v, N - j);
    }
  }
}

// out (V, N)[ids[r]] += d (T·B, N)[r] for the rows r of a part, columns n0..n1, in their order: the same sum every time.
template <class T>
inline void scatter_add(const T* d, const std::int32_t* ids, const Part& rows, Index N, Index n0, Index n1, T* out) {
  constexpr Index L = lanes<T>;
  const Index K = size(rows);
  Walk<T> from(d, N, rows, 0);
  Walk<std::int32_t> id(ids, 1, rows, 0);
  for (Index k = 0; k < K; ++k, from.next(), id.next()) {
    T* const to = out + *id.at * N;
    for (Index j = n0; j < n1; j += L) store(to + j, load(to + j, n1 - j) + load(from.at + j, n1 - j), n1 - j);
  }
}

}  // namespace elman::ELMAN_ISA
