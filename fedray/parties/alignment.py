"""Alignment with the help of a main client that has no data.

::

    data clients    read and check their tables; nothing has been said so far
    data -> data    32 random bytes each, never to main: together they make the key of the tokens
    data -> main    one token for each id and dummies up to a size class, in token order
    main            intersects the lists; refuses too small an intersection
    main -> data    the common tokens in token order
    data clients    find their rows, put them in the common order, write their files
    data -> main    the numbers of rows written

Cost: 2 rounds at a data client; n (n - 1) contributions, n lists of at most 1.5 times the ids (1024 tokens at least) to
main and n lists of the common tokens back, 16 bytes a token.
Leaks: to main the size class of each table and the size of the intersection; to the data clients the intersection.
Main together with one data client could test guesses of ids.
Ref: [D].
"""

from __future__ import annotations

import hashlib
import secrets
from functools import partial
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fedray.channel.codec import Array
from fedray.data.split import sizes, write_split
from fedray.data.table import RawTable, read_tables
from fedray.errors import DataError, LocalProtocolError, RemoteProtocolError
from fedray.parties.context import PartyContext, PartyOutcome
from fedray.psi.merge import find, intersect, is_sorted
from fedray.psi.tokens import (
    CONTRIBUTION_BYTES,
    Tokens,
    dummies,
    is_size_class,
    size_class,
    task_key,
    token_order,
    tokens_of,
)
from fedray.task.alignment_configs import AlignmentData, AlignmentMain
from fedray.task.record import EventKind

__all__ = ["run_data", "run_main"]

_CONTRIBUTION = "psi.contribution"
_TOKENS = "psi.tokens"
_COMMON = "psi.common"
_DONE = "psi.done"


def run_main(ctx: PartyContext) -> PartyOutcome:
    """Play the main client: intersect tokens, tell the data clients, wait until they have written.

    Raises
    ------
    DataError
        The intersection is empty or smaller than ``min_intersection``.
    RemoteProtocolError
        A data client did not keep to the protocol.
    """
    config = _config(ctx)
    data = [member.index for member in ctx.plan.data]
    with ctx.channel.phase("intersect"):
        ctx.begin("intersect", "waiting for the tokens of all data clients")
        common = intersect([_receive_list(ctx, frm) for frm in data])
        ctx.channel.reveals.add("intersection_size", (ctx.me, *data), ())
        _check_size(len(common), config.min_intersection)
        for to in data:
            ctx.channel.send(to, _COMMON, common)
    with ctx.channel.phase("write"):
        ctx.begin("write", "the data clients write the aligned tables")
        n_train, n_test = sizes(len(common), config.test_size, repeats=config.repeats)
        written = {"n_train": n_train, "n_test": n_test}
        for done, frm in enumerate(data, start=1):
            _check_done(ctx, frm, written)
            ctx.progress("write", done, len(data))
    ctx.tell(EventKind.DATASET, **written)
    return PartyOutcome(dict(written))


def run_data(ctx: PartyContext) -> PartyOutcome:
    """Play a data client: read the table, send tokens, write the common rows in the common order.

    Raises
    ------
    DataError
        The table or the folder cannot be used; raised before any message if the table is at fault.
    RemoteProtocolError
        Another party did not keep to the protocol.
    """
    config = ctx.member.config
    if not isinstance(config, AlignmentData):
        raise LocalProtocolError("the plan gives this party no alignment_data configuration")
    with ctx.channel.phase("read"):
        ctx.begin("read", "reading and checking the table")
        paths = (config.raw_data_path, *config.more_raw_data_paths)
        table = read_tables(ctx.root, paths, config.columns, config.duplicates)
        folder = ctx.root.generated_dir(config.out_data_path, create=True)
    with ctx.channel.phase("tokens"):
        ctx.begin("tokens", "making and sending the tokens")
        tokens, rows = _send_tokens(ctx, table)
    with ctx.channel.phase("intersect"):
        ctx.begin("intersect", "waiting for the common tokens")
        common = _receive_common(ctx)
        places = _places(ctx, common, tokens)
    with ctx.channel.phase("write"):
        ctx.begin("write", "writing the aligned table")
        raw_name = PurePosixPath(config.raw_data_path).name
        chosen, wanted = _in_order(ctx, table, rows[places]), _config(ctx)
        manifest = write_split(
            folder,
            raw_name,
            table,
            chosen,
            ctx.plan.task,
            _fingerprint(common),
            partial(ctx.progress, "write"),
            wanted.test_size,
            repeats=wanted.repeats,
        )
        written = {"n_train": manifest.n_train, "n_test": manifest.n_test}
        ctx.channel.send_json(ctx.plan.main.index, _DONE, written)
        ctx.channel.flush()
    return PartyOutcome(dict(written))


