"""Forward and all gradients against PyTorch, where it happens to be installed.

PyTorch stores transposed weights in the same gate order, and two biases per layer
that are summed, except in the candidate of the GRU, where the second is our `c_n`.
"""

from __future__ import annotations

import numpy as np
import pytest

from elman.nn.layers import softmax_cross_entropy
from elman.nn.network import Network, NetworkConfig, initialise

from ..oracles import one_hot

torch = pytest.importorskip("torch")

V, H, T, B = 7, 5, 6, 3
KINDS = {"rnn tanh": "RNN", "rnn relu": "RNN", "lstm": "LSTM", "gru": "GRU"}


def networks(name: str, layers: int, embedding: int, bias: bool):
    """Ours, and theirs with the same weights: embedding, recurrent stack, readout."""
    cell, _, activation = name.partition(" ")
    config = NetworkConfig(V, cell, H, layers, embedding, activation or "tanh", bias)
    ours = Network(config, np.float64)
    initialise(ours.parameters, config, "uniform", None, np.random.default_rng(1))
    options = {"nonlinearity": activation} if cell == "rnn" else {}
    stack = getattr(torch.nn, KINDS[name])(
        embedding or V, H, layers, bias=bias, dtype=torch.float64, **options
    )
    readout = torch.nn.Linear(H, V, bias=bias, dtype=torch.float64)
    with torch.no_grad():
        for ours_name, theirs in pairs(ours, stack, readout):
            theirs.copy_(torch.from_numpy(np.array(ours.parameters[ours_name].T)))
        for layer in range(layers if bias else 0):
            second = getattr(stack, f"bias_hh_l{layer}")
            second.zero_()
            if cell == "gru":
                second[2 * H :] = torch.from_numpy(ours.parameters[f"layer{layer}.c_n"])
    return ours, stack, readout


def pairs(network, stack, readout):
    """Our names beside their tensors (c_n and the embedding apart)."""
    for name in network.parameters:
        place, _, kind = name.partition(".")
        if place == "readout":
            yield name, readout.weight if kind == "W_y" else readout.bias
        elif kind in ("W_x", "W_h", "b"):
            theirs = {"W_x": "weight_ih", "W_h": "weight_hh", "b": "bias_ih"}[kind]
            yield name, getattr(stack, f"{theirs}_l{place[5:]}")


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("layers", "embedding"), [(1, 0), (2, 4), (3, 0)])
@pytest.mark.parametrize("name", list(KINDS))
def test_losses_states_and_all_gradients_equal_pytorchs(name, layers, embedding, bias):
    ours, stack, readout = networks(name, layers, embedding, bias)
    rng = np.random.default_rng(2)
    ids, targets = rng.integers(0, V, (2, T, B)).astype(np.int32)
    state = rng.normal(0, 0.5, ours.zero_state(B).shape)
    loss, states = ours.loss_and_gradient(ids, targets, np.full((T, B), 1 / (T * B)), state)

    if embedding:
        E = torch.tensor(ours.parameters["embedding.E"], requires_grad=True)
        x = E[torch.from_numpy(ids).long()]
    else:
        x = torch.from_numpy(one_hot(ids, V))
    first = [torch.tensor(state[:, s], requires_grad=True) for s in range(state.shape[1])]
    h, last = stack(x, tuple(first) if len(first) == 2 else first[0])
    logits = readout(h)
    expected = torch.nn.functional.cross_entropy(
        logits.reshape(-1, V), torch.from_numpy(targets).long().reshape(-1)
    )
    expected.backward()

    assert loss == pytest.approx(expected.item(), rel=1e-13)
    last = last if isinstance(last, tuple) else (last,)
    for s, theirs in enumerate(last):
        np.testing.assert_allclose(states[-1][:, s], theirs.detach().numpy(), rtol=1e-12)
    for our_name, theirs in pairs(ours, stack, readout):
        np.testing.assert_allclose(
            ours.gradient[our_name], theirs.grad.numpy().T, rtol=1e-10, atol=1e-15,
            err_msg=our_name,
        )  # fmt: skip
    if embedding:
        np.testing.assert_allclose(ours.gradient["embedding.E"], E.grad.numpy(), rtol=1e-10)
    for layer in range(layers if bias and name == "gru" else 0):
        second = getattr(stack, f"bias_hh_l{layer}").grad.numpy()[2 * H :]
        np.testing.assert_allclose(ours.gradient[f"layer{layer}.c_n"], second, rtol=1e-10)

    weights = np.full((T, B), 1 / (T * B))
    dfirst = gradient_of_first_state(ours, ids, targets, weights, state)
    for s, theirs in enumerate(first):
        np.testing.assert_allclose(dfirst[:, s], theirs.grad.numpy(), rtol=1e-10, atol=1e-15)


def gradient_of_first_state(network, ids, targets, weights, state):
    logits, _, pullback = network.forward(ids, state)
    return pullback(softmax_cross_entropy(logits, targets)[1](weights), None)
