"""Ensembles of any members as parts of a `ComposedKernel`: a literal table of the classes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from sklearn import calibration, ensemble, model_selection, multiclass, multioutput, svm
from sklearn.compose import TransformedTargetRegressor
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from app.models.compilation import NotCompilable, support_vectors
from app.models.compilation.boosting.boosted_trees import library_of
from app.models.compilation.labels import LARGEST_PROBABILITY, follow_from_numbers
from app.models.compilation.pipeline_preprocessing import split
from app.models.compilation.tree_graph import FOREST
from app.models.engines.composed import INVERSES
from app.models.engines.kernel import TIE, Reading
from app.models.engines.nesting import estimators_in

TIE_WITHIN = TIE["float64"]
PROBABILITIES, SCORES, PREDICTION = "predict_proba", "decision_function", "predict"
Data = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """A part of the document, how to read its result, and whether all trees within it are proven.

    ``targets``: how many labels a row has.
    """

    data: Data
    reading: Reading
    proven: bool
    targets: int = 1

    def then(self, reading: Reading, **data: Any) -> "Part":
        """The part, and one more operation on its result."""
        return Part({"op": "chain", "parts": [self.data, data]}, reading, self.proven)


class Member(Protocol):
    """From a member, its number of columns and a method to its result by that method.

    ``classes``: how many the member must know, if it is a classifier.
    """

    def __call__(self, estimator: Any, width: int, method: str, classes: int = 0, /) -> Part: ...


def joined(op: str, parts: Sequence[Part], reading: Reading, **data: Any) -> Part:
    """An operation on the results of several parts."""
    document = {"op": op, "parts": [part.data for part in parts], **data}
    return Part(document, reading, all(part.proven for part in parts))


def _voting_classifier(voting: Any, width: int, member: Member) -> Part:
    classes, weights = len(voting.classes_), voting._weights_not_none
    method = PROBABILITIES if voting.voting == "soft" else PREDICTION
    parts = [member(each, width, method, classes) for each in voting.estimators_]
    if voting.voting == "soft":
        return joined("mean", parts, "probabilities", weights=weights)
    codes = joined("beside", parts, "labelled")
    return codes.then("labelled", op="votes", weights=weights, classes=classes)


def _voting_regressor(voting: Any, width: int, member: Member) -> Part:
    parts = [member(each, width, PREDICTION) for each in voting.estimators_]
    return joined("mean", parts, "values", weights=voting._weights_not_none)


def _stacking(stacking: Any, width: int, member: Member) -> Part:
    classes = len(getattr(stacking, "classes_", ()))
    parts = []
    for each, method in zip(stacking.estimators_, stacking.stack_method_, strict=True):
        part = member(each, width, method, classes)
        if method != PREDICTION and classes == 2:  # the first column, if any, follows from the second
            part = part.then("values", op="columns", columns=[-1])
        parts.append(part)
    if stacking.passthrough:
        parts.append(Part({"op": "all"}, "values", True))
    stacked = joined("beside", parts, "values")
    _check_steady(stacking)
    final, columns = stacking.final_estimator_, stacking.final_estimator_.n_features_in_
    probabilities = hasattr(final, PROBABILITIES)
    top = member(final, columns, PREDICTION if not classes else PROBABILITIES if probabilities else SCORES)
    if classes and not follow_from_numbers(split(final)[1], probabilities=probabilities):
        raise NotCompilable(f"the labels of {type(final).__name__} do not follow from its numbers")
    return joined("chain", [stacked, top], top.reading)


def _check_steady(stacking: Any) -> None:
    """:raises NotCompilable: if the last bit of a member's number may decide a split of trees on top."""
    members = zip(stacking.estimators_, stacking.stack_method_, strict=True)
    labels = hasattr(stacking, "classes_")
    exact = all(
        type(split(each)[1]) in FOREST or (labels and method == PREDICTION) for each, method in members
    )
    final = estimators_in(stacking.final_estimator_)
    if not exact and any(library_of(p) or hasattr(p, "tree_") or hasattr(p, "_predictors") for p in final):
        raise NotCompilable(
            "trees on top of numbers that are not exact to the last bit have no compiled form"
        )


def _calibrated(model: Any, width: int, member: Member) -> Part:
    classes = len(model.classes_)
    parts = []
    for each in model.calibrated_classifiers_:
        method = SCORES if hasattr(each.estimator, SCORES) else PROBABILITIES
        part = member(each.estimator, width, method, classes)
        if classes == 2:
            part = part.then("values", op="columns", columns=[-1])
        if each.method == "temperature":
            beta, logs = float(each.calibrators[0].beta_), method == PROBABILITIES
            parts.append(part.then("probabilities", op="tempered", beta=beta, logs=logs))
            continue
        curves = [_curve(calibrator) for calibrator in each.calibrators]
        parts.append(part.then("probabilities", op="calibrated", method=each.method, curves=curves))
    return joined("mean", parts, "probabilities", weights=None)


