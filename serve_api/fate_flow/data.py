"""Tables uploaded and downloaded, each as a job of role local."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import parse_qsl, unquote

from fedray.data.private_file import make_folder
from fedray.errors import SpecError
from fedray.task.text import load_json
from serve_api.fate_flow.book import Book, Job
from serve_api.fate_flow.chores import Chores, Progress
from serve_api.fate_flow.envelope import required, text_of, whole_of
from serve_api.fate_flow.exchange import readable, writable
from serve_api.fate_flow.faults import REFUSED, FateError
from serve_api.fate_flow.interfaces import TableEntry
from serve_api.fate_flow.loading import Source, Stopped, copy_rows, load
from serve_api.fate_flow.numbers import JobIds, model_id
from serve_api.fate_flow.settings import FateSettings
from serve_api.fate_flow.tables import FOLDER, TableBook

__all__ = ["LOCAL", "Data", "UploadConf", "conf_of_query", "local_job", "schema_of"]

Json = Mapping[str, Any]

LOCAL: Final = ("local", "0")
_MOST_PARTITIONS: Final = 1023
_TURNS: Final = 64


@dataclass(frozen=True)
class UploadConf:
    """What an upload is to make.

    Attributes
    ----------
    namespace, name
        Of the table.
    file
        As the request names it.
    head
        Whether the first line names the columns.
    delimiter
        Between cells.
    partition
        Kept only to be told.
    drop
        1 takes the place of a table that is there, 2 refuses where there is one, else rows are added to it.
    """

    namespace: str
    name: str
    file: str
    head: bool
    delimiter: str
    partition: int
    drop: int

    @classmethod
    def of(cls, fields: Json) -> Self:
        """Return what a request asks for; numbers may be text.

        Raises
        ------
        FateError
            Something is missing or wrong.
        """
        required(fields, "work_mode", "namespace", "table_name", "file", "head", "partition")
        whole_of(fields, "work_mode", 0, 0, 0)
        delimiter = fields.get("id_delimiter", ",")
        if not _between(delimiter, 1) or delimiter == '"':
            raise FateError(REFUSED, "id_delimiter: expected one printable character or a tab, no quote")
        return cls(
            text_of(fields, "namespace"),
            text_of(fields, "table_name"),
            text_of(fields, "file", 4096),
            whole_of(fields, "head", 1, 0, 1) == 1,
            delimiter,
            whole_of(fields, "partition", 1, 1, _MOST_PARTITIONS),
            whole_of(fields, "drop", 0, 0, 2),
        )


def _between(delimiter: object, most: int) -> bool:
    """Return whether something may stand between cells."""
    return isinstance(delimiter, str) and 0 < len(delimiter) <= most and delimiter.replace("\t", " ").isprintable()


def conf_of_query(query: str) -> dict[str, Any]:
    """Return the configuration that a query string holds: pairs of FATE 1.4, or one JSON object of 1.5 and later.

    Raises
    ------
    FateError
        It holds neither.
    """
    text = unquote(query)
    if not text.lstrip().startswith("{"):
        return dict(parse_qsl(query, keep_blank_values=True))
    try:
        found = load_json(text.removesuffix("="))
    except SpecError as error:
        raise FateError(REFUSED, f"the query string: {error.message}") from None
    return found if isinstance(found, dict) else {}


class Data:
    """Uploads and downloads, for all requests.

    Parameters
    ----------
    settings
        As the operator set them.
    book, tables, chores
        Of the API.
    ids
        Makes ids of jobs.
    now
        Gives Unix milliseconds.
    """

    def __init__(
        self,
        settings: FateSettings,
        book: Book,
        tables: TableBook,
        chores: Chores,
        ids: JobIds,
        now: Callable[[], int],
    ) -> None:
        self._settings, self._book, self._tables, self._chores = settings, book, tables, chores
        self._ids, self._now = ids, now
        self._turns = tuple(threading.Lock() for _ in range(_TURNS))

    def upload_here(self, conf: UploadConf) -> Job:
        """Upload a file of the server's own disk; raises ``FateError`` where it may not be read."""
        path = readable(self._settings.exchange, conf.file, self._settings.most_bytes)
        return self.upload(conf, Source(path, conf.head, conf.delimiter), lambda: None)

    def upload(self, conf: UploadConf, source: Source, after: Callable[[], None]) -> Job:
        """Begin a job that makes a table of a file; ``after`` is called when that is no longer needed, in any case.

        Raises
        ------
        FateError
            There is a table of this name, and nothing says what to do with it.
        """
        try:
            return self._upload(conf, source, after)
        except BaseException:
            after()
            raise

    def _upload(self, conf: UploadConf, source: Source, after: Callable[[], None]) -> Job:
        self._before(conf)
        parameters = {"file": conf.file, "head": int(conf.head), "id_delimiter": conf.delimiter}
        named = {"partition": conf.partition, "namespace": conf.namespace, "name": conf.name}
        job = local_job("upload", "Upload", self._ids.next(), {**parameters, **named}, self._now())
        size = 2 * source.size  # it is read twice

        def work(progress: Progress) -> Json:
            with self._turns[hash((conf.namespace, conf.name)) % _TURNS]:  # uploads of one name, one after the other
                return self._load(job.id, conf, source, progress)

        self._chores.begin(job, work, size, after)
        return job

    def _before(self, conf: UploadConf) -> TableEntry | None:
        """Return the table that an upload adds to; raises ``FateError`` where there may be none."""
        found = self._tables.find(conf.namespace, conf.name)
        if found is not None and conf.drop == 2:
            raise FateError(REFUSED, f"The data table already exists, table data count:{found.rows}.")
        return None if conf.drop == 1 else found

    def give_up(self) -> None:
        """Let the chores of the process before this one end, and remove what their uploads have left."""
        named = {entry.file for entry in self._tables.all()}
        for job_id in self._chores.give_up():
            if f"{FOLDER}/{job_id}.csv" not in named:
                for suffix in ("csv", "new"):
                    (self._settings.root / "raw" / FOLDER / f"{job_id}.{suffix}").unlink(missing_ok=True)

    def _load(self, job_id: str, conf: UploadConf, source: Source, progress: Progress) -> Json:
        folder = self._settings.root / "raw" / FOLDER
        make_folder(folder)
        found = self._before(conf)
        before = None if found is None else Source(self._tables.path(found), head=True)
        file = f"{FOLDER}/{job_id}.csv"
        target = self._settings.root / "raw" / file
        loaded = load(source, target, before, progress)
        try:
            progress.look()
        except Stopped:
            target.unlink()
            raise
        entry = TableEntry(
            conf.namespace, conf.name, file, loaded.id_column, loaded.columns, loaded.kept, conf.partition
        )
        self._tables.put(entry)
        info = {
            "table_name": conf.name,
            "namespace": conf.namespace,
            "partition": conf.partition,
            "upload_count": loaded.uploaded,
            "actual_count": loaded.kept,
        }
        return {"metrics": _metrics("upload", loaded.uploaded), "upload_info": info, "schema": schema_of(entry)}

    def download(self, fields: Json) -> Job:
        """Begin a job that writes a table to the server's disk.

        Raises
        ------
        FateError
            Something is missing or wrong, there is no such table, or the path may not be written.
        """
        required(fields, "work_mode", "namespace", "table_name", "output_path")
        namespace, name = text_of(fields, "namespace"), text_of(fields, "table_name")
        target = writable(self._settings.exchange, text_of(fields, "output_path", 4096))
        delimiter = fields.get("delimiter", fields.get("delimitor", ","))
        if not _between(delimiter, 8):
            raise FateError(REFUSED, "delimiter: expected 1 to 8 printable characters or tabs")
        size = self._tables.path(self._there(namespace, name)).stat().st_size
        parameters = {"output_path": str(target), "delimiter": delimiter, "namespace": namespace, "name": name}
        job = local_job("download", "Download", self._ids.next(), parameters, self._now())

        def work(progress: Progress) -> Json:
            entry = self._there(namespace, name)  # it may be another by now
            path = self._tables.path(entry)
            make_folder(target.parent)
            return {"metrics": _metrics("download", copy_rows(entry, path, target, delimiter, progress))}

        self._chores.begin(job, work, size)
        return job

    def _there(self, namespace: str, name: str) -> TableEntry:
        entry = self._tables.find(namespace, name)
        if entry is None:
            raise FateError(REFUSED, "no table found: check namespace and table_name")
        return entry

    def history(self, job_id: str | None, limit: int | None) -> list[Json]:
        """Return what was uploaded, the newest first."""
        jobs = [job for job in self._book.all() if job.op == "upload" and job_id in (None, job.id)]
        told = [_told(job) for job in jobs if (job.chore or {}).get("upload_info")]
        return told[:limit] if limit is not None else told


