"""Good models with one thing changed in them, as whoever writes a ``.skops`` file may change it."""

from functools import partial

import numpy as np
import scipy.sparse
from sklearn.cluster import KMeans
from sklearn.ensemble import (
    AdaBoostRegressor,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler
from sklearn.svm import SVC, SVR, OneClassSVM
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils import check_array

from tests.estimators import BOXES

ROWS = BOXES.to_numpy(dtype=float) + np.random.default_rng(0).normal(size=(20, 3))
CLASSES = np.arange(20) % 3


def with_nodes(estimator, field, value, node=0, **state):
    """The tree made again with another number in a node."""
    tree = estimator.tree_
    changed = tree.__getstate__() | state
    changed["nodes"] = changed["nodes"].copy()
    changed["nodes"][field][node] = value
    made, arguments, _ = tree.__reduce__()
    estimator.tree_ = made(*arguments)
    estimator.tree_.__setstate__(changed)
    return estimator


def tree(field, value, node=0, **state):
    return with_nodes(DecisionTreeClassifier(random_state=0).fit(ROWS, CLASSES), field, value, node, **state)


def member_of(ensemble, find, field="left_child", value=2**40):
    """An ensemble with such a tree somewhere in it."""
    ensemble.fit(ROWS, CLASSES)
    with_nodes(find(ensemble), field, value)
    return ensemble


def histogram(field, value, **others):
    model = HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=2).fit(ROWS, CLASSES)
    nodes = model._predictors[0][0].nodes
    for name, number in {field: value, **others}.items():
        nodes[name][0] = number
    return model


def neighbors(change, algorithm="kd_tree"):
    model = KNeighborsClassifier(3, algorithm=algorithm, leaf_size=2).fit(ROWS, CLASSES)
    state = [part.copy() if isinstance(part, np.ndarray) else part for part in model._tree.__getstate__()]
    change(state)
    made = type(model._tree).__new__(type(model._tree))
    made.__setstate__(tuple(state))
    model._tree = made
    return model


def far_point(state):
    state[1][0] = 2**40


def far_node(state):
    state[2]["idx_end"][-1] = 2**40


def bottomless(state):
    state[2]["is_leaf"][:] = 0


def rootless(state):
    state[2], state[3], state[5], state[6] = state[2][:0], state[3][:, :0], 0, 0


def lopsided(state):
    state[5] += 1


def no_metric(state):
    state[11] = None


def fewer_bounds(state):
    state[3] = state[3][:, :1, :].copy()


def encoded(change):
    """Histogram boosting with a column of categories, whose encoder was changed."""
    rows = np.column_stack((ROWS, CLASSES))
    model = HistGradientBoostingClassifier(max_iter=2, categorical_features=[3]).fit(rows, CLASSES)
    places = model._preprocessor._transformer_to_input_indices
    change({"places": places} | {name: part for name, part, _ in model._preprocessor.transformers_[:2]})
    return model


def changed_spline(change):
    model = SplineTransformer(n_knots=4).fit(ROWS)
    change(model.bsplines_[0])
    return model


def changed(model, **attributes):
    """A fitted model with other attributes; None takes one away."""
    model.fit(ROWS, CLASSES)
    for name, value in attributes.items():
        if value is None:
            delattr(model, name)
        else:
            setattr(model, name, value)
    return model


def other_tree(model, rows):
    """A forest with a tree that takes other columns than it gets."""
    model.fit(ROWS, CLASSES)
    model.estimators_[0] = type(model.estimators_[0])(random_state=0).fit(rows, CLASSES)
    return model


def boosting_for_two_answers():
    model = GradientBoostingClassifier(n_estimators=2, init="zero").fit(ROWS, CLASSES)
    model.n_trees_per_iteration_ = 1
    return model


def sparse(indices):
    matrix = scipy.sparse.csr_matrix(np.eye(3))
    matrix.indices = np.array(indices, dtype=np.int32)
    model = LogisticRegression().fit(ROWS, CLASSES)
    model.coef_ = matrix
    return model


WIDE = np.column_stack((ROWS, ROWS * 2))
FOREST = partial(RandomForestClassifier, n_estimators=2, random_state=0)

