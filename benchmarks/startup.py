"""Seconds until the package and its command are there: `import bayes_ivgen`, `bayes-ivgen --help`, a model.

python benchmarks/startup.py

Each line is the least of several fresh processes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

CASES = {
    "python alone": "pass",
    "import bayes_ivgen": "import bayes_ivgen",
    "bayes-ivgen --help": "from bayes_ivgen.cli import main; main(['--help'])",
    "InterventionModel()": "import bayes_ivgen; bayes_ivgen.InterventionModel()",
}


def seconds_of(code: str) -> float:
    """Seconds of a fresh process."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7, help="fresh processes a line")
    args = parser.parse_args()
    for name, code in CASES.items():
        print(f"{name:20} {min(seconds_of(code) for _ in range(args.repeats)):.2f} s", flush=True)


if __name__ == "__main__":
    main()
