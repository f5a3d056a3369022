"""Largest error of the native exp, sigmoid and tanh over all 2**32 values of float32, in ULP.

python benchmarks/activations.py [--stride N]    (every N-th value; 1: all of them, some minutes)
"""

import argparse

import numpy as np

from elman._native import _core

BLOCK = 1 << 22
NUMBER = {"exp": 0, "sigmoid": 1, "tanh": 2}
TRUE = {"exp": np.exp, "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "tanh": np.tanh}


def ulps(got, wanted):
    with np.errstate(all="ignore"):
        spacing = np.spacing(np.abs(wanted).astype(np.float32)).astype(np.float64)
        error = np.abs(got.astype(np.float64) - wanted) / spacing
        same = (got == wanted.astype(np.float32)) | (np.isnan(got) & np.isnan(wanted))
    return np.where(same, np.minimum(np.nan_to_num(error, posinf=0.0), 0.5), error)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stride", type=int, default=1, help="look at every N-th bit pattern")
    stride = parser.parse_args().stride
    print("level     function  largest error (ULP)  at")
    for level in _core.levels():
        _core.choose_level(level)
        worst = dict.fromkeys(TRUE, (0.0, 0.0))
        for start in range(0, 1 << 32, BLOCK * stride):
            end = min(start + BLOCK * stride, 1 << 32)
            bits = np.arange(start, end, stride, dtype=np.uint64).astype(np.uint32)
            x = bits.view(np.float32)
            for name, true in TRUE.items():
                with np.errstate(all="ignore"):
                    wanted = true(x.astype(np.float64))
                got = np.empty_like(x)
                _core.activation(NUMBER[name], x, got)
                error = ulps(got, wanted)
                if (
                    name == "sigmoid"
                ):  # below -87.3 it is 0 by definition, an error of less than 1.3e-38
                    error[x < -87.3] = 0
                at = int(np.argmax(np.where(np.isnan(error), np.inf, error)))
                if not error[at] <= worst[name][0]:
                    worst[name] = float(error[at]), float(x[at])
        for name, (error, x) in worst.items():
            print(f"{level:9} {name:9} {error:19.3f}  {x:.9g}", flush=True)


if __name__ == "__main__":
    main()
