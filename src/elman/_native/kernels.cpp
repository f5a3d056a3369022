// Compiled once per instruction level; each time the kernels land in another namespace.
#include "embedding.hpp"
#include "gru.hpp"
#include "lstm.hpp"
#include "rnn.hpp"
#include "softmax.hpp"
#include "updates.hpp"

namespace elman::ELMAN_ISA {

template <class X> static void forward(const Sequence<Real<X>>& s, Index first, Index last) {
  if (s.cell == RNN) rnn_forward<X>(s, first, last);
  if (s.cell == LSTM) lstm_forward<X>(s, first, last);
  if (s.cell == GRU) gru_forward<X>(s, first, last);
}

template <class X> static void backward(const Sequence<Real<X>>& s, Index first, Index last) {
  if (s.cell == RNN) rnn_backward<X>(s, first, last);
  if (s.cell == LSTM) lstm_backward<X>(s, first, last);
  if (s.cell == GRU) gru_backward<X>(s, first, last);
}

template <class X>
static constexpr Products<Real<X>> products = {PER<X>, pack<X>, forward<X>, backward<X>, affine<X>, rounded_size<X>, outer_scratch<X>, outer_sum<X>};

#if defined(__AVX512BF16__)  // everything else is that of the level below
extern const Products<float> bf16;
const Products<float> bf16 = products<Pair>;
#else

template <class T> static void activation(int which, const T* x, Index n, T* y) {
  for (Index i = 0; i < n; i += lanes<T>) {
    const Vec<T> v = load(x + i, n - i);
    store(y + i, which == 0 ? exp<T>(v) : which == 1 ? sigmoid<T>(v) : tanh<T>(v), n - i);
  }
}

template <class T>
static constexpr Kernels<T> kernels = {lanes<T>,       products<T>, column_sum<T>, cross_entropy<T>, only_nats<T>,         gather<T>,
                                       scatter_add<T>, update<T>,   dropout<T>,    clip<T>,          sum_of_squares<T>, activation<T>};

#define ELMAN_STRING(x) #x
#define ELMAN_NAME(x) ELMAN_STRING(x)
extern const Level level;
const Level level = {ELMAN_NAME(ELMAN_ISA), kernels<float>, kernels<double>, nullptr};
#endif

}  // namespace elman::ELMAN_ISA
