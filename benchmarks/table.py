"""The results that lie in benchmarks/results as one table, with machine, versions and command.

python -m benchmarks.table overhead steps
"""

from __future__ import annotations

import json
import sys
from itertools import groupby
from typing import Any

from benchmarks.record import RESULTS


def table(results: dict[str, dict[str, Any]]) -> str:
    """A block of lines per set of results; equal machines and versions are said once."""
    lines: list[str] = []

    def origin(name: str) -> str:
        found = results[name]
        versions = ", ".join(f"{package} {version}" for package, version in found["versions"].items())
        return f"{found['machine']}\n{versions}\ncommit {found['commit'][:13]}"

    for where, names in groupby(results, key=origin):
        lines += ["", where]
        for name in names:
            lines += ["", f"{name}: {results[name]['command']} ({results[name]['date']})"]
            lines += [f"  {key:48s} {value:12.4g}" for key, value in results[name]["figures"].items()]
    return "\n".join(lines[1:])


if __name__ == "__main__":
    print(table({name: json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")) for name in sys.argv[1:]}))
