"""Rows that come later: codes in the order of the first data set, profiles of both sets of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from bayes_ivgen.data.checks import ordered
from bayes_ivgen.data.labels import LabelSet, listed
from bayes_ivgen.data.profile import MAX_LEVELS, SAMPLE_ROWS, FloatArray, RegimeProfile
from bayes_ivgen.data.profile_store import GoneSource
from bayes_ivgen.data.regime import Regime
from bayes_ivgen.data.regime_data import RegimeData
from bayes_ivgen.data.sources import CodedSource
from bayes_ivgen.errors import DataError

Profiles = Mapping[Regime, RegimeProfile]


def recoded_like(added: RegimeData, before: RegimeData) -> RegimeData:
    """Return `added` with the codes that labels have in `before`.

    Raises
    ------
    DataError
        If the columns differ, a column holds labels in one of them only, or a label is new.
    """
    for what in ("outcome", "actions", "covariates", "dataset"):
        had, came = getattr(before.columns, what), getattr(added.columns, what)
        if (set(had) if what == "actions" else had) != (set(came) if what == "actions" else came):
            raise DataError(
                f"the added rows have {what}={_shown(came)}, those before {what}={_shown(had)}; the columns must be "
                "the same. Read them with the same names."
            )
    if before.actions != added.actions:
        raise DataError(
            f"the actions of the added rows are in the order {list(added.actions)}, before in {list(before.actions)}. "
            "Read them with the same list."
        )
    recode = {}
    for name in before.columns.read:
        labels = before.label_sets.get(name), added.label_sets.get(name)
        if labels == (None, None) or name not in added.columns.read:
            continue
        recode[added.columns.read.index(name)] = _final_codes(name, *labels)
    if not recode:
        return added
    described = len(added.columns.described)
    of_dataset = None if added.columns.dataset is None else recode[added.columns.read.index(added.columns.dataset)]
    of_variables = {k: codes for k, codes in recode.items() if k < described}
    return replace(
        added,
        profiles={regime: profile.recoded(of_variables, of_dataset) for regime, profile in added.profiles.items()},
        _source=CodedSource(added._source, recode),
        label_sets=dict(before.label_sets),
    )


def _shown(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _final_codes(name: str, before: LabelSet | None, added: LabelSet | None) -> FloatArray:
    if before is None or added is None:
        raise DataError(
            f"column {name!r} holds labels in the {'added rows' if before is None else 'rows before'} and numbers in "
            "the others; convert it to one of them everywhere."
        )
    new = [label for label in added.labels if label not in before.labels]
    if new:
        raise DataError(
            f"column {name!r} of the added rows holds the label {new[0]!r}, which no row had before "
            f"({listed(before.labels)}): the columns of the fit have no place for it. Leave these rows out, or fit all "
            "rows together."
        )
    return np.array([before.labels.index(label) for label in added.labels], dtype=float)


def merged_profiles(before: Profiles, added: Profiles, actions: tuple[str, ...]) -> dict[Regime, RegimeProfile]:
    """Profiles of the rows of both, regimes in their usual order."""
    regimes = dict.fromkeys([*before, *added])
    return ordered({regime: merged_profile(before.get(regime), added.get(regime)) for regime in regimes}, actions)


def merged_profile(first: RegimeProfile | None, second: RegimeProfile | None) -> RegimeProfile:
    """Profile of the rows of both; one of them may be missing."""
    if first is None or second is None:
        found = second if first is None else first
        assert found is not None
        return found
    weight = first.weight + second.weight
    share = second.weight / weight
    mean = first.mean + share * (second.mean - first.mean)
    # Chan's formula for the sum of squares of two groups
    variance = (1 - share) * first.sd**2 + share * second.sd**2 + share * (1 - share) * (second.mean - first.mean) ** 2
    sample, dataset = _both_samples(first, second)
    return RegimeProfile(
        rows=first.rows + second.rows,
        mean=mean,
        sd=np.sqrt(variance),
        low=np.minimum(first.low, second.low),
        high=np.maximum(first.high, second.high),
        levels=tuple(_union(one, two) for one, two in zip(first.levels, second.levels, strict=True)),
        sample=sample,
        weight=weight,
        sample_dataset=dataset,
        dataset_weight=_sum_of(first.dataset_weight, second.dataset_weight),
    )


def _union(first: FloatArray | None, second: FloatArray | None) -> FloatArray | None:
    if first is None or second is None:
        return None
    both = np.union1d(first, second)
    return both if len(both) <= MAX_LEVELS else None


def _sum_of(first: FloatArray | None, second: FloatArray | None) -> FloatArray | None:
    if first is None or second is None:
        return None
    size = max(len(first), len(second))
    return np.pad(first, (0, size - len(first))) + np.pad(second, (0, size - len(second)))


def _both_samples(first: RegimeProfile, second: RegimeProfile) -> tuple[FloatArray, FloatArray | None]:
    """Rows of both samples in the proportion of the rows that they stand for.

    A profile without a sample (its rows stayed elsewhere) leaves that of the other as it is.
    """
    if not len(first.sample) or not len(second.sample):
        kept = first if len(first.sample) else second
        return kept.sample, kept.sample_dataset
    rows_per_weight = min(len(item.sample) / item.weight for item in (first, second))
    rows_per_weight = min(rows_per_weight, SAMPLE_ROWS / (first.weight + second.weight))
    parts, codes = [], []
    for item, rng in ((first, np.random.default_rng(0)), (second, np.random.default_rng(1))):
        size = min(len(item.sample), max(1, round(rows_per_weight * item.weight)))
        chosen = np.arange(len(item.sample))
        if size < len(chosen):
            chosen = np.sort(rng.choice(len(chosen), size, replace=False))
        parts.append(item.sample[chosen])
        codes.append(None if item.sample_dataset is None else item.sample_dataset[chosen])
    known = [code for code in codes if code is not None]
    return np.concatenate(parts), np.concatenate(known) if len(known) == len(codes) else None


def merged_data(before: RegimeData, added: RegimeData) -> RegimeData:
    """Summaries of the rows of both, with codes of labels that agree; the rows themselves are not at hand."""
    profiles = merged_profiles(before.profiles, added.profiles, before.actions)
    return replace(
        before, profiles=profiles, _source=GoneSource(), _regime_of_label={regime.label: regime for regime in profiles}
    )
