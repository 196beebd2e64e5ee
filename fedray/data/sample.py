"""A table to try fedray with: scikit-learn's breast cancer data, cut among three parties.

A clinic and a laboratory have fifteen columns of features each, a hospital has the outcome. Each lacks some of the
people, and has them in an order of its own. Ids are text: "007" and "7" are two people.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from fedray.data.load import load_split

__all__ = [
    "HELPERS",
    "PARTIES",
    "SampleParty",
    "alignment_task",
    "plain_auc",
    "registry_toml",
    "training_task",
    "write_tables",
]

_ABSENT: Final = 25
"""People whom each party lacks."""


@dataclass(frozen=True)
class SampleParty:
    """One party with a table.

    Attributes
    ----------
    role
        ``feature_client`` or ``label_client``.
    file
        Name of its raw file, of which the stem names its folder of aligned data.
    http_port
        Tells the parties apart on one machine; nothing listens there.
    """

    role: str
    file: str
    http_port: int

    @property
    def folder(self) -> str:
        """The folder of its aligned data."""
        return Path(self.file).stem


PARTIES: Final[Mapping[str, SampleParty]] = MappingProxyType(
    {
        "clinic": SampleParty("feature_client", "clinic.csv", 8084),
        "laboratory": SampleParty("feature_client", "laboratory.csv", 8082),
        "hospital": SampleParty("label_client", "outcome.csv", 8884),
    }
)
"""The parties with data, in the order of the tasks' clients."""

HELPERS: Final[Mapping[str, int]] = MappingProxyType({"coordinator": 8377, "dealer": 8904})
"""The parties without data, and their ports."""


def write_tables(folder: Path | Mapping[str, Path], seed: int = 0) -> int:
    """Write every party's table as CSV with an id column and a header.

    Parameters
    ----------
    folder
        Where all the files go, or where each party's file goes, by name; made where it is missing.
    seed
        Of orders and absences.

    Returns
    -------
    int
        How many people all three parties have.
    """
    rng = np.random.default_rng(seed)  # sample data, no secret
    data = load_breast_cancer()
    ids = _ids(len(data.target))
    features = pd.DataFrame(data.data, columns=[str(name).replace(" ", "_") for name in data.feature_names])
    cuts = {
        "clinic": features.iloc[:, :15],
        "laboratory": features.iloc[:, 15:],
        "hospital": pd.DataFrame({"malignant": 1 - data.target}),
    }
    present: list[set[int]] = []
    for name, cut in cuts.items():
        # The first two people are "007" and "7": they stay, so that whoever reads ids as numbers is caught.
        rows = np.concatenate([[0, 1], rng.permutation(np.arange(2, len(ids)))[:-_ABSENT]])
        rng.shuffle(rows)
        present.append(set(rows.tolist()))
        place = folder if isinstance(folder, Path) else folder[name]
        place.mkdir(parents=True, exist_ok=True)
        table = cut.iloc[rows]
        table.insert(0, "id", [ids[row] for row in rows])
        table.to_csv(place / PARTIES[name].file, index=False)
    return len(set.intersection(*present))


def _ids(count: int) -> list[str]:
    return ["007", "7", *(f"P-{number:04d}" for number in range(2, count))]


def registry_toml(roots: Mapping[str, Path], resource: str | None = None) -> str:
    """Return the text of a ``fedray.toml`` that names all five parties.

    Parameters
    ----------
    roots
        The data root of each of `PARTIES` and `HELPERS`, by name.
    resource
        Offered by the node of every party; None gives each party one of its own, ``party_<name>``.
    """
    ports = {name: party.http_port for name, party in PARTIES.items()} | dict(HELPERS)
    lines = []
    for name, port in ports.items():
        lines += [
            f"[parties.{name}]",
            'addr = "127.0.0.1"',
            f"http_port = {port}",
            f"root = {json.dumps(str(roots[name]))}",
        ]
        lines += [f'resource = "{resource}"', ""] if resource else [""]
    return "\n".join(lines)


def alignment_task(name: str = "align") -> dict[str, Any]:
    """Return the document of a task that aligns the tables which `write_tables` writes."""
    data = [
        _client(party, client_type="alignment_data", raw_data_path=party.file, out_data_path=party.folder)
        for party in PARTIES.values()
    ]
    return {
        "task_name": name,
        "clients": [_helper("main_client", HELPERS["coordinator"], client_type="alignment_main"), *data],
    }


def training_task(name: str = "train", **main: Any) -> dict[str, Any]:
    """Return the document of a task that trains on what `alignment_task` wrote.

    Parameters
    ----------
    name
        Of the task.
    main
        Fields of the ``shared_nn_main`` configuration to set; by default a logistic regression of 200 batches.
    """
    network = {"in_dim": 1, "layers": [], "max_iter": 200, "test_per_batches": 50, "learning_rate": 0.01, **main}
    data = [
        _client(party, client_type="shared_nn_feature", data_path=party.folder)
        if party.role == "feature_client"
        else _client(party, client_type="shared_nn_label", data_path=party.folder, loss="bce", metric="auc_ks")
        for party in PARTIES.values()
    ]
    helpers = [
        _helper("main_client", HELPERS["coordinator"], client_type="shared_nn_main", **network),
        _helper("crypto_producer", HELPERS["dealer"], client_type="triplet_producer"),
    ]
    return {"task_name": name, "clients": [*helpers, *data]}


def _client(party: SampleParty, **config: Any) -> dict[str, Any]:
    return _helper(party.role, party.http_port, **config)


def _helper(role: str, http_port: int, **config: Any) -> dict[str, Any]:
    config = {"client_type": config.pop("client_type"), "computation_port": http_port + 1, **config}
    return {"role": role, "addr": "127.0.0.1", "http_port": http_port, "client_config": config}


def plain_auc(folders: Mapping[str, Path]) -> float:
    """Return the test AUC of scikit-learn's logistic regression on all parties' aligned tables together.

    Only whoever made the tables can do this: it reads them all in one place.

    Parameters
    ----------
    folders
        The folder that the alignment wrote for each of `PARTIES`, by name.

    Raises
    ------
    DataError
        A folder holds no aligned data set.
    """
    splits = {name: load_split(folders[name]) for name in PARTIES}
    features = [splits[name] for name, party in PARTIES.items() if party.role == "feature_client"]
    train, test = (np.hstack([getattr(split, part) for split in features]) for part in ("train", "test"))
    scaler = StandardScaler().fit(train)
    model = LogisticRegression(max_iter=1000).fit(scaler.transform(train), splits["hospital"].train[:, 0])
    scores = model.predict_proba(scaler.transform(test))[:, 1]
    return float(roc_auc_score(splits["hospital"].test[:, 0], scores))
