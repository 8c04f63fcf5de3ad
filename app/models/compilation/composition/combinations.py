"""Ensembles of any members as parts of a `ComposedKernel`, a function for each class."""

from collections.abc import Callable
from typing import Any

from sklearn import calibration, ensemble, model_selection, multiclass, multioutput
from sklearn.compose import TransformedTargetRegressor
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from app.models.compilation import NotCompilable
from app.models.compilation.boosting.boosted_trees import library_of
from app.models.compilation.composition import one_per_class
from app.models.compilation.composition.part import (
    PREDICTION,
    PROBABILITIES,
    SCORES,
    TIE_WITHIN,
    Member,
    Part,
    joined,
    step_part,
)
from app.models.compilation.labels import follow_from_numbers
from app.models.compilation.model_trees import FOREST
from app.models.compilation.pipeline_preprocessing import split
from app.models.compilation.steadiness import guard_of
from app.models.compilation.tree_graph import is_exact, trees_of_graph
from app.models.engines.composed.composed_kernel import INVERSES
from app.models.engines.nesting import estimators_in


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
    final, columns = stacking.final_estimator_, stacking.final_estimator_.n_features_in_
    probabilities = hasattr(final, PROBABILITIES)
    top = member(final, columns, PREDICTION if not classes else PROBABILITIES if probabilities else SCORES)
    if classes and not follow_from_numbers(split(final)[1], probabilities=probabilities):
        raise NotCompilable(f"the labels of {type(final).__name__} do not follow from its numbers")
    return joined("chain", [stacked, *_guard(stacking), top], top.reading)


def _guard(stacking: Any) -> list[Part]:
    """A guard of the final estimator's trees if the last bit of a member's number may decide a split of them.

    :raises NotCompilable: if its trees stand behind other steps or in other members.
    """
    members = zip(stacking.estimators_, stacking.stack_method_, strict=True)
    labels = hasattr(stacking, "classes_")
    exact = all((labels and method == PREDICTION) or _is_exact(split(each)[1]) for each, method in members)
    final = stacking.final_estimator_
    trees = [
        p for p in estimators_in(final) if library_of(p) or hasattr(p, "tree_") or hasattr(p, "_predictors")
    ]
    if exact or not trees:
        return []
    if not (guard := guard_of(final)):
        raise NotCompilable(
            "trees within a final estimator, on numbers whose last bit may differ, have no compiled form"
        )
    return [step_part(guard)]


def _is_exact(member: Any) -> bool:
    return type(member) in FOREST and is_exact(member, trees_of_graph(member))


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


ENSEMBLES: dict[type, Callable[[Any, int, Member], Part]] = {
    ensemble.VotingClassifier: _voting_classifier,
    ensemble.VotingRegressor: _voting_regressor,
    ensemble.StackingClassifier: _stacking,
    ensemble.StackingRegressor: _stacking,
    ensemble.BaggingClassifier: _bagging,
    ensemble.BaggingRegressor: _bagging,
    calibration.CalibratedClassifierCV: _calibrated,
    multiclass.OneVsRestClassifier: one_per_class.one_versus_rest,
    multiclass.OneVsOneClassifier: one_per_class.one_versus_one,
    multiclass.OutputCodeClassifier: one_per_class.output_codes,
    multioutput.MultiOutputClassifier: one_per_class.multi_output,
    multioutput.MultiOutputRegressor: one_per_class.several_numbers,
    model_selection.FixedThresholdClassifier: _threshold,
    model_selection.TunedThresholdClassifierCV: _threshold,
    TransformedTargetRegressor: _transformed_target,
}
