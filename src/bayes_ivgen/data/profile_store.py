"""Profiles as labelled arrays, to be stored with a fit and read back as data whose rows are gone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import xarray as xr

from bayes_ivgen.data.columns import ColumnNames
from bayes_ivgen.data.labels import LabelSet
from bayes_ivgen.data.profile import RegimeProfile, thinned
from bayes_ivgen.data.regime import Regime
from bayes_ivgen.data.regime_data import RegimeData
from bayes_ivgen.data.sources import BATCH_ROWS, LabelledBatch
from bayes_ivgen.errors import DataError

KEPT_ROWS = 10_000
"""Rows of the sample of each regime that are stored: as many as the noise model looks at."""


@dataclass(frozen=True)
class GoneSource:
    """Rows that were read once and are not at hand any more."""

    def read(self, batch_rows: int = BATCH_ROWS) -> Iterator[LabelledBatch]:  # noqa: ARG002
        """Refuse.

        Raises
        ------
        DataError
            Always.
        """
        raise self._error()

    def parts(self, rows: int) -> Sequence[GoneSource]:  # noqa: ARG002
        """Refuse as `read` does."""
        raise self._error()

    def _error(self) -> DataError:
        return DataError("the rows of this data are gone, only their summaries are left; read the rows again.")


def profiles_to_dataset(data: RegimeData, rows_per_regime: int = KEPT_ROWS) -> xr.Dataset:
    """Summaries of all regimes, and up to `rows_per_regime` rows of each."""
    profiles = list(data.profiles.values())
    samples, datasets = zip(*(_thinned(profile, rows_per_regime) for profile in profiles), strict=True)
    of_regime = np.repeat(np.arange(len(profiles)), [len(sample) for sample in samples])
    moments = ("regime", "variable")
    found = xr.Dataset(
        {
            "sample": (("row", "variable"), np.concatenate(samples)),
            "sample_regime": ("row", of_regime),
            **{
                name: (moments, np.array([getattr(p, name) for p in profiles]))
                for name in ("mean", "sd", "low", "high")
            },
            "rows": ("regime", np.array([profile.rows for profile in profiles])),
            "weight": ("regime", np.array([profile.weight for profile in profiles])),
        },
        coords={"regime": [regime.label for regime in data.regimes], "variable": list(data.columns.described)},
    )
    if all(codes is not None for codes in datasets):
        found["sample_dataset"] = ("row", np.concatenate(datasets))
    found.attrs["bayes_ivgen_profiles"] = json.dumps(
        {
            "columns": asdict(data.columns),
            "regimes": [list(regime.set_actions) for regime in data.regimes],
            "levels": [[None if known is None else known.tolist() for known in p.levels] for p in profiles],
            "dataset_weight": [None if p.dataset_weight is None else p.dataset_weight.tolist() for p in profiles],
            "label_sets": label_sets_to_dict(data.label_sets),
        }
    )
    return found


def data_from_dataset(found: xr.Dataset) -> RegimeData:
    """Restore what `profiles_to_dataset` wrote, as data whose rows are gone."""
    content = json.loads(found.attrs["bayes_ivgen_profiles"])
    regimes = [Regime(tuple(names)) for names in content["regimes"]]
    sample, of_regime = found["sample"].values, found["sample_regime"].values
    datasets = found["sample_dataset"].values if "sample_dataset" in found else None
    profiles = {
        regime: RegimeProfile(
            rows=int(found["rows"].values[r]),
            **{name: found[name].values[r] for name in ("mean", "sd", "low", "high")},
            levels=tuple(None if known is None else np.array(known, dtype=float) for known in content["levels"][r]),
            sample=sample[of_regime == r],
            weight=float(found["weight"].values[r]),
            sample_dataset=None if datasets is None else datasets[of_regime == r],
            dataset_weight=_array(content["dataset_weight"][r]),
        )
        for r, regime in enumerate(regimes)
    }
    return RegimeData(
        columns=columns_from_dict(content["columns"]),
        profiles=profiles,
        _source=GoneSource(),
        _regime_of_label={regime.label: regime for regime in regimes},
        label_sets=label_sets_from_dict(content["label_sets"]),
    )


def columns_from_dict(content: Mapping[str, Any]) -> ColumnNames:
    """Restore names of columns from plain data."""
    plain: dict[str, Any] = {name: tuple(item) if isinstance(item, list) else item for name, item in content.items()}
    return ColumnNames(**plain)


def label_sets_to_dict(label_sets: Mapping[str, LabelSet]) -> dict[str, Any]:
    """Return plain data for storage."""
    return {name: [list(found.labels), found.ordered] for name, found in label_sets.items()}


def label_sets_from_dict(content: Mapping[str, Any]) -> dict[str, LabelSet]:
    """Restore what `label_sets_to_dict` wrote."""
    return {name: LabelSet(tuple(labels), is_ordered) for name, (labels, is_ordered) in content.items()}


def _array(values: list[float] | None) -> np.ndarray[Any, Any] | None:
    return None if values is None else np.array(values, dtype=float)


def _thinned(profile: RegimeProfile, most: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any] | None]:
    codes = profile.sample_dataset
    return thinned(profile.sample, most), None if codes is None else thinned(codes, most)