def _send_tokens(ctx: PartyContext, table: RawTable) -> tuple[Tokens, npt.NDArray[np.int64]]:
    """Send the padded list to main; return my own tokens in order, and the table's row of each."""
    key = task_key(_exchange(ctx), bytes.fromhex(ctx.plan.digest))
    own = tokens_of(table.ids, key, ctx.pool)
    padded = np.concatenate([own, dummies(size_class(len(own)) - len(own))])
    order = token_order(padded)
    ctx.channel.send(ctx.plan.main.index, _TOKENS, padded[order])
    rows = order[order < len(own)]
    return own[rows], rows


def _exchange(ctx: PartyContext) -> dict[int, bytes]:
    mine = secrets.token_bytes(CONTRIBUTION_BYTES)
    others = [member.index for member in ctx.plan.data if member.index != ctx.me]
    for to in others:
        ctx.channel.send(to, _CONTRIBUTION, np.frombuffer(mine, dtype=np.uint8))
    received = {frm: _receive_contribution(ctx, frm) for frm in others}
    return {ctx.me: mine, **received}


def _receive_contribution(ctx: PartyContext, frm: int) -> bytes:
    arrays = ctx.channel.recv(frm, _CONTRIBUTION)
    if len(arrays) != 1 or arrays[0].dtype != np.uint8 or arrays[0].shape != (CONTRIBUTION_BYTES,):
        raise _broken(ctx, frm, f"expected a contribution of {CONTRIBUTION_BYTES} bytes", arrays)
    return arrays[0].tobytes()


def _receive_list(ctx: PartyContext, frm: int) -> Tokens:
    tokens = _receive_tokens(ctx, frm, _TOKENS)
    if not is_size_class(len(tokens)):
        raise _broken(ctx, frm, "expected as many tokens as a size class has", (tokens,))
    ctx.channel.reveals.add("size_class", (ctx.me,), ())
    return tokens


def _receive_common(ctx: PartyContext) -> Tokens:
    common = _receive_tokens(ctx, ctx.plan.main.index, _COMMON)
    ctx.channel.reveals.add("intersection", tuple(member.index for member in ctx.plan.data), ())
    return common


def _receive_tokens(ctx: PartyContext, frm: int, label: str) -> Tokens:
    arrays = ctx.channel.recv(frm, label)
    if len(arrays) != 1 or arrays[0].dtype != np.uint64 or arrays[0].ndim != 2 or arrays[0].shape[1] != 2:
        raise _broken(ctx, frm, "expected one list of 128-bit tokens", arrays)
    if not is_sorted(arrays[0]):
        raise _broken(ctx, frm, "expected tokens in ascending order, each once", arrays)
    return arrays[0]


def _places(ctx: PartyContext, common: Tokens, own: Tokens) -> npt.NDArray[np.int64]:
    """Return where the common tokens are in my own list; main cannot make up a token."""
    main = ctx.plan.main
    least = main.config.min_intersection if isinstance(main.config, AlignmentMain) else 1
    places = find(common, own)
    if len(common) < max(1, least):
        raise _broken(ctx, main.index, f"expected at least {least} common tokens", (common,))
    if (places < 0).any():
        raise _broken(ctx, main.index, "expected common tokens that are all mine", (common,))
    return places


def _in_order(ctx: PartyContext, table: RawTable, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the common rows in the order that the task asks for; only the data clients ever see either.

    By id, so that the same tables give the same training and test rows each time; or as the tokens came, which is
    another order in every task.
    """
    if _config(ctx).order == "random":
        return rows
    by_id: npt.NDArray[np.int64] = pc.sort_indices(table.ids.take(pa.array(rows))).to_numpy()
    return rows[by_id]


def _config(ctx: PartyContext) -> AlignmentMain:
    config = ctx.plan.main.config
    if not isinstance(config, AlignmentMain):
        raise LocalProtocolError("the plan gives the main client no alignment_main configuration")
    return config


def _check_size(size: int, least: int) -> None:
    if size == 0:
        raise DataError(
            "the data clients have no id in common; check that the first column of every raw table holds the same ids"
        )
    if size < least:
        raise DataError(
            f"the data clients have fewer ids in common than min_intersection = {least}; "
            "check that the raw tables belong together, or lower min_intersection"
        )


def _check_done(ctx: PartyContext, frm: int, written: dict[str, int]) -> None:
    told = ctx.channel.recv_json(frm, _DONE)
    if told != written:
        raise RemoteProtocolError(f"{ctx.plan.names[frm]}: wrote another number of rows than the common ones")


def _fingerprint(common: Tokens) -> str:
    """Return a name for the common rows in their order; it tells nothing without the key."""
    return hashlib.sha256(common.astype(">u8").tobytes()).hexdigest()[:32]


def _broken(ctx: PartyContext, frm: int, expected: str, arrays: tuple[Array, ...]) -> RemoteProtocolError:
    got = ", ".join(f"{array.dtype}{list(array.shape)}" for array in arrays) or "nothing"
    return RemoteProtocolError(f"{ctx.plan.names[frm]}: {expected}, got {got}")
