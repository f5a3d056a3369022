// The one file that knows Python: checks every array, releases the GIL, calls the engine.
// All outputs are arrays that the caller (the adapter beside this file) has allocated.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <unistd.h>

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "dispatch.hpp"
#include "engine.hpp"
#include "network.hpp"
#include "threads.hpp"

namespace nb = nanobind;
using namespace elman;

using In = nb::ndarray<nb::ro, nb::device::cpu>;
using Out = nb::ndarray<nb::device::cpu>;
using Shape = std::initializer_list<Index>;

// Without the GIL while it lives. Where the interpreter ends meanwhile, CPython before 3.14 ends the thread as it asks for
// the GIL again: the stack is unwound through destructors and functions that may not throw, and the whole process aborts.
// Such a thread waits here instead, as 3.14 lets it, until the process is gone.
class Unlocked {
 public:
  Unlocked() : thread_(PyEval_SaveThread()) {}
  Unlocked(const Unlocked&) = delete;
  ~Unlocked() {
    try {
      PyEval_RestoreThread(thread_);
    } catch (...) {
      for (;;) pause();
    }
  }

 private:
  PyThreadState* thread_;
};

// Columns of `saved` per value: whole vectors of any instruction level.
static Index padded(Index hidden) { return (hidden + 15) / 16 * 16; }

static std::string text(Shape shape) {
  std::string s = "(";
  for (Index n : shape) s += std::to_string(n) + ",";
  return s + ")";
}

// The data of a C-contiguous array of exactly this shape and type, or a Python error that names it.
template <class T, class Array> static auto data(const Array& a, const char* name, Shape shape) {
  using Pointer = std::conditional_t<std::is_same_v<Array, In>, const T*, T*>;
  if (a.dtype() != nb::dtype<T>()) throw nb::type_error((std::string(name) + ": all arrays must have one dtype, float32 or float64; ids int32; mask bool").c_str());
  bool same = a.ndim() == shape.size();
  Index stride = 1;
  for (std::size_t i = shape.size(); same && i-- > 0;) {
    const Index n = shape.begin()[i];
    same = Index(a.shape(i)) == n && (n == 1 || a.stride(i) == stride);
    stride *= n;
  }
  if (!same) throw nb::value_error((std::string(name) + " must be a C-contiguous array of shape " + text(shape)).c_str());
  return static_cast<Pointer>(a.data());
}

template <class T, class Array> static auto data(const std::optional<Array>& a, const char* name, Shape shape) {
  return a ? data<T>(*a, name, shape) : decltype(data<T>(*a, name, shape))(nullptr);
}

static const std::uint8_t* mask_data(const std::optional<In>& a, Shape shape) {
  return reinterpret_cast<const std::uint8_t*>(data<bool>(a, "mask", shape));
}

static const std::int32_t* ids_data(const In& a, const char* name, Shape shape, Index below) {
  const std::int32_t* ids = data<std::int32_t>(a, name, shape);
  for (std::size_t i = 0; i < a.size(); ++i)
    if (ids[i] < 0 || ids[i] >= below)
      throw nb::index_error((std::string(name) + ": id " + std::to_string(ids[i]) + " is not in 0.." + std::to_string(below - 1)).c_str());
  return ids;
}

static Index size(const In& a, std::size_t axis, const char* name, std::size_t ndim) {
  if (a.ndim() != ndim) throw nb::value_error((std::string(name) + " must have " + std::to_string(ndim) + " axes").c_str());
  if (a.shape(axis) == 0) throw nb::value_error((std::string(name) + " must not be empty").c_str());
  return Index(a.shape(axis));
}

// body(T{}) with T = float or double after the dtype of `a`.
template <class Body> static void for_dtype(const In& a, const char* name, Body&& body) {
  if (a.dtype() == nb::dtype<float>())
    body(float{});
  else if (a.dtype() == nb::dtype<double>())
    body(double{});
  else
    throw nb::type_error((std::string(name) + " must be float32 or float64").c_str());
}

static Cell cell_of(int cell) {
  if (cell < 0 || cell > 2) throw nb::value_error("cell must be 0 (rnn), 1 (lstm) or 2 (gru)");
  return Cell(cell);
}

