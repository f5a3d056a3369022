"""Elman, set by flags alone, does what the field's own small program does, number by number.

The recipe is that of min-char-rnn: one stream, 100 tanh units, windows of 25 characters, the loss
summed over the window, the state carried from window to window, every gradient entry clipped to ±5,
Adagrad with its epsilon inside the root. `Recipe` below says it again in loops over single numbers'
worth of work, in float64, sharing no code with the package; both start from the weights of the same
model file.

At learning rate 0.01 the two agree on every loss of 1,000 iterations. At the recipe's own 0.1,
training is chaotic: Adagrad's first steps are ±0.1 per weight whatever the gradient's size, so a
difference of one rounding grows to several per cent within some fifty iterations, between any two
correct programs. There, each is asked about the *same* parameters, at many points of the
trajectory.
"""

from __future__ import annotations

from shlex import split

import numpy as np
import pytest

T = 25
RECIPE = split(
    """
    --cell rnn --activation tanh --hidden-size 100 --num-layers 1 --init normal --init-scale
    0.01 --seq-len 25 --batch-size 1 --batching consecutive --loss sum --clip-value 5
    --optimizer adagrad --schedule constant --dropout 0 --weight-decay 0 --validation 0
    --dtype float64 --seed 0 --threads 1
    """
)


class Recipe:
    """Vanilla RNN language model: column vectors, explicit one-hot inputs, one time step after
    another.
    """

    def __init__(self, W_x, W_h, b, W_y, b_y):
        # Here a vector is a column, so that every matrix stands on the other side from the
        # package's.
        self.weights = [np.array(m, np.float64, copy=True) for m in (W_x.T, W_h.T, W_y.T)]
        self.weights += [np.array(v, np.float64, copy=True).reshape(-1, 1) for v in (b, b_y)]
        self.squares = [np.zeros_like(w) for w in self.weights]
        self.hidden_size, self.vocabulary_size = self.weights[0].shape

    def loss_and_gradients(self, inputs, targets, h):
        to_hidden, recurrent, to_output, hidden_bias, output_bias = self.weights
        seen, states, guesses = {}, {-1: h.copy()}, {}
        loss = 0.0
        for t, (symbol, following) in enumerate(zip(inputs, targets, strict=True)):
            seen[t] = np.zeros((self.vocabulary_size, 1))
            seen[t][symbol] = 1.0
            states[t] = np.tanh(to_hidden @ seen[t] + recurrent @ states[t - 1] + hidden_bias)
            scores = to_output @ states[t] + output_bias
            guesses[t] = np.exp(scores) / np.exp(scores).sum()
            loss += -np.log(guesses[t][following, 0])

        gradients = [np.zeros_like(w) for w in self.weights]
        from_future = np.zeros((self.hidden_size, 1))
        for t in range(len(inputs) - 1, -1, -1):
            error = guesses[t].copy()
            error[targets[t]] -= 1.0
            gradients[2] += error @ states[t].T
            gradients[4] += error
            reaching_state = to_output.T @ error + from_future
            before_tanh = (1.0 - states[t] * states[t]) * reaching_state
            gradients[0] += before_tanh @ seen[t].T
            gradients[1] += before_tanh @ states[t - 1].T
            gradients[3] += before_tanh
            from_future = recurrent.T @ before_tanh
        return loss, gradients, states[len(inputs) - 1]

    def update(self, gradients, learning_rate):
        for weight, square, gradient in zip(self.weights, self.squares, gradients, strict=True):
            clipped = np.clip(gradient, -5.0, 5.0)
            square += clipped * clipped
            weight -= learning_rate * clipped / np.sqrt(square + 1e-8)

    def named_gradients(self, gradients):
        """The gradients under the package's names, the other way round."""
        to_hidden, recurrent, to_output, hidden_bias, output_bias = gradients
        return {
            "layer0.W_x": to_hidden.T,
            "layer0.W_h": recurrent.T,
            "layer0.b": hidden_bias.ravel(),
            "readout.W_y": to_output.T,
            "readout.b_y": output_bias.ravel(),
        }

    @staticmethod
    def gradient_norm(gradients):
        return float(np.sqrt(sum((g * g).sum() for g in gradients)))


def windows(ids):
    """(start, whether a new pass begins) for ever: p + T + 1 >= N starts again, with an empty
    state.
    """
    p, first = 0, True
    while True:
        if first or p + T + 1 >= len(ids):
            p = 0
            yield p, True
        else:
            yield p, False
        first, p = False, p + T


def initial(elman, read_model, corpus):
    """The recipe with the weights that `--steps 0` writes, and the corpus as ids of that file's
    vocabulary.
    """
    elman(
        "train", corpus, "-o", "initial.safetensors", "--steps", 0, *RECIPE, "--learning-rate", 0.01
    ).ok()
    model = read_model(elman.folder / "initial.safetensors")
    assert model.vocabulary["kind"] == "char"
    index = {symbol: i for i, symbol in enumerate(model.symbols)}
    ids = [index[c] for c in corpus.read_text(encoding="utf-8")]
    w = model.weights
    expected = {"layer0.W_x", "layer0.W_h", "layer0.b", "readout.W_y", "readout.b_y"}
    assert set(w) == expected, f"the file holds {sorted(w)}, expected {sorted(expected)}"
    V = len(model.symbols)
    shapes = {n: a.shape for n, a in w.items()}
    assert shapes == {
        "layer0.W_x": (V, 100),
        "layer0.W_h": (100, 100),
        "layer0.b": (100,),
        "readout.W_y": (100, V),
        "readout.b_y": (V,),
    }
    assert all(a.dtype == np.float64 for a in w.values()), "--dtype float64 did not store float64"
    assert not w["layer0.b"].any() and not w["readout.b_y"].any(), (
        "--init normal leaves the biases zero"
    )
    for name in ("layer0.W_x", "layer0.W_h", "readout.W_y"):
        assert 0.008 < w[name].std() < 0.012, (
            f"--init normal --init-scale 0.01: {name} has spread {w[name].std()}"
        )
    return Recipe(
        *(w[n] for n in ("layer0.W_x", "layer0.W_h", "layer0.b", "readout.W_y", "readout.b_y"))
    ), ids


