// Runs every kernel of the engine, at every level of this machine, on arrays of odd sizes in memory of
// exactly their size: what the sanitizers watch. Prints "ok" and returns 0, or says what differs.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "dispatch.hpp"
#include "engine.hpp"
#include "network.hpp"
#include "threads.hpp"

using namespace elman;

// An array on the heap, so that a step outside is seen; values from a small generator.
template <class T> struct Array {
  std::unique_ptr<T[]> values;
  Array(Index n, unsigned seed) : values(new T[std::size_t(n)]) {
    for (Index i = 0; i < n; ++i) values[i] = T(int((seed = seed * 1664525u + 1013904223u) >> 16) % 1000 - 500) / T(1000);
  }
  explicit Array(Index n) : values(new T[std::size_t(n)]) {}
  operator T*() const { return values.get(); }
  T* when(bool wanted) const { return wanted ? values.get() : nullptr; }
};

static bool good = true;
static void expect(bool truth, const char* what) {
  if (!truth) std::printf("differs: %s\n", what), good = false;
}

template <class T> static bool finite(const T* x, Index n) {
  for (Index i = 0; i < n; ++i)
    if (!std::isfinite(x[i])) return false;
  return true;
}

template <class T> static void run_cell(Cell cell, Index steps, Index B, Index H, bool masked, bool table, bool bf16) {
  const Engine<T> engine(bf16);
  const Index G = GATES[cell], S = STATES[cell], V = 7, padded = (H + 15) / 16 * 16;
  Array<T> W(H * G * H, 1), z((table ? V : steps * B) * G * H, 2), state(S * B * H, 3), c_n(H, 4), dh(steps * B * H, 5), dstate(S * B * H, 6);
  Array<T> h((steps + 1) * B * H), saved(steps * B * padded * SAVED[cell]), last(S * B * H);
  Array<T> dz(steps * B * G * H), dq(steps * B * G * H), dstate0(S * B * H), dW(H * G * H), dc(H);
  Array<std::int32_t> ids(steps * B);
  Array<std::uint8_t> mask(steps * B);
  for (Index i = 0; i < steps * B; ++i) ids[i] = std::int32_t(i * 5 % V), mask[i] = i % 3 != 0;
  Sequence<T> s{};
  s.cell = cell, s.steps = steps, s.batch = B, s.hidden = H;
  s.z = z, s.ids = ids.when(table), s.state = state, s.mask = mask.when(masked), s.c_n = c_n.when(cell == GRU);
  s.h = h, s.saved = saved, s.final_state = last, s.dh = dh, s.dstate = dstate, s.dz = dz, s.dq = cell == GRU ? dq.values.get() : dz.values.get(), s.dstate0 = dstate0;
  engine.forward(s, W);
  engine.backward(s, W);
  engine.recurrent_sums(s, 0, B, false, dW, dc.when(cell == GRU));
  engine.recurrent_sums(s, B / 2, B, true, dW, dc.when(cell == GRU));
  expect(finite<T>(h, steps * B * H) && finite<T>(last, S * B * H) && finite<T>(dz, steps * B * G * H) && finite<T>(dstate0, S * B * H) &&
             finite<T>(dW, H * G * H) && (cell != GRU || finite<T>(dc, H)),
         "a cell's outputs are finite");
}

template <class T> static void run_rest(Index rows, Index K, Index N, bool bf16) {
  const Engine<T> engine(bf16);
  Array<T> x(rows * K, 1), w(K * N, 2), b(N, 3), y(rows * N), d(rows * N, 4), dx(rows * K), dw(K * N), db(N), sums(rows, 9), p(K * N, 5), m(K * N, 6), v(K * N, 7);
  Array<double> nll(rows);
  Array<std::int32_t> ids(rows);
  Array<std::uint16_t> bits(K * N);
  for (Index i = 0; i < K * N; ++i) bits[i] = std::uint16_t(i * 257);
  for (Index i = 0; i < rows; ++i) ids[i] = std::int32_t(i * 5 % N);
  engine.affine(x, w, b, rows, K, N, false, y);
  for (Index r = 0; r < rows; ++r)
    for (Index n = 0; n < N; ++n) {
      double sum = b[n];
      for (Index k = 0; k < K; ++k) sum += double(x[r * K + k]) * double(w[k * N + n]);
      expect(std::fabs(sum - double(y[r * N + n])) < (bf16 ? 0.02 : 1e-3), "affine");
    }
  engine.affine(d, w, nullptr, rows, N, K, true, dx);
  engine.outer_sum(x, d, all(rows), K, N, false, dw);
  engine.outer_sum(x, d, all(rows), K, N, true, dw);
  Engine<T>::column_sum(d, all(rows), N, false, db);
  Engine<T>::column_sum(d, all(rows), N, true, db);
  Engine<T>::cross_entropy(y, ids, sums, rows, N, y, nll);
  Engine<T>::only_nats(y, ids, rows, N, nll);
  Engine<T>::gather(y, ids, b, rows < N ? 0 : rows / N, N, d);
  for (Index i = 0; i < rows; ++i) ids[i] = std::int32_t(i % 2);
  Array<T> two(2 * N, 8);
  Engine<T>::scatter_add(d, ids, all(rows), N, two);
  for (int rule = 0; rule < 4; ++rule) {
    for (Index i = 0; i < K * N; ++i) v[i] = v[i] < 0 ? -v[i] : v[i];
    Engine<T>::update({Rule(rule), p, dw, m, v, 0.1, 0.9, 0.99, 1e-8, 0.01, 0.1, 0.01}, K * N);
  }
  Engine<T>::dropout(dw, bits, 20000, 1.5, K * N, dw);
  Engine<T>::clip(dw, 0.3, 0.5, K * N);
  for (int which = 0; which < 3; ++which) Engine<T>::activation(which, dw, K * N, p);
  expect(std::isfinite(Engine<T>::sum_of_squares(p, K * N)) && finite<T>(dx, rows * K) && finite<T>(db, N) && finite<T>(sums, rows), "results are finite");
}

