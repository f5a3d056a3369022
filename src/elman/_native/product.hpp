// Products with one packed matrix. Equal to numpy's x @ w, x @ w.T and a.T @ b.
//
// A recurrence multiplies by the same weights at every time step, so they are packed once into column
// panels: panel = K rows of C vectors, contiguous in the order in which the tile reads them. The tile,
// ROWS × C vectors, lives in registers: C loads and ROWS broadcasts feed ROWS·C multiply-adds.
//
// Memory: packed weights take K × (columns rounded up to whole panels), of pairs half of that.
#pragma once
#include "operands.hpp"

namespace elman::ELMAN_ISA {

constexpr int AHEAD = 2;

// acc[r][c] += sum over k of x[r·row_stride + k·k_stride] · panel[k][c]. AHEAD vectors from `next` on are asked for at each k.
template <class X, int ROWS, int C, int AHEAD = 0>
ELMAN_INLINE void accumulate(const X* x, Index row_stride, Index k_stride, const X* panel, Index K, Vec<Real<X>> (&acc)[ROWS][C], const X* next = nullptr) {
  for (Index k = 0; k < K; ++k, panel += C * lanes<X>, x += k_stride, next += AHEAD * lanes<X>) {
#pragma GCC unroll 8
    for (int a = 0; a < AHEAD; ++a) __builtin_prefetch(next + a * lanes<X>, 0, 2);
    Vec<X> w[C];
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c) w[c] = load(panel + c * lanes<X>);
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; ++r) {
      const X s = x[r * row_stride];
#pragma GCC unroll 8
      for (int c = 0; c < C; ++c) acc[r][c] = multiply_add(acc[r][c], s, w[c]);
    }
  }
}

// One row alone: neighbouring panels share what is read of it, and several k have sums of their own, because
// each sum waits for the one before it. The last PADDING vectors are not wanted.
template <class X, int PANELS, int C, int PADDING>
ELMAN_INLINE void accumulate_row(const X* x, const X* panel, Index stride, Index K, Vec<Real<X>> (&acc)[PANELS * C]) {
  constexpr int U = 8 / (PANELS * C) > 1 ? 8 / (PANELS * C) : 1, WANTED = PANELS * C - PADDING;
  Vec<Real<X>> part[U][WANTED] = {};
  Index k = 0;
  for (; k + U <= K; k += U, panel += U * C * lanes<X>) {
#pragma GCC unroll 4
    for (int u = 0; u < U; ++u)
#pragma GCC unroll 8
      for (int i = 0; i < WANTED; ++i) part[u][i] = multiply_add(part[u][i], x[k + u], load(panel + i / C * stride + (u * C + i % C) * lanes<X>));
  }
  for (; k < K; ++k, panel += C * lanes<X>)
#pragma GCC unroll 8
    for (int i = 0; i < WANTED; ++i) part[0][i] = multiply_add(part[0][i], x[k], load(panel + i / C * stride + i % C * lanes<X>));
#pragma GCC unroll 8
  for (int i = 0; i < WANTED; ++i) {
    acc[i] = part[0][i];
#pragma GCC unroll 4
    for (int u = 1; u < U; ++u) acc[i] += part[u][i];
  }
}

// finish(0, panel, acc) for PANELS panels of the product of one row. `half`: of the last only the first vector is wanted.
template <class X, int PANELS, int C, class Finish>
ELMAN_INLINE void run_row(const X* x, const X* packed, Index panel, Index K, bool half, Finish&& finish) {
  const Index size = K * C * lanes<X>;
  Vec<Real<X>> acc[PANELS * C] = {};
  if (C == PLAIN && half)
    accumulate_row<X, PANELS, C, C - 1>(x, packed + panel * size, size, K, acc);
  else
    accumulate_row<X, PANELS, C, 0>(x, packed + panel * size, size, K, acc);
#pragma GCC unroll 2
  for (int p = 0; p < PANELS; ++p) finish(Index(0), panel + p, acc + p * C);
}

