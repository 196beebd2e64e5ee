"""Exported models kept in the server's state folder, and taken again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from fedray.data.party_key import KeySetting
from fedray.data.root import DataRoot
from fedray.data.sealed_folder import SealedFolder
from fedray.task.text import show
from serve_api.fate_flow.book import Job
from serve_api.fate_flow.data import local_job
from serve_api.fate_flow.exporting import archive_name, unpacked
from serve_api.fate_flow.faults import REFUSED, FateError
from serve_api.fate_flow.job import PartyId
from serve_api.fate_flow.models import Model

if TYPE_CHECKING:
    from serve_api.fate_flow.desk import FateDesk

__all__ = ["Keeping"]

_FOLDER: Final = "fate-models"
_ZIP: Final = b"PK"


class Keeping:
    """Keeps models of parties for one request.

    Parameters
    ----------
    desk
        Of the application.
    """

    def __init__(self, desk: FateDesk) -> None:
        self._desk = desk

    def store(self, model: Model, party: PartyId, content: bytes, *, force: bool) -> Job:
        """Begin a job that keeps an exported model; raises ``FateError`` where one is kept, unless forced."""
        folder, file = self._folder(), _file(model.model_id, model.version, party)
        if (folder.path / file).exists() and not force:
            raise FateError(REFUSED, f"Model {show(archive_name(model, party))} is stored already; use force_update")

        def work(_: object) -> Mapping[str, Any]:
            folder.write(file, content)
            return {}

        return self._begin("store", "ModelStore", model.model_id, model.version, work)

    def restore(self, model_id: str, version: str, party: PartyId) -> Job:
        """Begin a job that takes a model that was kept; raises ``FateError`` where none is."""
        folder, file = self._folder(), _file(model_id, version, party)
        if not (folder.path / file).exists():
            raise FateError(REFUSED, f"Model {show(model_id)} {show(version)} of {party} is not stored here")

        def work(_: object) -> Mapping[str, Any]:
            found = unpacked(_read(folder, file), party)
            if self._desk.models.find(model_id, version) is None:
                self.take(found, model_id, version, party)
            return {}

        return self._begin("restore", "ModelRestore", model_id, version, work)

    def take(self, model: Model, model_id: str, version: str, party: PartyId) -> None:
        """Take an exported model of which this server has the training, but not the version any more.

        Raises
        ------
        FateError
            It is there, it is another, or its training is not on this server.
        """
        if (model.model_id, model.version) != (model_id, version):
            raise FateError(REFUSED, "the file: expected the model and version of the request, got another")
        if self._desk.models.find(model_id, version) is not None:
            raise FateError(REFUSED, f"Model {archive_name(model, party)} local cache already existed")
        job = self._desk.book.get(model.job)
        if job is None or job.op != "train" or job.model_id != model_id:
            raise FateError(
                REFUSED,
                "the training of this model is not on this server: the shares of which a model consists stay with the "
                "parties that trained it and are not in the file",
            )
        self._desk.models.take(model)

    def _begin(self, op: str, module: str, model_id: str, version: str, work: Any) -> Job:
        parameters = {"model_id": model_id, "model_version": version}
        job = local_job(op, module, self._desk.ids.next(), parameters, self._desk.now())
        self._desk.chores.begin(job, work, 1)
        return job

    def _folder(self) -> SealedFolder:
        return DataRoot(self._desk.settings.root, KeySetting.from_environment(os.environ)).sealed_dir(_FOLDER)


def _read(folder: SealedFolder, file: str) -> bytes:
    """Return a kept model; one that was written before they were sealed is looked at as one that is imported."""
    content = (folder.path / file).read_bytes()
    return content if content.startswith(_ZIP) else folder.read(file)


def _file(model_id: str, version: str, party: PartyId) -> str:
    return hashlib.sha256(f"{party.role}#{party.party_id}#{model_id}#{version}".encode()).hexdigest() + ".zip"