@pytest.mark.parametrize("length", [1500, 27, 26 + 25 * 8, 27 + 25 * 8])
def test_every_loss_agrees_at_a_calm_learning_rate(elman, read_model, make_english, length):
    """1,000 iterations over several passes; the other lengths put the corpus end on each side
    of the rule.
    """
    steps = 1000 if length == 1500 else 60
    corpus = elman.folder / "english.txt"
    corpus.write_text(make_english(length), encoding="utf-8", newline="")
    recipe, ids = initial(elman, read_model, corpus)
    assert len(ids) == length

    run = elman(
        "train",
        corpus,
        "-o",
        "trained.safetensors",
        "--steps",
        steps,
        "--learning-rate",
        0.01,
        "--json",
        "--log-every",
        1,
        *RECIPE,
    ).ok()
    rows = run.named("step")
    assert [row["step"] for row in rows] == list(range(1, steps + 1)), (
        "--log-every 1 must report every step from 1"
    )

    passes = 0
    state = None
    for row, (p, new_pass) in zip(rows, windows(ids), strict=False):
        if new_pass:
            passes += 1
            state = np.zeros((recipe.hidden_size, 1))
        loss, gradients, state = recipe.loss_and_gradients(
            ids[p : p + T], ids[p + 1 : p + T + 1], state
        )
        error = abs(row["loss"] - loss) / loss
        assert error <= 1e-11, (
            f"step {row['step']} (pass {passes}, position {p}): our loss {row['loss']!r}, "
            f"the recipe's {loss!r}, relative difference {error:.1e}"
        )
        norm = recipe.gradient_norm(gradients)
        assert abs(row["gradient_norm"] - norm) <= 1e-9 * norm, (
            f"step {row['step']}: gradient_norm {row['gradient_norm']!r}, expected {norm!r}"
        )
        recipe.update(gradients, 0.01)
    assert passes >= 3, f"only {passes} passes: the test should cross the corpus end several times"
    if steps == 1000:
        start, end = rows[0]["loss"] / T, np.mean([row["loss"] for row in rows[-50:]]) / T
        assert end < 0.8 * start, (
            f"1,000 iterations should teach something: {start:.2f} to {end:.2f} nats"
        )

    # and so do the weights that were saved
    trained = read_model(elman.folder / "trained.safetensors").weights
    for name, expected in recipe.named_gradients(recipe.weights).items():
        np.testing.assert_allclose(trained[name], expected, rtol=1e-7, atol=1e-9, err_msg=name)


def test_same_parameters_same_loss_and_gradient_at_the_recipes_own_rate(
    elman, read_model, make_english
):
    """Along one trajectory at rate 0.1, the network computes each loss and gradient from the
    recipe's parameters.
    """
    from elman.nn.network import Network, NetworkConfig

    corpus = elman.folder / "english.txt"
    corpus.write_text(make_english(1500), encoding="utf-8", newline="")
    recipe, ids = initial(elman, read_model, corpus)
    config = NetworkConfig(vocabulary_size=recipe.vocabulary_size, cell="rnn", hidden_size=100)
    network = Network(config, np.float64)
    points, steps_of_sign, passes = 0, [], 0
    state = None
    for n, (p, new_pass) in zip(range(400), windows(ids), strict=False):
        if new_pass:
            state = np.zeros((recipe.hidden_size, 1))
            passes += 1
        inputs, targets, before = ids[p : p + T], ids[p + 1 : p + T + 1], state
        loss, gradients, state = recipe.loss_and_gradients(inputs, targets, before)
        if n < 60 or n % 10 == 0:
            points += 1
            for name, value in recipe.named_gradients(recipe.weights).items():
                network.parameters[name][...] = value
            ours, states = network.loss_and_gradient(
                np.array(inputs, np.int32)[:, None],
                np.array(targets, np.int32)[:, None],
                np.ones((T, 1)),
                before.reshape(1, 1, 1, -1),
            )
            assert abs(ours - loss) <= 1e-10 * loss, (
                f"iteration {n}: loss {ours!r}, the recipe's {loss!r}"
            )
            for name, expected in recipe.named_gradients(gradients).items():
                error = np.abs(network.gradient[name] - expected).max() / np.abs(expected).max()
                assert error <= 1e-10, (
                    f"iteration {n}: the gradient of {name} is off by {error:.1e}"
                )
            error = np.abs(states[-1].ravel() - state.ravel()).max()
            assert error <= 1e-12, (
                f"iteration {n}: the state that is carried on is off by {error:.1e}"
            )
        weights_before = recipe.weights[0].copy()
        recipe.update(gradients, 0.1)
        steps_of_sign.append(np.abs(recipe.weights[0] - weights_before).max())
    assert points > 90
    assert passes > 5
    assert steps_of_sign[0] > 0.099, (
        "the first Adagrad step is the learning rate, whatever the gradient: the chaos"
    )
