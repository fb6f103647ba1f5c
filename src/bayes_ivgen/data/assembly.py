"""From a source of rows to the parts of a `RegimeData`: the one pass that checks all rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from time import perf_counter
from typing import NamedTuple

import numpy as np

from bayes_ivgen.data.checks import RegimeLabels, check_excluded, check_unique, checked_exclude, only, ordered
from bayes_ivgen.data.columns import ColumnNames
from bayes_ivgen.data.file_source import FileSource
from bayes_ivgen.data.labels import LabelSet, too_many_labels
from bayes_ivgen.data.missing import MissingRows
from bayes_ivgen.data.profile import MAX_LEVELS, FloatArray, ProfileBuilder, RegimeProfile
from bayes_ivgen.data.reading import RowReader
from bayes_ivgen.data.regime import Regime, own_labels, resolve_labels
from bayes_ivgen.data.sources import Batch, CodedSource, LabelledBatch, MemorySource, RowSource, SelectedSource
from bayes_ivgen.errors import DataError
from bayes_ivgen.progress import log_stage


class Parts(NamedTuple):
    """What one pass over the rows gives: the fields of `RegimeData`."""

    columns: ColumnNames
    profiles: Mapping[Regime, RegimeProfile]
    source: RowSource
    regime_of_label: Mapping[str, Regime]
    label_sets: Mapping[str, LabelSet]


def assemble(
    source: RowSource,
    reader: RowReader,
    found: MissingRows,
    regime_labels: RegimeLabels | None,
    exclude: Sequence[str] = (),
) -> Parts:
    """Read all rows once, check them and settle the codes of labels.

    Raises
    ------
    DataError
        If a regime label cannot be read, two of them name one regime, no row is left, or a column has too
        many labels.
    """
    regime_labels = own_labels(regime_labels)
    left_out = dict.fromkeys(checked_exclude(exclude, regime_labels), False)
    start = perf_counter()
    rows = source.read(found=found) if isinstance(source, FileSource) else source.read()
    profiles = described_rows(rows, reader, regime_labels, left_out)
    n_rows = sum(profile.rows for profile in profiles.values())
    log_stage(f"describing {n_rows:,} rows of {len(profiles)} regimes", perf_counter() - start)
    if reader.missing == "refuse":
        found.refuse()
    return settled(source, reader, found, regime_labels, left_out, profiles)


def described_rows(
    rows: Iterable[LabelledBatch], reader: RowReader, regime_labels: RegimeLabels | None, left_out: dict[str, bool]
) -> dict[str, RegimeProfile]:
    """Profiles by label; notes in `left_out` which of its labels occur."""
    columns = reader.columns
    described = len(columns.described)
    builders: dict[str, ProfileBuilder] = {}
    for label, values in rows:
        if label in left_out:
            left_out[label] = True
            continue
        if label not in builders:
            resolve_labels([label], columns.actions, only(regime_labels, label))  # fail on the first batch
            builders[label] = ProfileBuilder(described, seed=len(builders))
        batch = Batch.of(Regime(), values, columns)
        builders[label].add(values[:, :described], batch.weights, batch.dataset)
    return {label: builder.build() for label, builder in builders.items()}


def settled(
    source: RowSource,
    reader: RowReader,
    found: MissingRows,
    regime_labels: RegimeLabels | None,
    left_out: dict[str, bool],
    by_label: Mapping[str, RegimeProfile],
) -> Parts:
    """Check what all rows together must satisfy, and give labels their final codes.

    Raises
    ------
    DataError
        As `assemble`.
    """
    columns, described = reader.columns, len(reader.columns.described)
    if found.rows and not by_label:
        raise DataError(f"no row is left: {found.counts}. Fill them, or leave out the columns that are mostly empty.")
    check_excluded(left_out, list(by_label))
    if not by_label:
        raise DataError("there are no rows; pass at least the rows of one regime.")
    regime_of_label = resolve_labels(by_label, columns.actions, regime_labels)
    check_unique(regime_of_label)
    profiles = {regime_of_label[label]: profile for label, profile in by_label.items()}
    sets, recode = _final_labels(reader, list(profiles.values()))
    if recode:
        of_variables = {k: final for k, final in recode.items() if k < described}
        of_dataset = None if columns.dataset is None else recode[columns.read.index(columns.dataset)]
        profiles = {regime: profile.recoded(of_variables, of_dataset) for regime, profile in profiles.items()}
    kept = _without(source, frozenset(left_out)) if left_out else source
    kept = CodedSource(kept, recode) if recode else kept
    return Parts(columns, ordered(profiles, columns.actions), kept, regime_of_label, sets)


def _without(source: RowSource, labels: frozenset[str]) -> RowSource:
    return source.without(labels) if isinstance(source, MemorySource) else SelectedSource(source, labels)


def _final_labels(
    reader: RowReader, profiles: Sequence[RegimeProfile]
) -> tuple[dict[str, LabelSet], dict[int, FloatArray]]:
    """Label sets by column, and for the position of each column the final code of each code so far."""
    columns, sets, recode = reader.columns, {}, {}
    for name in reader.codebook.names:
        if name == columns.dataset:
            weights = [p.dataset_weight for p in profiles if p.dataset_weight is not None]
            used = np.unique(np.concatenate([np.flatnonzero(weight) for weight in weights]))
        else:
            levels = [profile.levels[columns.variables.index(name)] for profile in profiles]
            if any(found is None for found in levels):
                raise too_many_labels(name)
            used = np.unique(np.concatenate([found for found in levels if found is not None]))
            if len(used) > MAX_LEVELS:
                raise too_many_labels(name)
        sets[name], recode[columns.read.index(name)] = reader.codebook.label_set(name, used)
    return sets, recode
