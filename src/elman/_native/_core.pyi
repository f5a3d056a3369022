"""The compiled kernels (bindings.cpp); outputs are C-contiguous arrays of the caller."""

import numpy as np

Array = np.ndarray
Architecture = tuple[int, bool, bool, int, int, int, int]  # cell relu bias V D H L

SOURCES: str  # the digest of the C++ sources that it was compiled from

def forward(
    cell: int,
    relu: bool,
    z: Array,
    ids: Array | None,
    state: Array,
    mask: Array | None,
    W_h: Array,
    c_n: Array | None,
    h: Array,
    saved: Array | None,
    final_state: Array,
    bf16: bool,
) -> None: ...
def backward(
    cell: int,
    relu: bool,
    h: Array,
    state: Array,
    mask: Array | None,
    W_h: Array,
    saved: Array | None,
    dh: Array,
    dstate: Array | None,
    dz: Array,
    dq: Array | None,
    dstate0: Array,
    dW_h: Array,
    dc_n: Array | None,
    bf16: bool,
) -> None: ...
def affine(x: Array, W: Array, b: Array | None, transposed: bool, y: Array, bf16: bool) -> None: ...
def outer_sum(a: Array, b: Array, c: Array, bf16: bool) -> None: ...
def column_sum(a: Array, out: Array) -> None: ...
def cross_entropy(logits: Array, targets: Array, dlogits: Array, nats: Array) -> None: ...
def gather(table: Array, ids: Array, out: Array) -> None: ...
def dropout(x: Array, bits: Array, threshold: int, scale: float, y: Array) -> None: ...
def scatter_add(d: Array, ids: Array, out: Array) -> None: ...
def update(
    rule: int,
    p: Array,
    g: Array,
    m: Array | None,
    v: Array | None,
    learning_rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    decay: float,
    correction1: float,
    correction2: float,
) -> None: ...
def clip(x: Array, limit: float, scale: float) -> None: ...
def sum_of_squares(x: Array) -> float: ...
def activation(which: int, x: Array, y: Array) -> None: ...
def losses_and_gradients(
    architecture: Architecture,
    parameters: Array,
    borders: list[int],
    gradients: Array,
    add: bool,
    losses: Array,
    inputs: Array,
    targets: Array,
    weights: Array,
    state: Array,
    mask: Array | None,
    bits: Array | None,
    threshold: int,
    scale: float,
    final_state: Array,
    bf16: bool,
) -> None: ...
def score(
    architecture: Architecture,
    parameters: Array,
    inputs: Array,
    targets: Array,
    state: Array,
    mask: Array | None,
    nats: Array,
    final_state: Array,
) -> None: ...
def packed_size(architecture: Architecture, parameters: Array) -> int: ...
def pack(architecture: Architecture, parameters: Array, packed: Array) -> None: ...
def generate(
    architecture: Architecture,
    parameters: Array,
    packed: Array,
    ids: Array,
    uniforms: Array,
    temperature: float,
    top_k: int,
    top_p: float,
    forbidden: Array,
    end: int,
    state: Array,
    symbols: Array,
) -> int: ...
def has_bf16() -> bool: ...
def level() -> str: ...
def levels() -> list[str]: ...
def choose_level(name: str) -> None: ...
def set_threads(count: int) -> None: ...
def threads() -> int: ...
