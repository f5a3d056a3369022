"""Largest error of the native exp, sigmoid and tanh over all 2**32 values of float32, in ULP.

    python benchmarks/activations.py [--stride N] [--levels v4,v3]

Every N-th bit pattern; 1, the default, is all of them: some minutes a level on one core. The true
value is NumPy's in float64. NaN must stay NaN, results too large for float32 must be infinite.
"""

import argparse

import numpy as np

from elman._native import _core

BLOCK = 1 << 15  # all arrays of a block stay in the cache
NUMBER = {"exp": 0, "sigmoid": 1, "tanh": 2}
TRUE = {"exp": np.exp, "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "tanh": np.tanh}
ZERO_BELOW = -87.3  # where sigmoid is 0 by definition, an error of less than 1.3e-38


def ulps(got: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """|got - wanted| in units in the last place of the float32 next to `wanted`."""
    nearest = wanted.astype(np.float32)
    unit = (nearest.view(np.uint32) & 0x7F800000).view(np.float32).astype(np.float64) * 2.0**-23
    error = np.abs(got - wanted) / np.maximum(unit, 2.0**-149)
    odd = ~np.isfinite(nearest)
    if odd.any():
        same = (got == nearest) | (np.isnan(got) & np.isnan(nearest))
        error[odd] = np.where(same, 0, np.inf)[odd]
    return error


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stride", type=int, default=1, help="look at every N-th bit pattern")
    parser.add_argument("--levels", default=",".join(_core.levels()), help="instruction levels")
    options = parser.parse_args()
    levels, stride = options.levels.split(","), options.stride
    worst = {(level, name): (0.0, 0.0) for level in levels for name in TRUE}
    for start in range(0, 1 << 32, BLOCK * stride):
        end = min(start + BLOCK * stride, 1 << 32)
        x = np.arange(start, end, stride, dtype=np.int64).astype(np.uint32).view(np.float32)
        got = np.empty_like(x)
        with np.errstate(all="ignore"):
            for name, true in TRUE.items():
                wanted = true(x.astype(np.float64))
                if name == "sigmoid":
                    wanted[x < ZERO_BELOW] = 0
                for level in levels:
                    _core.choose_level(level)
                    _core.activation(NUMBER[name], x, got)
                    error = ulps(got, wanted)
                    at = int(np.argmax(error))
                    if error[at] > worst[level, name][0]:
                        worst[level, name] = float(error[at]), float(x[at])
    print("level     function  largest error (ULP)  at")
    for (level, name), (error, x) in worst.items():
        print(f"{level:9} {name:9} {error:19.3f}  {x:.9g}", flush=True)


if __name__ == "__main__":
    main()
