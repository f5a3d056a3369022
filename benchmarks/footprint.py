"""Import time, and the peak memory of a process that takes three training steps.

    python benchmarks/footprint.py [--json]

Thread scaling is a matter of train_step.py: --systems elman-native --threads 1,2.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
IMPORTS = ("numpy", "elman", "torch", "jax")
SYSTEMS = {
    "elman-native": "elman.prepare(work, 1, 'native')",
    "elman-numpy": "elman.prepare(work, 1, 'numpy')",
    "pytorch": "pytorch.prepare(work, 1)",
    "jax": "jax.prepare(work)",
}
CONFIGS = ("rnn-100-b1", "lstm-512-b32", "lstm-2x512-b64")
STEP = """
import resource
from peers import WORKS, {module}
work = WORKS["{config}"]
step = {call}
for _ in range(3):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def run(code: str) -> tuple[float, str] | None:
    """Seconds and output of a fresh interpreter; None if it fails."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=HERE, env=os.environ | one, capture_output=True, text=True
    )
    return None if done.returncode else (time.perf_counter() - start, done.stdout)


def main() -> None:
    rows = []
    empty = min(run("pass")[0] for _ in range(5))
    for name in IMPORTS:
        if run(f"import {name}"):
            seconds = min(run(f"import {name}")[0] for _ in range(5)) - empty
            rows.append({"what": "import", "system": name, "seconds": round(seconds, 3)})
    for config in CONFIGS:
        for system, call in SYSTEMS.items():
            done = run(STEP.format(module=call.split(".")[0], config=config, call=call))
            if done:
                megabytes = round(float(done[1]))
                rows.append({"what": config, "system": system, "peak_megabytes": megabytes})
    for row in rows:
        if "--json" in sys.argv:
            print(json.dumps(row))
        else:
            *names, value = row.values()
            print(*(f"{name:16}" for name in names), value, list(row)[-1])


if __name__ == "__main__":
    main()
