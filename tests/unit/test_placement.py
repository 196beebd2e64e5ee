"""Where a party's actor runs when several nodes offer its resource; no Ray runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fedray.errors import PlacementError
from tests.tasks import made_up


def node(name: str, alive: bool = True, **resources: float) -> dict[str, Any]:
    return {"NodeID": name * 56, "NodeManagerAddress": f"10.0.0.{name}", "Alive": alive, "Resources": resources}


@pytest.mark.parametrize(
    ("nodes", "home", "unclear"),
    [
        ([node("1", party_bank=1, CPU=4)], None, False),
        ([node("1", party_bank=1), node("2", party_bank=2), node("3", party_bank=1)], "2", False),
        ([node("1", party_bank=1), node("2", party_bank=1)], None, False),
        ([node("1", party_bank=2), node("2", party_bank=2), node("3", party_bank=1)], None, True),
        ([node("1", party_bank=1), node("2", alive=False, party_bank=2)], None, False),
    ],
)
def test_the_node_with_the_largest_amount_has_the_data(
    nodes: list[dict[str, Any]], home: str | None, unclear: bool
) -> None:
    from actors.placement import SHARE, offers

    known = offers(nodes)
    assert known.homes.get("party_bank") == (home and home * 56)
    options = known.options("party_bank")
    assert options["resources"] == {"party_bank": SHARE}
    assert getattr(options.get("scheduling_strategy"), "node_id", None) == known.homes.get("party_bank")
    assert known.addresses["1" * 56] == "10.0.0.1"
    assert known.resources == ["party_bank"]
    assert known.unclear == ({"party_bank"} if unclear else set())


@pytest.mark.parametrize(("said", "rows"), [(None, 100_000), ("250", 250), ("0", 0), ("-1", 100_000), ("x", 100_000)])
def test_from_how_many_rows_on_other_nodes_are_used(said: str | None, rows: int) -> None:
    from actors.pool import SHARD_ROWS, least_rows

    assert least_rows({} if said is None else {SHARD_ROWS: said}) == rows


def test_a_task_is_refused_where_nobody_can_say_which_node_has_the_data(tmp_path: Path) -> None:
    from actors.placement import Offers

    plan = made_up(tmp_path).plan()
    resources = sorted({member.party.resource for member in plan.members})
    nodes = dict.fromkeys(resources, ("1" * 56, "2" * 56))
    Offers(nodes).require(plan)
    with pytest.raises(PlacementError, match=f"several nodes, but not all, offer most of {resources[0]}; expected one"):
        Offers(nodes, unclear=frozenset(resources[:1])).require(plan)
    Offers(nodes, unclear=frozenset(["party_other"])).require(plan)
