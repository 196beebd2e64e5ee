from serve_api.paddledtx.wire import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TaskRequest(_message.Message):
    __slots__ = ("pubKey", "taskID", "signature")
    PUBKEY_FIELD_NUMBER: _ClassVar[int]
    TASKID_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    pubKey: bytes
    taskID: str
    signature: bytes
    def __init__(self, pubKey: _Optional[bytes] = ..., taskID: _Optional[str] = ..., signature: _Optional[bytes] = ...) -> None: ...

class TaskResponse(_message.Message):
    __slots__ = ("taskID",)
    TASKID_FIELD_NUMBER: _ClassVar[int]
    taskID: str
    def __init__(self, taskID: _Optional[str] = ...) -> None: ...

class GetTaskRequest(_message.Message):
    __slots__ = ("taskID",)
    TASKID_FIELD_NUMBER: _ClassVar[int]
    taskID: str
    def __init__(self, taskID: _Optional[str] = ...) -> None: ...

class PredictResponse(_message.Message):
    __slots__ = ("taskID", "payload")
    TASKID_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    taskID: str
    payload: bytes
    def __init__(self, taskID: _Optional[str] = ..., payload: _Optional[bytes] = ...) -> None: ...

class ListTaskRequest(_message.Message):
    __slots__ = ("pubKey", "ePubKey", "status", "timeStart", "timeEnd", "limit")
    PUBKEY_FIELD_NUMBER: _ClassVar[int]
    EPUBKEY_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    TIMESTART_FIELD_NUMBER: _ClassVar[int]
    TIMEEND_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    pubKey: bytes
    ePubKey: bytes
    status: str
    timeStart: int
    timeEnd: int
    limit: int
    def __init__(self, pubKey: _Optional[bytes] = ..., ePubKey: _Optional[bytes] = ..., status: _Optional[str] = ..., timeStart: _Optional[int] = ..., timeEnd: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class SeedListTaskRequest(_message.Message):
    __slots__ = ("pubKey", "status", "timeStart", "timeEnd", "limit")
    PUBKEY_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    TIMESTART_FIELD_NUMBER: _ClassVar[int]
    TIMEEND_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    pubKey: bytes
    status: str
    timeStart: int
    timeEnd: int
    limit: int
    def __init__(self, pubKey: _Optional[bytes] = ..., status: _Optional[str] = ..., timeStart: _Optional[int] = ..., timeEnd: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class DataForTask(_message.Message):
    __slots__ = ("owner", "executor", "dataID", "psiLabel", "confirmedAt", "rejectedAt", "address", "isTagPart")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_FIELD_NUMBER: _ClassVar[int]
    DATAID_FIELD_NUMBER: _ClassVar[int]
    PSILABEL_FIELD_NUMBER: _ClassVar[int]
    CONFIRMEDAT_FIELD_NUMBER: _ClassVar[int]
    REJECTEDAT_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ISTAGPART_FIELD_NUMBER: _ClassVar[int]
    owner: bytes
    executor: bytes
    dataID: str
    psiLabel: str
    confirmedAt: int
    rejectedAt: int
    address: str
    isTagPart: bool
    def __init__(self, owner: _Optional[bytes] = ..., executor: _Optional[bytes] = ..., dataID: _Optional[str] = ..., psiLabel: _Optional[str] = ..., confirmedAt: _Optional[int] = ..., rejectedAt: _Optional[int] = ..., address: _Optional[str] = ..., isTagPart: bool = ...) -> None: ...

class FLTask(_message.Message):
    __slots__ = ("taskID", "name", "description", "requester", "dataSets", "algoParam", "status", "errMessage", "result", "publishTime", "startTime", "endTime")
    TASKID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    REQUESTER_FIELD_NUMBER: _ClassVar[int]
    DATASETS_FIELD_NUMBER: _ClassVar[int]
    ALGOPARAM_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ERRMESSAGE_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    PUBLISHTIME_FIELD_NUMBER: _ClassVar[int]
    STARTTIME_FIELD_NUMBER: _ClassVar[int]
    ENDTIME_FIELD_NUMBER: _ClassVar[int]
    taskID: str
    name: str
    description: str
    requester: bytes
    dataSets: _containers.RepeatedCompositeFieldContainer[DataForTask]
    algoParam: _common_pb2.TaskParams
    status: str
    errMessage: str
    result: str
    publishTime: int
    startTime: int
    endTime: int
    def __init__(self, taskID: _Optional[str] = ..., name: _Optional[str] = ..., description: _Optional[str] = ..., requester: _Optional[bytes] = ..., dataSets: _Optional[_Iterable[_Union[DataForTask, _Mapping]]] = ..., algoParam: _Optional[_Union[_common_pb2.TaskParams, _Mapping]] = ..., status: _Optional[str] = ..., errMessage: _Optional[str] = ..., result: _Optional[str] = ..., publishTime: _Optional[int] = ..., startTime: _Optional[int] = ..., endTime: _Optional[int] = ...) -> None: ...

class FLTasks(_message.Message):
    __slots__ = ("fLTasks",)
    FLTASKS_FIELD_NUMBER: _ClassVar[int]
    fLTasks: _containers.RepeatedCompositeFieldContainer[FLTask]
    def __init__(self, fLTasks: _Optional[_Iterable[_Union[FLTask, _Mapping]]] = ...) -> None: ...