static void forward(int cell, bool relu, const In& z, const std::optional<In>& ids, const In& state, const std::optional<In>& mask,
                    const In& W_h, const std::optional<In>& c_n, const Out& h, const std::optional<Out>& saved, const Out& final_state, bool bf16) {
  for_dtype(z, "z", [&](auto zero) {
    using T = decltype(zero);
    Sequence<T> s{};
    s.cell = cell_of(cell);
    s.relu = relu;
    const Index H = s.hidden = size(W_h, 0, "W_h", 2), G = GATES[s.cell], S = STATES[s.cell];
    const Index T_ = s.steps = ids ? size(*ids, 0, "ids", 2) : size(z, 0, "z", 3), B = s.batch = size(state, 1, "state", 3);
    if (ids) {
      const Index V = size(z, 0, "z", 2);
      s.z = data<T>(z, "z", {V, G * H});
      s.ids = ids_data(*ids, "ids", {T_, B}, V);
    } else {
      s.z = data<T>(z, "z", {T_, B, G * H});
    }
    s.state = data<T>(state, "state", {S, B, H});
    s.mask = mask_data(mask, {T_, B});
    s.c_n = data<T>(c_n, "c_n", {H});
    s.h = data<T>(h, "h", {T_ + 1, B, H});
    s.saved = data<T>(saved, "saved", {T_, B, SAVED[s.cell] * padded(H)});
    if (!s.saved && SAVED[s.cell]) throw nb::value_error("saved is missing");
    s.final_state = data<T>(final_state, "final_state", {S, B, H});
    const T* const w = data<T>(W_h, "W_h", {H, G * H});
    const Engine<T> engine(bf16);
    Unlocked free;
    engine.forward(s, w);
  });
}

static void backward(int cell, bool relu, const In& h, const In& state, const std::optional<In>& mask, const In& W_h,
                     const std::optional<In>& saved, const In& dh, const std::optional<In>& dstate, const Out& dz,
                     const std::optional<Out>& dq, const Out& dstate0, const Out& dW_h, const std::optional<Out>& dc_n, bool bf16) {
  for_dtype(h, "h", [&](auto zero) {
    using T = decltype(zero);
    Sequence<T> s{};
    s.cell = cell_of(cell);
    s.relu = relu;
    const Index T_ = s.steps = size(dh, 0, "dh", 3), B = s.batch = size(h, 1, "h", 3), H = s.hidden = size(h, 2, "h", 3);
    const Index G = GATES[s.cell], S = STATES[s.cell];
    s.h = const_cast<T*>(data<T>(h, "h", {T_ + 1, B, H}));  // read only, in a struct that serves both directions
    s.state = data<T>(state, "state", {S, B, H});
    s.mask = mask_data(mask, {T_, B});
    s.saved = const_cast<T*>(data<T>(saved, "saved", {T_, B, SAVED[s.cell] * padded(H)}));
    if (!s.saved && SAVED[s.cell]) throw nb::value_error("saved is missing");
    s.dh = data<T>(dh, "dh", {T_, B, H});
    s.dstate = data<T>(dstate, "dstate", {S, B, H});
    s.dz = data<T>(dz, "dz", {T_, B, G * H});
    s.dq = data<T>(dq, "dq", {T_, B, G * H});
    if (s.cell != GRU) s.dq = s.dz;
    if (!s.dq) throw nb::value_error("dq is missing");
    s.dstate0 = data<T>(dstate0, "dstate0", {S, B, H});
    const T* const w = data<T>(W_h, "W_h", {H, G * H});
    T* const dw = data<T>(dW_h, "dW_h", {H, G * H});
    T* const dc = data<T>(dc_n, "dc_n", {H});
    const Engine<T> engine(bf16);
    Unlocked free;
    engine.backward(s, w);
    engine.recurrent_sums(s, 0, B, false, dw, s.cell == GRU ? dc : nullptr);
  });
}

