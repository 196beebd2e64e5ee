"""A peer and fedray by turns on one machine: the same operations, medians of both and what one is of the other."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.credit import Training
from benchmarks.lines import Line, line
from benchmarks.ops import run as run_operation
from benchmarks.peers.programs import PROGRAMS
from benchmarks.tasks import cluster
from benchmarks.train import aligned_tables, costs
from fedray.data.root import DataRoot
from fedray.errors import DataError, FedrayError, SpecError

__all__ = ["Asked", "merge", "parse", "run"]

LINE = '{"bench": "peers"'
TIMES = ("seconds", "min", "max")
PEER_S = 1800.0
"""For one turn of a peer; all its programs take half a minute."""

BATCH = 256
WIDTHS: dict[str, tuple[int, ...]] = {"logistic": (1,), "network 32,1": (32, 1), "network 64,32,1": (64, 32, 1)}
PEER_SECURITY = "semi-honest, two parties, one of which makes the triples and could open everything"


@dataclass(frozen=True)
class Asked:
    """What is compared.

    Attributes
    ----------
    python
        Interpreter that has the peer.
    parties
        Of fedray: numbers of computing parties, each measured.
    turns, repeat
        How often each side is started, and runs of a program in each turn.
    steps
        Batches of each of our trainings.
    ops
        Programs; empty is all.
    small
        Tiny sizes of single operations, to see that it works.
    """

    python: Path
    parties: Sequence[int] = (2, 3)
    turns: int = 3
    repeat: int = 5
    steps: int = 500
    ops: Sequence[str] = ()
    small: bool = False


def run(data: Path, asked: Asked) -> Iterator[Line]:
    """Yield one line for each program of the peer.

    Raises
    ------
    SpecError
        There is no such program.
    DataError
        The credit files are not there, or the peer printed something else than its lines.
    FedrayError
        The peer could not be run.
    """
    if unknown := set(asked.ops) - set(PROGRAMS):
        raise SpecError(f"--op {', '.join(sorted(unknown))[:80]}: expected some of {', '.join(PROGRAMS)}")
    wanted = [name for name in PROGRAMS if not asked.ops or name in asked.ops]
    for name in wanted:
        if not PROGRAMS[name].steps:
            yield _operation(name, asked)
    if trainings := [name for name in wanted if PROGRAMS[name].steps]:
        yield from _trainings(data, trainings, asked)


def parse(text: str, programs: Sequence[str]) -> dict[str, Line]:
    """Return the lines that a peer printed among what its libraries log, by program.

    Raises
    ------
    DataError
        A line lacks a number, or there is not exactly one for each program.
    """
    found: dict[str, Line] = {}
    for one in text.splitlines():
        if one.startswith(LINE):
            said = json.loads(one)
            if not all(isinstance(said.get(name), float) for name in TIMES):
                raise DataError(f"the peer's line of {str(said.get('op'))[:80]}: expected numbers {', '.join(TIMES)}")
            if said.get("op") in found:
                raise DataError(f"the peer's lines: {said['op'][:80]} came twice, expected one line for each program")
            found[said.get("op")] = said
    if set(found) != set(programs):
        raise DataError(
            f"the peer's lines: expected {', '.join(programs)}, came {', '.join(map(str, found)) or 'none'}"
        )
    return found


def merge(op: str, theirs: Sequence[Line], ours: Mapping[int, Sequence[Line]]) -> Line:
    """Return one line of all turns: medians of the turns' medians, the least and the most of all, and the ratios.

    Parameters
    ----------
    theirs
        A line of the peer for each turn, with ``seconds``, ``min`` and ``max``.
    ours
        The same of fedray, by number of computing parties.
    """
    peer = _over_turns(theirs)
    merged = {
        **line("peers", "fast"),
        "op": op,
        "ours": ours_of(op),
        "peer": theirs[0].get("peer"),
        "peer_security": PEER_SECURITY,
        "peer_error": theirs[-1].get("max_error"),
        "turns": len(theirs),
        **{f"peer_{name}": number for name, number in peer.items()},
    }
    for parties, lines in ours.items():
        mine = _over_turns(lines)
        merged |= {f"{name}_{parties}": number for name, number in mine.items()}
        merged[f"ratio_{parties}"] = peer["seconds"] / mine["seconds"]
    return merged


def ours_of(op: str) -> str:
    """Return which of our operations stands beside a peer's: what is in brackets is the peer's own way."""
    return op.partition(" (")[0]


def _over_turns(lines: Sequence[Line]) -> dict[str, float]:
    medians, least, most = ([float(str(one[name])) for one in lines] for name in TIMES)
    return {"seconds": statistics.median(medians), "min": min(least), "max": max(most)}


def _operation(name: str, asked: Asked) -> Line:
    theirs: list[Line] = []
    ours: dict[int, list[Line]] = {parties: [] for parties in asked.parties}
    for _ in range(asked.turns):
        theirs.append(_peer([name], asked)[name])
        for parties, lines in ours.items():
            (measured,) = run_operation(parties, asked.repeat, name, asked.small)
            lines.append(measured | {"min": measured["seconds_min"], "max": measured["seconds_max"]})
    return merge(name, theirs, ours)


def _trainings(data: Path, names: Sequence[str], asked: Asked) -> Iterator[Line]:
    designs = sorted({ours_of(name) for name in names})
    theirs: list[dict[str, Line]] = []
    ours: dict[int, list[dict[str, Line]]] = {parties: [] for parties in asked.parties}
    with ExitStack() as stack:
        roots = {parties: stack.enter_context(aligned_tables(data, parties))[0] for parties in asked.parties}
        for _ in range(asked.turns):
            theirs.append(_peer(names, asked))
            for parties, turns in ours.items():
                with cluster("fast", parties + 1):
                    turns.append({name: _training(name, parties, roots[parties], asked.steps) for name in designs})
    for name in names:
        mine = {parties: [turn[ours_of(name)] for turn in turns] for parties, turns in ours.items()}
        yield merge(name, [turn[name] for turn in theirs], mine)


def _training(name: str, parties: int, root: DataRoot, steps: int) -> Line:
    """Return the seconds of a batch over all batches, with what happens once before the first of them.

    The peer's side has warmed up. A difference of two trainings, which would leave out the same here, is as small as
    their noise makes it; that would be in our favour.
    """
    training = Training(WIDTHS[name], BATCH, steps, parties=parties)
    seconds = costs("peers", training, root, "fast")["ms_per_batch"] / 1000
    return {"seconds": seconds, "min": seconds, "max": seconds}


def _peer(names: Sequence[str], asked: Asked) -> dict[str, Line]:
    """Run the peer on some programs."""
    python = shutil.which(asked.python)
    if python is None:
        raise FedrayError("--spu: no such program; expected an interpreter with the packages spu and jax")
    command = [str(Path(python).absolute()), "-m", "benchmarks.peers.spu", "--repeat", str(asked.repeat)]
    command += ["--small"] if asked.small else []
    for name in names:
        command += ["--op", name]
    here = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, check=False, timeout=PEER_S, cwd=here, env=environment
        )
    except subprocess.TimeoutExpired:
        raise FedrayError(f"--spu: the peer took more than {PEER_S:g} s, expected half a minute") from None
    if done.returncode:
        raise FedrayError(f"--spu: the peer ended with status {done.returncode}; it has said why above")
    return parse(done.stdout, names)
