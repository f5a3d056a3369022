"""Write text or classify with an ONNX file of `elman export`: NumPy and ONNX Runtime, no Elman.

    python onnx_sample.py poems.onnx "The sea" [LENGTH [TEMPERATURE]]     0: the likeliest symbol
    python onnx_sample.py surnames.onnx Müller Rossi
"""

import json
import sys
import unicodedata

import numpy as np
from onnxruntime import InferenceSession

if len(sys.argv) < 3:
    sys.exit(__doc__)
session = InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
about = session.get_modelmeta().custom_metadata_map
vocabulary, special = json.loads(about["vocabulary"]), json.loads(about["special"])
treatment = json.loads(about["treatment"])
symbols = vocabulary["symbols"]
numbers = {symbol: number for number, symbol in enumerate(symbols)}
if about["task"] == "tag" or vocabulary["kind"] == "word":
    sys.exit("this example knows models that write or classify characters or bytes")


def encode(text):
    """The ids (T, 1) of a text, treated as Elman treats it, in the same order."""
    if vocabulary["kind"] != "byte" or about["task"] == "classify":
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        text = text.strip() if treatment.get("strip") else text
        form = treatment.get("normalize")
        text = unicodedata.normalize(form, text) if form else text
        text = text.lower() if treatment.get("lowercase") else text
    if vocabulary["kind"] == "byte":
        ids = list(text.encode("utf-8", "surrogatepass"))
    else:
        ids = [numbers.get(c, special.get("<unk>")) for c in text]
    if None in ids:
        sys.exit(f"the model does not know {text[ids.index(None)]!r}")
    if not ids and "<begin>" not in special:
        sys.exit("there is nothing to read: give a text that is not empty")
    return np.array(ids, np.int64)[:, None]


def write(prime, length=200, temperature=0.8, seed=0):
    """The prime and what the model writes after it; the states go in again as they came out."""
    inputs = session.get_inputs()[1:]  # h0, of an LSTM c0: (layers, 1, hidden)
    states = {i.name: np.zeros([i.shape[0], 1, i.shape[2]], np.float32) for i in inputs}
    ids, written, rng = encode(prime), list(encode(prime)[:, 0]), np.random.default_rng(seed)
    if "<begin>" in special:
        ids = np.concatenate([[[special["<begin>"]]], ids])
    for _ in range(length):
        logits, *after = session.run(None, {"ids": ids, **states})
        states = dict(zip(states, after, strict=True))
        y = logits[-1, 0].astype(float)
        y[[n for s, n in special.items() if s != "<end>"]] = -np.inf  # these are no text
        p = np.exp((y - y.max()) / temperature) if temperature else y == y.max()
        ids = np.array([[rng.choice(len(p), p=p / p.sum())]])
        if ids[0, 0] == special.get("<end>"):
            break
        written.append(ids[0, 0])
    if vocabulary["kind"] == "byte":
        return bytes(written).decode(errors="replace")
    return "".join(symbols[n] for n in written)


def classify(text):
    """The likeliest class, and its probability at the temperature that was fitted."""
    ids = encode(text)[: treatment["seq_len"]]
    logits = session.run(None, {"ids": ids, "lengths": np.array([len(ids)])})[0][0]
    p = np.exp((logits - logits.max()) / json.loads(about["temperature"]))
    return json.loads(about["classes"])[p.argmax()], p.max() / p.sum()


if about["task"] == "classify":
    for text in sys.argv[2:]:
        print(*classify(text), text, sep="\t")
else:
    prime, *rest = sys.argv[2:]
    print(write(prime, *map(int, rest[:1]), *map(float, rest[1:])))
