"""Fits models in an environment of any age: ``python families.py FOLDER ROWS``; runs on Python 3.8 and later.

Writes for each family its pickle, a sample, rows and the answers of the model to them.
"""

import contextlib
import pickle
import sys
import warnings

import numpy as np
from samples import data, rows_like
from sklearn import (
    ensemble,
    linear_model,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    neural_network,
    svm,
    tree,
)
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.feature_extraction import text
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler

with contextlib.suppress(ImportError), warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it is needed only before 1.0
    from sklearn.experimental import enable_hist_gradient_boosting  # noqa: F401


def mixed(encoder):
    """A preprocessing of numbers and labels, as most pipelines over data frames have it."""
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    labels = make_pipeline(SimpleImputer(strategy="most_frequent"), encoder)
    return ColumnTransformer([("numbers", numbers, ["a", "b", "c"]), ("labels", labels, ["town", "size"])])


def beside_texts():
    """A preprocessing of a number, labels and texts, each in a column of its own."""
    return ColumnTransformer(
        [
            ("number", StandardScaler(), ["stars"]),
            ("town", OneHotEncoder(handle_unknown="ignore"), ["town"]),
            ("review", text.TfidfVectorizer(max_features=15), "review"),
        ]
    )


def text_families(few):
    """Name, estimator and its data: texts, or a frame with a column of them."""
    words, characters = {"stop_words": "english", "min_df": 2}, {"analyzer": "char_wb", "ngram_range": (2, 3)}
    logistic = linear_model.LogisticRegression()
    yield "text_logistic", make_pipeline(text.TfidfVectorizer(sublinear_tf=True), logistic), "texts"
    yield "text_bayes", make_pipeline(text.CountVectorizer(**words), naive_bayes.MultinomialNB()), "texts"
    yield (
        "text_forest",
        make_pipeline(
            text.TfidfVectorizer(strip_accents="unicode", **words), ensemble.RandomForestClassifier(**few)
        ),
        "texts",
    )
    yield (
        "text_characters",
        make_pipeline(text.CountVectorizer(**characters), text.TfidfTransformer(), logistic),
        "texts",
    )
    yield "text_frame", make_pipeline(beside_texts(), logistic), "frame of texts"


def target_families(few):
    """Name, estimator and its data: several labels or numbers a row."""
    logistic = linear_model.LogisticRegression()
    forests = multioutput.MultiOutputClassifier(ensemble.RandomForestClassifier(**few))
    boosting = multioutput.MultiOutputRegressor(ensemble.GradientBoostingRegressor(**few))
    trees = multioutput.RegressorChain(tree.DecisionTreeRegressor(max_depth=4))
    mlp = neural_network.MLPClassifier((8,), random_state=0, max_iter=300)
    yield "multi_forest", ensemble.RandomForestClassifier(max_depth=5, **few), "labels"
    yield "multi_forest_regressor", ensemble.ExtraTreesRegressor(max_depth=5, **few), "numbers"
    yield "multi_tree", tree.DecisionTreeClassifier(max_depth=4, random_state=0), "labels"
    yield "multi_linear", linear_model.LinearRegression(), "numbers"
    yield "multi_output", multioutput.MultiOutputClassifier(logistic), "labels"
    yield "multi_output_forest", make_pipeline(StandardScaler(), forests), "labels"
    yield "multi_output_regressor", boosting, "numbers"
    yield "multi_chain", multioutput.ClassifierChain(logistic, order=[1, 0]), "zeros and ones"
    yield "multi_chain_regressor", trees, "numbers"
    yield "multi_rest", multiclass.OneVsRestClassifier(logistic), "zeros and ones"
    yield "multi_mlp", make_pipeline(StandardScaler(), mlp), "zeros and ones"
    yield "multi_neighbours", neighbors.KNeighborsClassifier(), "labels"
    yield "multi_neighbours_regressor", neighbors.KNeighborsRegressor(), "numbers"


