// The loop that writes symbols: read one, choose the next. Weights are packed once for a text, streams are shared out to threads.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

#include "dispatch.hpp"
#include "engine.hpp"
#include "network.hpp"
#include "scratch.hpp"
#include "threads.hpp"

namespace elman {
namespace {

thread_local Scratch memory;

// Draws from logits (V,), as elman.tasks.language.sampling does in float64; p and order are scratch for V values.
template <class T> std::int32_t choose(const T* logits, Index V, const Choice& how, double uniform, double* p, std::int32_t* order) {
  Index best = -1;
  for (Index v = 0; v < V; ++v) {
    p[v] = how.forbidden[v] || !(logits[v] == logits[v]) ? -INFINITY : double(logits[v]);
    if (best < 0 || p[v] > p[best]) best = v;
  }
  if (how.temperature == 0 || !std::isfinite(p[best])) return std::int32_t(best);
  const double top = p[best];
  for (Index v = 0; v < V; ++v) p[v] = (p[v] - top) / how.temperature;
  kernels<double>().activation(0, p, V, p);
  if ((how.top_k > 0 && how.top_k < V) || how.top_p < 1) {
    std::iota(order, order + V, 0);
    const auto likelier = [&](std::int32_t a, std::int32_t b) { return p[a] > p[b] || (p[a] == p[b] && a < b); };
    Index kept = V;
    if (how.top_k > 0 && how.top_k < V) {
      kept = how.top_k;
      std::nth_element(order, order + kept, order + V, likelier);
      for (Index i = kept; i < V; ++i) p[order[i]] = 0;
    }
    if (how.top_p < 1) {
      std::sort(order, order + kept, likelier);
      const double enough = how.top_p * std::accumulate(p, p + V, 0.0);
      double before = 0;
      for (Index i = 0; i < kept; ++i) {
        const double own = p[order[i]];
        if (before >= enough) p[order[i]] = 0;
        before += own;
      }
    }
  }
  const double target = uniform * std::accumulate(p, p + V, 0.0);
  double sum = 0;
  std::int32_t last = std::int32_t(best);
  for (Index v = 0; v < V; ++v) {
    if (!(p[v] > 0)) continue;
    last = std::int32_t(v);
    if ((sum += p[v]) > target) break;
  }
  return last;
}

// Packed weights of all layers, cut from one array; with a null base only their size is known.
template <class T> struct Packed {
  std::vector<T*> W_x, W_h;
  T* W_y;
  Pieces pieces;

  Packed(const Architecture& a, T* base) : pieces{reinterpret_cast<char*>((reinterpret_cast<std::uintptr_t>(base) + 63) / 64 * 64)} {
    const Engine<T> engine;
    for (Index l = 0; l < a.layers; ++l) {
      const Index inputs = l ? a.hidden : a.embedding;
      W_x.push_back(inputs ? pieces.take<T>(engine.packed_size(inputs, a.columns(), 1)) : nullptr);
      W_h.push_back(pieces.take<T>(engine.packed_size(a.hidden, a.columns(), GATES[a.cell])));
    }
    W_y = pieces.take<T>(engine.packed_size(a.hidden, a.vocabulary, 1));
  }
};

}  // namespace

template <class T> Index packed_size(const Architecture& a) {
  return Index(Packed<T>(a, nullptr).pieces.used / sizeof(T) + 64 / sizeof(T));  // what the caller gives may start anywhere
}

template <class T> void pack(const Architecture& a, const T* parameters, T* packed) {
  const Weights<const T> p(a, parameters);
  const Packed<T> to(a, packed);
  const Engine<T> engine;
  for (std::size_t l = 0; l < p.layers.size(); ++l) {
    if (to.W_x[l]) engine.pack(p.layers[l].W_x, l ? a.hidden : a.embedding, a.columns(), false, 1, to.W_x[l]);
    engine.pack(p.layers[l].W_h, a.hidden, a.columns(), false, GATES[a.cell], to.W_h[l]);
  }
  engine.pack(p.W_y, a.hidden, a.vocabulary, false, 1, to.W_y);
}

template <class T>
Index generate(const Architecture& a, const T* parameters, const T* packed, const std::int32_t* ids, Index P, const double* uniforms, Index N, Index B,
               const Choice& choice, T* state, std::int32_t* symbols) {
  const Weights<const T> p(a, parameters);
  const Packed<T> w(a, const_cast<T*>(packed));
  const Index H = a.hidden, columns = a.columns(), V = a.vocabulary, padded = (H + 15) / 16 * 16;

  T *x0 = nullptr, *z = nullptr, *h = nullptr, *saved = nullptr, *logits = nullptr;
  double* p_choice = nullptr;
  std::int32_t* order = nullptr;
  Pieces pieces;
  for (int pass = 0; pass < 2; ++pass) {  // count, then cut
    if (pass) pieces = {memory.get<char>(pieces.used)};
    x0 = pieces.take<T>(B * a.embedding);
    z = pieces.take<T>(B * columns);
    h = pieces.take<T>(a.layers * 2 * B * H);
    saved = pieces.take<T>(B * SAVED[a.cell] * padded);
    logits = pieces.take<T>(B * V);
    p_choice = pieces.take<double>(B * V);
    order = pieces.take<std::int32_t>(B * V);
  }

  const Kernels<T>& k = kernels<T>();
  const Index panels = Engine<T>::panels(a.cell, H);
  // Several streams are shared out whole. One is divided by its hidden units where that pays, layer by layer.
  const int parts = parts_for(B, 1e9), shares = parts > 1 ? 1 : parts_by_units(panels, double(H) * double(columns));
  std::vector<Index> written(std::size_t(parts), 0);
  parallel(parts, [&](int part) {
    const Range r = share(B, part, parts);
    std::vector<char> ended(std::size_t(B), 0);
    Index alive = r.last - r.first;
    for (Index n = 0; n < P + N - 1 && alive; ++n) {
      const std::int32_t* const now = n < P ? ids + n * B : symbols + (n - P) * B;
      if (p.E) k.gather(p.E, now, nullptr, a.embedding, r.first, r.last, x0);
      const T* x = x0;
      for (Index l = 0; l < a.layers; ++l) {
        const LayerWeights<const T>& layer = p.layers[std::size_t(l)];
        if (w.W_x[std::size_t(l)])
          k.products.affine(w.W_x[std::size_t(l)], layer.b, x, l ? H : a.embedding, columns, r.first, r.last, z, nullptr);
        else
          k.gather(layer.W_x, now, layer.b, columns, r.first, r.last, z);
        Sequence<T> s{};
        s.cell = a.cell, s.relu = a.relu, s.steps = 1, s.batch = B, s.hidden = H, s.before = n;
        s.z = z, s.packed = w.W_h[std::size_t(l)], s.c_n = layer.c_n, s.saved = saved;
        s.h = h + l * 2 * B * H;
        s.state = s.final_state = state + l * a.state_size(B);
        parallel(shares, [&](int part_of_units) {
          Sequence<T> some = s;
          const Range units = share_of_units(panels, part_of_units, shares);
          some.first_panel = units.first, some.last_panel = units.last;
          k.products.forward(some, r.first, r.last);
        });
        std::copy(s.h + (B + r.first) * H, s.h + (B + r.last) * H, s.final_state + r.first * H);
        x = s.h + B * H;
      }
      if (n < P - 1) continue;
      k.products.affine(w.W_y, p.b_y, x, H, V, r.first, r.last, logits, nullptr);
      const Index to = n - P + 1;
      for (Index b = r.first; b < r.last; ++b) {
        std::int32_t& symbol = symbols[to * B + b];
        symbol = ended[std::size_t(b)] ? choice.end
                                       : choose(logits + b * V, V, choice, uniforms[to * B + b], p_choice + b * V, order + b * V);
        if (symbol == choice.end && !ended[std::size_t(b)]) ended[std::size_t(b)] = 1, --alive;
      }
      written[std::size_t(part)] = to + 1;
    }
    for (Index n = written[std::size_t(part)]; n < N; ++n)
      for (Index b = r.first; b < r.last; ++b) symbols[n * B + b] = choice.end;
  });
  return *std::max_element(written.begin(), written.end());
}

#define ELMAN_FOR(T)                                                \
  template Index packed_size<T>(const Architecture&);              \
  template void pack<T>(const Architecture&, const T*, T*);        \
  template Index generate<T>(const Architecture&, const T*, const T*, const std::int32_t*, Index, const double*, Index, Index, const Choice&, T*, std::int32_t*);
ELMAN_FOR(float)
ELMAN_FOR(double)

}  // namespace elman
