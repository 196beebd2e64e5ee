"""The compiling of one component: what it takes, the steps it adds, what it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.faults import REFUSED, FateError
from serve_api.fate_flow.job import Component, FateJob, PartyId, Reference
from serve_api.fate_flow.project import Project, Value
from serve_api.fate_flow.rules import Rules
from serve_api.fate_flow.values import Rows

__all__ = ["DEALER", "Work"]

DEALER: Final[Mapping[str, Any]] = {"client_type": "triplet_producer"}
Json = dict[str, Any]
_STEP_LETTERS: Final = 48


class Work:
    """One component at work.

    Parameters
    ----------
    project
        The job.
    component
        What is compiled.
    """

    def __init__(self, project: Project, component: Component) -> None:
        self.project, self.component = project, component
        self._steps: list[str] = []
        self._needs: list[str] = []
        self._warnings: list[str] = []
        self._data: list[Json] = []

    @property
    def job(self) -> FateJob:
        """The job."""
        return self.project.job

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps that it has added."""
        return tuple(self._steps)

    def parameters(self, rules: Rules) -> Json:
        """Return the guest's parameters; of a fitted model those that it was fitted with.

        Raises
        ------
        FateError
            A parameter cannot be honoured.
        """
        values = self.values()
        self._warnings += rules.check(self.component, values)
        return dict(next(told for party, told in sorted(values.items()) if party.role != "arbiter"))

    def values(self) -> Mapping[PartyId, Mapping[str, Any]]:
        """Return the parameters of all parties; of a fitted model those that it was fitted with."""
        fitted = self._fitted()
        return self.component.parameters if fitted is None else fitted.parameters

    def _fitted(self) -> Component | None:
        """Return the component that has fitted the model that this one takes."""
        if not self.component.model:
            return None
        ref = self.component.model[0]
        if ref.source == "pipeline":
            name, _, _ = ref.name.rpartition(".")
            trained = self.project.trained
            found = None if trained is None else next((one for one in trained.job.components if one.name == name), None)
        else:
            found = self.job.component(ref.source)
        if found is None or found.module != self.component.module:
            raise FateError(
                REFUSED,
                f"component {self.component.name}: input {ref}: expected a model of module {self.component.module}",
            )
        return found

    def warn(self, text: str) -> None:
        """Say something in the job's log."""
        self._warnings.append(text)

    # what it takes

    def rows(self, *keys: str, needed: bool = True) -> Rows | None:
        """Return the rows of an input of data, None where it has none and needs none."""
        value = self.taken(*keys, needed=needed)
        if value is None or isinstance(value, Rows):
            return value
        raise FateError(REFUSED, f"component {self.component.name}: input.data: expected a table, got predictions")

    def taken(self, *keys: str, needed: bool = True) -> Value | None:
        """Return what is put in under the first of some keys that is there."""
        for key in keys:
            refs = self.component.data.get(key, ())
            if len(refs) > 1:
                raise FateError(
                    REFUSED, f"component {self.component.name}: input.data.{key}: expected one, got {len(refs)}"
                )
            if refs:
                return self.value(refs[0])
        if needed:
            words = " or ".join(keys)
            raise FateError(REFUSED, f"component {self.component.name}: input.data: expected {words}, got none")
        return None

    def value(self, ref: Reference) -> Value:
        """Return what a reference stands for."""
        found = self.project.outputs.get(str(ref))
        if found is None:
            raise FateError(
                REFUSED,
                f"component {self.component.name}: input {ref}: {ref.source} puts out nothing under that name here",
            )
        if isinstance(found, Rows) and found.step:
            self.need(found.step)
        return found

    def aligned(self, *keys: str, needed: bool = True) -> Rows | None:
        """Return rows that are the same at all parties.

        Raises
        ------
        FateError
            They are not aligned.
        """
        rows = self.rows(*keys, needed=needed)
        if rows is not None and rows.form != "aligned":
            raise FateError(
                REFUSED,
                f"component {self.component.name}: input.data: expected rows that an Intersection has aligned",
            )
        return rows

    def model(self) -> Json | None:
        """Return the JSON values of the fitted model that it takes; None where it fits one itself."""
        if not self.component.model:
            return None
        self._fitted()
        ref = self.component.model[0]
        name = ref.name if ref.source == "pipeline" else str(ref)
        if name not in self.project.models:
            raise FateError(REFUSED, f"component {self.component.name}: input {ref}: there is no such model")
        return self.project.models[name]

    def model_name(self) -> str:
        """Return the name of the model that it takes."""
        ref = self.component.model[0]
        return ref.name if ref.source == "pipeline" else str(ref)

    def need(self, step: str) -> None:
        """Say that nothing can be shown before a step of another component has finished."""
        if step not in (*self._needs, *self._steps):
            self._needs.append(step)

    # what it gives

    def folder(self, party: PartyId, what: str = "data") -> str:
        """Return a folder of this component's own below a party's ``generated``."""
        return f"fate/{self.project.job_id}/{self.component.name}/{what}/{party.role}-{party.party_id}"

    def step(self, suffix: str, clients: Sequence[Json], after: Sequence[str] = ()) -> str:
        """Add a step; return its name."""
        name = self.component.name + (f"-{suffix}" if suffix else "")
        if len(name) > _STEP_LETTERS:  # and two long names may begin alike
            name = f"s{len(self.project.steps)}-{name[: _STEP_LETTERS - 6]}"
        self.project.steps.append({"name": name, "task": {"clients": list(clients)}, "after": [*dict.fromkeys(after)]})
        self._steps.append(name)
        return name

    def main(self, kind: str, **config: Any) -> Json:
        """Return the entry of the main client of a task of a kind."""
        told = {"client_type": f"{kind}_main", **config}
        return self._client("main_client", self.project.places.helper("main_client"), told)

    def dealer(self) -> Json:
        """Return the entry of the crypto producer."""
        return self._client("crypto_producer", self.project.places.helper("crypto_producer"), DEALER)

    def data_client(self, party: PartyId, kind: str, *, labelled: bool = True, **config: Any) -> Json:
        """Return the entry of a party with data.

        Parameters
        ----------
        kind
            Of the task, before ``_feature`` and ``_label``.
        labelled
            Whether a guest is the label client.
        """
        labels = party.role == "guest" and labelled
        client_type = f"{kind}_label" if labels else f"{kind}_feature"
        role = "label_client" if labels else "feature_client"
        return self._client(role, self.project.places.party(party), {"client_type": client_type, **config})

    @staticmethod
    def _client(role: str, place: tuple[str, int], config: Mapping[str, Any]) -> Json:
        addr, port = place
        told = {"computation_port": port + 1 if port < 65535 else port - 1, **config}
        return {"role": role, "addr": addr, "http_port": port, "client_config": told}

    def put(self, value: Value, place: int = 0, *, shown: bool = True) -> None:
        """Put something out under the name of an output of data, if there is one.

        Parameters
        ----------
        shown
            Whether it can be looked at: not where a transform is only done as a model reads the rows.
        """
        names = self.component.data_outputs
        if place < len(names):
            self.project.outputs[f"{self.component.name}.{names[place]}"] = value
            self._data += [{"name": names[place], **value.told()}] if shown else []

    def keep(self, **told: Any) -> str:
        """Put a fitted model out; return its name, "" where the DSL gives it none."""
        name = f"{self.component.name}.{self.component.model_outputs[0]}" if self.component.model_outputs else ""
        if name:
            self.project.models[name] = {"job": self.project.job_id, "module": self.component.module, **told}
        return name

    def model_of(self, name: str, **told: Any) -> Json:
        """Return the JSON values of the model that was kept under a name; without one, those that it would have."""
        return self.project.models[name] if name else {"job": self.project.job_id, **told}

    def keep_again(self) -> None:
        """Put out the model that came in, where the DSL wants it under a new name."""
        if self.component.model_outputs:
            name = f"{self.component.name}.{self.component.model_outputs[0]}"
            self.project.models[name] = self.project.models[self.model_name()]

    def done(self, **facts: Any) -> CompiledComponent:
        """Return the component with what was collected."""
        return CompiledComponent(
            self.component,
            tuple(self._steps),
            tuple(self._needs),
            tuple(dict.fromkeys(self._warnings)),
            {**facts, "data": self._data},
        )
