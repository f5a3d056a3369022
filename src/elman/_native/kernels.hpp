// The kernels of one instruction level, as a table of functions: what dispatch chooses from.
// No inline code here: this header is shared by all levels.
//
// Shapes as in docs/mathematics.md, section 1: T steps, B batch, H hidden, G gates, V vocabulary; everything time-major and contiguous.
#pragma once
#include <cstddef>
#include <cstdint>

namespace elman {

using Index = std::ptrdiff_t;

enum Cell { RNN = 0, LSTM = 1, GRU = 2 };
constexpr int PLAIN = 2;                    // vectors in a panel of a plain product
constexpr int GATES[] = {1, 4, 3};          // columns of z per hidden unit
constexpr int STATES[] = {1, 2, 1};         // rows of the state
constexpr int SAVED[] = {0, 5, 4};          // values kept per unit for the backward: lstm i f g o c; gru r z n h·U_n+c_n

template <class T> struct Sequence {
  Cell cell;
  bool relu;                                // RNN: relu in place of tanh
  Index steps, batch, hidden;
  const T* z;                               // (T, B, G·H), or with ids a table (V, G·H) of which row ids[t, b] is taken
  const std::int32_t* ids;                  // (T, B) or null
  const T* state;                           // (S, B, H)
  const std::uint8_t* mask;                 // (T, B) or null: 0 carries the state over
  Index first_panel, last_panel;            // forward: the panels of hidden units to compute, of every row
  Index before;                             // forward: how many steps went before, in calls of their own
  const T* packed;                          // W_h, forward packed or transposed packed
  T* rounded;                               // what Products::rounded says, for the rows of a call and H, backward G·H
  const T* c_n;                             // (H,) or null: GRU
  T* h;                                     // (T + 1, B, H): the initial h, which the forward leaves to the caller, then one per step
  T* saved;                                 // (T, panels, B, SAVED, lanes); padded_hidden(H) in place of H is enough
  T* final_state;                           // (S, B, H): of it the forward writes what is not h
  const T* dh;                              // (T, B, H)
  const T* dstate;                          // (S, B, H) or null
  T* dz;                                    // (T, B, G·H)
  T* dq;                                    // (T, B, G·H): gradient of h·W_h; the same array as dz except for GRU
  T* dstate0;                               // (S, B, H)
};

// Which rows of (T, B, ...) a sum takes, in their order: of every step those of the sequences first..last.
struct Part {
  Index steps, batch, first, last;
};

enum Rule { SGD = 0, ADAGRAD = 1, RMSPROP = 2, ADAM = 3 };

// One update of the arena: p (n,) from its gradient g (n,).
template <class T> struct Update {
  Rule rule;
  T* p;
  const T* g;
  T* m;                                     // momentum: SGD (or null), Adam
  T* v;                                     // sum or mean of squares: Adagrad, RMSProp, Adam
  double learning_rate, beta1, beta2, epsilon;
  double decay;                             // decoupled weight decay: p shrinks by learning_rate · decay
  double correction1, correction2;          // Adam: 1 - beta^step
};

// What multiplies by packed matrices, and how: from operands as they are, or rounded to bf16 (two to a value of T).
template <class T> struct Products {
  Index values;                             // in one packed value: 1, or 2 of bf16
  void (*pack)(const T* w, Index k_stride, Index n_stride, Index K, Index units, int gates, Index first, Index last, T* packed);
  void (*forward)(const Sequence<T>& s, Index first, Index last);   // rows first..last of the batch, all steps
  void (*backward)(const Sequence<T>& s, Index first, Index last);
  void (*affine)(const T* packed, const T* bias, const T* x, Index K, Index N, Index first, Index last, T* y, T* rounded);
  Index (*rounded)(Index rows, Index K);    // values of scratch for a product of (rows, K): none where nothing is rounded
  Index (*outer_scratch)(Index M);
  void (*outer_sum)(const T* a, const T* b, const Part& rows, Index M, Index N, Index m0, Index m1, Index n0, Index n1, bool add, T* c, T* scratch);
};

template <class T> struct Kernels {
  Index lanes;
  Products<T> products;
  void (*column_sum)(const T* a, const Part& rows, Index N, Index n0, Index n1, bool add, T* out);
  void (*cross_entropy)(const T* logits, const std::int32_t* targets, const T* weights, Index V, Index first, Index last, T* dlogits, double* nats);
  void (*only_nats)(T* logits, const std::int32_t* targets, Index V, Index first, Index last, double* nats);
  void (*gather)(const T* table, const std::int32_t* ids, const T* bias, Index N, Index first, Index last, T* out);
  void (*scatter_add)(const T* d, const std::int32_t* ids, const Part& rows, Index N, Index n0, Index n1, T* out);
  void (*update)(const Update<T>& u, Index first, Index last);
  void (*dropout)(const T* x, const std::uint16_t* bits, int threshold, T scale, Index first, Index last, T* y);
  void (*clip)(T* x, T limit, T scale, Index first, Index last);
  double (*sum_of_squares)(const T* x, Index n);
  void (*activation)(int which, const T* x, Index n, T* y);         // 0 exp, 1 sigmoid, 2 tanh
};

struct Level {
  const char* name;
  const Kernels<float>& f32;
  const Kernels<double>& f64;
  const Products<float>* bf16;              // null where the instruction is missing
};

}  // namespace elman
