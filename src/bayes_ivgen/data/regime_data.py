"""Rows from several regimes, validated once and read in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from bayes_ivgen.data.frames import label_column, numeric_columns, to_narwhals
from bayes_ivgen.data.identification import level_weights, missing_regimes
from bayes_ivgen.data.profile import FloatArray, ProfileBuilder, RegimeProfile
from bayes_ivgen.data.regime import OBSERVATIONAL_LABEL, Regime, own_labels, resolve_labels
from bayes_ivgen.data.sources import (
    BATCH_ROWS,
    Batch,
    FileSource,
    MemorySource,
    RowSource,
    SelectedSource,
    split_by_label,
)
from bayes_ivgen.errors import DataError

RegimeLabels = Mapping[str, Iterable[str]]


@dataclass(frozen=True, eq=False)
class RegimeData:
    """Observational rows and rows in which some actions were set, ready to be fitted.

    Build it with `from_frame`, `from_frames`, `from_parquet` or `from_csv`. All rows are read once
    and checked on the way; rows from files are not kept.

    Attributes
    ----------
    outcome : str
        Name of the outcome column.
    actions : tuple of str
        Names of the action columns.
    profiles : dict of Regime to RegimeProfile
        Counts, ranges, levels and a sample of the rows for each regime.
    """

    outcome: str
    actions: tuple[str, ...]
    profiles: Mapping[Regime, RegimeProfile] = field(repr=False)
    _source: RowSource = field(repr=False)
    _regime_of_label: Mapping[str, Regime] = field(repr=False)

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        outcome: str,
        actions: Sequence[str],
        regime: str = "regime",
        regime_labels: RegimeLabels | None = None,
        exclude: Sequence[str] = (),
    ) -> RegimeData:
        """Read one long table (pandas, polars or pyarrow) with a column of regime labels.

        Parameters
        ----------
        frame : data frame
            One row an observation.
        outcome : str
            Name of the outcome column.
        actions : sequence of str
            Names of the action columns.
        regime : str
            Name of the column of labels: ``obs``, ``do(tv)``, ``do(tv,web)``.
        regime_labels : mapping of str to list of str, optional
            Your own labels and the actions that each one sets, for example
            ``{"spring test": ["tv"], "history": []}``.
        exclude : sequence of str
            Labels, as they stand in the column, whose rows are left out: to validate on them, say.

        Raises
        ------
        DataError
            If a column is missing, doubled or not made of finite real numbers, a label cannot be
            read, two labels name one regime, an action never varies, or no row has a label of
            `exclude`.
        """
        names = _checked_names(outcome, actions, regime)
        table = to_narwhals(frame, [*names, regime], "the frame")
        if len(table) == 0:
            raise DataError("the frame has no rows; pass at least the rows of one regime.")
        values = numeric_columns(table, names, "the frame")
        labels = label_column(table, regime, "the frame")
        return cls._from_source(MemorySource(split_by_label(values, labels)), names, regime_labels, exclude)

    @classmethod
    def from_frames(
        cls,
        frames: Mapping[str | Regime, Any],
        *,
        outcome: str,
        actions: Sequence[str],
        regime_labels: RegimeLabels | None = None,
    ) -> RegimeData:
        """Read one table for each regime, given as a mapping of regime label to data frame.

        Parameters and errors are those of `from_frame`; a table without rows is an error too.
        """
        names = _checked_names(outcome, actions)
        if not isinstance(frames, Mapping):
            raise DataError(
                f"frames is a {type(frames).__name__}; pass a mapping such as {{'obs': frame, 'do(a)': frame}}, "
                "or use RegimeData.from_frame for one table with a column of labels."
            )
        if not frames:
            raise DataError("the mapping of frames is empty; pass at least {'obs': frame}.")
        values: dict[str, FloatArray] = {}
        for key, frame in frames.items():
            label = key.label if isinstance(key, Regime) else key
            where = f"the frame of regime {label!r}"
            table = to_narwhals(frame, names, where)
            if len(table) == 0:
                raise DataError(f"{where} has no rows; leave the regime out or add its rows.")
            if label in values:
                raise DataError(f"regime {label!r} is given twice; put its rows into one frame.")
            values[label] = numeric_columns(table, names, where)
        return cls._from_source(MemorySource(values), names, regime_labels)

    @classmethod
    def from_parquet(
        cls,
        path: Any,
        *,
        outcome: str,
        actions: Sequence[str],
        regime: str = "regime",
        regime_labels: RegimeLabels | None = None,
        exclude: Sequence[str] = (),
    ) -> RegimeData:
        """Read Parquet files in batches: a file, a folder, a glob pattern or a list of them.

        The rows are streamed once here to check them and again by each fit; memory is set by the
        batch, not by the files. Parameters and errors are those of `from_frame`.
        """
        return cls._from_files(path, outcome, actions, regime, regime_labels, exclude, "parquet")

    @classmethod
    def from_csv(
        cls,
        path: Any,
        *,
        outcome: str,
        actions: Sequence[str],
        regime: str = "regime",
        regime_labels: RegimeLabels | None = None,
        exclude: Sequence[str] = (),
    ) -> RegimeData:
        """Read CSV files with a header line in batches; otherwise like `from_parquet`."""
        return cls._from_files(path, outcome, actions, regime, regime_labels, exclude, "csv")

    @classmethod
    def _from_files(
        cls,
        path: Any,
        outcome: str,
        actions: Sequence[str],
        regime: str,
        regime_labels: RegimeLabels | None,
        exclude: Sequence[str],
        file_format: str,
    ) -> RegimeData:
        names = _checked_names(outcome, actions, regime)
        source = FileSource.open(path, names, regime, file_format)
        return cls._from_source(source, names, regime_labels, exclude)

    @classmethod
    def _from_source(
        cls,
        source: RowSource,
        names: Sequence[str],
        regime_labels: RegimeLabels | None,
        exclude: Sequence[str] = (),
    ) -> RegimeData:
        *actions, outcome = names
        regime_labels = own_labels(regime_labels)
        left_out = dict.fromkeys(_checked_exclude(exclude, regime_labels), False)
        builders: dict[str, ProfileBuilder] = {}
        for label, values in source.read():
            if label in left_out:
                left_out[label] = True
                continue
            if label not in builders:
                resolve_labels([label], actions, _only(regime_labels, label))  # fail on the first batch
                builders[label] = ProfileBuilder(len(names), seed=len(builders))
            builders[label].add(values)
        _check_excluded(left_out, list(builders))
        if not builders:
            raise DataError("the files have no rows; pass at least the rows of one regime.")
        regime_of_label = resolve_labels(builders, actions, regime_labels)
        _check_unique(regime_of_label)
        profiles = {regime_of_label[label]: builder.build() for label, builder in builders.items()}
        kept = SelectedSource(source, frozenset(left_out)) if left_out else source
        data = cls(outcome, tuple(actions), _ordered(profiles, actions), kept, regime_of_label)
        data._check_variation()
        return data

    def _check_variation(self) -> None:
        pooled = self.pooled_range(self.regimes)
        for k, name in enumerate([*self.actions, self.outcome]):
            if pooled[0][k] == pooled[1][k]:
                what = "the outcome" if name == self.outcome else "action"
                raise DataError(
                    f"{what} {name!r} is {pooled[0][k]:g} in every row of every regime; "
                    "nothing can be learned about it. Leave it out or check the column."
                )

    @property
    def regimes(self) -> tuple[Regime, ...]:
        """The regimes at hand: observational first, then by the actions that were set."""
        return tuple(self.profiles)

    @property
    def n_rows(self) -> int:
        """Number of rows in all regimes."""
        return sum(profile.rows for profile in self.profiles.values())

    def index(self, action: str) -> int:
        """Position of an action among the actions."""
        return self.actions.index(action)

    def batches(self, batch_rows: int = BATCH_ROWS) -> Iterator[Batch]:
        """Yield all rows in batches of one regime each, at most `batch_rows` at a time."""
        if batch_rows < 1:
            raise DataError(f"batch_rows is {batch_rows}; a batch must hold at least 1 row.")
        for label, values in self._source.read(batch_rows):
            yield Batch(self._regime_of_label[label], values[:, :-1], values[:, -1])

    def pooled_range(self, regimes: Iterable[Regime]) -> tuple[FloatArray, FloatArray]:
        """Lowest and highest value of the actions and the outcome over `regimes`, shape (K + 1,)."""
        profiles = [self.profiles[regime] for regime in regimes]
        return (
            np.stack([profile.low for profile in profiles]).min(axis=0),
            np.stack([profile.high for profile in profiles]).max(axis=0),
        )

    def regimes_setting(self, action: str) -> tuple[Regime, ...]:
        """Regimes in which `action` was set."""
        return tuple(regime for regime in self.regimes if regime.sets(action))

    def regimes_leaving(self, action: str) -> tuple[Regime, ...]:
        """Regimes in which `action` followed its own causes."""
        return tuple(regime for regime in self.regimes if not regime.sets(action))

    def summary(self) -> pd.DataFrame:
        """Rows and ranges of every variable in every regime, and what is identified.

        Returns
        -------
        DataFrame
            One row for each regime and variable: ``rows``, ``was_set``, ``mean``, ``sd``, ``low``,
            ``high`` and ``levels`` (number of distinct values, <NA> above 64).
        """
        records = []
        for regime, profile in self.profiles.items():
            for k, name in enumerate([*self.actions, self.outcome]):
                levels = profile.levels[k] if k < len(self.actions) else None
                records.append(
                    {
                        "regime": regime.label,
                        "variable": name,
                        "rows": profile.rows,
                        "was_set": regime.sets(name),
                        "mean": profile.mean[k],
                        "sd": profile.sd[k],
                        "low": profile.low[k],
                        "high": profile.high[k],
                        "levels": pd.NA if levels is None else len(levels),
                    }
                )
        table = pd.DataFrame.from_records(records).astype({"levels": "Int64"})
        return table.set_index(["regime", "variable"])

    def identified(self) -> pd.DataFrame:
        """Which effects the regimes identify (design 1.2).

        Returns
        -------
        DataFrame
            One row for the joint effect, each single and (up to six actions) every other regime:
            ``identified`` and, where it is not, ``missing``: a smallest set of further
            experiments that would identify it.
        """
        records = []
        for target in self._targets():
            known = level_weights(target, self.regimes, self.actions) is not None
            missing = () if known else missing_regimes(target, self.regimes, self.actions)
            records.append(
                {
                    "effect": target.label,
                    "identified": known,
                    "missing": ", ".join(regime.label for regime in missing),
                }
            )
        return pd.DataFrame.from_records(records).set_index("effect")

    def _targets(self) -> list[Regime]:
        k = len(self.actions)
        if k > 6:
            masks = [0, *(1 << i for i in range(k)), (1 << k) - 1]
        else:
            masks = sorted(range(1 << k), key=lambda mask: (mask.bit_count(), mask))
        subsets = [tuple(a for i, a in enumerate(self.actions) if mask >> i & 1) for mask in masks]
        return [Regime(subset) for subset in dict.fromkeys(subsets)]

    def __str__(self) -> str:
        rows = ", ".join(f"{regime.label}: {profile.rows}" for regime, profile in self.profiles.items())
        return f"RegimeData of {self.outcome!r} given {list(self.actions)}; rows {rows}"


def _checked_names(outcome: str, actions: Sequence[str], regime: str | None = None) -> list[str]:
    if isinstance(actions, str):
        raise DataError(f"actions is the string {actions!r}; pass a list of names such as [{actions!r}].")
    names = [*actions, outcome]
    if len(names) == 1:
        raise DataError("actions is empty; name at least one action column.")
    wrong = next((name for name in [*names, regime] if name is not None and not isinstance(name, str)), None)
    if wrong is not None:
        raise DataError(f"the column name {wrong!r} is not text; rename the column and pass its name.")
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise DataError(f"{doubled!r} is named twice among outcome and actions; name each column once.")
    if regime in names:
        raise DataError(f"the regime column {regime!r} is also an action or the outcome; name three different columns.")
    unreadable = next((name for name in actions if not _fits_a_label(name)), None)
    if unreadable is not None:
        raise DataError(
            f"the action name {unreadable!r} cannot stand in a regime label; "
            "rename the column so that it is not empty, has no brackets, commas or spaces around it and is not 'obs'."
        )
    return names


def _fits_a_label(name: str) -> bool:
    return bool(name) and name == name.strip() and not set(name) & set("(),") and name != OBSERVATIONAL_LABEL


def _only(regime_labels: RegimeLabels | None, label: str) -> RegimeLabels | None:
    return {label: regime_labels[label]} if regime_labels and label in regime_labels else None


def _checked_exclude(exclude: Sequence[str], regime_labels: RegimeLabels) -> Sequence[str]:
    if isinstance(exclude, str):
        raise DataError(f"exclude is the string {exclude!r}; pass a list of labels such as [{exclude!r}].")
    exclude = tuple(exclude)
    both = next((label for label in exclude if label in regime_labels), None)
    if both is not None:
        raise DataError(f"{both!r} stands in exclude and in regime_labels; take it out of one of them.")
    return exclude


def _check_excluded(found: Mapping[str, bool], kept: Sequence[str]) -> None:
    unknown = next((label for label, seen in found.items() if not seen), None)
    if unknown is not None:
        raise DataError(
            f"exclude names {unknown!r}, but no row has this label. The other labels in the data are {list(kept)}; "
            "correct or remove the entry."
        )
    if found and not kept:
        raise DataError(f"exclude names every label in the data, {list(found)}; no row is left. Keep at least one.")


def _check_unique(regime_of_label: Mapping[str, Regime]) -> None:
    seen: dict[Regime, str] = {}
    for label, regime in regime_of_label.items():
        if regime in seen:
            raise DataError(
                f"the labels {seen[regime]!r} and {label!r} name the same regime {regime.label!r}; "
                "give these rows one label."
            )
        seen[regime] = label


def _ordered(profiles: Mapping[Regime, RegimeProfile], actions: Sequence[str]) -> dict[Regime, RegimeProfile]:
    def position(regime: Regime) -> tuple[int, tuple[int, ...]]:
        return len(regime.set_actions), tuple(actions.index(name) for name in regime.set_actions)

    return {regime: profiles[regime] for regime in sorted(profiles, key=position)}
