// LSTM over rows first..last of the batch. Equal to elman.cells.lstm.forward and its pullback.
//
//   i, f, o = sigmoid(...), g = tanh(...)  of  z_t + h_{t-1}·W_h      (gate order i f g o)
//   c_t = f ⊙ c_{t-1} + i ⊙ g              h_t = o ⊙ tanh(c_t)
//
// W_h is packed with its four gates interleaved, so one tile holds all gates of its hidden units.
// saved (T, panels, B, 5, lanes): i f g o c, in the order in which tiles come. Masked rows save c carried over.
#pragma once
#include "rnn.hpp"

namespace elman::ELMAN_ISA {

template <class X> inline void lstm_forward(const Sequence<Real<X>>& s, Index first, Index last) {
  using T = Real<X>;
  constexpr Index L = lanes<T>;
  const Index H = s.hidden, B = s.batch, panels = (H + L - 1) / L;
  for (Index t = 0; t < s.steps; ++t) {
    const T* const previous = t ? s.h + t * B * H : s.state;
    T* const h = s.h + (t + 1) * B * H;
    product<X, 4>(s.packed, H, s.first_panel, s.last_panel, H, previous + first * H, H, last - first, s.rounded, [&](Index row, Index p, const Vec<T>* acc) {
      const Index b = first + row, j = p * L, n = H - j, at = t * B + b;
      const T* z = z_row(s, at, 4 * H) + j;
      T* const kept = s.saved + ((t * panels + p) * B + b) * 5 * L;
      const Vec<T> c_before = t ? load(kept - panels * B * 5 * L + 4 * L) : load(s.state + (B + b) * H + j, n);
      for (Index gate = 0; gate < 4; ++gate) prefetch_next(z + gate * H);
      const Vec<T> i = sigmoid<T>(acc[0] + load(z, n)), f = sigmoid<T>(acc[1] + load(z + H, n));
      const Vec<T> g = tanh<T>(acc[2] + load(z + 2 * H, n)), o = sigmoid<T>(acc[3] + load(z + 3 * H, n));
      const bool carried = s.mask && !s.mask[at];
      const Vec<T> c = carried ? c_before : f * c_before + i * g;
      store(kept, i);
      store(kept + L, f);
      store(kept + 2 * L, g);
      store(kept + 3 * L, o);
      store(kept + 4 * L, c);
      store(h + b * H + j, carried ? load(previous + b * H + j, n) : o * tanh<T>(c), n);
    }, (s.before + t) % 2);
  }
  for (Index p = s.first_panel; p < s.last_panel; ++p)
    for (Index b = first; b < last; ++b)
      store(s.final_state + (B + b) * H + p * L, load(s.saved + ((((s.steps - 1) * panels + p) * B + b) * 5 + 4) * L), H - p * L);
}

// dstate0[1] carries the gradient of c down in time; dstate0[0] that of h past masked steps.
template <class X> inline void lstm_backward(const Sequence<Real<X>>& s, Index first, Index last) {
  using T = Real<X>;
  constexpr Index L = lanes<T>;
  const Index H = s.hidden, B = s.batch, panels = (H + PLAIN * L - 1) / (PLAIN * L), blocks = (H + L - 1) / L;
  const auto step = [&](Index t, Index b, Index j, Index n, Vec<T> from_next, Vec<T> dc) {
    T* const dh_kept = s.dstate0 + b * H + j;
    T* const dc_kept = dh_kept + B * H;
    Vec<T> dh = from_next;
    if (s.mask && t + 1 < s.steps) dh += load(dh_kept, n);
    if (t < 0) return store(dh_kept, dh, n);
    const Index at = t * B + b;
    dh += load(s.dh + at * H + j, n);
    T* const dz = s.dz + at * 4 * H + j;
    if (s.mask && !s.mask[at]) {
      for (Index gate = 0; gate < 4; ++gate) store(dz + gate * H, Vec<T>{}, n);
      store(dh_kept, dh, n);
      return store(dc_kept, dc, n);
    }
    const T* const kept = s.saved + ((t * blocks + j / L) * B + b) * 5 * L;
    const Vec<T> i = load(kept), f = load(kept + L), g = load(kept + 2 * L), o = load(kept + 3 * L);
    const Vec<T> tanh_c = tanh<T>(load(kept + 4 * L));
    const Vec<T> c_before = t ? load(kept - blocks * B * 5 * L + 4 * L) : load(s.state + (B + b) * H + j, n);
    for (Index gate = 0; gate < 4; ++gate) prefetch_next_write(dz + gate * H);
    prefetch_next(s.dh + at * H + j);
    dc += dh * o * (1 - tanh_c * tanh_c);
    store(dz, dc * g * i * (1 - i), n);
    store(dz + H, dc * c_before * f * (1 - f), n);
    store(dz + 2 * H, dc * i * (1 - g * g), n);
    store(dz + 3 * H, dh * tanh_c * o * (1 - o), n);
    store(dc_kept, dc * f, n);
    if (s.mask) store(dh_kept, Vec<T>{}, n);
  };
  for (Index b = first; b < last; ++b)
    for (Index j = 0; j < H; j += L) {
      const T* const d = s.dstate ? s.dstate + b * H + j : nullptr;
      step(s.steps - 1, b, j, H - j, d ? load(d, H - j) : Vec<T>{}, d ? load(d + B * H, H - j) : Vec<T>{});
    }
  for (Index t = s.steps - 1; t >= 0; --t)
    product<X, PLAIN>(s.packed, 4 * H, 0, panels, H, s.dz + (t * B + first) * 4 * H, 4 * H, last - first, s.rounded, [&](Index row, Index p, const Vec<T>* acc) {
      for (Index c = 0; c < PLAIN; ++c) {
        const Index b = first + row, j = (p * PLAIN + c) * L;
        if (j < H) step(t - 1, b, j, H - j, acc[c], load(s.dstate0 + (B + b) * H + j, H - j));
      }
    });
}

}  // namespace elman::ELMAN_ISA