static void affine(const In& x, const In& W, const std::optional<In>& b, bool transposed, const Out& y, bool bf16) {
  for_dtype(x, "x", [&](auto zero) {
    using T = decltype(zero);
    const Index rows = size(x, 0, "x", 2), K = size(x, 1, "x", 2), N = size(W, transposed ? 0 : 1, "W", 2);
    const T* const px = data<T>(x, "x", {rows, K});
    const T* const pw = transposed ? data<T>(W, "W", {N, K}) : data<T>(W, "W", {K, N});
    const T* const pb = data<T>(b, "b", {N});
    T* const py = data<T>(y, "y", {rows, N});
    const Engine<T> engine(bf16);
    Unlocked free;
    engine.affine(px, pw, pb, rows, K, N, transposed, py);
  });
}

static void outer_sum(const In& a, const In& b, const Out& c, bool bf16) {
  for_dtype(a, "a", [&](auto zero) {
    using T = decltype(zero);
    const Index K = size(a, 0, "a", 2), M = size(a, 1, "a", 2), N = size(b, 1, "b", 2);
    const T* const pa = data<T>(a, "a", {K, M});
    const T* const pb = data<T>(b, "b", {K, N});
    T* const pc = data<T>(c, "c", {M, N});
    const Engine<T> engine(bf16);
    Unlocked free;
    engine.outer_sum(pa, pb, all(K), M, N, false, pc);
  });
}

static void column_sum(const In& a, const Out& out) {
  for_dtype(a, "a", [&](auto zero) {
    using T = decltype(zero);
    const Index rows = size(a, 0, "a", 2), N = size(a, 1, "a", 2);
    const T* const pa = data<T>(a, "a", {rows, N});
    T* const po = data<T>(out, "out", {N});
    Unlocked free;
    Engine<T>::column_sum(pa, all(rows), N, false, po);
  });
}

static void cross_entropy(const In& logits, const In& targets, const Out& dlogits, const Out& nats) {
  for_dtype(logits, "logits", [&](auto zero) {
    using T = decltype(zero);
    const Index rows = size(logits, 0, "logits", 2), V = size(logits, 1, "logits", 2);
    const T* const x = data<T>(logits, "logits", {rows, V});
    const std::int32_t* const ids = ids_data(targets, "targets", {rows}, V);
    T* const d = data<T>(dlogits, "dlogits", {rows, V});
    double* const n = data<double>(nats, "nats", {rows});
    Unlocked free;
    Engine<T>::cross_entropy(x, ids, nullptr, rows, V, d, n);
  });
}

static void gather(const In& table, const In& ids, const Out& out) {
  for_dtype(table, "table", [&](auto zero) {
    using T = decltype(zero);
    const Index V = size(table, 0, "table", 2), N = size(table, 1, "table", 2), n = size(ids, 0, "ids", 1);
    const T* const t = data<T>(table, "table", {V, N});
    const std::int32_t* const i = ids_data(ids, "ids", {n}, V);
    T* const o = data<T>(out, "out", {n, N});
    Unlocked free;
    Engine<T>::gather(t, i, nullptr, n, N, o);
  });
}

static void scatter_add(const In& d, const In& ids, const Out& out) {
  for_dtype(d, "d", [&](auto zero) {
    using T = decltype(zero);
    const Index n = size(d, 0, "d", 2), N = size(d, 1, "d", 2), V = size(In(out), 0, "out", 2);
    const T* const pd = data<T>(d, "d", {n, N});
    const std::int32_t* const i = ids_data(ids, "ids", {n}, V);
    T* const o = data<T>(out, "out", {V, N});
    Unlocked free;
    Engine<T>::scatter_add(pd, i, all(n), N, o);
  });
}

static void update(int rule, const Out& p, const In& g, const std::optional<Out>& m, const std::optional<Out>& v, double learning_rate, double beta1,
                   double beta2, double epsilon, double decay, double correction1, double correction2) {
  if (rule < 0 || rule > 3) throw nb::value_error("rule must be 0 (SGD), 1 (Adagrad), 2 (RMSProp) or 3 (Adam)");
  for_dtype(g, "g", [&](auto zero) {
    using T = decltype(zero);
    const Index n = size(g, 0, "g", 1);
    const Update<T> u{Rule(rule), data<T>(p, "p", {n}), data<T>(g, "g", {n}), data<T>(m, "m", {n}), data<T>(v, "v", {n}), learning_rate, beta1, beta2,
                      epsilon, decay, correction1, correction2};
    if (!u.v && u.rule != SGD) throw nb::value_error("v is missing");
    if (!u.m && u.rule == ADAM) throw nb::value_error("m is missing");
    Unlocked free;
    Engine<T>::update(u, n);
  });
}

