"""The K12AI API in the words of others: the original's spelling and codes, and the dialect of 2020."""

from __future__ import annotations

import json

import pytest

from fedray.task.record import Status
from tests.api.conftest import World
from tests.api.k12 import ENVELOPE, K12, SHORT, Json, request


@pytest.fixture
def k12(world: World) -> K12:
    return K12(world)


def test_spelling_and_success_code_of_the_original(world: World) -> None:
    k12 = K12(world, success_code=100000, legacy_spelling=True, datetime="%Y%m%d%H%M%S")
    assert k12.do("train.stop")["code"] == 100000
    detail = k12.post("framework/train", b"{")["detail"]
    assert detail["trackback"] == detail["traceback"]
    assert detail["traceback"][0]["souce"] == detail["traceback"][0]["source"]
    assert len(k12.told("error")[0]["datetime"]) == 14


class TestDialectOf2020:
    @pytest.fixture
    def later(self, world: World) -> K12:
        return K12(world, dialect="2020", server="127.0.0.1:8380")

    def execute(self, k12: K12, op: str, params: object = None, **fields: object) -> Json:
        return k12.post("framework/execute", {"token": "t", **request(op, params, **fields)})

    def test_life(self, later: K12, world: World) -> None:
        reply = self.execute(later, "train.start", json.dumps(SHORT), appId="talentai")
        assert reply == {
            "code": 100000,
            "message": {"en": "success", "cn": "成功"},
            "data": "train.start task: test.123456",
        }
        world.store.transition("test.123456", Status.RUNNING)
        world.train("test.123456")
        world.finish("test.123456")
        metrics = later.told("metrics", "talentai")[0]
        assert set(metrics) == ENVELOPE | {"token", "appId", "server", "data"}
        assert (metrics["tag"], metrics["server"]) == ("k12fl", "127.0.0.1:8380")
        titles = {item["data"]["title"]: item for item in metrics["data"]}
        assert set(titles) == {"loss", "auc", "ks", "time", "progress"}
        assert len(titles["loss"]["_id_"]) == 16
        assert (titles["loss"]["category"], titles["loss"]["type"]) == ("train", "scalar")
        assert titles["loss"]["data"]["payload"] == {
            "x": {"label": "batch", "value": 101},
            "y": [{"label": "loss", "value": 0.25}],
        }
        codes = [message["data"]["code"] for message in later.told("error", "talentai")]
        assert codes == [100001, 100002, 100003]

    def test_stop_and_twice(self, later: K12, world: World) -> None:
        self.execute(later, "train.start", SHORT)
        self.execute(later, "train.start", SHORT)
        self.execute(later, "train.stop")
        self.execute(later, "train.stop")
        codes = sorted(message["data"]["code"] for message in later.told("error"))
        assert codes == [100001, 100004, 100204, 100205]
        assert self.execute(later, "evaluate.start", {})["code"] == 100208

    def test_refusals(self, later: K12) -> None:
        assert later.post("framework/execute", request("train.stop"))["code"] == 100101
        assert later.post("framework/execute", b"{")["code"] == 100103
        assert self.execute(later, "runcode.start")["code"] == 100102
        assert self.execute(later, "train.start", "{")["code"] == 100102
        assert later.do("train.stop")["code"] == 100102

    def test_the_seed_has_no_execute(self, k12: K12) -> None:
        reply = self.execute(k12, "train.stop")
        assert (reply["code"], reply["message"]) == (100102, "not support in the dialect seed")
