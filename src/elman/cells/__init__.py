"""The three recurrent cells: equations, forward and backward passes, in NumPy.

Each module holds one cell as one function, `forward`, which runs a whole
sequence and returns the hidden states, the final state, and a *pullback*: the
function that maps the gradient of those outputs to the gradients of the inputs
and parameters. The three are read in this order: `rnn`, `lstm`, `gru`.

The product of the inputs with W_x needs no recurrence, so it is done before,
for all time steps at once: a cell receives the pre-activations `z = x·W_x + b`
and adds what depends on the previous hidden state.
"""

from . import gru, lstm, rnn

CELLS = {"rnn": rnn, "lstm": lstm, "gru": gru}

__all__ = ["CELLS", "gru", "lstm", "rnn"]