def _curve(calibrator: Any) -> list[Any]:
    if hasattr(calibrator, "X_thresholds_"):
        return [calibrator.X_thresholds_.astype(float), calibrator.y_thresholds_.astype(float)]
    return [float(calibrator.a_), float(calibrator.b_)]


def _several_labels(members: Sequence[Any], width: int, member: Member) -> Part:
    """One classifier for each target."""
    probabilities = all(hasattr(each, PROBABILITIES) for each in members)
    for each in members:
        if not follow_from_numbers(split(each)[1], probabilities=probabilities):
            raise NotCompilable(f"the labels of {type(each).__name__} do not follow from its numbers")
    method = PROBABILITIES if probabilities else SCORES
    parts = [member(each, width, method) for each in members]
    found = joined("several", parts, "labelled", tie=TIE_WITHIN, probabilities=probabilities)
    return replace(found, targets=len(parts))


def _several_numbers(model: Any, width: int, member: Member) -> Part:
    return joined("beside", [member(each, width, PREDICTION) for each in model.estimators_], "values")


def _one_versus_rest(model: Any, width: int, member: Member) -> Part:
    if model.multilabel_:
        return _several_labels(model.estimators_, width, member)
    if any(type(split(each)[1]) not in LARGEST_PROBABILITY for each in model.estimators_):
        raise NotCompilable("a member's scores do not follow from its probabilities")
    parts = [member(each, width, PROBABILITIES, 2) for each in model.estimators_]
    positive = [part.then("values", op="columns", columns=[1]) for part in parts]
    return joined("beside", positive, "values").then("probabilities", op="shares")


def _bagging(model: Any, width: int, member: Member) -> Part:
    classes = len(getattr(model, "classes_", ()))
    parts = []
    for each, features in zip(model.estimators_, model.estimators_features_, strict=True):
        part = member(each, len(features), PROBABILITIES if classes else PREDICTION, classes)
        chosen = Part({"op": "columns", "columns": features}, "values", True)
        parts.append(joined("chain", [chosen, part], part.reading))
    return joined("mean", parts, "probabilities" if classes else "values", weights=None)


def _threshold(model: Any, width: int, member: Member) -> Part:
    inner, method = model.estimator_, model.response_method
    if len(model.classes_) != 2 or method == SCORES or not hasattr(inner, PROBABILITIES):
        raise NotCompilable("a threshold on scores has no compiled form")
    threshold = getattr(model, "best_threshold_", None)
    if threshold is None:
        threshold = 0.5 if model.threshold == "auto" else model.threshold
    wanted = getattr(model, "pos_label", None)
    position = 1 if wanted is None else model.classes_.tolist().index(wanted)
    part = member(inner, width, PROBABILITIES, 2)
    return part.then(
        "labelled", op="threshold", position=position, threshold=float(threshold), tie=TIE_WITHIN
    )


def _transformed_target(model: Any, width: int, member: Member) -> Part:
    part, transformer = member(model.regressor_, width, PREDICTION), model.transformer_
    if type(transformer) is StandardScaler:
        factor = 1.0 if transformer.scale_ is None else float(transformer.scale_[0])
        shift = 0.0 if not transformer.with_mean else float(transformer.mean_[0])
        return part.then("values", op="scaled", factor=factor, shift=shift)
    if type(transformer) is FunctionTransformer:
        if transformer.inverse_func is None:
            return part
        for name, function in INVERSES.items():
            if function is transformer.inverse_func:
                return part.then("values", op="inverse", function=name)
    raise NotCompilable("the inverse of the target's transformer has no compiled form")


def _support_vectors(model: Any, width: int, member: Member) -> Part:
    classes = len(getattr(model, "classes_", ()))
    reading: Reading = "scored" if isinstance(model, svm.OneClassSVM) else "values"
    if classes:
        reading = "scores" if classes == 2 else "labelled"
    return Part({"op": "chain", "parts": support_vectors.decisions(model)}, reading, True)


def _identity(transformer: Any, width: int, member: Member) -> Part:
    if transformer.func is not None:
        raise NotCompilable("a function as the last estimator has no compiled form")
    return Part({"op": "all"}, "values", True)


COMBINATIONS: dict[type, Callable[[Any, int, Member], Part]] = {
    ensemble.VotingClassifier: _voting_classifier,
    ensemble.VotingRegressor: _voting_regressor,
    ensemble.StackingClassifier: _stacking,
    ensemble.StackingRegressor: _stacking,
    ensemble.BaggingClassifier: _bagging,
    ensemble.BaggingRegressor: _bagging,
    calibration.CalibratedClassifierCV: _calibrated,
    multiclass.OneVsRestClassifier: _one_versus_rest,
    multioutput.MultiOutputClassifier: lambda model, *rest: _several_labels(model.estimators_, *rest),
    multioutput.MultiOutputRegressor: _several_numbers,
    model_selection.FixedThresholdClassifier: _threshold,
    model_selection.TunedThresholdClassifierCV: _threshold,
    TransformedTargetRegressor: _transformed_target,
    **dict.fromkeys(support_vectors.MACHINES, _support_vectors),
    FunctionTransformer: _identity,  # behind the steps of a transformer that is served itself
}
