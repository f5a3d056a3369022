// The kernels, spread over threads. Free of Python; sizes have been checked by the caller.
//
// Who splits what: recurrences split the batch, each part running its sequences from first to last step;
// products over T·B rows split rows; sums over T·B rows split the columns of their result. So no sum
// ever crosses two threads; the recurrence of one sequence alone splits its hidden units. A part has two rows at least,
// unless there is only one: the bits of a result do not depend on the number of threads.
#pragma once
#include "dispatch.hpp"

namespace elman {

inline Part all(Index rows) { return {1, rows, 0, rows}; }

template <class T> struct Engine {
  const Products<T>& products;

  explicit Engine(bool bf16 = false) : products(elman::products<T>(bf16)) {}

  // w (K, N), or its transpose, in column panels; gates > 1 interleaves them. to: packed_size(K, N, gates) values.
  Index packed_size(Index K, Index N, int gates) const;
  static Index panels(Cell cell, Index hidden);  // of W_h, forward
  void pack(const T* w, Index K, Index N, bool transposed, int gates, T* to) const;

  // s.packed is filled in here from W_h (H, G·H).
  void forward(Sequence<T> s, const T* W_h) const;
  void backward(Sequence<T> s, const T* W_h) const;
  // dW_h (H, G·H) = sum over t of h_{t-1}ᵀ·dq_t, and dc_n (H,) for a GRU that has one, of sequences first..last; += with `add`.
  void recurrent_sums(const Sequence<T>& s, Index first, Index last, bool add, T* dW_h, T* dc_n) const;

  // y (rows, N) = x (rows, K)·w + bias; w (K, N), or (N, K) if transposed; bias (N,) or null.
  void affine(const T* x, const T* w, const T* bias, Index rows, Index K, Index N, bool transposed, T* y) const;
  // c (M, N) = a (T·B, M)ᵀ·b (T·B, N) over the rows of a part, or += with `add`
  void outer_sum(const T* a, const T* b, const Part& rows, Index M, Index N, bool add, T* c) const;
  static void column_sum(const T* a, const Part& rows, Index N, bool add, T* out);

  static void cross_entropy(const T* logits, const std::int32_t* targets, const T* weights, Index rows, Index V, T* dlogits, double* nats);
  static void only_nats(T* logits, const std::int32_t* targets, Index rows, Index V, double* nats);
  static void gather(const T* table, const std::int32_t* ids, const T* bias, Index n, Index N, T* out);
  static void scatter_add(const T* d, const std::int32_t* ids, const Part& rows, Index N, T* out);
  static void dropout(const T* x, const std::uint16_t* bits, int threshold, double scale, Index n, T* y);
  static void update(const Update<T>& u, Index n);
  static void clip(T* x, double limit, double scale, Index n);
  static double sum_of_squares(const T* x, Index n);
  static void activation(int which, const T* x, Index n, T* y);
};

extern template struct Engine<float>;
extern template struct Engine<double>;

}  // namespace elman