// One tile of `rows` rows: tile[r][c] (+)= x · panel.
template <class X, int C, int ROWS>
ELMAN_INLINE void run_tile(Index rows, const X* x, Index ldx, const X* panel, Index K, bool first, Vec<Real<X>>* tile, const X* next) {
  if constexpr (ROWS > 1) {
    if (rows < ROWS) return run_tile<X, C, ROWS - 1>(rows, x, ldx, panel, K, first, tile, next);
  }
  Vec<Real<X>> acc[ROWS][C];
#pragma GCC unroll 16
  for (int r = 0; r < ROWS; ++r)
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c) acc[r][c] = first ? Vec<Real<X>>{} : tile[r * C + c];
  if (next)
    accumulate<X, ROWS, C, AHEAD>(x, ldx, 1, panel, K, acc, next);
  else
    accumulate<X, ROWS, C>(x, ldx, 1, panel, K, acc);
#pragma GCC unroll 16
  for (int r = 0; r < ROWS; ++r)
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c) tile[r * C + c] = acc[r][c];
}

// x (rows, values) · panels first..last of packed. finish(row, panel, acc) receives each C vectors of the result while
// they are hot. rounded: rounded_size<X>(rows, values) of scratch. Work is blocked over K so that a panel's block stays in the first-level cache while
// every row passes over it.
// One row takes the panels in turn forwards and `backwards`: of weights larger than a cache, what was read last is still
// there. Of its panels of a plain product it leaves out what lies beyond `columns`.
template <class X, int C, class Finish>
ELMAN_INLINE void product(const Real<X>* weights_packed, Index values, Index first, Index last, Index columns, const Real<X>* values_of_x, Index stride,
                          Index rows, Real<X>* rounded, Finish&& finish, bool backwards = false) {
  using T = Real<X>;
  const X* const packed = reinterpret_cast<const X*>(weights_packed);
  const Index K = operands<X>(values);
  Index ldx = stride;
  constexpr Index TILE = ELMAN_ACCUMULATORS / C, BLOCK = 32768 / (C * ELMAN_VECTOR_BYTES), CHUNK = 8 * TILE;
  if (rows == 1) {
    const X* const x = rows_of<X>(values_of_x, ldx, 1, values, rounded);
    const Index pairs = (last - first) / 2;
    const bool half = C == PLAIN && columns <= (last * C - 1) * lanes<T>;
    for (Index i = 0; i < pairs; ++i) {
      const Index p = first + 2 * (backwards ? pairs - 1 - i : i);
      run_row<X, 2, C>(x, packed, p, K, half && p + 2 == last, finish);
    }
    if ((last - first) % 2) run_row<X, 1, C>(x, packed, last - 1, K, half, finish);
    return;
  }
  Vec<T> partial[CHUNK * C];
  for (Index r0 = 0; r0 < rows; r0 += CHUNK) {
    const Index chunk = smaller(CHUNK, rows - r0);
    ldx = stride;
    const X* const x = rows_of<X>(values_of_x + r0 * stride, ldx, chunk, values, rounded);
    const Index tiles = (chunk + TILE - 1) / TILE, least = chunk / tiles, more = chunk % tiles;
    for (Index p = first; p < last; ++p) {
      const X* panel = packed + p * K * C * lanes<X>;
      const Index block = tiles == 1 ? K : BLOCK;
      for (Index k = 0; k < K; k += block) {
        const Index depth = smaller(block, K - k);
        for (Index tile = 0, r = 0; tile < tiles; ++tile) {
          const Index n = least + (tile < more);  // tiles of nearly equal height: no thin one at the end
          const X* const weights = panel + k * C * lanes<X>;
          const X* const next = tile * AHEAD < C ? weights + (depth * C + tile * depth * AHEAD) * lanes<X> : nullptr;
          run_tile<X, C, int(TILE)>(n, x + r * ldx + k, ldx, weights, depth, k == 0, partial + r * C, next);
          if (k + depth == K)
            for (Index s = r; s < r + n; ++s) finish(r0 + s, p, partial + s * C);
          r += n;
        }
      }
    }
  }
}

// How much scratch the rows of x take, of the largest chunk of `product`: none where nothing is rounded.
template <class X> ELMAN_INLINE Index rounded_size(Index rows, Index values) {
  return PER<X> == 1 ? 0 : smaller(rows, 8 * ELMAN_ACCUMULATORS / PLAIN) * operands<X>(values);
}

