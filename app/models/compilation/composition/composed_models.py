"""The table of models that are put together from other compiled models, or are a formula."""

from collections.abc import Callable
from typing import Any

from sklearn import (
    cluster,
    covariance,
    discriminant_analysis,
    dummy,
    kernel_ridge,
    linear_model,
    mixture,
    multioutput,
    naive_bayes,
    neighbors,
    neural_network,
    semi_supervised,
)
from sklearn.preprocessing import FunctionTransformer

from app.models.compilation import NotCompilable
from app.models.compilation.composition import (
    combinations,
    density_models,
    distance_models,
    linear_models,
    several_targets,
    support_vectors,
)
from app.models.compilation.composition.part import Member, Part
from app.models.compilation.model_trees import FOREST


def _identity(transformer: Any, width: int, member: Member) -> Part:
    if transformer.func is not None:
        raise NotCompilable("a function as the last estimator has no compiled form")
    return Part({"op": "all"}, "values", True)


COMPOSED_MODELS: dict[type, Callable[[Any, int, Member], Part]] = {
    **combinations.ENSEMBLES,
    **dict.fromkeys(support_vectors.MACHINES, support_vectors.support_vectors),
    cluster.KMeans: distance_models.clusters,
    cluster.MiniBatchKMeans: distance_models.clusters,
    cluster.AffinityPropagation: distance_models.clusters,
    cluster.MeanShift: distance_models.clusters,
    cluster.Birch: distance_models.subclusters,
    neighbors.NearestCentroid: distance_models.centroids,
    neighbors.KNeighborsClassifier: distance_models.neighbours,
    neighbors.KNeighborsRegressor: distance_models.neighbours,
    neighbors.RadiusNeighborsClassifier: distance_models.within,
    neighbors.RadiusNeighborsRegressor: distance_models.within,
    mixture.GaussianMixture: density_models.mixture,
    mixture.BayesianGaussianMixture: density_models.mixture,
    naive_bayes.GaussianNB: density_models.bayes,
    discriminant_analysis.QuadraticDiscriminantAnalysis: density_models.quadratic,
    covariance.EllipticEnvelope: density_models.envelope,
    discriminant_analysis.LinearDiscriminantAnalysis: linear_models.discriminant,
    linear_model.RidgeClassifier: linear_models.ridge,
    linear_model.RidgeClassifierCV: linear_models.ridge,
    kernel_ridge.KernelRidge: linear_models.kernel_ridge,
    semi_supervised.LabelPropagation: linear_models.label_propagation,
    semi_supervised.LabelSpreading: linear_models.label_propagation,
    **dict.fromkeys(FOREST, several_targets.forest),  # with one target it is one graph
    neural_network.MLPClassifier: several_targets.network,
    multioutput.ClassifierChain: several_targets.chain,
    multioutput.RegressorChain: several_targets.chain,
    dummy.DummyClassifier: linear_models.constant,
    dummy.DummyRegressor: linear_models.constant,
    FunctionTransformer: _identity,  # behind the steps of a transformer that is served itself
}
