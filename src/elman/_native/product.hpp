// Products with one packed matrix. Equal to numpy's x @ w, x @ w.T and a.T @ b.
//
// A recurrence multiplies by the same weights at every time step, so they are packed once into column
// panels: panel = K rows of C vectors, contiguous in the order in which the tile reads them. The tile,
// ROWS × C vectors, lives in registers: C loads and ROWS broadcasts feed ROWS·C multiply-adds.
//
// Memory: packed weights take K × (columns rounded up to whole panels).
#pragma once
#include "simd.hpp"

namespace elman::ELMAN_ISA {

constexpr int AHEAD = 2;

// acc[r][c] += sum over k of x[r·row_stride + k·k_stride] · panel[k][c]. AHEAD vectors from `next` on are asked for at each k.
template <class T, int ROWS, int C, int AHEAD = 0>
ELMAN_INLINE void accumulate(const T* x, Index row_stride, Index k_stride, const T* panel, Index K, Vec<T> (&acc)[ROWS][C], const T* next = nullptr) {
  for (Index k = 0; k < K; ++k, panel += C * lanes<T>, x += k_stride, next += AHEAD * lanes<T>) {
#pragma GCC unroll 8
    for (int a = 0; a < AHEAD; ++a) __builtin_prefetch(next + a * lanes<T>, 0, 2);
    Vec<T> w[C];
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c) w[c] = load(panel + c * lanes<T>);
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; ++r) {
      const T s = x[r * row_stride];
#pragma GCC unroll 8
      for (int c = 0; c < C; ++c) acc[r][c] += s * w[c];
    }
  }
}

// One row alone: neighbouring panels share what is read of it, and several k have sums of their own, because
// each sum waits for the one before it. The last PADDING vectors are not wanted.
template <class T, int PANELS, int C, int PADDING>
ELMAN_INLINE void accumulate_row(const T* x, const T* panel, Index stride, Index K, Vec<T> (&acc)[PANELS * C]) {
  constexpr int U = 8 / (PANELS * C) > 1 ? 8 / (PANELS * C) : 1, WANTED = PANELS * C - PADDING;
  Vec<T> part[U][WANTED] = {};
  Index k = 0;
  for (; k + U <= K; k += U, panel += U * C * lanes<T>) {
#pragma GCC unroll 4
    for (int u = 0; u < U; ++u)
#pragma GCC unroll 8
      for (int i = 0; i < WANTED; ++i) part[u][i] += x[k + u] * load(panel + i / C * stride + (u * C + i % C) * lanes<T>);
  }
  for (; k < K; ++k, panel += C * lanes<T>)
#pragma GCC unroll 8
    for (int i = 0; i < WANTED; ++i) part[0][i] += x[k] * load(panel + i / C * stride + i % C * lanes<T>);
#pragma GCC unroll 8
  for (int i = 0; i < WANTED; ++i) {
    acc[i] = part[0][i];
#pragma GCC unroll 4
    for (int u = 1; u < U; ++u) acc[i] += part[u][i];
  }
}

// finish(0, panel, acc) for PANELS panels of the product of one row. `half`: of the last only the first vector is wanted.
template <class T, int PANELS, int C, class Finish>
ELMAN_INLINE void run_row(const T* x, const T* packed, Index panel, Index K, bool half, Finish&& finish) {
  const Index size = K * C * lanes<T>;
  Vec<T> acc[PANELS * C] = {};
  if (C == PLAIN && half)
    accumulate_row<T, PANELS, C, C - 1>(x, packed + panel * size, size, K, acc);
  else
    accumulate_row<T, PANELS, C, 0>(x, packed + panel * size, size, K, acc);
#pragma GCC unroll 2
  for (int p = 0; p < PANELS; ++p) finish(Index(0), panel + p, acc + p * C);
}

