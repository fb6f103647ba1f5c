"""The exceptions and warnings of the package.

Every message says what is wrong, where, what came, what is valid and the next step.
"""


class IvgenError(Exception):
    """Base of all errors raised on purpose by this package.

    Examples
    --------
    >>> try:
    ...     fit.effect(do={"radio": 1})
    ... except ivg.errors.IvgenError as error:
    ...     print(type(error).__name__)
    QueryError
    """


class DataError(IvgenError, ValueError):
    """Rows, columns or regime labels that cannot be used.

    Examples
    --------
    >>> try:
    ...     ivg.RegimeData.from_frame(rows, outcome="profit", actions=["tv", "web"])
    ... except ivg.errors.DataError as error:
    ...     print(error)
    the frame has no column 'profit'. Its columns are ['regime', 'tv', 'web', 'sales']; correct the name or rename the
    column.
    """


class SpecError(IvgenError, ValueError):
    """A model specification that cannot be built, or does not fit its data.

    Examples
    --------
    >>> try:
    ...     ivg.InterventionModel(link="logit")
    ... except ivg.errors.SpecError as error:
    ...     print("logit" in str(error))
    True
    """


class QueryError(IvgenError, ValueError):
    """A question that is not well formed: unknown action, action left open, wrong length.

    Examples
    --------
    >>> try:
    ...     fit.effect(do={"tv": 60})
    ... except ivg.errors.QueryError as error:
    ...     print(error)
    the action 'web' stands neither in do nor in given. Every action must be set (do), seen (given), or covered by
    rest='hold' (set to its observed values) or rest='respond' (left to follow its causes).
    """


class IdentificationError(QueryError):
    """The regimes at hand do not identify the effect that was asked for.

    Examples
    --------
    >>> part = model.fit(data.without(["do(web)"]), draws=100, chains=2, seed=0, progressbar=False)
    >>> try:
    ...     part.effect(do=plan)
    ... except ivg.errors.IdentificationError as error:
    ...     print("do(web)" in str(error))
    True
    """


class NotTestableError(QueryError):
    """A check that the regimes at hand, or the model, give no way to carry out.

    Examples
    --------
    >>> report = fit.falsify(data)
    >>> try:
    ...     report["additivity"]
    ... except ivg.errors.NotTestableError as error:
    ...     print("sets" in str(error))
    True
    """


class SupportError(QueryError):
    """A query lies so far outside the tested values that only extrapolation could answer it.

    Examples
    --------
    >>> try:
    ...     fit.effect(do={"tv": 5000, "web": 40})
    ... except ivg.errors.SupportError as error:
    ...     print("far outside" in str(error))
    True
    """


class StorageError(IvgenError, OSError):
    """A saved fit that cannot be written or read.

    Examples
    --------
    >>> try:
    ...     ivg.load(folder / "nothing.zarr")
    ... except ivg.errors.StorageError as error:
    ...     print("nothing.zarr" in str(error))
    True
    """


class BenchmarkError(IvgenError, RuntimeError):
    """A benchmark that cannot go on, or a method that does not answer as the contract says.

    Examples
    --------
    >>> issubclass(ivg.errors.BenchmarkError, ivg.errors.IvgenError)
    True
    """


class MissingPackageError(IvgenError, ImportError):
    """A feature needs a package of an extra that is not installed; the message has the line that installs it.

    Examples
    --------
    >>> try:
    ...     from bayes_ivgen.sklearn import InterventionRegressor
    ... except ivg.errors.MissingPackageError as error:
    ...     print(error)  # ... install it with: pip install 'bayes-ivgen[sklearn]'
    >>> issubclass(ivg.errors.MissingPackageError, ImportError)
    True
    """


class IvgenWarning(UserWarning):
    """Base of all warnings issued by this package.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", ivg.errors.IvgenWarning)
    ...     far = fit.effect(do={"tv": 160, "web": 40})
    """


class EstimandWarning(IvgenWarning):
    """The specification changes what the answers are about.

    Examples
    --------
    >>> issubclass(ivg.errors.EstimandWarning, ivg.errors.IvgenWarning)
    True
    """


class DataWarning(IvgenWarning):
    """The rows can be used, but say little about a part of the model.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     gaps = rows.assign(tv=rows["tv"].where(rows.index != 3))
    ...     kept = ivg.RegimeData.from_frame(gaps, outcome="sales", actions=["tv", "web"], missing="drop")
    >>> caught[0].category.__name__
    'DataWarning'
    """


class GraphWarning(IvgenWarning):
    """The graph that was given leaves out an edge which the data show.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     wrong = ivg.InterventionModel(graph="empty").fit(data, draws=200, chains=2, seed=0, progressbar=False)
    >>> caught[0].category.__name__
    'GraphWarning'
    """


class SupportWarning(IvgenWarning):
    """A query leaves the region that the data support.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     far = fit.effect(do={"tv": 160, "web": 40})
    >>> caught[0].category.__name__
    'SupportWarning'
    """


class ConvergenceWarning(IvgenWarning):
    """The sampler did not mix well enough for its draws to be trusted.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     short = model.fit(data, draws=4, tune=1, chains=2, seed=0, progressbar=False)
    >>> caught[0].category.__name__
    'ConvergenceWarning'
    """
