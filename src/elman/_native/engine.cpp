#include "engine.hpp"

#include "dispatch.hpp"
#include "scratch.hpp"
#include "threads.hpp"

namespace elman {
namespace {

thread_local Scratch packed_weights, blocks;

template <class T> const T* pack(const T* w, Index K, Index N, bool transposed, int gates) {
  T* const packed = packed_weights.get<T>(std::size_t(Engine<T>::packed_size(K, N, gates)));
  Engine<T>::pack(w, K, N, transposed, gates, packed);
  return packed;
}

// Units per panel: one vector of each of several gates, else PLAIN vectors.
template <class T> Index panels_of(Index N, int gates) {
  const Index width = (gates > 1 ? 1 : PLAIN) * kernels<T>().lanes;
  return (N / gates + width - 1) / width;
}

}  // namespace

template <class T> Index Engine<T>::packed_size(Index K, Index N, int gates) {
  return panels_of<T>(N, gates) * K * kernels<T>().lanes * (gates > 1 ? gates : PLAIN);
}

template <class T> void Engine<T>::pack(const T* w, Index K, Index N, bool transposed, int gates, T* to) {
  const Index panels = panels_of<T>(N, gates);
  const Kernels<T>& k = kernels<T>();
  const int parts = parts_for(panels, 4.0 * double(K) * double(N));
  parallel(parts, [&](int part) {
    const Range r = share(panels, part, parts);
    k.pack(w, transposed ? 1 : N, transposed ? K : 1, K, N / gates, gates > 1 ? gates : 0, r.first, r.last, to);
  });
}

template <class T> void Engine<T>::forward(Sequence<T> s, const T* W_h) {
  const int gates = GATES[s.cell];
  s.packed = elman::pack(W_h, s.hidden, gates * s.hidden, false, gates);
  const Kernels<T>& k = kernels<T>();
  const int parts = parts_for(s.batch, 2.0 * double(s.steps) * double(s.batch) * double(s.hidden) * double(gates * s.hidden));
  parallel(parts, [&](int part) {
    const Range r = share(s.batch, part, parts);
    k.forward(s, r.first, r.last);
  });
}

template <class T> void Engine<T>::backward(Sequence<T> s, const T* W_h, bool add, T* dW_h, T* dc_n) {
  const Index H = s.hidden, N = GATES[s.cell] * H, rows = s.steps * s.batch;
  s.packed = elman::pack(W_h, N, H, true, 1);
  const Kernels<T>& k = kernels<T>();
  const int parts = parts_for(s.batch, 2.0 * double(rows) * double(H) * double(N));
  parallel(parts, [&](int part) {
    const Range r = share(s.batch, part, parts);
    k.backward(s, r.first, r.last);
  });
  outer_sum(s.h, s.dq, rows, H, N, add, dW_h);
  if (dc_n) k.column_sum(s.dq, rows, N, 2 * H, 3 * H, add, dc_n - 2 * H);
}

template <class T>
void Engine<T>::affine(const T* x, const T* w, const T* bias, Index rows, Index K, Index N, bool transposed, T* y) {
  const T* const packed = elman::pack(w, K, N, transposed, 1);
  const Kernels<T>& k = kernels<T>();
  const int parts = parts_for(rows, 2.0 * double(rows) * double(K) * double(N));
  parallel(parts, [&](int part) {
    const Range r = share(rows, part, parts);
    k.affine(packed, bias, x, K, N, r.first, r.last, y);
  });
}

template <class T> void Engine<T>::outer_sum(const T* a, const T* b, Index K, Index M, Index N, bool add, T* c) {
  const Kernels<T>& k = kernels<T>();
  const bool by_rows = M > 2 * N;  // cut the side that has more tiles
  const int parts = parts_for((by_rows ? M : N + 15) / 16, 2.0 * double(K) * double(M) * double(N));
  parallel(parts, [&](int part) {
    const Range m = by_rows ? share(M, part, parts, 12) : Range{0, M};
    const Range n = by_rows ? Range{0, N} : share(N, part, parts, PLAIN * k.lanes);
    T* const scratch = blocks.get<T>(std::size_t(k.outer_scratch(m.last - m.first)));
    k.outer_sum(a, b, K, M, N, m.first, m.last, n.first, n.last, add, c, scratch);
  });
}

template <class T> void Engine<T>::column_sum(const T* a, Index rows, Index N, bool add, T* out) {
  const Kernels<T>& k = kernels<T>();
  const int parts = parts_for((N + 63) / 64, double(rows) * double(N));
  parallel(parts, [&](int part) {
    const Range r = share(N, part, parts, 64);
    k.column_sum(a, rows, N, r.first, r.last, add, out);
  });
}

template <class T>
void Engine<T>::cross_entropy(const T* logits, const std::int32_t* targets, const T* weights, Index rows, Index V, T* dlogits, double* nats) {
  const Kernels<T>& k = kernels<T>();
  const int parts = parts_for(rows, 20.0 * double(rows) * double(V));
  parallel(parts, [&](int part) {
    const Range r = share(rows, part, parts);
    k.cross_entropy(logits, targets, weights, V, r.first, r.last, dlogits, nats);
  });
}

template <class T> void Engine<T>::only_nats(T* logits, const std::int32_t* targets, Index rows, Index V, double* nats) {
  const Kernels<T>& k = kernels<T>();
  const int parts = parts_for(rows, 20.0 * double(rows) * double(V));
  parallel(parts, [&](int part) {
    const Range r = share(rows, part, parts);
    k.only_nats(logits, targets, V, r.first, r.last, nats);
  });
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

template <class T> void Engine<T>::dropout(const T* x, const std::uint16_t* bits, int threshold, double scale, Index n, T* y) {
  const Kernels<T>& k = kernels<T>();
  const int parts = parts_for((n + 1023) / 1024, 4.0 * double(n));
  parallel(parts, [&](int part) {
    const Range r = share(n, part, parts, 1024);
    k.dropout(x, bits, threshold, T(scale), r.first, r.last, y);
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

template <class T> void Engine<T>::clip(T* x, double limit, double scale, Index n) {
  const Kernels<T>& k = kernels<T>();
  const int parts = parts_for((n + 1023) / 1024, 2.0 * double(n));
  parallel(parts, [&](int part) {
    const Range r = share(n, part, parts, 1024);
    k.clip(x, T(limit), T(scale), r.first, r.last);
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