static void dropout(const In& x, const In& bits, int threshold, double scale, const Out& y) {
  for_dtype(x, "x", [&](auto zero) {
    using T = decltype(zero);
    const Index n = size(x, 0, "x", 1);
    const T* const px = data<T>(x, "x", {n});
    const std::uint16_t* const pb = data<std::uint16_t>(bits, "bits", {n});
    T* const py = data<T>(y, "y", {n});
    Unlocked free;
    Engine<T>::dropout(px, pb, threshold, scale, n, py);
  });
}

static void clip(const Out& x, double limit, double scale) {
  for_dtype(In(x), "x", [&](auto zero) {
    using T = decltype(zero);
    const Index n = size(In(x), 0, "x", 1);
    T* const px = data<T>(x, "x", {n});
    Unlocked free;
    Engine<T>::clip(px, limit, scale, n);
  });
}

static double sum_of_squares(const In& x) {
  double total = 0;
  for_dtype(x, "x", [&](auto zero) {
    using T = decltype(zero);
    const Index n = size(x, 0, "x", 1);
    const T* const px = data<T>(x, "x", {n});
    Unlocked free;
    total = Engine<T>::sum_of_squares(px, n);
  });
  return total;
}

static void activation(int which, const In& x, const Out& y) {
  if (which < 0 || which > 2) throw nb::value_error("which: there are three activations, 0 to 2");
  for_dtype(x, "x", [&](auto zero) {
    using T = decltype(zero);
    const Index n = size(x, 0, "x", 1);
    const T* const px = data<T>(x, "x", {n});
    T* const py = data<T>(y, "y", {n});
    Unlocked free;
    Engine<T>::activation(which, px, n, py);
  });
}

// (cell, relu, bias, vocabulary, embedding, hidden, layers)
using Numbers = std::tuple<int, bool, bool, Index, Index, Index, Index>;

// An architecture whose parameters fill exactly n values.
template <class T> static Architecture architecture(const Numbers& numbers, const In& parameters, const T* p) {
  const auto [cell, relu, bias, V, D, H, L] = numbers;
  const Architecture a{cell_of(cell), relu, bias, V, D, H, L};
  const Index n = Index(parameters.size());
  const auto fits = [&](Index x) { return x > 0 && x <= n; };
  const auto product_fits = [&](Index x, Index y) { return double(x) * double(y) <= double(n); };  // before anything overflows
  if (!fits(V) || !fits(H) || !fits(L) || D < 0 || D > n || !product_fits(V, H) || !product_fits(H, L) || !product_fits(H * L, H) ||
      !product_fits(D, V) || Weights<const T>(a, p).size != n)
    throw nb::value_error("parameters: not as many values as the architecture has");
  return a;
}

static void py_losses_and_gradients(const Numbers& numbers, const In& parameters, const std::vector<Index>& borders, const Out& gradients, bool add,
                                    const Out& losses, const In& inputs, const In& targets, const In& weights, const In& state,
                                    const std::optional<In>& mask, const std::optional<In>& bits, int threshold, double scale, const Out& final_state, bool bf16) {
  for_dtype(parameters, "parameters", [&](auto zero) {
    using T = decltype(zero);
    const Index n = size(parameters, 0, "parameters", 1), steps = size(inputs, 0, "inputs", 2), B = size(inputs, 1, "inputs", 2);
    const T* const p = data<T>(parameters, "parameters", {n});
    const Index groups = Index(borders.size()) - 1;
    const bool rise = std::adjacent_find(borders.begin(), borders.end(), std::greater_equal<Index>()) == borders.end();
    if (groups < 1 || borders.front() != 0 || borders.back() != B || !rise) throw nb::value_error("borders must rise from 0 to the batch");
    T* const g = data<T>(gradients, "gradients", {groups, n});
    double* const sums = data<double>(losses, "losses", {groups});
    const Architecture a = architecture<T>(numbers, parameters, p);
    const Index H = a.hidden, L = a.layers, S = STATES[a.cell];
    const Window<T> w{steps, B, ids_data(inputs, "inputs", {steps, B}, a.vocabulary), ids_data(targets, "targets", {steps, B}, a.vocabulary),
                      data<T>(weights, "weights", {steps, B}), mask_data(mask, {steps, B}), data<std::uint16_t>(bits, "bits", {L, steps, B, H}),
                      threshold, scale, data<T>(state, "state", {L, S, B, H}), data<T>(final_state, "final_state", {L, S, B, H}), bf16};
    products<T>(bf16);  // throws here
    Unlocked free;
    losses_and_gradients<T>(a, p, w, borders, add, sums, g);
  });
}

