"""``/v1/tracking``: what the components of a job have to show."""

from __future__ import annotations

import re
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import Response

from serve_api.doors.guard import Visiting
from serve_api.fate_flow.answering import answered
from serve_api.fate_flow.archives import tarred
from serve_api.fate_flow.desk import TheDesk
from serve_api.fate_flow.envelope import reply, required, whole_of
from serve_api.fate_flow.faults import NOT_FOUND, REFUSED, FateError
from serve_api.fate_flow.openapi import OBJECT, Reply
from serve_api.fate_flow.tracking import Subject, data_members, first_rows
from serve_api.fate_flow.views import data_view
from serve_api.service import Body

__all__ = ["router"]

router = APIRouter(prefix="/v1/tracking", tags=["FATE-Flow"])

Fields = dict[str, Any]

_NOTHING: Final = "no data"
_DATE: Final = re.compile("[0-9]{8}")


@router.post("/job/data_view", response_model=Reply, openapi_extra=OBJECT)
def job_data_view(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Answer parties and tables of a job: its initiator sees all, another party itself."""

    def run(fields: Fields) -> Response:
        job = desk.tracking().job(fields)
        role, party_id = str(fields.get("role", job.initiator[0])), str(fields.get("party_id", job.initiator[1]))
        if (role, party_id) not in job.parties:
            raise FateError(NOT_FOUND, "error")
        return reply(data=data_view(job, role, party_id))

    return answered(body, visit, run)


@router.post("/component/list", response_model=Reply, openapi_extra=OBJECT)
def list_components(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Answer the names of a job's components."""

    def run(fields: Fields) -> Response:
        return reply(data={"components": [*desk.tracking().job(fields, REFUSED).dsl["components"]]})

    return answered(body, visit, run)


@router.post("/component/metrics", response_model=Reply, openapi_extra=OBJECT)
def metrics(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Answer the names of a component's metrics, by namespace."""

    def run(fields: Fields) -> Response:
        tracking = desk.tracking()
        found = tracking.metrics(tracking.subject(fields))
        if not found:
            return reply(retmsg=_NOTHING, data={})
        return reply(data={namespace: [*named] for namespace, named in found.items()})

    return answered(body, visit, run)


@router.post("/component/metric/all", response_model=Reply, openapi_extra=OBJECT)
def metric_all(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Answer all metrics of a component."""

    def run(fields: Fields) -> Response:
        tracking = desk.tracking()
        found = tracking.metrics(tracking.subject(fields))
        return reply(retmsg="success" if found else _NOTHING, data=found)

    return answered(body, visit, run)


@router.post("/component/metric_data", response_model=Reply, openapi_extra=OBJECT)
def metric_data(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Answer one metric of a component."""

    def run(fields: Fields) -> Response:
        name = fields.get("metric_name", fields.get("meric_name"))  # as the document spells it
        required({**fields, "metric_name": name}, "metric_name", "metric_namespace")
        tracking = desk.tracking()
        found = tracking.metrics(tracking.subject(fields)).get(str(fields["metric_namespace"]), {}).get(str(name))
        if found is None:
            return reply(retmsg=_NOTHING, data=[], meta={})
        return reply(data=found["data"], meta=found["meta"])

    return answered(body, visit, run)


@router.post("/component/metric/delete", response_model=Reply, openapi_extra=OBJECT)
def delete_metrics(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Let the metrics of a job be gone, or of all jobs of a day."""

    def run(fields: Fields) -> Response:
        day = fields.get("model")
        if isinstance(day, str | int) and _DATE.fullmatch(str(day)):
            jobs = [job.id for job in desk.book.all() if job.id.startswith(str(day))]
        else:
            jobs = [desk.tracking().job(fields, REFUSED).id]
        for job_id in jobs:
            desk.work().clean(job_id, None)
        return reply(data=f"deleted the metrics of {len(jobs)} jobs")

    return answered(body, visit, run)


@router.post("/component/parameters", response_model=Reply, openapi_extra=OBJECT)
def parameters(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Answer all parameters of a component, those by default too."""

    def run(fields: Fields) -> Response:
        tracking = desk.tracking()
        tracking.job(fields)
        try:
            subject = tracking.subject(fields)
        except FateError:
            return reply(retmsg="can not found this component parameters", data={})
        return reply(data=tracking.parameters(subject))

    return answered(body, visit, run)


@router.post("/component/output/model", response_model=Reply, openapi_extra=OBJECT)
def output_model(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Answer the model that a component has put out, as its party may see it."""

    def run(fields: Fields) -> Response:
        tracking = desk.tracking()
        subject = tracking.subject(fields)
        found = tracking.model(subject)
        if not found:
            return reply(retmsg=_NOTHING, data={}, meta={})
        module = subject.job.dsl["components"][subject.component]["module"]
        return reply(data=found["data"], meta={"module_name": module, "meta_data": found["meta"]})

    return answered(body, visit, run)


@router.post("/component/output/data", response_model=Reply, openapi_extra=OBJECT)
def output_data(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Answer the first rows that a component has put out at a party."""

    def run(fields: Fields) -> Response:
        tracking = desk.tracking()
        subject = tracking.subject(fields)
        outputs = tracking.data(subject)
        if not outputs:
            return reply(retmsg=_NOTHING, data=[], meta={})
        headers, totals = [list(one.header) for one in outputs], [one.total for one in outputs]
        if not subject.job.new_shapes:
            return reply(data=first_rows(outputs[0]), meta={"header": headers[0], "total": totals[0]})
        meta = {"header": headers, "total": totals, "names": [one.name for one in outputs]}
        return reply(data=[first_rows(one) for one in outputs], meta=meta)

    return answered(body, visit, run)


@router.get("/component/output/data/download", response_model=Reply)
def download_output(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Answer all rows that a component has put out at a party, as a tar.gz of CSV."""

    def run(fields: Fields) -> Response:
        tracking = desk.tracking()
        subject = tracking.subject(fields)
        limit = whole_of(fields, "limit", -1, -1, 1 << 40)
        if limit == 0:
            raise FateError(NOT_FOUND, "limit is 0")
        outputs = tracking.data(subject)
        if not outputs:
            raise FateError(NOT_FOUND, _NOTHING)
        return tarred(data_members(outputs, None if limit < 0 else limit), _archive(subject))

    return answered(body, visit, run, stream=True)


@router.post("/component/output/data/table", response_model=Reply, openapi_extra=OBJECT)
def output_table(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Answer the names of the tables that a component has put out."""

    def run(fields: Fields) -> Response:
        tracking = desk.tracking()
        try:
            subject = tracking.subject(fields)
        except FateError:
            raise FateError(REFUSED, "No found table, please check if the parameters are correct") from None
        namespace = f"output_data_{subject.job.id}_{subject.component}"
        outputs = tracking.data(subject)
        return reply(
            data=[{"data_name": one.name, "table_name": one.name, "table_namespace": namespace} for one in outputs]
        )

    return answered(body, visit, run)


@router.post("/component/summary/download", response_model=Reply, openapi_extra=OBJECT)
def summary(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Answer the summary of a component."""

    def run(fields: Fields) -> Response:
        tracking = desk.tracking()
        return reply(data=tracking.summary(tracking.subject(fields)) or {})

    return answered(body, visit, run)


def _archive(subject: Subject) -> str:
    party = subject.party
    return f"job_{subject.job.id}_{subject.component}_{party.role}_{party.party_id}_output_data.tar.gz"
