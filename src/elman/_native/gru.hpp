// GRU over rows first..last of the batch. Equal to elman.cells.gru.forward and its pullback.
//
//   r, z = sigmoid(...) of their parts of z_t + h_{t-1}·W_h           (gate order r z n)
//   q = h_{t-1}·U_n + c_n       n = tanh(z_n + r ⊙ q)       h_t = (1 - z) ⊙ n + z ⊙ h_{t-1}
//
// saved (T, panels, B, 4, lanes): r z n q, in the order in which tiles come.
#pragma once
#include "rnn.hpp"

namespace elman::ELMAN_ISA {

template <class X> inline void gru_forward(const Sequence<Real<X>>& s, Index first, Index last) {
  using T = Real<X>;
  constexpr Index L = lanes<T>;
  const Index H = s.hidden, B = s.batch, panels = (H + L - 1) / L;
  for (Index t = 0; t < s.steps; ++t) {
    const T* const previous = t ? s.h + t * B * H : s.state;
    T* const h = s.h + (t + 1) * B * H;
    product<X, 3>(s.packed, H, s.first_panel, s.last_panel, H, previous + first * H, H, last - first, s.rounded, [&](Index row, Index p, const Vec<T>* acc) {
      const Index b = first + row, j = p * L, n = H - j, at = t * B + b;
      const T* x = z_row(s, at, 3 * H) + j;
      T* const kept = s.saved + ((t * panels + p) * B + b) * 4 * L;
      for (Index gate = 0; gate < 3; ++gate) prefetch_next(x + gate * H);
      const Vec<T> h_before = load(previous + b * H + j, n);
      const Vec<T> r = sigmoid<T>(acc[0] + load(x, n)), z = sigmoid<T>(acc[1] + load(x + H, n));
      const Vec<T> q = s.c_n ? acc[2] + load(s.c_n + j, n) : acc[2];
      const Vec<T> candidate = tanh<T>(load(x + 2 * H, n) + r * q);
      store(kept, r);
      store(kept + L, z);
      store(kept + 2 * L, candidate);
      store(kept + 3 * L, q);
      const bool carried = s.mask && !s.mask[at];
      store(h + b * H + j, carried ? h_before : (1 - z) * candidate + z * h_before, n);
    }, (s.before + t) % 2);
  }
}

// dq (T, B, 3H) is the gradient of h_{t-1}·W_h: dz with its last third multiplied by r.
// dstate0 carries the part of dh that goes to h_{t-1} directly: z ⊙ dh, or all of it past a masked step.
template <class X> inline void gru_backward(const Sequence<Real<X>>& s, Index first, Index last) {
  using T = Real<X>;
  constexpr Index L = lanes<T>;
  const Index H = s.hidden, B = s.batch, panels = (H + PLAIN * L - 1) / (PLAIN * L), blocks = (H + L - 1) / L;
  const auto step = [&](Index t, Index b, Index j, Index n, Vec<T> dh) {
    T* const direct = s.dstate0 + b * H + j;
    if (t < 0) return store(direct, dh, n);
    const Index at = t * B + b;
    dh += load(s.dh + at * H + j, n);
    T* const dz = s.dz + at * 3 * H + j;
    T* const dq = s.dq + at * 3 * H + j;
    if (s.mask && !s.mask[at]) {
      for (Index gate = 0; gate < 3; ++gate) {
        store(dz + gate * H, Vec<T>{}, n);
        store(dq + gate * H, Vec<T>{}, n);
      }
      return store(direct, dh, n);
    }
    const T* const kept = s.saved + ((t * blocks + j / L) * B + b) * 4 * L;
    const Vec<T> r = load(kept), z = load(kept + L), candidate = load(kept + 2 * L), q = load(kept + 3 * L);
    for (Index gate = 0; gate < 3; ++gate) {
      prefetch_next_write(dz + gate * H);
      prefetch_next_write(dq + gate * H);
    }
    prefetch_next(s.dh + at * H + j);
    const Vec<T> h_before = load(s.h + at * H + j, n);
    const Vec<T> dn = dh * (1 - z) * (1 - candidate * candidate);
    const Vec<T> dr = dn * q * r * (1 - r);
    const Vec<T> du = dh * (h_before - candidate) * z * (1 - z);
    store(dz, dr, n);
    store(dz + H, du, n);
    store(dz + 2 * H, dn, n);
    store(dq, dr, n);
    store(dq + H, du, n);
    store(dq + 2 * H, dn * r, n);
    store(direct, dh * z, n);
  };
  for (Index b = first; b < last; ++b)
    for (Index j = 0; j < H; j += L)
      step(s.steps - 1, b, j, H - j, s.dstate ? load(s.dstate + b * H + j, H - j) : Vec<T>{});
  for (Index t = s.steps - 1; t >= 0; --t)
    product<X, PLAIN>(s.packed, 3 * H, 0, panels, H, s.dq + (t * B + first) * 3 * H, 3 * H, last - first, s.rounded, [&](Index row, Index p, const Vec<T>* acc) {
      for (Index c = 0; c < PLAIN; ++c) {
        const Index b = first + row, j = (p * PLAIN + c) * L;
        if (j < H) step(t - 1, b, j, H - j, acc[c] + load(s.dstate0 + b * H + j, H - j));
      }
    });
}

}  // namespace elman::ELMAN_ISA