// One tile of `rows` rows: tile[r][c] (+)= x · panel.
template <class T, int C, int ROWS>
ELMAN_INLINE void run_tile(Index rows, const T* x, Index ldx, const T* panel, Index K, bool first, Vec<T>* tile, const T* next) {
  if constexpr (ROWS > 1) {
    if (rows < ROWS) return run_tile<T, C, ROWS - 1>(rows, x, ldx, panel, K, first, tile, next);
  }
  Vec<T> acc[ROWS][C];
#pragma GCC unroll 16
  for (int r = 0; r < ROWS; ++r)
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c) acc[r][c] = first ? Vec<T>{} : tile[r * C + c];
  if (next)
    accumulate<T, ROWS, C, AHEAD>(x, ldx, 1, panel, K, acc, next);
  else
    accumulate<T, ROWS, C>(x, ldx, 1, panel, K, acc);
#pragma GCC unroll 16
  for (int r = 0; r < ROWS; ++r)
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c) tile[r * C + c] = acc[r][c];
}

// x (rows, K) · panels first..last of packed. finish(row, panel, acc) receives each C vectors of the result while
// they are hot. Work is blocked over K so that a panel's block stays in the first-level cache while
// every row passes over it.
// One row takes the panels in turn forwards and `backwards`: of weights larger than a cache, what was read last is still
// there. Of its panels of a plain product it leaves out what lies beyond `columns`.
template <class T, int C, class Finish>
ELMAN_INLINE void product(const T* packed, Index K, Index first, Index last, Index columns, const T* x, Index ldx, Index rows, Finish&& finish,
                          bool backwards = false) {
  constexpr Index TILE = ELMAN_ACCUMULATORS / C, BLOCK = 32768 / (C * ELMAN_VECTOR_BYTES), CHUNK = 8 * TILE;
  if (rows == 1) {
    const Index pairs = (last - first) / 2;
    const bool half = C == PLAIN && columns <= (last * C - 1) * lanes<T>;
    for (Index i = 0; i < pairs; ++i) {
      const Index p = first + 2 * (backwards ? pairs - 1 - i : i);
      run_row<T, 2, C>(x, packed, p, K, half && p + 2 == last, finish);
    }
    if ((last - first) % 2) run_row<T, 1, C>(x, packed, last - 1, K, half, finish);
    return;
  }
  Vec<T> partial[CHUNK * C];
  for (Index r0 = 0; r0 < rows; r0 += CHUNK) {
    const Index chunk = smaller(CHUNK, rows - r0);
    const Index tiles = (chunk + TILE - 1) / TILE, least = chunk / tiles, more = chunk % tiles;
    for (Index p = first; p < last; ++p) {
      const T* panel = packed + p * K * C * lanes<T>;
      const Index block = tiles == 1 ? K : BLOCK;
      for (Index k = 0; k < K; k += block) {
        const Index depth = smaller(block, K - k);
        for (Index tile = 0, r = 0; tile < tiles; ++tile) {
          const Index n = least + (tile < more);  // tiles of nearly equal height: no thin one at the end
          const T* const weights = panel + k * C * lanes<T>;
          const T* const next = tile * AHEAD < C ? weights + (depth * C + tile * depth * AHEAD) * lanes<T> : nullptr;
          run_tile<T, C, int(TILE)>(n, x + (r0 + r) * ldx + k, ldx, weights, depth, k == 0, partial + r * C, next);
          if (k + depth == K)
            for (Index s = r; s < r + n; ++s) finish(r0 + s, p, partial + s * C);
          r += n;
        }
      }
    }
  }
}

// Panels first..last of w, element (k, n) at w[k·k_stride + n·n_stride], one stride 1, into packed, zero-padded.
// C = `gates` interleaved gates of `units` columns each, or, with gates = 0, C = 2 neighbours of `units` columns.
template <class T>
inline void pack(const T* w, Index k_stride, Index n_stride, Index K, Index units, int gates, Index first, Index last, T* packed) {
  const Index L = lanes<T>, C = gates ? gates : PLAIN;
  for (Index p = first; p < last; ++p) {
    T* panel = packed + p * K * C * L;
    for (Index c = 0; c < C; ++c) {
      const Index start = gates ? p * L : (p * C + c) * L, count = smaller(L, units - start);
      const T* from = w + ((gates ? c * units : 0) + start) * n_stride;
      if (n_stride == 1) {
        for (Index k = 0; k < K; ++k) store(panel + (k * C + c) * L, count > 0 ? load(from + k * k_stride, count) : Vec<T>{});
        continue;
      }
      // k_stride is 1: transpose in squares of L × L
      for (Index k = 0; k < K; k += L) {
        Vec<T> square[L];
        for (Index i = 0; i < L; ++i) square[i] = i < count ? load(from + k + i * n_stride, K - k) : Vec<T>{};
        transpose<T>(square);
        for (Index i = 0; i < smaller(L, K - k); ++i) store(panel + ((k + i) * C + c) * L, square[i]);
      }
    }
  }
}

