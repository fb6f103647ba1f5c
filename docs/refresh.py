"""Run the Python blocks of a page in order and put what they print into the text blocks after them.

python docs/refresh.py docs/model.md
"""

from __future__ import annotations

import io
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

BLOCK = re.compile(r"```python\n(?P<code>.*?)```(?P<between>\s*)(?P<text>```text\n.*?```)?", flags=re.S)


def refresh(page: Path) -> None:
    """Rewrite the page in place."""
    names: dict[str, Any] = {}

    def run(match: re.Match[str]) -> str:
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(match["code"], str(page), "exec"), names)
        whole = match[0]
        if match["text"] is None:
            return whole
        return whole.replace(match["text"], f"```text\n{printed.getvalue().rstrip()}\n```")

    page.write_text(BLOCK.sub(run, page.read_text()))


if __name__ == "__main__":
    for name in sys.argv[1:]:
        refresh(Path(name))
