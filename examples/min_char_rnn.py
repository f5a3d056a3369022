"""A recurrent network that learns to write, one character at a time: the idea in NumPy alone.

    python examples/min_char_rnn.py FILE [STEPS]

It reads characters x_1, x_2, … and after each one says how likely every character is to come next.
What it has read so far is kept in a vector h. Vectors are rows; a character is a one-hot row, so
x·W_x is a row of W_x. The same idea with LSTM, GRU, batches and layers is the package `elman`.
"""

import sys

import numpy as np


def initial_parameters(vocabulary_size, hidden_size, rng, scale=0.01):
    """Small random matrices break the symmetry between units; biases can start at zero."""
    def matrix(rows, columns):
        return rng.normal(0.0, scale, (rows, columns))

    return {
        "W_x": matrix(vocabulary_size, hidden_size),  # input to hidden
        "W_h": matrix(hidden_size, hidden_size),      # hidden to hidden: the memory
        "b": np.zeros(hidden_size),
        "W_y": matrix(hidden_size, vocabulary_size),  # hidden to output
        "b_y": np.zeros(vocabulary_size),
    }


def step(params, x, h):
    """Read one character: the next hidden state and the probability of every next character."""
    z = params["W_x"][x] + h @ params["W_h"] + params["b"]  # z_t = x_t·W_x + h_{t-1}·W_h + b
    h = np.tanh(z)                                          # h_t = tanh(z_t)
    y = h @ params["W_y"] + params["b_y"]                   # y_t = h_t·W_y + b_y
    e = np.exp(y - y.max())                                 # p_t = softmax(y_t); the shift cancels
    return h, e / e.sum()


def loss_and_gradient(params, inputs, targets, h):
    """Loss over a window, its gradient by back-propagation through time, the last hidden state."""
    T = len(inputs)
    hs = np.empty((T + 1, len(h)), h.dtype)  # hs[t] is the state before step t, hs[t + 1] after it
    ps = np.empty((T, len(params["b_y"])), h.dtype)
    hs[0] = h
    for t in range(T):
        hs[t + 1], ps[t] = step(params, inputs[t], hs[t])
    loss = -np.log(ps[np.arange(T), targets]).sum()  # L = Σ_t −log p_t[target_t]

    dy = ps.copy()
    dy[np.arange(T), targets] -= 1                   # ∂L/∂y_t = p_t − one_hot(target_t)
    dz = np.zeros_like(hs)                           # ∂L/∂z_t; nothing follows the window
    for t in reversed(range(T)):
        # h_t acts through y_t and through z_{t+1}
        dh = dy[t] @ params["W_y"].T + dz[t + 1] @ params["W_h"].T
        dz[t] = dh * (1 - hs[t + 1] ** 2)            # tanh′ = 1 − tanh²
    dz = dz[:T]

    dW_x = np.zeros_like(params["W_x"])
    np.add.at(dW_x, inputs, dz)      # Σ_t x_tᵀ·dz_t: each step adds to the row of its character
    gradient = {
        "W_x": dW_x,
        "W_h": hs[:-1].T @ dz,       # Σ_t h_{t-1}ᵀ·dz_t
        "b": dz.sum(axis=0),
        "W_y": hs[1:].T @ dy,        # Σ_t h_tᵀ·dy_t
        "b_y": dy.sum(axis=0),
    }
    return loss, gradient, hs[-1]


def adagrad(params, gradient, memory, learning_rate=0.1, clip=5.0):
    """One update in place; a weight that has seen large gradients takes smaller steps."""
    for name, p in params.items():
        g = np.clip(gradient[name], -clip, clip)  # a long chain of products can explode: hold it
        memory[name] += g * g
        p -= learning_rate * g / np.sqrt(memory[name] + 1e-8)


def sample(params, x, h, length, rng):
    """Write: draw a character from p, read it back as the next input, and so on."""
    ids = []
    for _ in range(length):
        h, p = step(params, x, h)
        x = int(rng.choice(len(p), p=p))
        ids.append(x)
    return ids


def train(ids, vocabulary_size, hidden_size=100, T=25, learning_rate=0.1, seed=0):
    """Slide a window over the text for ever; yields (step, loss, parameters, state)."""
    rng = np.random.default_rng(seed)
    params = initial_parameters(vocabulary_size, hidden_size, rng)
    memory = {name: np.zeros_like(p) for name, p in params.items()}
    position, n, h = 0, 0, np.zeros(hidden_size)
    while True:
        if position + T + 1 >= len(ids):         # the end of the text: a new pass, an empty memory
            position, h = 0, np.zeros(hidden_size)
        window = ids[position : position + T + 1]     # the state is carried on, the gradient is not
        loss, gradient, h = loss_and_gradient(params, window[:-1], window[1:], h)
        adagrad(params, gradient, memory, learning_rate)
        position, n = position + T, n + 1
        yield n, loss, params, h


def main(path, steps=10_000):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    symbols = sorted(set(text))
    ids = np.array([symbols.index(character) for character in text])
    if len(ids) < 27:
        sys.exit(f"{path}: {len(ids)} characters are too few; give at least 27")
    rng = np.random.default_rng(1)
    smooth = np.log(len(symbols))  # nats per character; at first every symbol is as likely
    for n, loss, params, h in train(ids, len(symbols)):
        smooth += 0.001 * (loss / 25 - smooth)
        if n % 1000 == 0 or n == steps:
            written = "".join(symbols[i] for i in sample(params, ids[0], h, 200, rng))
            print(f"--- step {n}: {smooth / np.log(2):.3f} bits per character\n{written}")
        if n >= steps:
            break


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python examples/min_char_rnn.py FILE [STEPS]")
    main(sys.argv[1], *map(int, sys.argv[2:]))