// y (rows, N) = x (rows, K) · packed + bias, rows first..last. Equal to layers.affine.
template <class T>
inline void affine(const T* packed, const T* bias, const T* x, Index K, Index N, Index first, Index last, T* y) {
  constexpr Index L = lanes<T>;
  product<T, PLAIN>(packed, K, 0, (N + PLAIN * L - 1) / (PLAIN * L), N, x + first * K, K, last - first, [&](Index row, Index p, const Vec<T>* acc) {
    for (Index c = 0; c < PLAIN; ++c) {
      const Index j = (p * PLAIN + c) * L, n = N - j;
      if (n <= 0) break;
      store(y + (first + row) * N + j, bias ? acc[c] + load(bias + j, n) : acc[c], n);
    }
  });
}

// c (M, N) = a (T·B, M)ᵀ · b (T·B, N) over the rows of a part, or += with `add`, for rows m0..m1 and columns n0..n1 of c.
// Both sides are packed block by block. Scratch: outer_scratch(m1 - m0) values.
constexpr Index OUTER_DEPTH = 256;

template <class T> ELMAN_INLINE Index outer_scratch(Index M) {
  constexpr Index TILE = ELMAN_ACCUMULATORS / PLAIN;
  return OUTER_DEPTH * ((M + TILE - 1) / TILE * TILE + PLAIN * lanes<T>);
}

template <class T>
inline void outer_sum(const T* a, const T* b, const Part& rows, Index M, Index N, Index m0, Index m1, Index n0, Index n1, bool add, T* c, T* scratch) {
  constexpr Index L = lanes<T>, TILE = ELMAN_ACCUMULATORS / PLAIN, WIDTH = PLAIN * L;
  T* const panel = scratch;
  T* const left = scratch + OUTER_DEPTH * WIDTH;
  const Index K = size(rows);
  for (Index k0 = 0; k0 < K; k0 += OUTER_DEPTH) {
    const Index depth = smaller(OUTER_DEPTH, K - k0);
    const bool first = k0 == 0 && !add;
    const bool direct = whole(rows) && depth * M < 8192;  // a few rows lie in the cache as they are
    for (Index m = direct ? m0 + (m1 - m0) / TILE * TILE : m0; m < m1; m += TILE) {  // left: tiles of (depth, TILE)
      const Index n = smaller(TILE, m1 - m);
      T* to = left + (m - m0) * depth;
      Walk<T> from(a + m, M, rows, k0);
      if (n == TILE)
        for (Index k = 0; k < depth; ++k, to += TILE, from.next()) __builtin_memcpy(to, from.at, TILE * sizeof(T));
      else
        for (Index k = 0; k < depth; ++k, to += TILE, from.next())
          for (Index i = 0; i < TILE; ++i) to[i] = i < n ? from.at[i] : T(0);
    }
    for (Index j = n0; j < n1; j += WIDTH) {
      const Index n = n1 - j;
      Walk<T> from(b + j, N, rows, k0);
      for (Index k = 0; k < depth; ++k, from.next())
        for (Index v = 0; v < PLAIN; ++v)
          store(panel + k * WIDTH + v * L, n > v * L ? load(from.at + v * L, n - v * L) : Vec<T>{});
      for (Index m = m0; m < m1; m += TILE) {
        if (!first)
          for (Index r = 0; r < smaller(TILE, m1 - m); ++r)
            for (Index v = 0; v < PLAIN; ++v) __builtin_prefetch(c + (m + r) * N + j + v * L, 1);
        Vec<T> acc[TILE][PLAIN] = {};
        const bool there = direct && m + TILE <= m1;
        accumulate<T, int(TILE), PLAIN>(there ? a + k0 * M + m : left + (m - m0) * depth, 1, there ? M : TILE, panel, depth, acc);
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
