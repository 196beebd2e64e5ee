"""How many rows a party lets be predicted in a day: a count in a small file of its own, in its data root."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fedray.data.private_file import replace_file
from fedray.data.root import DataRoot
from fedray.errors import DataError, PolicyError
from fedray.policy.rules import refusal

__all__ = ["Allowance"]

_FOLDER, _FILE, _LOCK = "policy", "predictions.json", ".lock"
RULE = "max_predictions_a_day"


class Allowance:
    """What is left today of the predictions that a party allows.

    Parameters
    ----------
    root
        Of the party.
    party
        Its name; parties that share a root are counted apart.
    most
        Rows a day (UTC); None is no limit, of which nothing is counted.
    clock
        Gives Unix time in seconds.
    """

    def __init__(self, root: DataRoot, party: str, most: int | None, clock: Callable[[], float] = time.time) -> None:
        self._root, self._party, self._most, self._clock = root, party, most, clock

    def take(self, rows: int) -> None:
        """Count rows that are about to be predicted; they stay counted if it fails.

        Raises
        ------
        PolicyError
            They are more than what is left; nothing is counted.
        DataError
            The count cannot be read or written.
        """
        if self._most is None:
            return
        try:
            with self._locked() as folder:
                day = time.strftime("%Y-%m-%d", time.gmtime(self._clock()))
                counts = _counts(folder / _FILE, day)
                total = counts.get(self._party, 0) + rows
                if total > self._most:
                    raise refusal(RULE, "so many predictions today", self._party)
                facts = {"day": day, "rows": {**counts, self._party: total}}
                replace_file(folder / _FILE, json.dumps(facts).encode())
        except OSError as error:
            reason = error.strerror
        else:
            return
        raise DataError(f"today's count of predictions cannot be kept ({reason})", self._party)

    @contextmanager
    def _locked(self) -> Iterator[Path]:
        folder = self._root.state_dir(_FOLDER)
        with (folder / _LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder


def _counts(path: Path, day: str) -> dict[str, int]:
    """Return the rows counted on a day, by party; a damaged file allows nothing."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        counts = {str(party): int(rows) for party, rows in facts["rows"].items()}
        return counts if facts["day"] == day else {}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise PolicyError(
            f"the party's count of predictions is damaged, so rule {RULE} allows none; its data owner may remove "
            f".fedray/{_FOLDER}/{_FILE}"
        ) from None
