"""FATE's own client, fate-client 1.6.1, in a Python environment of its own: the `flow` command and the pipeline SDK."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

__all__ = ["FateClient", "make_client"]

Json = dict[str, Any]

PINS: Final = (
    "click==8.1.7",
    "flask==2.3.3",
    "loguru==0.7.2",
    "requests==2.31.0",
    "requests-toolbelt==0.10.1",
    "ruamel.yaml==0.16.13",
    "setuptools==68.2.2",
    "urllib3==1.26.20",
    "werkzeug==2.3.8",
)
"""What it needs of what it asks for; it also asks for TensorFlow and PyTorch, for models that are not made here."""

_SDK: Final = """
import json, sys
from unittest.mock import MagicMock

# the package loads them with any component, for networks only; they take a gigabyte
for name in ("tensorflow", "tensorflow.python", "tensorflow.python.keras", "tensorflow.python.keras.engine", "torch"):
    sys.modules[name] = MagicMock()
from pipeline.backend.pipeline import PipeLine
from pipeline.component import DataIO, Evaluation, HeteroLR, Intersection, Reader
from pipeline.interface import Data
from pipeline.runtime.entity import JobParameters
from pipeline.utils.invoker.job_submitter import JobInvoker

told = json.loads(sys.argv[1])
reader = Reader(name="reader_0")
dataio = DataIO(name="dataio_0")
for role, party in (("guest", 9999), ("host", 10000)):
    table = {"name": told[role], "namespace": told["namespace"]}
    reader.get_party_instance(role=role, party_id=party).component_param(table=table)
    dataio.get_party_instance(role=role, party_id=party).component_param(with_label=role == "guest", label_name="y")
intersection = Intersection(name="intersection_0")
model = HeteroLR(name="hetero_lr_0", **told["parameters"])
evaluation = Evaluation(name="evaluation_0", eval_type="binary")

train = PipeLine().set_initiator(role="guest", party_id=9999).set_roles(guest=9999, host=10000, arbiter=10000)
train.add_component(reader)
train.add_component(dataio, data=Data(data=reader.output.data))
train.add_component(intersection, data=Data(data=dataio.output.data))
train.add_component(model, data=Data(train_data=intersection.output.data))
train.add_component(evaluation, data=Data(data=model.output.data))
train.compile()
parameters = JobParameters(work_mode=0)
train.fit(parameters)
found = {"summary": train.get_component("evaluation_0").get_summary(), "train": train.get_train_job_id()}
component = train.get_component("hetero_lr_0")
found["model"] = component.get_model_param()
found["rows"] = len(component.get_output_data()["data"])
train.deploy_component([dataio, intersection, model])
predict = PipeLine()
predict.add_component(reader)
predict.add_component(train, data=Data(predict_input={train.dataio_0.input.data: reader.output.data}))
predict.add_component(evaluation, data=Data(data=train.hetero_lr_0.output.data))
predict.predict(parameters)
rows = JobInvoker().get_output_data(predict.get_predict_job_id(), "hetero_lr_0", "guest", 9999)
found["predicted"] = [rows["meta"], len(rows["data"])]
found["scores"] = predict.get_component("evaluation_0").get_summary()
print("FOUND " + json.dumps(found))
"""


class FateClient:
    """The client, in its environment.

    Parameters
    ----------
    folder
        Of the environment.
    work
        Where files are put.
    """

    def __init__(self, folder: Path, work: Path) -> None:
        self._bin, self._work = folder / "bin", work

    def init(self, port: int) -> None:
        """Tell both of its parts where the server is."""
        logs = self._work / "logs"
        self._run("flow", "init", "--ip", "127.0.0.1", "--port", str(port))
        self._run("pipeline", "init", "--ip", "127.0.0.1", "--port", str(port), "--log-directory", str(logs))

    def flow(self, *words: str) -> Json:
        """Run a `flow` command, and return what it says."""
        said = self._run("flow", *words)
        found: Json = json.loads(said)
        return found

    def file(self, name: str, value: object) -> str:
        """Write a JSON file for a command, and return its path."""
        path = self._work / name
        path.write_text(json.dumps(value))
        return str(path)

    def sdk(self, told: Json) -> Json:
        """Train, deploy and predict a hetero LR with the pipeline SDK."""
        said = self._run("python", "-c", _SDK, json.dumps(told), timeout_s=400)
        line = next(line for line in said.splitlines() if line.startswith("FOUND "))
        found: Json = json.loads(line.removeprefix("FOUND "))
        return found

    def _run(self, command: str, *words: str, timeout_s: float = 120) -> str:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        done = subprocess.run(
            [self._bin / command, *words],
            cwd=self._work,
            env={**environment, "NO_PROXY": "127.0.0.1"},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout


def make_client(folder: Path) -> FateClient:
    """Make an environment with the client."""
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True, capture_output=True)
    pip = [str(folder / "venv/bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for wanted in (("--no-deps", "fate-client==1.6.1"), PINS):
        done = subprocess.run([*pip, *wanted], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
    work = folder / "work"
    work.mkdir()
    return FateClient(folder / "venv", work)
