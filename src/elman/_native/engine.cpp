#include "engine.hpp"

#include <cstring>

#include "dispatch.hpp"
#include "scratch.hpp"
#include "threads.hpp"

namespace elman {
namespace {

thread_local Scratch packed_weights, blocks;

template <class T> const T* pack(const Engine<T>& engine, const T* w, Index K, Index N, bool transposed, int gates) {
  T* const packed = packed_weights.get<T>(std::size_t(engine.packed_size(K, N, gates)));
  engine.pack(w, K, N, transposed, gates, packed);
  return packed;
}

// Scratch of the part that runs, for a product of (rows, K).
template <class T> T* rounded(const Products<T>& products, Index rows, Index K) {
  const Index count = products.rounded(rows, K);
  return count ? blocks.get<T>(std::size_t(count)) : nullptr;
}

// body(range) for parts of 0..n, cut at multiples of `grain`, as many as `operations` are worth.
template <class Body> void split(Index n, Index grain, double operations, Body&& body) {
  const int parts = parts_for((n + grain - 1) / grain, operations);
  parallel(parts, [&](int part) { body(share(n, part, parts, grain)); });
}

// The same for rows of a product. A row alone is summed in another order (see product.hpp), so no part is left with one:
// the bits do not depend on the number of threads.
template <class Body> void split_rows(Index rows, double operations, Body&& body) {
  const int parts = parts_for(rows > 3 ? rows / 2 : 1, operations);
  parallel(parts, [&](int part) { body(share(rows, part, parts)); });
}

double size(const Part& rows) { return double(rows.steps) * double(rows.last - rows.first); }

// Units per panel: one vector of each of several gates, else PLAIN vectors.
template <class T> Index panels_of(Index N, int gates) {
  const Index width = (gates > 1 ? 1 : PLAIN) * kernels<T>().lanes;
  return (N / gates + width - 1) / width;
}

// One sequence, step by step, each divided by its hidden units: `shares` threads read a part of W_h each.
template <class T> void forward_of_one(const Products<T>& products, const Sequence<T>& s, int shares) {
  const Index H = s.hidden, columns = GATES[s.cell] * H, kept = s.last_panel * SAVED[s.cell] * kernels<T>().lanes;
  std::memcpy(s.final_state, s.state, std::size_t(STATES[s.cell] * H) * sizeof(T));
  for (Index t = 0; t < s.steps; ++t) {
    Sequence<T> step = s;
    step.steps = 1, step.before = s.before + t;
    if (s.ids)
      step.ids += t;
    else
      step.z += t * columns;
    if (s.mask) step.mask += t;
    step.h += t * H, step.saved += t * kept;
    step.state = s.final_state;
    parallel(shares, [&](int part) {
      Sequence<T> some = step;
      const Range units = share_of_units(s.last_panel, part, shares);
      some.first_panel = units.first, some.last_panel = units.last;
      some.rounded = rounded(products, 1, H);
      products.forward(some, 0, 1);
    });
    std::memcpy(s.final_state, step.h + H, std::size_t(H) * sizeof(T));
  }
}

}  // namespace

template <class T> Index Engine<T>::packed_size(Index K, Index N, int gates) const {
  return panels_of<T>(N, gates) * ((K + products.values - 1) / products.values) * kernels<T>().lanes * (gates > 1 ? gates : PLAIN);
}

template <class T> void Engine<T>::pack(const T* w, Index K, Index N, bool transposed, int gates, T* to) const {
  split(panels_of<T>(N, gates), 1, 4.0 * double(K) * double(N), [&](Range r) {
    products.pack(w, transposed ? 1 : N, transposed ? K : 1, K, N / gates, gates > 1 ? gates : 0, r.first, r.last, to);
  });
}

template <class T> Index Engine<T>::panels(Cell cell, Index hidden) { return panels_of<T>(GATES[cell] * hidden, GATES[cell]); }

template <class T> void Engine<T>::forward(Sequence<T> s, const T* W_h) const {
  const int gates = GATES[s.cell];
  s.packed = elman::pack(*this, W_h, s.hidden, gates * s.hidden, false, gates);
  s.first_panel = 0, s.last_panel = panels(s.cell, s.hidden);
  const std::size_t bytes = std::size_t(s.batch * s.hidden) * sizeof(T);
  std::memcpy(s.h, s.state, bytes);
  const double weights = double(s.hidden) * double(gates * s.hidden), operations = 2.0 * double(s.steps) * double(s.batch) * weights;
  const int shares = s.batch == 1 ? parts_by_units(s.last_panel, weights) : 1;
  if (shares > 1) return forward_of_one(products, s, shares);
  split_rows(s.batch, operations, [&](Range r) {
    Sequence<T> some = s;
    some.rounded = rounded(products, r.last - r.first, s.hidden);
    products.forward(some, r.first, r.last);
  });
  std::memcpy(s.final_state, s.h + s.steps * s.batch * s.hidden, bytes);
}

template <class T> void Engine<T>::backward(Sequence<T> s, const T* W_h) const {
  const Index H = s.hidden, N = GATES[s.cell] * H, rows = s.steps * s.batch;
  s.packed = elman::pack(*this, W_h, N, H, true, 1);
  split_rows(s.batch, 2.0 * double(rows) * double(H) * double(N), [&](Range r) {
    Sequence<T> some = s;
    some.rounded = rounded(products, r.last - r.first, N);
    products.backward(some, r.first, r.last);
  });
}

template <class T> void Engine<T>::recurrent_sums(const Sequence<T>& s, Index first, Index last, bool add, T* dW_h, T* dc_n) const {
  const Index H = s.hidden, N = GATES[s.cell] * H;
  const Part rows{s.steps, s.batch, first, last};
  outer_sum(s.h, s.dq, rows, H, N, add, dW_h);
  if (dc_n) kernels<T>().column_sum(s.dq, rows, N, 2 * H, 3 * H, add, dc_n - 2 * H);
}

template <class T>
void Engine<T>::affine(const T* x, const T* w, const T* bias, Index rows, Index K, Index N, bool transposed, T* y) const {
  const T* const packed = elman::pack(*this, w, K, N, transposed, 1);
  split_rows(rows, 2.0 * double(rows) * double(K) * double(N), [&](Range r) {
    products.affine(packed, bias, x, K, N, r.first, r.last, y, rounded(products, r.last - r.first, K));
  });
}

template <class T> void Engine<T>::outer_sum(const T* a, const T* b, const Part& rows, Index M, Index N, bool add, T* c) const {
  const bool by_rows = M > 2 * N;  // cut the side that has more tiles
  split(by_rows ? M : N, by_rows ? 12 : PLAIN * kernels<T>().lanes, 2.0 * size(rows) * double(M) * double(N), [&](Range r) {
    const Range m = by_rows ? r : Range{0, M}, n = by_rows ? Range{0, N} : r;
    T* const scratch = blocks.get<T>(std::size_t(products.outer_scratch(m.last - m.first)));
    products.outer_sum(a, b, rows, M, N, m.first, m.last, n.first, n.last, add, c, scratch);
  });
}

template <class T> void Engine<T>::column_sum(const T* a, const Part& rows, Index N, bool add, T* out) {
  split(N, 64, size(rows) * double(N), [&](Range r) { kernels<T>().column_sum(a, rows, N, r.first, r.last, add, out); });
}

template <class T>
void Engine<T>::cross_entropy(const T* logits, const std::int32_t* targets, const T* weights, Index rows, Index V, T* dlogits, double* nats) {
  split(rows, 1, 20.0 * double(rows) * double(V), [&](Range r) {
    kernels<T>().cross_entropy(logits, targets, weights, V, r.first, r.last, dlogits, nats);
  });
}

template <class T> void Engine<T>::only_nats(T* logits, const std::int32_t* targets, Index rows, Index V, double* nats) {
  split(rows, 1, 20.0 * double(rows) * double(V), [&](Range r) { kernels<T>().only_nats(logits, targets, V, r.first, r.last, nats); });
}

template <class T> void Engine<T>::gather(const T* table, const std::int32_t* ids, const T* bias, Index n, Index N, T* out) {
  split(n, 1, double(n) * double(N), [&](Range r) { kernels<T>().gather(table, ids, bias, N, r.first, r.last, out); });
}

template <class T> void Engine<T>::scatter_add(const T* d, const std::int32_t* ids, const Part& rows, Index N, T* out) {
  split(N, 64, size(rows) * double(N), [&](Range r) { kernels<T>().scatter_add(d, ids, rows, N, r.first, r.last, out); });
}

template <class T> void Engine<T>::dropout(const T* x, const std::uint16_t* bits, int threshold, double scale, Index n, T* y) {
  split(n, 1024, 4.0 * double(n), [&](Range r) { kernels<T>().dropout(x, bits, threshold, T(scale), r.first, r.last, y); });
}

template <class T> void Engine<T>::update(const Update<T>& u, Index n) {
  split(n, 1024, 10.0 * double(n), [&](Range r) { kernels<T>().update(u, r.first, r.last); });
}

template <class T> void Engine<T>::clip(T* x, double limit, double scale, Index n) {
  split(n, 1024, 2.0 * double(n), [&](Range r) { kernels<T>().clip(x, T(limit), T(scale), r.first, r.last); });
}

// In pieces of fixed size, added in order: the same bits for any thread count.
template <class T> double Engine<T>::sum_of_squares(const T* x, Index n) {
  constexpr Index PIECE = 1 << 16;
  const Index pieces = (n + PIECE - 1) / PIECE;
  double* const sums = blocks.get<double>(std::size_t(pieces));
  split(pieces, 1, 2.0 * double(n), [&](Range r) {
    for (Index i = r.first; i < r.last; ++i) sums[i] = kernels<T>().sum_of_squares(x + i * PIECE, i + 1 < pieces ? PIECE : n - i * PIECE);
  });
  double total = 0;
  for (Index i = 0; i < pieces; ++i) total += sums[i];
  return total;
}

template <class T> void Engine<T>::activation(int which, const T* x, Index n, T* y) {
  split(n, 1024, 30.0 * double(n), [&](Range r) { kernels<T>().activation(which, x + r.first, r.last - r.first, y + r.first); });
}

template struct Engine<float>;
template struct Engine<double>;

}  // namespace elman