# What is changed, and a word of the sentence that refuses it.
HOSTILE = {
    "left child out of memory": (
        lambda: tree("left_child", 2**40),
        "has a child that is not one of its nodes",
    ),
    "right child out of memory": (lambda: tree("right_child", 2**40), "has a child that is not"),
    "child behind the last": (lambda: tree("left_child", 1000), "has a child that is not"),
    "negative child": (lambda: tree("left_child", -5), "has a child that is not"),
    "child that is its own parent": (lambda: tree("left_child", 0), "or two parents for one node"),
    "children in a circle": (lambda: swapped(), "leads in a circle"),
    "no nodes": (lambda: tree("left_child", 1, node_count=0), "has no nodes"),
    "shallow": (lambda: tree("impurity", 0.0, max_depth=0), "is deeper than it says"),
    "feature out of memory": (lambda: tree("feature", 2**40), "by a feature that it does not have"),
    "one feature too many": (lambda: tree("feature", 3), "by a feature that it does not have"),
    "negative feature": (lambda: tree("feature", -7), "by a feature that it does not have"),
    "tree without a width": (
        lambda: changed(DecisionTreeRegressor(), n_features_in_=None),
        "does not say how many columns",
    ),
    "tree of another width": (
        lambda: changed(DecisionTreeRegressor(), n_features_in_=2),
        "another number of columns",
    ),
    "in a forest": (lambda: member_of(FOREST(), lambda m: m.estimators_[1]), "is not one of its nodes"),
    "in extra trees": (
        lambda: member_of(ExtraTreesRegressor(2), lambda m: m.estimators_[0], "feature", 9),
        "by a feature",
    ),
    "in boosting": (
        lambda: member_of(GradientBoostingClassifier(n_estimators=2), lambda m: m.estimators_[1, 2]),
        "is not one of its nodes",
    ),
    "in an isolation forest": (
        lambda: member_of(IsolationForest(n_estimators=2), lambda m: m.estimators_[1]),
        "is not one of its nodes",
    ),
    "in a pipeline": (
        lambda: member_of(make_pipeline(StandardScaler(), FOREST()), lambda m: m[-1].estimators_[0]),
        "is not one of its nodes",
    ),
    "in a stack": (
        lambda: member_of(
            StackingClassifier([("forest", FOREST())], cv=2), lambda m: m.estimators_[0].estimators_[0]
        ),
        "is not one of its nodes",
    ),
    "in AdaBoost": (
        lambda: member_of(AdaBoostRegressor(n_estimators=2), lambda m: m.estimators_[0]),
        "is not one of its nodes",
    ),
    "ten pipelines deep": (
        lambda: member_of(nested(10), lambda m: innermost(m)),
        "is not one of its nodes",
    ),
    "wide tree in a forest": (lambda: other_tree(FOREST(), WIDE), "than it is given"),
    "wide tree in an isolation forest": (
        lambda: other_tree(IsolationForest(n_estimators=2), WIDE),
        "than it is given",
    ),
    "forest without a width": (
        lambda: changed(FOREST(), n_features_in_=None),
        "does not say how many columns",
    ),
    "forest that checks nothing": (
        lambda: changed(FOREST(), _validate_X_predict=np.float32),
        "in place of its own method",
    ),
    "forest of something else": (
        lambda: changed(FOREST(), estimators_=[LogisticRegression().fit(ROWS, CLASSES)]),
        "holds something else",
    ),
    "boosting for more answers than it gives": (boosting_for_two_answers, "for another number of answers"),
    "histogram: child out of memory": (lambda: histogram("left", 2**31), "is not one of its nodes"),
    "histogram: circle": (lambda: histogram("right", 0), "two parents for one node"),
    "histogram: feature out of memory": (lambda: histogram("feature_idx", 2**40), "by a feature"),
    "histogram: negative feature": (lambda: histogram("feature_idx", -(2**40)), "by a feature"),
    "histogram: categories out of memory": (
        lambda: histogram("bitset_idx", 2**31, is_categorical=1),
        "names categories",
    ),
    "histogram: preprocessor": (
        lambda: changed(HistGradientBoostingClassifier(max_iter=2), _preprocessor=StandardScaler()),
        "has a preprocessor that is not scikit-learn's own",
    ),
    "histogram: encoder gives other numbers": (
        lambda: encoded(
            lambda parts: parts["numerical"].set_params(func=partial(check_array, np.zeros((1, 1))))
        ),
        "has a preprocessor that is not scikit-learn's own",
    ),
    "histogram: encoder validates by another function": (
        lambda: encoded(lambda parts: parts["numerical"].set_params(func=partial(np.mean, axis=1))),
        "has a preprocessor that is not scikit-learn's own",
    ),
    "histogram: encoder takes fewer columns": (
        lambda: encoded(lambda parts: parts["places"].update(numerical=[0])),
        "has a preprocessor that is not scikit-learn's own",
    ),
    "histogram: encoder knows more columns": (
        lambda: encoded(lambda parts: parts["encoder"].categories_.append(np.arange(2.0))),
        "has a preprocessor that is not scikit-learn's own",
    ),
    "spline: fewer coefficients than knots": (
        lambda: changed_spline(lambda spline: setattr(spline, "c", spline.c[:2])),
        "a spline is not consistent",
    ),
    "spline: higher degree": (
        lambda: changed_spline(lambda spline: setattr(spline, "k", 1_000)),
        "a spline is not consistent",
    ),
    "k-d tree: point out of memory": (lambda: neighbors(far_point), "names points"),
    "k-d tree: node out of memory": (lambda: neighbors(far_node), "a node with points"),
    "k-d tree: no leaf": (lambda: neighbors(bottomless), "a node below its last ones"),
    "k-d tree: no root": (lambda: neighbors(rootless), "KDTree is not consistent"),
    "k-d tree: more levels than nodes": (lambda: neighbors(lopsided), "KDTree is not consistent"),
    "k-d tree: no metric": (lambda: neighbors(no_metric), "KDTree is not consistent"),
    "k-d tree: fewer bounds": (lambda: neighbors(fewer_bounds), "bounds for other nodes"),
    "ball tree: point out of memory": (lambda: neighbors(far_point, "ball_tree"), "a BallTree names points"),
    "neighbours: class out of memory": (
        lambda: changed(KNeighborsClassifier(3, algorithm="brute"), _y=np.full(20, 2**40)),
        "names classes",
    ),
    "neighbours: narrow rows": (
        lambda: changed(NearestNeighbors(algorithm="brute"), _fit_X=ROWS[:, :1].copy()),
        "other rows than it was fitted to",
    ),
    "neighbours: more than there are": (
        lambda: changed(KNeighborsClassifier(3, algorithm="brute"), n_neighbors=10**6),
        "more neighbours than it has",
    ),
    "SVC: more vectors than there are": (
        lambda: changed(SVC(), _n_support=np.array([-4, 2, 20], dtype=np.int32)),
        "support vectors that do not fit",
    ),
    "SVC: fewer intercepts": (
        lambda: changed(SVC(), _intercept_=np.zeros(1)),
        "support vectors that do not fit",
    ),
    "SVC: probabilities without their parameters": (
        lambda: changed(SVC(), _effective_probability=True),
        "support vectors that do not fit",
    ),
    "SVR: fewer coefficients": (lambda: changed(SVR(), _dual_coef_=np.zeros((1, 1))), "support vectors"),
    "OneClassSVM: narrow vectors": (
        lambda: changed(OneClassSVM(), support_vectors_=np.zeros((11, 1))),
        "support vectors that do not fit",
    ),
    "KMeans: narrow centers": (
        lambda: changed(KMeans(3, n_init=1), cluster_centers_=np.zeros((3, 1))),
        "centers of another width",
    ),
    "sparse: column out of memory": (lambda: sparse([0, 1, 2**30]), "a sparse matrix is not consistent"),
    "sparse: negative column": (lambda: sparse([0, -(2**30), 2]), "a sparse matrix is not consistent"),
    "part that is incomplete": (
        lambda: changed(SVC(), _intercept_=None),
        "SVC is incomplete: AttributeError",
    ),
}


def swapped():
    """A child that has its parent for a child: each node is still named once."""
    model = DecisionTreeClassifier(random_state=0).fit(ROWS, CLASSES)
    left = model.tree_.children_left
    parent = int(np.flatnonzero(left > 0)[1])
    child = int(left[parent])
    grandparent = int(np.flatnonzero((left == parent) | (model.tree_.children_right == parent))[0])
    field = "left_child" if left[grandparent] == parent else "right_child"
    with_nodes(model, field, child, grandparent)
    return with_nodes(model, "left_child", parent, parent)


def nested(depth):
    return make_pipeline(StandardScaler(), FOREST() if depth == 0 else nested(depth - 1))


def innermost(model):
    return innermost(model[-1]) if hasattr(model, "steps") else model.estimators_[0]
