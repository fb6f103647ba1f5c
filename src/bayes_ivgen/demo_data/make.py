"""How ``media_mix.parquet`` was made; ``python -m bayes_ivgen.demo_data.make`` makes it again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from bayes_ivgen.simulate import MediaMixSCM

PATH = Path(__file__).with_name("media_mix.parquet")
WORLD_SEED = 0
ROW_SEED = 0
DECIMALS = 2
"""Spends and sales are in thousand euro, rounded to ten euro."""

COUNTS = {"obs": 2000, "do(tv)": 500, "do(web)": 500, "do(radio)": 500, "do(social)": 500}


def make_world() -> MediaMixSCM:
    """Return the world that the rows come from: it knows the exact effects."""
    from bayes_ivgen.simulate import media_mix

    return media_mix(n_channels=4, seed=WORLD_SEED)


def make_rows() -> pd.DataFrame:
    """Draw the rows again: ``regime``, ``tv``, ``web``, ``radio``, ``social``, ``sales``."""
    return make_world().sample_regimes(COUNTS, seed=ROW_SEED).round(DECIMALS)


def load_rows() -> pd.DataFrame:
    """Read the rows that ship with the package."""
    import pandas as pd

    return pd.read_parquet(PATH)


def write_rows(path: Path = PATH) -> Path:
    """Write the rows, with the seeds in the metadata of the file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(make_rows(), preserve_index=False)
    made = f"bayes_ivgen.simulate.media_mix(n_channels=4, seed={WORLD_SEED}), rows of seed {ROW_SEED}"
    metadata = {**(table.schema.metadata or {}), b"made_by": made.encode()}
    pq.write_table(table.replace_schema_metadata(metadata), path, compression="zstd")
    return path


if __name__ == "__main__":
    write_rows()
