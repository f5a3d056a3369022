"""How much memory a verb takes, in a process of its own. Only where there is /proc."""

import subprocess
import sys

MEASURED = """
import re, sys
sys.argv = ["elman", *sys.argv[1:]]
from elman.cli import main
try:
    main()
finally:
    # Not ru_maxrss, which begins with that of the process that started this one.
    kilobytes = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
    print(kilobytes // 1024, file=sys.stderr)
"""


def megabytes(folder, *arguments, stdin=subprocess.DEVNULL):
    """The peak memory of the verb in MB, its answers thrown away."""
    command = [sys.executable, "-c", MEASURED, *map(str, arguments)]
    run = subprocess.run(command, stdin=stdin, text=True, stdout=subprocess.DEVNULL,
                         stderr=subprocess.PIPE, cwd=folder)  # fmt: skip
    assert run.returncode == 0, run.stderr
    return int(run.stderr.split()[-1])
