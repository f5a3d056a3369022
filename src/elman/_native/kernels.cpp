// Compiled once per instruction level; each time the kernels land in another namespace.
#include "embedding.hpp"
#include "gru.hpp"
#include "lstm.hpp"
#include "rnn.hpp"
#include "softmax.hpp"
#include "updates.hpp"

namespace elman::ELMAN_ISA {

template <class T> static void forward(const Sequence<T>& s, Index first, Index last) {
  if (s.cell == RNN) rnn_forward(s, first, last);
  if (s.cell == LSTM) lstm_forward(s, first, last);
  if (s.cell == GRU) gru_forward(s, first, last);
}

template <class T> static void backward(const Sequence<T>& s, Index first, Index last) {
  if (s.cell == RNN) rnn_backward(s, first, last);
  if (s.cell == LSTM) lstm_backward(s, first, last);
  if (s.cell == GRU) gru_backward(s, first, last);
}

template <class T> static void activation(int which, const T* x, Index n, T* y) {
  for (Index i = 0; i < n; i += lanes<T>) {
    const Vec<T> v = load(x + i, n - i);
    store(y + i, which == 0 ? exp<T>(v) : which == 1 ? sigmoid<T>(v) : tanh<T>(v), n - i);
  }
}

template <class T>
static constexpr Kernels<T> kernels = {
    lanes<T>,         pack<T>,      forward<T>, backward<T>,    affine<T>, outer_scratch<T>, outer_sum<T>,      column_sum<T>,
    cross_entropy<T>, only_nats<T>, gather<T>,  scatter_add<T>, update<T>, dropout<T>,       clip<T>,           sum_of_squares<T>, activation<T>};

#define ELMAN_STRING(x) #x
#define ELMAN_NAME(x) ELMAN_STRING(x)
extern const Level level;
const Level level = {ELMAN_NAME(ELMAN_ISA), kernels<float>, kernels<double>};

}  // namespace elman::ELMAN_ISA