static void py_score(const Numbers& numbers, const In& parameters, const In& inputs, const In& targets, const In& state, const std::optional<In>& mask,
                  const Out& nats, const Out& final_state) {
  for_dtype(parameters, "parameters", [&](auto zero) {
    using T = decltype(zero);
    const Index n = size(parameters, 0, "parameters", 1), steps = size(inputs, 0, "inputs", 2), B = size(inputs, 1, "inputs", 2);
    const T* const p = data<T>(parameters, "parameters", {n});
    const Architecture a = architecture<T>(numbers, parameters, p);
    const Index H = a.hidden, L = a.layers, S = STATES[a.cell];
    const Window<T> w{steps, B, ids_data(inputs, "inputs", {steps, B}, a.vocabulary), ids_data(targets, "targets", {steps, B}, a.vocabulary),
                      nullptr, mask_data(mask, {steps, B}), nullptr, 0, 1, data<T>(state, "state", {L, S, B, H}),
                      data<T>(final_state, "final_state", {L, S, B, H}), false};
    double* const out = data<double>(nats, "nats", {steps, B});
    Unlocked free;
    score<T>(a, p, w, out);
  });
}

static Index py_packed_size(const Numbers& numbers, const In& parameters) {
  Index size_ = 0;
  for_dtype(parameters, "parameters", [&](auto zero) {
    using T = decltype(zero);
    size_ = packed_size<T>(architecture<T>(numbers, parameters, static_cast<const T*>(nullptr)));
  });
  return size_;
}

static void py_pack(const Numbers& numbers, const In& parameters, const Out& packed) {
  for_dtype(parameters, "parameters", [&](auto zero) {
    using T = decltype(zero);
    const T* const p = data<T>(parameters, "parameters", {size(parameters, 0, "parameters", 1)});
    const Architecture a = architecture<T>(numbers, parameters, p);
    T* const to = data<T>(packed, "packed", {packed_size<T>(a)});
    Unlocked free;
    pack<T>(a, p, to);
  });
}

static Index py_generate(const Numbers& numbers, const In& parameters, const In& packed, const In& ids, const In& uniforms, double temperature, Index top_k, double top_p,
                      const In& forbidden, std::int32_t end, const Out& state, const Out& symbols) {
  Index written = 0;
  for_dtype(parameters, "parameters", [&](auto zero) {
    using T = decltype(zero);
    const Index n = size(parameters, 0, "parameters", 1), P = size(ids, 0, "ids", 2), B = size(ids, 1, "ids", 2), N = size(uniforms, 0, "uniforms", 2);
    const T* const p = data<T>(parameters, "parameters", {n});
    const Architecture a = architecture<T>(numbers, parameters, p);
    const T* const weights = data<T>(packed, "packed", {packed_size<T>(a)});
    const std::int32_t* const read = ids_data(ids, "ids", {P, B}, a.vocabulary);
    const double* const u = data<double>(uniforms, "uniforms", {N, B});
    const Choice choice{temperature, top_k, top_p, reinterpret_cast<const std::uint8_t*>(data<bool>(forbidden, "forbidden", {a.vocabulary})), end};
    if (end >= a.vocabulary) throw nb::index_error("end: not in the vocabulary");
    T* const s = data<T>(state, "state", {a.layers, STATES[a.cell], B, a.hidden});
    std::int32_t* const out = data<std::int32_t>(symbols, "symbols", {N, B});
    Unlocked free;
    written = generate<T>(a, p, weights, read, P, u, N, B, choice, s, out);
  });
  return written;
}