template <class T> static void run_network(Architecture a, Index steps, Index B, bool masked, bool dropped, bool bf16) {
  const Index n = Weights<T>(a, nullptr).size, V = a.vocabulary, H = a.hidden, states = a.layers * a.state_size(B);
  Array<T> p(n, 1), g(2 * n), weights(steps * B, 2), state(states, 3), last(states);
  Array<std::int32_t> ids(steps * B), symbols(9 * B);
  Array<std::uint8_t> mask(steps * B), forbidden(V);
  Array<std::uint16_t> bits(a.layers * steps * B * H);
  Array<double> nats(steps * B), uniforms(9 * B, 4), losses(2);
  for (Index i = 0; i < steps * B; ++i) ids[i] = std::int32_t(i * 5 % V), mask[i] = i % 3 != 0;
  for (Index i = 0; i < a.layers * steps * B * H; ++i) bits[i] = std::uint16_t(i * 257);
  for (Index i = 0; i < 9 * B; ++i) uniforms[i] += 0.5;
  for (Index v = 0; v < V; ++v) forbidden[v] = v == 1;
  Window<T> w{steps, B, ids, ids, weights, mask.when(masked), bits.when(dropped), 20000, 1.5, state, last, bf16};
  const std::vector<Index> borders = B > 1 ? std::vector<Index>{0, B / 2, B} : std::vector<Index>{0, 1};
  const Index groups = Index(borders.size()) - 1;
  losses_and_gradients<T>(a, p, w, borders, false, losses, g);
  const double once = losses[0] + (groups > 1 ? losses[1] : 0);
  losses_and_gradients<T>(a, p, w, borders, true, losses, g);
  const double twice = losses[0] + (groups > 1 ? losses[1] : 0);
  expect(std::isfinite(once) && once == twice && finite<T>(g, groups * n) && finite<T>(last, states), "a network's outputs are finite");
  score<T>(a, p, w, nats);
  expect(finite<double>(nats, steps * B), "nats are finite");
  Array<T> packed(packed_size<T>(a));
  pack<T>(a, p, packed);
  for (const Choice& how : {Choice{1, 0, 1, forbidden, -1}, Choice{0.5, 3, 0.8, forbidden, 0}, Choice{0, 0, 1, forbidden, -1}}) {
    const Index written = generate<T>(a, p, packed, ids, steps, uniforms, 9, B, how, state, symbols);
    for (Index i = 0; i < written * B; ++i) expect(symbols[i] >= 0 && symbols[i] < V && symbols[i] != 1, "symbols");
  }
}

template <class T> static void run_all(bool bf16 = false) {
  for (int cell = 0; cell < 3; ++cell)
    for (Index D : {0, 6})
      for (Index V : {5, 70})
        for (int k = 0; k < 2; ++k) run_network<T>({Cell(cell), cell == RNN && k, V > 5, V, D, Index(k ? 19 : 32), Index(k ? 3 : 1)}, k ? 7 : 3, k ? 5 : 1, k, D, bf16);
  for (int cell = 0; cell < 3; ++cell)
    for (Index H : {1, 7, 16, 33, 130})
      for (Index B : {1, 3, 17})
        for (int masked = 0; masked < 2; ++masked) run_cell<T>(Cell(cell), 1 + H % 5, B, H, masked, H == 33, bf16);
  for (Index n : {1, 2, 5, 31, 64, 131}) run_rest<T>(n, 3 * n / 2, n + 1, bf16), run_rest<T>(2 * n + 1, n, 1, bf16);
  run_network<T>({LSTM, false, true, 9, 0, 515, 1}, 2, 1, false, false, bf16);  // one stream that is divided by its hidden units
  run_cell<T>(LSTM, 6, 40, 130, true, false, bf16);  // large enough to be cut into parts
  run_rest<T>(300, 150, 70, bf16);
}

int main() {
  for (const auto& name : levels()) {
    choose_level(name);
    for (int count : {1, 3}) {
      set_threads(count);
      run_all<float>();
      run_all<double>();
      if (level().bf16) run_all<float>(true);
    }
    std::thread other([] {
      set_threads(2);
      run_all<float>();
    });  // two callers of the pool at once
    run_all<double>();
    other.join();
  }
  std::puts(good ? "ok" : "failed");
  return good ? 0 : 1;
}
