#include "network.hpp"

#include <cstring>

#include "engine.hpp"
#include "scratch.hpp"

namespace elman {

template <class T> Weights<T>::Weights(const Architecture& a, T* flat) : layers(std::size_t(a.layers)) {
  Index used = 0;
  const auto take = [&](bool wanted, Index count) {
    T* const here = wanted && flat ? flat + used : nullptr;
    used += wanted ? count : 0;
    return here;
  };
  const Index H = a.hidden, N = a.columns();
  E = take(a.embedding > 0, a.vocabulary * a.embedding);
  Index inputs = a.embedding ? a.embedding : a.vocabulary;
  for (LayerWeights<T>& layer : layers) {
    layer.W_x = take(true, inputs * N);
    layer.W_h = take(true, H * N);
    layer.b = take(a.bias, N);
    layer.c_n = take(a.bias && a.cell == GRU, H);
    inputs = H;
  }
  W_y = take(true, H * a.vocabulary);
  b_y = take(a.bias, a.vocabulary);
  size = used;
}

namespace {

thread_local Scratch memory;

// What the forward leaves for the backward. One layer's arrays serve all layers of a pass that only looks forward.
template <class T> struct Tape {
  T *embedded, *z, *dq, *dh, *dstate, *logits;  // (T·B, D), (T·B, G·H), GRU the same, (T·B, H), (S, B, H), (T·B, V)
  double* nats;                                 // (T·B,)
  std::vector<T*> h, saved, out;                // by layer: (T+1, B, H), as in Sequence, h after dropout or h[1:]

  Tape(const Architecture& a, Index steps, Index batch, bool dropout, bool backward) {
    Pieces count;
    lay(a, steps, batch, dropout, backward, count);
    Pieces cut{memory.get<char>(count.used)};
    lay(a, steps, batch, dropout, backward, cut);
  }

  void lay(const Architecture& a, Index steps, Index batch, bool dropout, bool backward, Pieces& from) {
    const Index rows = steps * batch, H = a.hidden, padded = (H + 15) / 16 * 16;
    embedded = from.take<T>(rows * a.embedding);
    z = from.take<T>(rows * a.columns());
    dq = backward && a.cell == GRU ? from.take<T>(rows * a.columns()) : z;
    dh = backward ? from.take<T>(rows * H) : nullptr;
    dstate = backward ? from.take<T>(a.state_size(batch)) : nullptr;
    logits = from.take<T>(rows * a.vocabulary);
    nats = backward ? from.take<double>(rows) : nullptr;
    h.clear(), saved.clear(), out.clear();
    for (Index layer = 0; layer < a.layers; ++layer) {
      const bool fresh = backward || layer < 2;  // two in turn: a layer reads the one below
      h.push_back(fresh ? from.take<T>(rows * H + batch * H) : h[std::size_t(layer % 2)]);
      saved.push_back(backward || !layer ? from.take<T>(rows * SAVED[a.cell] * padded) : saved[0]);
      out.push_back(dropout ? from.take<T>(rows * H) : h.back() ? h.back() + batch * H : nullptr);
    }
  }
};

template <class T> Sequence<T> sequence(const Architecture& a, const Window<T>& w, const Tape<T>& tape, Index layer) {
  Sequence<T> s{};
  s.cell = a.cell, s.relu = a.relu, s.steps = w.steps, s.batch = w.batch, s.hidden = a.hidden;
  s.z = tape.z, s.mask = w.mask;
  s.state = w.state + layer * a.state_size(w.batch);
  s.final_state = w.final_state + layer * a.state_size(w.batch);
  s.h = tape.h[std::size_t(layer)], s.saved = tape.saved[std::size_t(layer)];
  return s;
}

// To the logits, which are left in the tape.
template <class T> void forward(const Architecture& a, const Weights<const T>& p, const Window<T>& w, const Tape<T>& tape) {
  const Index rows = w.steps * w.batch, H = a.hidden, N = a.columns();
  const Engine<T> engine(w.bf16);
  const T* x = tape.embedded;
  if (p.E) Engine<T>::gather(p.E, w.inputs, nullptr, rows, a.embedding, tape.embedded);
  for (Index layer = 0; layer < a.layers; ++layer) {
    const LayerWeights<const T>& l = p.layers[std::size_t(layer)];
    Sequence<T> s = sequence(a, w, tape, layer);
    s.c_n = l.c_n;
    if (layer || p.E) {
      engine.affine(x, l.W_x, l.b, rows, layer ? H : a.embedding, N, false, tape.z);
    } else if (!l.b) {
      s.z = l.W_x, s.ids = w.inputs;
    } else if (rows < a.vocabulary) {
      Engine<T>::gather(l.W_x, w.inputs, l.b, rows, N, tape.z);
    } else {  // the bias joins V rows in place of T·B
      for (Index v = 0; v < a.vocabulary; ++v)
        for (Index j = 0; j < N; ++j) tape.z[v * N + j] = l.W_x[v * N + j] + l.b[j];
      s.ids = w.inputs;
    }
    engine.forward(s, l.W_h);
    T* const out = tape.out[std::size_t(layer)];
    if (w.bits) Engine<T>::dropout(s.h + w.batch * H, w.bits + layer * rows * H, w.threshold, w.scale, rows * H, out);
    x = out;
  }
  engine.affine(x, p.W_y, p.b_y, rows, H, a.vocabulary, false, tape.logits);
}

template <class T> void clear(T* x, Index n) { std::memset(x, 0, std::size_t(n) * sizeof(T)); }

}  // namespace

template <class T>
void losses_and_gradients(const Architecture& a, const T* parameters, const Window<T>& w, const std::vector<Index>& borders, bool add,
                          double* losses, T* gradients) {
  const Weights<const T> p(a, parameters);
  const Index rows = w.steps * w.batch, H = a.hidden, N = a.columns(), V = a.vocabulary, D = a.embedding;
  const Tape<T> tape(a, w.steps, w.batch, w.bits, true);
  const Engine<T> engine(w.bf16);
  // body(g, part, loss): the gradient, the rows and the loss of each group
  const auto each = [&](auto&& body) {
    for (std::size_t i = 0; i + 1 < borders.size(); ++i)
      body(Weights<T>(a, gradients + Index(i) * p.size), Part{w.steps, w.batch, borders[i], borders[i + 1]}, losses[i]);
  };
  forward(a, p, w, tape);

  Engine<T>::cross_entropy(tape.logits, w.targets, w.weights, rows, V, tape.logits, tape.nats);
  each([&](const Weights<T>& g, const Part& part, double& loss) {
    loss = 0;
    for (Index t = 0; t < w.steps; ++t)
      for (Index r = t * w.batch + part.first; r < t * w.batch + part.last; ++r) loss += tape.nats[r] * double(w.weights[r]);
    engine.outer_sum(tape.out.back(), tape.logits, part, H, V, add, g.W_y);
    if (g.b_y) Engine<T>::column_sum(tape.logits, part, V, add, g.b_y);
  });
  engine.affine(tape.logits, p.W_y, nullptr, rows, V, H, true, tape.dh);

  for (Index layer = a.layers - 1; layer >= 0; --layer) {
    const LayerWeights<const T>& l = p.layers[std::size_t(layer)];
    if (w.bits) Engine<T>::dropout(tape.dh, w.bits + layer * rows * H, w.threshold, w.scale, rows * H, tape.dh);
    Sequence<T> s = sequence(a, w, tape, layer);
    s.dh = tape.dh, s.dz = tape.z, s.dq = tape.dq, s.dstate0 = tape.dstate;
    engine.backward(s, l.W_h);
    const T* const x = layer ? tape.out[std::size_t(layer - 1)] : tape.embedded;  // nothing where symbols are looked up
    const Index inputs = layer ? H : D;
    each([&](const Weights<T>& g, const Part& part, double&) {
      const LayerWeights<T>& d = g.layers[std::size_t(layer)];
      engine.recurrent_sums(s, part.first, part.last, add, d.W_h, d.c_n);
      if (d.b) Engine<T>::column_sum(tape.z, part, N, add, d.b);
      if (inputs) return engine.outer_sum(x, tape.z, part, inputs, N, add, d.W_x);
      if (!add) clear(d.W_x, V * N);
      Engine<T>::scatter_add(tape.z, w.inputs, part, N, d.W_x);
    });
    if (!inputs) continue;
    T* const dx = layer ? tape.dh : tape.embedded;
    engine.affine(tape.z, l.W_x, nullptr, rows, N, inputs, true, dx);
    if (layer) continue;
    each([&](const Weights<T>& g, const Part& part, double&) {
      if (!add) clear(g.E, V * D);
      Engine<T>::scatter_add(dx, w.inputs, part, D, g.E);
    });
  }
}

template <class T> void score(const Architecture& a, const T* parameters, Window<T> w, double* nats) {
  const Weights<const T> p(a, parameters);
  const Index steps = w.steps, block = 2048 / w.batch > 1 ? 2048 / w.batch : 1;
  const Tape<T> tape(a, block < steps ? block : steps, w.batch, false, false);
  for (Index t = 0; t < steps; t += block) {
    w.steps = block < steps - t ? block : steps - t;
    const Index rows = w.steps * w.batch;
    forward(a, p, w, tape);
    Engine<T>::only_nats(tape.logits, w.targets, rows, a.vocabulary, nats);
    w.inputs += rows, w.targets += rows, nats += rows;
    if (w.mask) w.mask += rows;
    w.state = w.final_state;
  }
}

#define ELMAN_FOR(T)                                                                                            \
  template struct Weights<T>;                                                                                  \
  template struct Weights<const T>;                                                                            \
  template void losses_and_gradients<T>(const Architecture&, const T*, const Window<T>&, const std::vector<Index>&, bool, double*, T*); \
  template void score<T>(const Architecture&, const T*, Window<T>, double*);
ELMAN_FOR(float)
ELMAN_FOR(double)

}  // namespace elman