def local_job(op: str, module: str, job_id: str, parameters: Json, now: int) -> Job:
    """Return a job of role local with one component."""
    role, party_id = LOCAL
    component = f"{op}_0"
    model = model_id({role: (party_id,)})
    conf = {
        "initiator": {"role": role, "party_id": int(party_id)},
        "job_parameters": {"work_mode": 0, "model_id": model, "model_version": job_id},
        "role": {role: [int(party_id)]},
        "role_parameters": {role: {component: {name: [value] for name, value in parameters.items()}}},
    }
    dsl = {"components": {component: {"module": module}}}
    return Job(job_id, op, LOCAL, {role: (party_id,)}, dsl, conf, model, job_id, now, now)


def schema_of(entry: TableEntry) -> dict[str, str]:
    """Return the schema of a table, as FATE writes it."""
    return {"header": ",".join(entry.columns), "sid": entry.id_column}


def _metrics(op: str, count: int) -> Json:
    meta = {"name": op, "metric_type": op.upper()}
    return {op: {"data_access": {"data": [["count", count]], "meta": meta}}}


def _told(job: Job) -> Json:
    chore = job.chore or {}
    notes = job.notes.get("#".join(LOCAL), "")
    schema = chore["schema"]
    return {job.id: {"upload_info": chore["upload_info"], "notes": notes, "meta": schema, "schema": schema}}
