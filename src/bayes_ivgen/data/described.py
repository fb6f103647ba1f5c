"""What one pass over some of the rows leaves behind, before all of them have been seen."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bayes_ivgen.data.assembly import Parts, described_rows, settled
from bayes_ivgen.data.checks import RegimeLabels
from bayes_ivgen.data.labels import Codebook, too_many_labels
from bayes_ivgen.data.merging import merged_profile
from bayes_ivgen.data.missing import MissingRows
from bayes_ivgen.data.profile import RegimeProfile
from bayes_ivgen.data.reading import RowReader
from bayes_ivgen.data.sources import RowSource


@dataclass(frozen=True, eq=False)
class Described:
    """Profiles of some rows by label, in the codes of this codebook.

    Attributes
    ----------
    profiles : dict of str to RegimeProfile
        By label.
    codebook : Codebook
        Codes of labels in the order in which these rows brought them up.
    found : MissingRows
        Rows with missing values.
    left_out : frozenset of str
        Excluded labels that occur.
    """

    profiles: dict[str, RegimeProfile]
    codebook: Codebook
    found: MissingRows
    left_out: frozenset[str]

    def and_of(self, other: Described, reader: RowReader) -> Described:
        """Describe the rows of both."""
        codebook = self.codebook.copy()
        recode = codebook.absorb(other.codebook)
        columns = reader.columns
        of_dataset = None if columns.dataset is None else recode.pop(columns.dataset, None)
        for name in recode:
            if any(profile.levels[columns.variables.index(name)] is None for profile in other.profiles.values()):
                raise too_many_labels(name)
        of_variables = {columns.variables.index(name): codes for name, codes in recode.items()}
        profiles = dict(self.profiles)
        for label, profile in other.profiles.items():
            own = profile.recoded(of_variables, of_dataset)
            profiles[label] = merged_profile(profiles.get(label), own)
        return Described(profiles, codebook, self.found.plus(other.found), self.left_out | other.left_out)


def described(source: Any, regime_labels: RegimeLabels | None, left_out: Sequence[str]) -> Described:
    """Read the rows of a source that has a `reader`, and describe them in a codebook of their own."""
    reader = replace(source.reader, codebook=Codebook())
    found, seen = reader.count(), dict.fromkeys(left_out, False)
    rows = replace(source, reader=reader).read(found=found)
    profiles = described_rows(rows, reader, regime_labels, seen)
    return Described(profiles, reader.codebook, found, frozenset(label for label, here in seen.items() if here))


def settled_description(
    source: RowSource, reader: RowReader, found: Described, regime_labels: RegimeLabels | None, out: Collection[str]
) -> Parts:
    """Turn the description of all rows into the parts of a `RegimeData`; rows with missing values are settled."""
    found.found.settle(reader.missing)
    left_out = {label: label in found.left_out for label in out}
    return settled(source, reader, found.found, regime_labels, left_out, found.profiles)
