"""Fits models in an environment of any age: ``python families.py FOLDER ROWS``; runs on Python 3.8 and later.

Writes for each family its pickle, a sample, rows and the answers of the model to them.
"""

import contextlib
import pickle
import sys
import warnings

import numpy as np
import pandas as pd
from sklearn import ensemble, linear_model, naive_bayes, neighbors, neural_network, svm, tree
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_classification, make_regression
from sklearn.decomposition import PCA
from sklearn.feature_extraction import text
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler

with contextlib.suppress(ImportError), warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it is needed only before 1.0
    from sklearn.experimental import enable_hist_gradient_boosting  # noqa: F401

TOWNS = ["Aachen", "Berlin", "Celle", "Dresden"]
GOOD = ["good", "fine", "lovely", "Excellent", "bright", "quick", "NA", "2024", "naïve"]
BAD = ["bad", "poor", "slow", "broken", "Ugly", "late", "null", "404", "don't"]
COMMON = ["the", "a", "room", "was", "and", "very", "hotel", "İstanbul", "日本語", "straße", "of"]


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


def texts(n_rows, random):
    """Texts, and whether they have more good words than bad ones."""
    found, target = [], []
    for _ in range(n_rows):
        good, bad = random.choice(GOOD, random.randint(4)), random.choice(BAD, random.randint(4))
        words = np.concatenate([good, bad, random.choice(COMMON, 1 + random.randint(8))])
        found.append(" ".join(random.permutation(words)) + random.choice([".", "!", ", ok?", ""]))
        target.append("good" if len(good) > len(bad) else "bad")
    return pd.Series(found, dtype=object, name="review"), np.array(target)


def frame_of_texts(n_rows, random):
    """A frame of a number, labels and texts, and its targets."""
    reviews, target = texts(n_rows, random)
    return pd.DataFrame(
        {
            "stars": random.randint(1, 6, n_rows).astype(float),
            "review": reviews,
            "town": random.choice(TOWNS, n_rows).astype(object),
        }
    ), target


def data(kind, n_rows, seed):
    """Rows and targets: float64 (n, 6), or a frame of three numbers and two labels."""
    if kind == "texts":
        return texts(n_rows, np.random.RandomState(seed))
    if kind == "frame of texts":
        return frame_of_texts(n_rows, np.random.RandomState(seed))
    if kind == "number":
        return make_regression(n_rows, 6, noise=3.0, random_state=seed)
    if kind == "frame":
        random = np.random.RandomState(seed)
        frame = pd.DataFrame(random.normal(size=(n_rows, 3)), columns=["a", "b", "c"])
        frame["town"] = random.choice(TOWNS, n_rows).astype(object)
        frame["size"] = random.choice(["small", "large"], n_rows).astype(object)
        target = (frame["a"] + (frame["town"] == "Berlin") + random.normal(size=n_rows) > 0.5).to_numpy()
        frame.loc[random.uniform(size=n_rows) < 0.05, "b"] = np.nan
        return frame, np.where(target, "yes", "no")
    classes = 2 if kind == "two" else 3
    return make_classification(n_rows, 6, n_informative=4, n_classes=classes, random_state=seed)


def rows_like(rows, n_rows, seed):
    """Rows spread twice as far as the given ones, a tenth of them on the values of the sample."""
    random = np.random.RandomState(seed)
    if hasattr(rows, "name"):
        return texts(n_rows, random)[0]
    if hasattr(rows, "columns"):
        return rows.iloc[random.randint(len(rows), size=n_rows)].reset_index(drop=True)
    spread = rows.mean(axis=0) + 2 * rows.std(axis=0) * random.normal(size=(n_rows, rows.shape[1]))
    known = random.uniform(size=n_rows) < 0.1
    spread[known] = rows[random.randint(len(rows), size=int(known.sum()))]
    return spread


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
        np.savez("%s/%s.npz" % (folder, name), values=estimator.predict(asked), probabilities=shares)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
