from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Algorithm(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LINEAR_REGRESSION_VL: _ClassVar[Algorithm]
    LOGIC_REGRESSION_VL: _ClassVar[Algorithm]
    DNN_PADDLEFL_VL: _ClassVar[Algorithm]

class TaskType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LEARN: _ClassVar[TaskType]
    PREDICT: _ClassVar[TaskType]

class RegMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    Reg_None: _ClassVar[RegMode]
    Reg_Lasso: _ClassVar[RegMode]
    Reg_Ridge: _ClassVar[RegMode]

class EvaluationRule(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ErRandomSplit: _ClassVar[EvaluationRule]
    ErCrossVal: _ClassVar[EvaluationRule]
    ErLOO: _ClassVar[EvaluationRule]

class CaseType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    Regression: _ClassVar[CaseType]
    BinaryClass: _ClassVar[CaseType]
LINEAR_REGRESSION_VL: Algorithm
LOGIC_REGRESSION_VL: Algorithm
DNN_PADDLEFL_VL: Algorithm
LEARN: TaskType
PREDICT: TaskType
Reg_None: RegMode
Reg_Lasso: RegMode
Reg_Ridge: RegMode
ErRandomSplit: EvaluationRule
ErCrossVal: EvaluationRule
ErLOO: EvaluationRule
Regression: CaseType
BinaryClass: CaseType

class TrainParams(_message.Message):
    __slots__ = ("label", "labelName", "regMode", "regParam", "alpha", "amplitude", "accuracy", "isTagPart", "idName", "batchSize")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    LABELNAME_FIELD_NUMBER: _ClassVar[int]
    REGMODE_FIELD_NUMBER: _ClassVar[int]
    REGPARAM_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    AMPLITUDE_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    ISTAGPART_FIELD_NUMBER: _ClassVar[int]
    IDNAME_FIELD_NUMBER: _ClassVar[int]
    BATCHSIZE_FIELD_NUMBER: _ClassVar[int]
    label: str
    labelName: str
    regMode: RegMode
    regParam: float
    alpha: float
    amplitude: float
    accuracy: int
    isTagPart: bool
    idName: str
    batchSize: int
    def __init__(self, label: _Optional[str] = ..., labelName: _Optional[str] = ..., regMode: _Optional[_Union[RegMode, str]] = ..., regParam: _Optional[float] = ..., alpha: _Optional[float] = ..., amplitude: _Optional[float] = ..., accuracy: _Optional[int] = ..., isTagPart: bool = ..., idName: _Optional[str] = ..., batchSize: _Optional[int] = ...) -> None: ...

class TrainModels(_message.Message):
    __slots__ = ("thetas", "xbars", "sigmas", "label", "isTagPart", "idName", "path")
    class ThetasEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class XbarsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class SigmasEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    THETAS_FIELD_NUMBER: _ClassVar[int]
    XBARS_FIELD_NUMBER: _ClassVar[int]
    SIGMAS_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    ISTAGPART_FIELD_NUMBER: _ClassVar[int]
    IDNAME_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    thetas: _containers.ScalarMap[str, float]
    xbars: _containers.ScalarMap[str, float]
    sigmas: _containers.ScalarMap[str, float]
    label: str
    isTagPart: bool
    idName: str
    path: str
    def __init__(self, thetas: _Optional[_Mapping[str, float]] = ..., xbars: _Optional[_Mapping[str, float]] = ..., sigmas: _Optional[_Mapping[str, float]] = ..., label: _Optional[str] = ..., isTagPart: bool = ..., idName: _Optional[str] = ..., path: _Optional[str] = ...) -> None: ...

class RandomSplit(_message.Message):
    __slots__ = ("percentLO",)
    PERCENTLO_FIELD_NUMBER: _ClassVar[int]
    percentLO: int
    def __init__(self, percentLO: _Optional[int] = ...) -> None: ...

class CrossVal(_message.Message):
    __slots__ = ("folds", "shuffle", "repeated", "repeatTimes")
    FOLDS_FIELD_NUMBER: _ClassVar[int]
    SHUFFLE_FIELD_NUMBER: _ClassVar[int]
    REPEATED_FIELD_NUMBER: _ClassVar[int]
    REPEATTIMES_FIELD_NUMBER: _ClassVar[int]
    folds: int
    shuffle: bool
    repeated: bool
    repeatTimes: int
    def __init__(self, folds: _Optional[int] = ..., shuffle: bool = ..., repeated: bool = ..., repeatTimes: _Optional[int] = ...) -> None: ...

class EvaluationParams(_message.Message):
    __slots__ = ("enable", "evalRule", "randomSplit", "cv")
    ENABLE_FIELD_NUMBER: _ClassVar[int]
    EVALRULE_FIELD_NUMBER: _ClassVar[int]
    RANDOMSPLIT_FIELD_NUMBER: _ClassVar[int]
    CV_FIELD_NUMBER: _ClassVar[int]
    enable: bool
    evalRule: EvaluationRule
    randomSplit: RandomSplit
    cv: CrossVal
    def __init__(self, enable: bool = ..., evalRule: _Optional[_Union[EvaluationRule, str]] = ..., randomSplit: _Optional[_Union[RandomSplit, _Mapping]] = ..., cv: _Optional[_Union[CrossVal, _Mapping]] = ...) -> None: ...

class LiveEvaluationParams(_message.Message):
    __slots__ = ("enable", "randomSplit")
    ENABLE_FIELD_NUMBER: _ClassVar[int]
    RANDOMSPLIT_FIELD_NUMBER: _ClassVar[int]
    enable: bool
    randomSplit: RandomSplit
    def __init__(self, enable: bool = ..., randomSplit: _Optional[_Union[RandomSplit, _Mapping]] = ...) -> None: ...

class TaskParams(_message.Message):
    __slots__ = ("algo", "taskType", "trainParams", "modelTaskID", "modelParams", "evalParams", "livalParams")
    ALGO_FIELD_NUMBER: _ClassVar[int]
    TASKTYPE_FIELD_NUMBER: _ClassVar[int]
    TRAINPARAMS_FIELD_NUMBER: _ClassVar[int]
    MODELTASKID_FIELD_NUMBER: _ClassVar[int]
    MODELPARAMS_FIELD_NUMBER: _ClassVar[int]
    EVALPARAMS_FIELD_NUMBER: _ClassVar[int]
    LIVALPARAMS_FIELD_NUMBER: _ClassVar[int]
    algo: Algorithm
    taskType: TaskType
    trainParams: TrainParams
    modelTaskID: str
    modelParams: TrainModels
    evalParams: EvaluationParams
    livalParams: LiveEvaluationParams
    def __init__(self, algo: _Optional[_Union[Algorithm, str]] = ..., taskType: _Optional[_Union[TaskType, str]] = ..., trainParams: _Optional[_Union[TrainParams, _Mapping]] = ..., modelTaskID: _Optional[str] = ..., modelParams: _Optional[_Union[TrainModels, _Mapping]] = ..., evalParams: _Optional[_Union[EvaluationParams, _Mapping]] = ..., livalParams: _Optional[_Union[LiveEvaluationParams, _Mapping]] = ...) -> None: ...
