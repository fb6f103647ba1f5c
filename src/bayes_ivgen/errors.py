"""The exceptions and warnings of the package.

Every message says what is wrong, where, what came, what is valid and the next step.
"""


class IvgenError(Exception):
    """Base of all errors raised on purpose by this package."""


class DataError(IvgenError, ValueError):
    """Rows, columns or regime labels that cannot be used."""


class SpecError(IvgenError, ValueError):
    """A model specification that cannot be built, or does not fit its data."""


class QueryError(IvgenError, ValueError):
    """A question that is not well formed: unknown action, action left open, wrong length."""


class IdentificationError(QueryError):
    """The regimes at hand do not identify the effect that was asked for."""


class NotTestableError(QueryError):
    """A check that the regimes at hand, or the model, give no way to carry out."""


class SupportError(QueryError):
    """A query lies so far outside the tested values that only extrapolation could answer it."""


class StorageError(IvgenError, OSError):
    """A saved fit that cannot be written or read."""


class BenchmarkError(IvgenError, RuntimeError):
    """A benchmark that cannot go on, or a method that does not answer as the contract says."""


class MissingPackageError(IvgenError, ImportError):
    """A feature needs a package of an extra that is not installed."""


class IvgenWarning(UserWarning):
    """Base of all warnings issued by this package."""


class EstimandWarning(IvgenWarning):
    """The specification changes what the answers are about."""


class DataWarning(IvgenWarning):
    """The rows can be used, but say little about a part of the model."""


class GraphWarning(IvgenWarning):
    """The graph that was given leaves out an edge which the data show."""


class SupportWarning(IvgenWarning):
    """A query leaves the region that the data support."""


class ConvergenceWarning(IvgenWarning):
    """The sampler did not mix well enough for its draws to be trusted."""
