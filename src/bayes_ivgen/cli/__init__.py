"""The command line: ``bayes-ivgen demo``, ``fit``, ``effect``, ``check``, ``simulate``, ``benchmark``.

Nothing heavy is imported before a command runs, so that ``--help`` is quick.
"""

from bayes_ivgen.cli.app import main

__all__ = ["main"]
