"""Write the sample tables of the examples: the breast cancer data, cut among three parties.

python examples/tables.py DIR/raw
"""

from __future__ import annotations

import sys
from pathlib import Path

from fedray.data import sample


def main() -> None:
    """Write the tables into the folder that the command line names."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: python examples/tables.py FOLDER")
    folder = Path(sys.argv[1])
    common = sample.write_tables(folder)
    for name, party in sample.PARTIES.items():
        print(f"{folder / party.file}: {name}, {party.role}")
    print(f"{common} people are in all of them")


if __name__ == "__main__":
    main()
