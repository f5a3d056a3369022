// Vanilla RNN over rows first..last of the batch. Equal to elman.cells.rnn.forward and its pullback.
//
//   h_t = tanh(z_t + h_{t-1}·W_h)                 (or relu)
#pragma once
#include "activations.hpp"
#include "product.hpp"

namespace elman::ELMAN_ISA {

template <class T> ELMAN_INLINE const T* z_row(const Sequence<T>& s, Index row, Index width) {
  return s.z + (s.ids ? Index(s.ids[row]) : row) * width;
}

template <class X> inline void rnn_forward(const Sequence<Real<X>>& s, Index first, Index last) {
  using T = Real<X>;
  constexpr Index L = lanes<T>;
  const Index H = s.hidden;
  for (Index t = 0; t < s.steps; ++t) {
    const T* const previous = t ? s.h + t * s.batch * H : s.state;
    T* const h = s.h + (t + 1) * s.batch * H;
    product<X, PLAIN>(s.packed, H, s.first_panel, s.last_panel, H, previous + first * H, H, last - first, s.rounded, [&](Index row, Index p, const Vec<T>* acc) {
      const Index b = first + row;
      const T* z = z_row(s, t * s.batch + b, H);
      const bool carried = s.mask && !s.mask[t * s.batch + b];
      prefetch_next(z + p * PLAIN * L);
      for (Index c = 0; c < PLAIN; ++c) {
        const Index j = (p * PLAIN + c) * L, n = H - j;
        if (n <= 0) break;
        const Vec<T> a = acc[c] + load(z + j, n);
        const Vec<T> value = carried ? load(previous + b * H + j, n) : s.relu ? (a < 0 ? Vec<T>{} : a) : tanh<T>(a);
        store(h + b * H + j, value, n);
      }
    }, (s.before + t) % 2);
  }
}

// Goes down in time: the tile of dz_{t+1}·W_hᵀ is the gradient that reaches h_t; it is turned into dz_t
// while hot. A masked row has dz_t = 0 and hands its gradient on through dstate0.
template <class X> inline void rnn_backward(const Sequence<Real<X>>& s, Index first, Index last) {
  using T = Real<X>;
  constexpr Index L = lanes<T>;
  const Index H = s.hidden, B = s.batch, panels = (H + PLAIN * L - 1) / (PLAIN * L);
  T* const carry = s.dstate0;
  const auto step = [&](Index t, Index b, Index j, Index n, Vec<T> from_next) {
    T* const kept = carry + b * H + j;
    Vec<T> g = from_next;
    if (s.mask && t + 1 < s.steps) g += load(kept, n);
    if (t < 0) return store(kept, g, n);
    const Index at = (t * B + b) * H + j;
    g += load(s.dh + at, n);
    const Vec<T> h = load(s.h + at + B * H, n);
    const bool carried = s.mask && !s.mask[t * B + b];
    const Vec<T> dz = s.relu ? (h > 0 ? g : Vec<T>{}) : g * (1 - h * h);
    store(s.dz + at, carried ? Vec<T>{} : dz, n);
    if (s.mask) store(kept, carried ? g : Vec<T>{}, n);
  };
  for (Index b = first; b < last; ++b)
    for (Index j = 0; j < H; j += L)
      step(s.steps - 1, b, j, H - j, s.dstate ? load(s.dstate + b * H + j, H - j) : Vec<T>{});
  for (Index t = s.steps - 1; t >= 0; --t)
    product<X, PLAIN>(s.packed, H, 0, panels, H, s.dz + (t * B + first) * H, H, last - first, s.rounded, [&](Index row, Index p, const Vec<T>* acc) {
      for (Index c = 0; c < PLAIN; ++c) {
        const Index j = (p * PLAIN + c) * L;
        if (j < H) step(t - 1, first + row, j, H - j, acc[c]);
      }
    });
}

}  // namespace elman::ELMAN_ISA
