"""Rows read a second from Parquet files, and the memory that it takes, beside pyarrow alone.

python benchmarks/reading.py --rows 1000000 5000000 --files 1 8
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

BATCH_ROWS = 65_536


def write(folder: Path, rows: int, args: argparse.Namespace, files: int) -> None:
    """Write rows of obs and of a test of each action, mixed or regime by regime."""
    labels = np.array(["obs", *(f"do(a{k + 1})" for k in range(args.actions))])
    rng = np.random.default_rng(0)
    for file, size in enumerate(np.diff(np.linspace(0, rows, files + 1).astype(int))):
        writer = None
        for start in range(0, size, args.row_group):
            n = min(args.row_group, size - start)
            codes = rng.integers(0, len(labels), n)
            regime = pa.array(labels[np.sort(codes) if args.sorted else codes])
            columns: dict[str, Any] = {f"a{k + 1}": rng.normal(size=n) for k in range(args.actions)}
            if args.levels:
                columns["a1"] = rng.integers(0, args.levels, n)
            if args.text:
                columns[f"a{args.actions}"] = np.array(["none", "some", "much"])[rng.integers(0, 3, n)]
            columns["y"] = rng.normal(size=n)
            columns["regime"] = regime if args.regime == "string" else regime.dictionary_encode()
            table = pa.table(columns)
            writer = writer or pq.ParquetWriter(folder / f"{file:04d}.parquet", table.schema)
            writer.write_table(table, row_group_size=args.row_group)
        if writer is not None:
            writer.close()


def peak() -> float:
    """Return the most memory this process has taken so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(what: str, folder: Path, args: argparse.Namespace, send: Any) -> None:
    """Send the seconds and the peak memory of one way of reading."""
    if args.threads:
        pa.set_cpu_count(args.threads)
    names = [f"a{k + 1}" for k in range(args.actions)]
    files = sorted(folder.iterdir())

    def arrow() -> None:
        for file in files:
            with pq.ParquetFile(file, read_dictionary=["regime"], buffer_size=2**16, pre_buffer=False) as opened:
                for _ in opened.iter_batches(BATCH_ROWS, columns=[*names, "y", "regime"], use_threads=False):
                    pass

    def first() -> None:
        ivg.RegimeData.from_parquet(folder, outcome="y", actions=names)

    def again() -> None:
        for _ in data.batches():
            pass

    if what != "pyarrow alone":
        import bayes_ivgen as ivg

        data = ivg.RegimeData.from_parquet(folder, outcome="y", actions=names)  # imports what it needs
    read = {"pyarrow alone": arrow, "from_parquet": first, "a pass": again}[what]
    seconds = []
    for _ in range(args.repeats):
        start = time.perf_counter()
        read()
        seconds.append(time.perf_counter() - start)
    send.send((min(seconds), peak()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 5_000_000])
    parser.add_argument("--files", type=int, nargs="+", default=[1])
    parser.add_argument("--actions", type=int, default=5)
    parser.add_argument("--row-group", type=int, default=1_000_000, help="rows of a row group")
    parser.add_argument("--regime", choices=["string", "dictionary"], default="string")
    parser.add_argument("--sorted", action="store_true", help="regime by regime within a row group")
    parser.add_argument("--levels", type=int, default=0, help="whole numbers 0..LEVELS-1 as first action")
    parser.add_argument("--text", action="store_true", help="labels as last action")
    parser.add_argument("--repeats", type=int, default=3, help="the best time counts")
    parser.add_argument("--threads", type=int, default=0, help="threads of Arrow, 0 for its default")
    args = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    print(f"{'rows':>10} {'files':>5}  {'what':14} {'seconds':>7} {'M rows/s':>8} {'peak MB':>8}")
    for rows in args.rows:
        for files in args.files:
            with tempfile.TemporaryDirectory() as folder:
                # In processes of their own: one would count the memory of the other, or of the writer.
                writer = spawn.Process(target=write, args=(Path(folder), rows, args, files))
                writer.start()
                writer.join()
                for what in ("pyarrow alone", "a pass", "from_parquet"):
                    receive, send = spawn.Pipe(duplex=False)
                    process = spawn.Process(target=measure, args=(what, Path(folder), args, send))
                    process.start()
                    send.close()
                    seconds, most = receive.recv()
                    process.join()
                    print(f"{rows:>10} {files:>5}  {what:14} {seconds:7.3f} {rows / seconds / 1e6:8.1f} {most:8.0f}")


if __name__ == "__main__":
    main()