def families():
    """Name, estimator and its data: two or three classes, numbers, texts or a frame."""
    few = {"n_estimators": 12, "random_state": 0}
    frame = OneHotEncoder(handle_unknown="ignore")
    yield "logistic", linear_model.LogisticRegression(), "two"
    yield "logistic_three", linear_model.LogisticRegression(max_iter=500), "three"
    yield "linear", linear_model.LinearRegression(), "number"
    yield "ridge", linear_model.Ridge(), "number"
    yield "ridge_classifier", linear_model.RidgeClassifier(), "three"
    yield "sgd", linear_model.SGDClassifier(random_state=0), "three"
    yield "forest", ensemble.RandomForestClassifier(**few), "three"
    yield "shallow_forest", ensemble.RandomForestClassifier(max_depth=4, **few), "two"
    yield "forest_regressor", ensemble.RandomForestRegressor(**few), "number"
    yield "extra_trees", ensemble.ExtraTreesClassifier(max_depth=6, **few), "three"
    yield "tree", tree.DecisionTreeClassifier(max_depth=5, random_state=0), "three"
    yield "tree_regressor", tree.DecisionTreeRegressor(max_depth=6, random_state=0), "number"
    yield "boosting", ensemble.GradientBoostingClassifier(**few), "two"
    yield "boosting_three", ensemble.GradientBoostingClassifier(**few), "three"
    yield "boosting_regressor", ensemble.GradientBoostingRegressor(**few), "number"
    yield "histogram", ensemble.HistGradientBoostingClassifier(max_iter=12, random_state=0), "three"
    yield "histogram_two", ensemble.HistGradientBoostingClassifier(max_iter=12, random_state=0), "two"
    yield "histogram_regressor", ensemble.HistGradientBoostingRegressor(max_iter=12, random_state=0), "number"
    yield "ada", ensemble.AdaBoostClassifier(**few), "two"
    yield "naive_bayes", naive_bayes.GaussianNB(), "three"
    yield "linear_svc", svm.LinearSVC(random_state=0, max_iter=5000), "two"
    yield "mlp", neural_network.MLPClassifier((8,), random_state=0, max_iter=300), "three"
    yield "svc", svm.SVC(), "three"
    yield "svr", svm.SVR(), "number"
    yield "neighbours", neighbors.KNeighborsClassifier(), "three"
    yield "components", make_pipeline(PCA(3), ensemble.RandomForestClassifier(**few)), "two"
    yield "isolation", ensemble.IsolationForest(**few), "two"
    yield "scaled", make_pipeline(StandardScaler(), linear_model.LogisticRegression()), "two"
    yield (
        "imputed",
        make_pipeline(SimpleImputer(), MinMaxScaler(), tree.DecisionTreeClassifier(max_depth=4)),
        "two",
    )
    yield "frame_logistic", make_pipeline(mixed(frame), linear_model.LogisticRegression()), "frame"
    yield (
        "frame_forest",
        make_pipeline(mixed(OrdinalEncoder()), ensemble.RandomForestClassifier(**few)),
        "frame",
    )
    yield from text_families(few)
    yield from target_families(few)


def main(folder, n_rows):
    """Fit, save and answer."""
    warnings.simplefilter("ignore")
    for name, estimator, kind in families():
        rows, target = data(kind, 400, 0)
        estimator.fit(rows, target) if name != "isolation" else estimator.fit(rows)
        with open("%s/%s.pkl" % (folder, name), "wb") as file:
            pickle.dump(estimator, file)
        asked = rows_like(rows, n_rows, 1)
        if hasattr(rows, "to_csv"):
            rows.to_csv("%s/%s.csv" % (folder, name), index=False)
            asked.to_csv("%s/%s.rows.csv" % (folder, name), index=False)
        else:
            np.save("%s/%s.npy" % (folder, name), rows)
            np.save("%s/%s.rows.npy" % (folder, name), asked)
        shares = estimator.predict_proba(asked) if hasattr(estimator, "predict_proba") else np.empty(0)
        shares = np.hstack(shares) if isinstance(shares, list) else shares
        np.savez("%s/%s.npz" % (folder, name), values=estimator.predict(asked), probabilities=shares)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