NB_MODULE(_core, m) {
  m.attr("SOURCES") = ELMAN_SOURCES;  // from CMakeLists.txt, compared in __init__.py
  m.def("forward", &forward, nb::arg("cell"), nb::arg("relu"), nb::arg("z"), nb::arg("ids").none(), nb::arg("state"), nb::arg("mask").none(),
        nb::arg("W_h"), nb::arg("c_n").none(), nb::arg("h"), nb::arg("saved").none(), nb::arg("final_state"), nb::arg("bf16"));
  m.def("backward", &backward, nb::arg("cell"), nb::arg("relu"), nb::arg("h"), nb::arg("state"), nb::arg("mask").none(), nb::arg("W_h"),
        nb::arg("saved").none(), nb::arg("dh"), nb::arg("dstate").none(), nb::arg("dz"), nb::arg("dq").none(), nb::arg("dstate0"),
        nb::arg("dW_h"), nb::arg("dc_n").none(), nb::arg("bf16"));
  m.def("affine", &affine, nb::arg("x"), nb::arg("W"), nb::arg("b").none(), nb::arg("transposed"), nb::arg("y"), nb::arg("bf16"));
  m.def("outer_sum", &outer_sum, nb::arg("a"), nb::arg("b"), nb::arg("c"), nb::arg("bf16"));
  m.def("column_sum", &column_sum, nb::arg("a"), nb::arg("out"));
  m.def("cross_entropy", &cross_entropy, nb::arg("logits"), nb::arg("targets"), nb::arg("dlogits"), nb::arg("nats"));
  m.def("gather", &gather, nb::arg("table"), nb::arg("ids"), nb::arg("out"));
  m.def("dropout", &dropout, nb::arg("x"), nb::arg("bits"), nb::arg("threshold"), nb::arg("scale"), nb::arg("y"));
  m.def("scatter_add", &scatter_add, nb::arg("d"), nb::arg("ids"), nb::arg("out"));
  m.def("update", &update, nb::arg("rule"), nb::arg("p"), nb::arg("g"), nb::arg("m").none(), nb::arg("v").none(), nb::arg("learning_rate"),
        nb::arg("beta1"), nb::arg("beta2"), nb::arg("epsilon"), nb::arg("decay"), nb::arg("correction1"),
        nb::arg("correction2"));
  m.def("clip", &clip, nb::arg("x"), nb::arg("limit"), nb::arg("scale"));
  m.def("sum_of_squares", &sum_of_squares, nb::arg("x"));
  m.def("activation", &activation, nb::arg("which"), nb::arg("x"), nb::arg("y"));
  m.def("losses_and_gradients", &py_losses_and_gradients, nb::arg("architecture"), nb::arg("parameters"), nb::arg("borders"), nb::arg("gradients"),
        nb::arg("add"), nb::arg("losses"), nb::arg("inputs"), nb::arg("targets"), nb::arg("weights"), nb::arg("state"), nb::arg("mask").none(), nb::arg("bits").none(), nb::arg("threshold"), nb::arg("scale"),
        nb::arg("final_state"), nb::arg("bf16"));
  m.def("score", &py_score, nb::arg("architecture"), nb::arg("parameters"), nb::arg("inputs"), nb::arg("targets"), nb::arg("state"), nb::arg("mask").none(),
        nb::arg("nats"), nb::arg("final_state"));
  m.def("packed_size", &py_packed_size, nb::arg("architecture"), nb::arg("parameters"));
  m.def("pack", &py_pack, nb::arg("architecture"), nb::arg("parameters"), nb::arg("packed"));
  m.def("generate", &py_generate, nb::arg("architecture"), nb::arg("parameters"), nb::arg("packed"), nb::arg("ids"), nb::arg("uniforms"), nb::arg("temperature"),
        nb::arg("top_k"), nb::arg("top_p"), nb::arg("forbidden"), nb::arg("end"), nb::arg("state"), nb::arg("symbols"));
  m.def("has_bf16", [] { return level().bf16 != nullptr; });
  m.def("level", [] { return std::string(level().name); });
  m.def("levels", &levels);
  m.def("choose_level", &choose_level, nb::arg("name"));
  m.def("set_threads", &set_threads, nb::arg("count"));
  m.def("threads", &threads);
}
