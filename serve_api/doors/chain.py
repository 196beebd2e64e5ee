"""The audit log as a chain: each entry holds the digest of the one before it.

::

    {"seq": 7, "time": ..., "who": ..., ..., "before": digest of entry 6, "hash": digest of the rest of this entry}

Whoever changes, removes or reorders an entry breaks the chain there. Whoever may write the file can also make the whole
chain anew; only an auditor who has noted an earlier head, ``SEQ:HASH``, elsewhere can see that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fedray.errors import SpecError

__all__ = ["START", "Head", "Verdict", "linked", "text_of", "verify"]

_NO_HASH: Final = "0" * 64
_MOST_FINDINGS: Final = 20

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Head:
    """The last entry of a chain: its number and its digest."""

    seq: int
    hash: str

    def __str__(self) -> str:
        """Return it as an auditor notes it."""
        return f"{self.seq}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """Return the head that `text` notes; raises ``SpecError``."""
        seq, _, digest = text.strip().partition(":")
        if not (seq.isascii() and seq.isdecimal() and len(seq) < 16 and len(digest) == 64):
            raise SpecError("--head: expected SEQ:HASH as fedray audit verify prints it")
        return cls(int(seq), digest)


START: Final = Head(0, _NO_HASH)
"""Before the first entry."""


@dataclass(frozen=True)
class Verdict:
    """What came of looking at a chain.

    Attributes
    ----------
    head
        The last entry that was seen.
    findings
        What is wrong, a sentence each, the first 20; none where the chain is whole.
    """

    head: Head
    findings: tuple[str, ...] = field(default=())


def text_of(entry: Entry) -> str:
    """Return an entry as it is written and digested: JSON, keys in order, no spaces."""
    return json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def linked(fields: Entry, last: Head) -> dict[str, Any]:
    """Return the entry that follows `last`."""
    entry = {**fields, "seq": last.seq + 1, "before": last.hash}
    return {**entry, "hash": _digest(entry)}


def verify(entries: Iterable[Entry | None], head: Head | None = None, noted: Head | None = None) -> Verdict:
    """Follow a chain from its first entry.

    Parameters
    ----------
    entries
        In the order of the lines; None for a line that is no entry.
    head
        What the server keeps beside the log as its last entry; the log may be ahead of it, not behind.
    noted
        A head that an auditor has noted earlier.
    """
    last, findings = START, list[str]()
    known = [known for known in (head, noted) if known is not None and known.seq > 0]
    for line, entry in enumerate(entries, start=1):
        found = None if entry is None else _head_of(entry)
        if entry is None or found is None:
            findings.append(f"line {line} is no entry: it was changed, or written in part")
            continue
        findings += (f"line {line} (entry {found.seq}) {what}" for what in _faults(entry, found, last))
        findings += (
            f"line {line} (entry {found.seq}) is not the entry that was noted: the log was written anew"
            for one in known
            if one.seq == found.seq and one.hash != found.hash
        )
        last = found
    furthest = max(known, key=lambda one: one.seq, default=START)
    if furthest.seq > last.seq:
        findings.append(f"the log ends with entry {last.seq}: entries {last.seq + 1} to {furthest.seq} were removed")
    return Verdict(last, tuple(findings[:_MOST_FINDINGS]))


def _faults(entry: Entry, found: Head, last: Head) -> Iterable[str]:
    if _digest({key: value for key, value in entry.items() if key != "hash"}) != found.hash:
        yield "was changed: its digest is another"
    if found.seq > last.seq + 1:
        missing = f"entry {last.seq + 1}" if found.seq == last.seq + 2 else f"entries {last.seq + 1} to {found.seq - 1}"
        yield f"comes too early: {missing} should be before it, removed or out of order"
    elif found.seq <= last.seq:
        yield f"comes after entry {last.seq}: out of order, or twice"
    elif entry.get("before") != last.hash:
        yield f"does not follow entry {last.seq}: one of the two was changed"


def _head_of(entry: Entry) -> Head | None:
    seq, digest = entry.get("seq"), entry.get("hash")
    if isinstance(seq, bool) or not isinstance(seq, int) or not isinstance(digest, str):
        return None
    return Head(seq, digest)


def _digest(entry: Entry) -> str:
    return hashlib.sha256(text_of(entry).encode()).hexdigest()