// Panels first..last of w, element (k, n) at w[k·k_stride + n·n_stride], one stride 1, into packed, zero-padded.
// C = `gates` interleaved gates of `units` columns each, or, with gates = 0, C = 2 neighbours of `units` columns.
template <class X>
inline void pack(const Real<X>* w, Index k_stride, Index n_stride, Index values, Index units, int gates, Index first, Index last, Real<X>* to) {
  constexpr Index L = lanes<X>, P = PER<X>;
  const Index C = gates ? gates : PLAIN, K = operands<X>(values);
  for (Index p = first; p < last; ++p) {
    X* panel = reinterpret_cast<X*>(to) + p * K * C * L;
    for (Index c = 0; c < C; ++c) {
      const Index start = gates ? p * L : (p * C + c) * L, count = smaller(L, units - start);
      const Real<X>* from = w + ((gates ? c * units : 0) + start) * n_stride;
      if (n_stride == 1) {
        for (Index k = 0; k < K; ++k) {
          const Real<X>* const row = from + k * P * k_stride;
          store(panel + (k * C + c) * L, count > 0 ? across<X>(row, k * P + 1 < values ? row + k_stride : nullptr, count) : Vec<X>{});
        }
        continue;
      }
      // k_stride is 1: transpose in squares of L × L
      for (Index k = 0; k < K; k += L) {
        Vec<X> square[L];
        for (Index i = 0; i < L; ++i) square[i] = i < count ? along<X>(from + k * P + i * n_stride, values - k * P) : Vec<X>{};
        transpose<X>(square);
        for (Index i = 0; i < smaller(L, K - k); ++i) store(panel + ((k + i) * C + c) * L, square[i]);
      }
    }
  }
}

// y (rows, N) = x (rows, K) · packed + bias, rows first..last. Equal to layers.affine.
template <class X>
inline void affine(const Real<X>* packed, const Real<X>* bias, const Real<X>* x, Index K, Index N, Index first, Index last, Real<X>* y, Real<X>* rounded) {
  using T = Real<X>;
  constexpr Index L = lanes<T>;
  product<X, PLAIN>(packed, K, 0, (N + PLAIN * L - 1) / (PLAIN * L), N, x + first * K, K, last - first, rounded, [&](Index row, Index p, const Vec<T>* acc) {
    for (Index c = 0; c < PLAIN; ++c) {
      const Index j = (p * PLAIN + c) * L, n = N - j;
      if (n <= 0) break;
      store(y + (first + row) * N + j, bias ? acc[c] + load(bias + j, n) : acc[c], n);
    }
  });
}

// The next row of a walk, or pair of rows, the n columns of WIDTH that there are.
template <class X, Index WIDTH> ELMAN_INLINE void take_rows(Walk<Real<X>>& from, bool pair, Index n, X* to) {
  constexpr Index L = lanes<X>;
  const Real<X>*const row = from.at, *next = nullptr;
  from.next();
  if (PER<X> == 2 && pair) next = from.at, from.next();
  if (PER<X> == 1 && n >= WIDTH) {
    __builtin_memcpy(to, row, WIDTH * sizeof(X));
    return;
  }
  for (Index v = 0; v < WIDTH; v += L) store(to + v, n > v ? across<X>(row + v, next ? next + v : nullptr, n - v) : Vec<X>{}, WIDTH - v);
}

// c (M, N) = a (T·B, M)ᵀ · b (T·B, N) over the rows of a part, or += with `add`, for rows m0..m1 and columns n0..n1 of c.
// Both sides are packed block by block. Scratch: outer_scratch(m1 - m0) values.
constexpr Index OUTER_DEPTH = 256;

template <class X> ELMAN_INLINE Index outer_scratch(Index M) {
  constexpr Index TILE = ELMAN_ACCUMULATORS / PLAIN;
  return OUTER_DEPTH * ((M + TILE - 1) / TILE * TILE + PLAIN * lanes<X>);
}

