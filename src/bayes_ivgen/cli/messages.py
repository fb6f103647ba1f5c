"""Messages of the Python interface in the words of the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable


def _graph_option(match: re.Match[str]) -> str:
    parents = json.loads(match[1])
    return "--graph " + ",".join(f"{child}:{'+'.join(causes)}" for child, causes in parents.items())


def _order_option(match: re.Match[str]) -> str:
    return f"--actions {','.join(json.loads(match[1]))} --graph full"


_WORDS: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"graph=ActionGraph\((\{.*?\})\)(?= or graph=)", _graph_option),
    (r"graph=ActionGraph\.full\((\[.*?\])\)(?= or graph=)", _order_option),
    (r'graph="learn"', "--graph learn"),
    (r"overwrite=True", "--overwrite"),
    (r"extrapolate=True", "--extrapolate"),
    (r"as regime=\.", "as --regime."),
    (r"\bin row (\d+)\b", r"in row \1 (counted from 0, without the header)"),
    (r"See the column 'reason' of \.summary\(\), or pass", "Pass"),
    (r"rest='(hold|respond)'", r"--rest \1"),
    (r"missing='drop' to leave such rows out", "--missing drop to leave such rows out"),
    (
        r"regime_labels=\{'your label': \['action', \.\.\.\], \.\.\.\}, with \[\] where nothing was set",
        '--label "your label=action,action" for each, --label "your label=" where nothing was set',
    ),
    (r"regime_labels\[('[^']*')\]", r"--label \1"),
    (r"regime_labels", "--label"),
    (r"for example fit\(\.\.\., draws=(\d+), tune=(\d+)\); see fit\.diagnostics", r"with --draws \1 --tune \2"),
    (r"contrast needs versus=\{\.\.\.\}", "a contrast needs --versus action=value"),
    (r"ask for a contrast that needs less", "ask for a contrast that needs less, with --versus"),
    (r"Add rows, or choose a smaller basis such as BSpline\(n_basis=\d+\)", "Add rows"),
    (r"confounding='separable'", "--confounding separable"),
    (r"an ActionGraph such as ActionGraph\(\{\"web\": \[\"tv\"\]\}\)", "a graph such as web:tv (tv drives web)"),
    (r"fits are written by fit\.save\(path\)", "fits are written by bayes-ivgen fit"),
    (r"load reads the folders that fit\.save\(path\) writes", "the folders that bayes-ivgen fit writes are"),
    (r"exclude=\['([^']*)'\] where the data are read", r'--exclude "\1"'),
    (r"\bexclude names\b", "--exclude names"),
    (r"\bactions is empty\b", "--actions is empty"),
    (r"\b(draws|chains|tune|cores|seed|engine|noise|graph|prob|rest)=(?=['\d-])", r"--\1 "),
    (r"engine='nuts'", "--engine nuts"),
    (r"\bn_(?:channels|actions)=(\d+)", r"--actions \1"),
    (r"\bn_(?:channels|actions)\b", "--actions"),
    (r"\bn_per_regime=(\d+)", r"--rows \1"),
    (r"\bn_per_regime\b", "--rows"),
    (r"\bcounts\['[^']*'\](?:=(\d+))?", "--rows"),
    (r"\bseed=(\d+)", r"--seed \1"),
    (r"\bseed must\b", "--seed must"),
    (r"\b(bounds|steps)=\{'([^']*)': \(([^,]*), ([^)]*)\)\}", r"--\1 \2=\3:\4"),
    (r"\b(bounds|steps)=\{'([^']*)': ([^}]*)\}", r"--\1 \2=\3"),
    (r"\b(budget|risk|aversion)=(?=[\d-])", r"--\1 "),
    (r"\bstatus_quo\['([^']*)'\]", r"--status-quo \1"),
    (r"\bstatus_quo\b", "--status-quo"),
    (r"\bcosts=\{'([^']*)': ([\d.]+), \.\.\.\}", r'--costs "\1=\2,..."'),
    (r"\bcovariates\['([^']*)'\]", r"--covariates \1"),
    (r"\b(costs|bounds|steps)\['([^']*)'\]", r"--\1 \2"),
    (r"\b(costs|bounds|steps) (?=names)", r"--\1 "),
    (r"neither in do nor in given", "neither in --do nor in --given"),
    (r"\bin do and in given\b", "in --do and in --given"),
    (r"must be set \(do\), seen \(given\)", "must be set (--do), seen (--given)"),
    (r"\b(do|given)\['([^']*)'\]", r"--\1 \2"),
    (r"\b(do|given) names\b", r"--\1 names"),
    (r"missing='(drop|refuse)'", r"--missing \1"),
    (r"likelihood='([a-z_]+)'", r"--likelihood \1"),
    (r" \(fit\.transforms\)", ""),
    (r"\b(time|unit)='([^']*)'", r"--\1 \2"),
    (r"\b(time|unit|checkpoint|versus)=(?=[ ;,.])", r"--\1"),
    (r"; a list of them; or None\.", "; several, joined by +; or choose."),
    (r"wash='label' to its Adstock", "wash=label in --adstock"),
    (r"\bto Adstock\b", "in --adstock"),
    (r"out of transforms\b", "out of --adstock and --saturation"),
    (
        r"fit\.effect\(do=frame\), or fit with transforms=\{\.\.\.: ivg\.media\.Adstock\(\.{3}\)\} on rows with a time",
        "bayes-ivgen effect --queries, or fit with --time and --adstock",
    ),
    (r"leave out sum_units=(?=[,.])", "leave out --sum-units"),
    (r"total=True sums over", "--total sums over"),
    (r"Pass a frame with the column", "Write a file with the column"),
)


def in_command_words(message: str) -> str:
    """Replace keyword arguments by options, so that a suggested next step can be typed."""
    for pattern, words in _WORDS:
        message = re.sub(pattern, words, message)
    return message


def one_line(message: str) -> str:
    """Put a message on one line."""
    return " ".join(message.split())
