#include "engine.hpp"

#include "dispatch.hpp"
#include "scratch.hpp"
#include "threads.hpp"

namespace elman {
namespace {

thread_local Scratch packed_weights, blocks;

// w (K, N) or its transpose in column panels, in memory of the calling thread. gates as in pack.
template <class T> const T* pack(const T* w, Index K, Index N, bool transposed, int gates) {
  const Kernels<T>& k = kernels<T>();
  const Index units = gates ? N / gates : N, width = (gates ? 1 : PLAIN) * k.lanes;
  const Index panels = (units + width - 1) / width;
  T* const packed = packed_weights.get<T>(std::size_t(panels * K * width * (gates ? gates : 1)));
  const int parts = parts_for(panels, 4.0 * double(K) * double(N));
  parallel(parts, [&](int part) {
    const Range r = share(panels, part, parts);
    k.pack(w, transposed ? 1 : N, transposed ? K : 1, K, units, gates, r.first, r.last, packed);
  });
  return packed;
}

}  // namespace

template <class T> void Engine<T>::forward(Sequence<T> s, const T* W_h) {
  const int gates = GATES[s.cell];
  s.packed = pack(W_h, s.hidden, gates * s.hidden, false, gates > 1 ? gates : 0);
  const Kernels<T>& k = kernels<T>();
  const int parts = parts_for(s.batch, 2.0 * double(s.steps) * double(s.batch) * double(s.hidden) * double(gates * s.hidden));
  parallel(parts, [&](int part) {
    const Range r = share(s.batch, part, parts);
    k.forward(s, r.first, r.last);
  });
}

template <class T> void Engine<T>::backward(Sequence<T> s, const T* W_h, T* dW_h, T* dc_n) {
  const Index H = s.hidden, N = GATES[s.cell] * H, rows = s.steps * s.batch;
  s.packed = pack(W_h, N, H, true, 0);
  const Kernels<T>& k = kernels<T>();
  const int parts = parts_for(s.batch, 2.0 * double(rows) * double(H) * double(N));
  parallel(parts, [&](int part) {
    const Range r = share(s.batch, part, parts);
    k.backward(s, r.first, r.last);
  });
  outer_sum(s.h, s.dq, rows, H, N, dW_h);
  if (dc_n) k.column_sum(s.dq, rows, N, 2 * H, 3 * H, dc_n - 2 * H);
}

template <class T>
void Engine<T>::affine(const T* x, const T* w, const T* bias, Index rows, Index K, Index N, bool transposed, T* y) {
  const T* const packed = pack(w, K, N, transposed, 0);
  const Kernels<T>& k = kernels<T>();
  const int parts = parts_for(rows, 2.0 * double(rows) * double(K) * double(N));
  parallel(parts, [&](int part) {
    const Range r = share(rows, part, parts);
    k.affine(packed, bias, x, K, N, r.first, r.last, y);
  });
}

template <class T> void Engine<T>::outer_sum(const T* a, const T* b, Index K, Index M, Index N, T* c) {
  const Kernels<T>& k = kernels<T>();
  const bool by_rows = M > 2 * N;  // cut the side that has more tiles
  const int parts = parts_for((by_rows ? M : N + 15) / 16, 2.0 * double(K) * double(M) * double(N));
  parallel(parts, [&](int part) {
    const Range m = by_rows ? share(M, part, parts, 12) : Range{0, M};
    const Range n = by_rows ? Range{0, N} : share(N, part, parts, PLAIN * k.lanes);
    T* const scratch = blocks.get<T>(std::size_t(k.outer_scratch(m.last - m.first)));
    k.outer_sum(a, b, K, M, N, m.first, m.last, n.first, n.last, c, scratch);
  });
}

template <class T> void Engine<T>::column_sum(const T* a, Index rows, Index N, T* out) {
  const Kernels<T>& k = kernels<T>();
  const int parts = parts_for((N + 63) / 64, double(rows) * double(N));
  parallel(parts, [&](int part) {
    const Range r = share(N, part, parts, 64);
    k.column_sum(a, rows, N, r.first, r.last, out);
  });
}

template <class T>
double Engine<T>::cross_entropy(const T* logits, const std::int32_t* targets, const std::uint8_t* mask, T scale, Index rows, Index V, T* dlogits, double* nll) {
  const Kernels<T>& k = kernels<T>();
  const int parts = parts_for(rows, 20.0 * double(rows) * double(V));
  parallel(parts, [&](int part) {
    const Range r = share(rows, part, parts);
    k.cross_entropy(logits, targets, mask, scale, V, r.first, r.last, dlogits, nll);
  });
  double total = 0;
  for (Index r = 0; r < rows; ++r) total += nll[r];
  return double(scale) * total;
}

template <class T> void Engine<T>::log_sum_exp(const T* x, Index rows, Index V, T* out) {
  kernels<T>().log_sum_exp(x, V, 0, rows, blocks.get<T>(std::size_t(V)), out);
}

template <class T> void Engine<T>::gather(const T* table, const std::int32_t* ids, const T* bias, Index n, Index N, T* out) {
  const Kernels<T>& k = kernels<T>();
  const int parts = parts_for(n, double(n) * double(N));
  parallel(parts, [&](int part) {
    const Range r = share(n, part, parts);
    k.gather(table, ids, bias, N, r.first, r.last, out);
  });
}

template <class T> void Engine<T>::scatter_add(const T* d, const std::int32_t* ids, Index n, Index N, T* out) {
  const Kernels<T>& k = kernels<T>();
  const int parts = parts_for((N + 63) / 64, double(n) * double(N));
  parallel(parts, [&](int part) {
    const Range r = share(N, part, parts, 64);
    k.scatter_add(d, ids, n, N, r.first, r.last, out);
  });
}

template <class T> void Engine<T>::update(const Update<T>& u, Index n) {
  const Kernels<T>& k = kernels<T>();
  const int parts = parts_for((n + 1023) / 1024, 10.0 * double(n));
  parallel(parts, [&](int part) {
    const Range r = share(n, part, parts, 1024);
    k.update(u, r.first, r.last);
  });
}

// In pieces of fixed size, added in order: the same bits for any thread count.
template <class T> double Engine<T>::sum_of_squares(const T* x, Index n) {
  constexpr Index PIECE = 1 << 16;
  const Kernels<T>& k = kernels<T>();
  const Index pieces = (n + PIECE - 1) / PIECE;
  double* const sums = blocks.get<double>(std::size_t(pieces));
  const int parts = parts_for(pieces, 2.0 * double(n));
  parallel(parts, [&](int part) {
    const Range r = share(pieces, part, parts);
    for (Index i = r.first; i < r.last; ++i) sums[i] = k.sum_of_squares(x + i * PIECE, i + 1 < pieces ? PIECE : n - i * PIECE);
  });
  double total = 0;
  for (Index i = 0; i < pieces; ++i) total += sums[i];
  return total;
}

template <class T> void Engine<T>::activation(int which, const T* x, Index n, T* y) {
  const Kernels<T>& k = kernels<T>();
  const int parts = parts_for((n + 1023) / 1024, 30.0 * double(n));
  parallel(parts, [&](int part) {
    const Range r = share(n, part, parts, 1024);
    k.activation(which, x + r.first, r.last - r.first, y + r.first);
  });
}

template struct Engine<float>;
template struct Engine<double>;

}  // namespace elman
