// Whole networks in one call: look-up or embedding, stacked cells, readout. Equal to elman.nn.network.Network and elman.tasks.language.sampling.
// All parameters lie in one array, in the order of NetworkConfig.shapes(); gradients in a second one.
#pragma once
#include <vector>

#include "kernels.hpp"

namespace elman {

struct Architecture {
  Cell cell;
  bool relu, bias;
  Index vocabulary, embedding, hidden, layers;  // embedding 0: rows of the first W_x are looked up

  Index columns() const { return GATES[cell] * hidden; }
  Index state_size(Index batch) const { return STATES[cell] * batch * hidden; }  // of one layer
};

template <class T> struct LayerWeights { T *W_x, *W_h, *b, *c_n; };  // b, c_n: null without
template <class T> struct Weights {
  T* E;
  std::vector<LayerWeights<T>> layers;
  T *W_y, *b_y;
  Index size;  // of the whole array

  Weights(const Architecture& a, T* flat);  // flat may be null, to know the size
};

// T steps of B sequences. bits (L, T, B, H), random, or null: no dropout.
template <class T> struct Window {
  Index steps, batch;
  const std::int32_t *inputs, *targets;  // (T, B)
  const T* weights;                      // (T, B) of every prediction in the loss
  const std::uint8_t* mask;              // (T, B) or null
  const std::uint16_t* bits;
  int threshold;
  double scale;
  const T* state;                        // (L, S, B, H)
  T* final_state;                        // (L, S, B, H); may be state itself
  bool bf16;                             // whether the operands of products are rounded
};

// Of each of some groups of neighbouring sequences: its loss, the sum of weight · nats, and its gradient. borders (groups + 1,) says
// where they begin; losses (groups,); gradients (groups, n) are replaced, or added to with `add`. The first state is a constant.
// Memory of the calling thread, kept: per layer as for its cell, one dz, one dh, the logits.
template <class T>
void losses_and_gradients(const Architecture& a, const T* parameters, const Window<T>& window, const std::vector<Index>& borders, bool add,
                          double* losses, T* gradients);

// nats (T, B) of every prediction. Read in blocks of steps, so that memory does not grow with T.
template <class T> void score(const Architecture& a, const T* parameters, Window<T> window, double* nats);

// How a symbol is chosen. Equal to elman.tasks.language.sampling.distribution.
struct Choice {
  double temperature;  // 0: the likeliest
  Index top_k;         // 0: all
  double top_p;        // 1: all
  const std::uint8_t* forbidden;  // (V,): 1 is never chosen
  std::int32_t end;    // a stream that chose it chooses nothing more; -1: none
};

// The weights as `generate` reads them: packed (packed_size,), as long as parameters and instruction level stay the same.
template <class T> Index packed_size(const Architecture& a);
template <class T> void pack(const Architecture& a, const T* parameters, T* packed);

// Reads ids (P, B), then writes symbols (N, B), each from one of the uniform numbers (N, B). state (L, S, B, H) is carried along.
// Returns how many steps were written before every stream had ended; what follows an end is filled with it.
template <class T>
Index generate(const Architecture& a, const T* parameters, const T* packed, const std::int32_t* ids, Index P, const double* uniforms, Index N, Index B,
               const Choice& choice, T* state, std::int32_t* symbols);

}  // namespace elman