template <class X>
inline void outer_sum(const Real<X>* a, const Real<X>* b, const Part& rows, Index M, Index N, Index m0, Index m1, Index n0, Index n1, bool add, Real<X>* c,
                      Real<X>* scratch) {
  using T = Real<X>;
  constexpr Index L = lanes<T>, TILE = ELMAN_ACCUMULATORS / PLAIN, WIDTH = PLAIN * L;
  X* const panel = reinterpret_cast<X*>(scratch);
  X* const left = panel + OUTER_DEPTH * WIDTH;
  const Index K = size(rows);
  for (Index k0 = 0; k0 < K; k0 += OUTER_DEPTH * PER<X>) {
    const Index values = smaller(OUTER_DEPTH * PER<X>, K - k0), depth = operands<X>(values);
    const bool first = k0 == 0 && !add;
    const bool direct = PER<X> == 1 && whole(rows) && depth * M < 8192;  // a few rows lie in the cache as they are
    for (Index m = direct ? m0 + (m1 - m0) / TILE * TILE : m0; m < m1; m += TILE) {  // left: tiles of (depth, TILE)
      const Index n = smaller(TILE, m1 - m);
      X* to = left + (m - m0) * depth;
      Walk<T> from(a + m, M, rows, k0);
      for (Index k = 0; k < depth; ++k, to += TILE) take_rows<X, TILE>(from, k * PER<X> + 1 < values, n, to);
    }
    for (Index j = n0; j < n1; j += WIDTH) {
      const Index n = n1 - j;
      Walk<T> from(b + j, N, rows, k0);
      for (Index k = 0; k < depth; ++k) take_rows<X, WIDTH>(from, k * PER<X> + 1 < values, n, panel + k * WIDTH);
      for (Index m = m0; m < m1; m += TILE) {
        if (!first)
          for (Index r = 0; r < smaller(TILE, m1 - m); ++r)
            for (Index v = 0; v < PLAIN; ++v) __builtin_prefetch(c + (m + r) * N + j + v * L, 1);
        Vec<T> acc[TILE][PLAIN] = {};
        const X* at = left + (m - m0) * depth;
        Index step = TILE;
        if constexpr (PER<X> == 1)
          if (direct && m + TILE <= m1) at = a + k0 * M + m, step = M;
        accumulate<X, int(TILE), PLAIN>(at, 1, step, panel, depth, acc);
        if (m1 - m >= TILE && n >= WIDTH) {
#pragma GCC unroll 16
          for (Index r = 0; r < TILE; ++r)
#pragma GCC unroll 2
            for (Index v = 0; v < PLAIN; ++v) {
              T* to = c + (m + r) * N + j + v * L;
              store(to, first ? acc[r][v] : acc[r][v] + load(to));
            }
          continue;
        }
        Vec<T> tile[TILE][PLAIN];
        __builtin_memcpy(tile, acc, sizeof tile);
        for (Index r = 0; r < smaller(TILE, m1 - m); ++r)
          for (Index v = 0; v < PLAIN && n > v * L; ++v) {
            T* to = c + (m + r) * N + j + v * L;
            store(to, first ? tile[r][v] : tile[r][v] + load(to, n - v * L), n - v * L);
          }
      }
    }
  }
}

// out (N,) = column sums of a (T·B, N) over the rows of a part, or += with `add`, columns n0..n1, in the order of the rows.
template <class T> inline void column_sum(const T* a, const Part& rows, Index N, Index n0, Index n1, bool add, T* out) {
  constexpr Index L = lanes<T>, WIDE = 4 * L;
  const Index K = size(rows);
  for (Index j = n0; j < n1; j += WIDE) {
    Vec<T> s[4] = {};
    if (add)
      for (int v = 0; v < 4 && n1 - j > v * L; ++v) s[v] = load(out + j + v * L, n1 - j - v * L);
    Walk<T> from(a + j, N, rows, 0);
    if (n1 - j >= WIDE) {
      for (Index k = 0; k < K; ++k, from.next())
#pragma GCC unroll 4
        for (int v = 0; v < 4; ++v) s[v] += load(from.at + v * L);
    } else {
      for (Index k = 0; k < K; ++k, from.next())
        for (int v = 0; v < 4 && n1 - j > v * L; ++v) s[v] += load(from.at + v * L, n1 - j - v * L);
    }
    for (int v = 0; v < 4 && n1 - j > v * L; ++v) store(out + j + v * L, s[v], n1 - j - v * L);
  }
}

}  // namespace elman::ELMAN_ISA
