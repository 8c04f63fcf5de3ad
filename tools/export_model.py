"""Export a fitted scikit-learn model of any age: its numbers, and its own answers to test them with.

Run it where the model still loads, with the Python and the scikit-learn that it was fitted with:

    python export_model.py model.pkl sample.csv out.export [--target COLUMN ...]

The sample is like the training data, as .csv, .npy or .parquet. ``out.export`` is a zip of one JSON document
and of NumPy arrays; it holds no pickle and no code. Needs Python 3.6 and what the model itself needs.
"""

import argparse
import csv
import io
import json
import platform
import sys
import warnings
import zipfile
from collections import UserList
from copy import copy
from functools import partial
from itertools import chain, islice
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import numpy as np

FORMAT = 1
SAMPLE_ROWS = 10000
RANDOM_ROWS = 5000
LARGE = 1e6
LARGEST = 2.0**53
MAX_SPLITS = 20000
STARTS = 16
PAIRS = 60
HALVINGS = 56
MAX_CALLS = 3000
RADIX = 1009
MAX_CELLS = 30000000
MAX_CHARACTERS = 20000000
UNSEEN = "never seen in training"
ODD_TEXTS = (
    "",
    " ",
    "!!!",
    UNSEEN,
    "naïve über İstanbul ß",
    "word " * 300,
    "don't can't it's",
    "日本語 text_1",
    "привет κόσμος مرحبا",
    "\t\n a\x00b",
)
VECTORIZERS = ("CountVectorizer", "TfidfVectorizer", "HashingVectorizer")
# Of scikit-learn's own parts those that only fitting needs: random states, losses, optimizers.
ONLY_FOR_FITTING = (
    "numpy.random",
    "sklearn._loss",
    "sklearn.ensemble._gb_losses",
    "sklearn.ensemble._hist_gradient_boosting.loss",
    "scipy.stats",
    "sklearn.linear_model._sgd_fast",
    "sklearn.linear_model._sgd_helper",
    "sklearn.metrics",
    "sklearn.model_selection._split",
    "sklearn.neural_network._stochastic_optimizers",
    "sklearn.ensemble.gradient_boosting",
)
# Py_TPFLAGS_HEAPTYPE: a class without it has its state in C.
WRITTEN_IN_PYTHON = 1 << 9
# What chose columns, and trees of points, which the points themselves stand for.
NOT_NEEDED = ("make_column_selector", "KDTree", "KDTree64", "BallTree", "BallTree64")
PLAIN_TYPES = {bool: "bool", int: "int", float: "float", str: "str", object: "object"}


class CannotExport(Exception):
    """The model or the sample cannot be exported; the message says why."""


class Archive:
    """The zip to write: arrays as they come, the document last."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._arrays = []  # type: List[bytes]

    def add(self, array: Any) -> int:
        """Keep an array without pickle, and return its number."""
        content = io.BytesIO()
        np.lib.format.write_array(content, np.ascontiguousarray(array), allow_pickle=False)
        self._arrays.append(content.getvalue())
        return len(self._arrays) - 1

    def close(self, document: Dict[str, Any]) -> None:
        """Write the arrays and the document."""
        with zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as found:
            for number, content in enumerate(self._arrays):
                found.writestr("arrays/%d.npy" % number, content)
            found.writestr("export.json", json.dumps(document, allow_nan=False))


class Encoder:
    """From a fitted object to plain JSON that refers to arrays by number; everything else is refused."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._open = []  # type: List[int]

    def encode(self, value: Any, where: str) -> Any:
        """The node of a value. ``where``: its place in the model, for the refusal."""
        if value is None or type(value) in (bool, str, int):
            return value
        if type(value) is float:
            return value if np.isfinite(value) else {"float": repr(value)}
        if isinstance(value, (np.ndarray, np.generic)):
            return self._array(value, where)
        if id(value) in self._open:
            raise CannotExport("%s refers to an object that holds it" % where)
        self._open.append(id(value))
        try:
            return self._compound(value, where)
        finally:
            self._open.pop()

    def _array(self, value: Any, where: str) -> Any:
        if isinstance(value, np.ma.MaskedArray):
            return {"dropped": "numpy.ma.MaskedArray"}
        if value.dtype != object:
            kind = "array" if isinstance(value, np.ndarray) else "scalar"
            return {kind: self._archive.add(value)}
        flat = [self.encode(item, where) for item in np.asarray(value).ravel().tolist()]
        return {"objects": flat, "shape": list(value.shape)}

    def _compound(self, value: Any, where: str) -> Any:
        value = value.data if isinstance(value, UserList) else value  # columns that a remainder takes
        for kind, name in ((list, "list"), (tuple, "tuple"), (set, "set"), (frozenset, "set")):
            if type(value) is kind:
                return {name: [self.encode(each, "%s[%d]" % (where, i)) for i, each in enumerate(value)]}
        if isinstance(value, dict):
            pairs = []
            for key, each in value.items():
                each = int(each) if isinstance(each, np.integer) else each  # one of thousands, as of words
                pairs.append([self.encode(key, where), self.encode(each, "%s[%r]" % (where, key))])
            return {"dict": pairs}
        if type(value).__module__.startswith("pandas.") and hasattr(value, "tolist"):  # names of columns
            return {"list": [self.encode(each, where) for each in value.tolist()]}
        if isinstance(value, slice):
            return {"slice": [self.encode(end, where) for end in (value.start, value.stop, value.step)]}
        if isinstance(value, np.dtype):
            return {"dtype": value.str}
        if isinstance(value, type):
            return {"type": PLAIN_TYPES.get(value, "%s.%s" % (value.__module__, value.__name__))}
        if isinstance(value, np.ufunc) or (callable(value) and hasattr(value, "__name__")):
            return self._function(value, where)
        if hasattr(value, "tocsr") and type(value).__module__.startswith("scipy.sparse"):
            matrix = value.tocsr()
            parts = [self._archive.add(part) for part in (matrix.data, matrix.indices, matrix.indptr)]
            return {"sparse": parts, "shape": [int(n) for n in matrix.shape]}
        return self._object(value, where)

    def _function(self, value: Any, where: str) -> Any:
        name = value.__name__
        if getattr(np, name, None) is value:
            return {"function": name}
        module = str(getattr(value, "__module__", ""))
        if module.startswith("sklearn."):  # such as the score of a feature selection, which is done
            return {"dropped": "%s.%s" % (module, name)}
        raise CannotExport(
            "%s is the function %s of %s: only NumPy's own can be exported" % (where, name, module)
        )

    def _object(self, value: Any, where: str) -> Any:
        kind = type(value)
        path = "%s.%s" % (kind.__module__, kind.__name__)
        if kind.__module__.startswith(ONLY_FOR_FITTING) or kind.__name__ in NOT_NEEDED:
            return {"dropped": path}
        if isinstance(value, partial):  # such as the check of numbers in histogram boosting
            return self._function(value.func, where)
        if kind.__name__ == "Tree" and kind.__module__.startswith("sklearn.tree"):
            _, (n_features, n_classes, n_outputs), state = value.__reduce__()
            about = {"n_features": int(n_features), "n_outputs": int(n_outputs)}
            arrays = {"n_classes": n_classes, "nodes": state["nodes"], "values": state["values"]}
            about.update((name, self._archive.add(array)) for name, array in arrays.items())
            return {"tree": dict(about, max_depth=int(state["max_depth"]))}
        compiled = any(not base.__flags__ & WRITTEN_IN_PYTHON for base in kind.__mro__[:-1])
        if compiled or not kind.__module__.startswith("sklearn.") or not hasattr(value, "__dict__"):
            raise CannotExport("%s is a %s, which cannot be exported" % (where, path))
        own = _own_words(value) if kind.__name__ in VECTORIZERS else vars(value)
        attributes = {name: self.encode(each, "%s.%s" % (where, name)) for name, each in own.items()}
        return {"object": path, "attributes": attributes}


def _own_words(vectorizer: Any) -> Dict[str, Any]:
    """Its attributes with the stop words of its own version, without the words that fitting left out."""
    found = {name: each for name, each in vars(vectorizer).items() if name != "stop_words_"}
    if isinstance(vectorizer.stop_words, str):
        found["stop_words"] = sorted(vectorizer.get_stop_words())
    return found


class Rows:
    """Columns of equal length: float64, or objects with None for a missing label."""

    def __init__(self, columns: List[Any]) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return len(self.columns[0])

    def take(self, positions: Any) -> "Rows":
        """The rows at these positions, or of this mask."""
        return Rows([column[positions] for column in self.columns])

    @staticmethod
    def joined(parts: List["Rows"]) -> "Rows":
        """The rows of all parts in order."""
        return Rows([np.concatenate(columns) for columns in zip(*(part.columns for part in parts))])

    def encoded(self, archive: Archive) -> List[Any]:
        """A node for each column; labels as positions in the list of distinct ones, -1 for missing."""
        found = []  # type: List[Any]
        for column in self.columns:
            if column.dtype != object:
                found.append({"array": archive.add(column)})
                continue
            known = {}  # type: Dict[Any, int]
            codes = [
                -1 if value is None else known.setdefault(value, len(known)) for value in column.tolist()
            ]
            found.append({"labels": list(known), "codes": archive.add(np.array(codes, dtype=np.int32))})
        return found


class Model:
    """A fitted model with the form of its input.

    ``names``: of a data frame's columns, or None for arrays. ``nones``: columns whose missing is None.
    ``texts``: positions of columns of texts, which are no labels.
    """

    def __init__(
        self,
        estimator: Any,
        names: Optional[List[str]],
        booleans: List[bool],
        nones: List[int],
        texts: List[int],
    ) -> None:
        self.estimator = estimator
        self.nones = nones
        self.texts = texts
        self.names = names
        self.booleans = booleans
        self.classes = getattr(estimator, "classes_", None)
        self.steps, self.last = _split(estimator)

    def form(self, rows: Rows) -> Any:
        """Rows as the model takes them."""
        if self.names is None:
            return rows.columns[0] if self.texts else np.column_stack(rows.columns)
        import pandas as pd

        columns = [c.astype(bool) if b else c for c, b in zip(rows.columns, self.booleans)]
        columns = [self._with_own_missing(i, c) if c.dtype == object else c for i, c in enumerate(columns)]
        return pd.DataFrame(dict(zip(self.names, columns)), columns=self.names)

    def _with_own_missing(self, position: int, column: Any) -> Any:
        """Labels with the sample's own mark for missing: most imputers tell None from NaN."""
        if position in self.nones:
            return column
        marked = column.copy()
        marked[[value is None for value in column.tolist()]] = np.nan
        return marked

    def answer(self, rows: Rows) -> Tuple[Any, Any]:
        """Positions in the classes, or numbers; and probabilities or None. Raises as the model does."""
        return _answer(self.estimator, self.form(rows), self.classes)

    def one_label(self, rows: Rows) -> Tuple[Any, Any]:
        """The answer with one number for the labels of all targets."""
        values, probabilities = self.answer(rows)
        if values.ndim == 2:
            values = values.dot(RADIX ** np.arange(values.shape[1]))
        return values, probabilities

    def prepare(self, rows: Rows) -> Any:
        """The input of the last estimator, float64."""
        found = self.form(rows)
        for step in self.steps:
            found = step.transform(found)
        return np.asarray(found.toarray() if hasattr(found, "toarray") else found, dtype=np.float64)


def _split(estimator: Any) -> Tuple[List[Any], Any]:
    if hasattr(estimator, "best_estimator_"):  # a search predicts with what it found
        return _split(estimator.best_estimator_)
    if getattr(estimator, "_preprocessor", None) is not None:  # histogram boosting's encoder of categories
        bare = copy(estimator)
        bare._preprocessor = None
        vars(bare).pop("feature_names_in_", None)
        return [estimator._preprocessor], bare
    if not hasattr(estimator, "steps"):
        return [], estimator
    before = [step for _, step in estimator.steps[:-1] if step is not None and step != "passthrough"]
    inner, last = _split(estimator.steps[-1][1])
    return before + inner, last


def targets_of(classes: Any, predicted: Any) -> List[List[Any]]:
    """The labels of each target; a model of several without a list of them predicts 0 or 1 for each."""
    several = isinstance(classes, list) and all(np.ndim(each) for each in classes)
    if predicted.ndim == 2 and not (several and len(classes) == predicted.shape[1]):
        return [[0, 1]] * predicted.shape[1]
    return [np.asarray(each).tolist() for each in (classes if several else [classes])]


def _dense(found: Any) -> Any:
    return np.asarray(found.toarray() if hasattr(found, "toarray") else found)


def _answer(estimator: Any, data: Any, classes: Any) -> Tuple[Any, Any]:
    predicted = _dense(estimator.predict(data))
    if predicted.ndim == 2 and predicted.shape[1] == 1:
        predicted = predicted[:, 0]
    if classes is None:
        return predicted, None
    targets = targets_of(classes, predicted)
    values = np.empty((len(predicted), len(targets)), dtype=np.int64)
    for position, (labels, column) in enumerate(zip(targets, predicted.reshape(values.shape).T.tolist())):
        codes = {label: code for code, label in enumerate(labels)}
        values[:, position] = [codes[label] for label in column]
    values = values.reshape(predicted.shape)
    try:
        method = estimator.predict_proba
    except Exception:
        return values, None
    try:
        return values, _side_by_side(method(data), targets)
    except ValueError:
        if len(targets) == 1:
            raise
        return values, None  # a chain of more than two labels


def _side_by_side(found: Any, targets: List[List[Any]]) -> Any:
    """The probabilities of all targets; of two classes a model may say only how probable the second is."""
    if isinstance(found, list):
        return np.hstack([np.asarray(each, dtype=np.float64) for each in found])
    shares = _dense(found).astype(np.float64)
    if len(targets) > 1:
        shares = np.stack((1.0 - shares, shares), axis=2).reshape(len(shares), -1)
        # An old version's chain of more than two labels says one probability too.
        return shares if shares.shape[1] == sum(map(len, targets)) else None
    return shares


def ask(answer: Callable, take: Callable, count: int) -> Tuple[Any, Any, Any]:
    """Values, probabilities or None, and a mask of the rows that the model refuses or does not reach."""
    parts, calls = {}, 0  # type: Dict[int, Any], int
    pending = [np.arange(count)]
    while pending and calls < MAX_CALLS:
        positions = pending.pop()
        calls += 1
        try:
            values, probabilities = answer(take(positions))
        except CannotExport:
            raise
        except Exception:  # a model may raise anything for a row
            if len(positions) > 1:
                half = len(positions) // 2
                pending += [positions[half:], positions[:half]]
            continue
        parts[int(positions[0])] = (positions, values, probabilities)
    refused = np.ones(count, dtype=bool)
    if not parts:
        return np.zeros(count, dtype=np.int64), None, refused
    first = next(iter(parts.values()))
    values = np.zeros((count,) + first[1].shape[1:], dtype=first[1].dtype)
    probabilities = None if first[2] is None else np.zeros((count, first[2].shape[1]))
    for positions, some, shares in parts.values():
        finite = np.isfinite(some if shares is None else shares).reshape(len(some), -1).all(axis=1)
        refused[positions] = ~finite
        values[positions[finite]] = some[finite]
        if probabilities is not None:
            probabilities[positions[finite]] = shares[finite]
    return values, probabilities, refused


def variations(rows: Rows, columns: List[Dict[str, Any]], random: Any) -> List[Rows]:
    """Rows unlike the sample's: spread out, whole, large, zero, with missing values and unseen labels."""
    if any(column.dtype == object for column in rows.columns):
        return [shuffled(rows, columns, random)]
    values = np.column_stack(rows.columns)
    center, spread = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    noise = random.normal(size=(RANDOM_ROWS, values.shape[1]))
    largest = noise[:100]
    sizes = 10 ** random.uniform(np.log10(LARGE), np.log10(LARGEST), size=(len(largest), 1))
    varied = [
        center + 2 * spread * noise,
        np.round(center + 2 * spread * noise[:1000]),
        LARGE * noise[:200],
        np.clip(sizes * largest, -LARGEST, LARGEST),
        np.zeros((1, values.shape[1])),
    ]
    nullable = np.array([column["nullable"] for column in columns])
    if nullable.any():
        holes = random.uniform(size=noise.shape) < 0.2
        varied.append(np.where(holes & nullable, np.nan, varied[0]))
    booleans = np.array([column["kind"] == "boolean" for column in columns])
    return [Rows(list(np.where(booleans, (each > 0.5) * 1.0, each).T)) for each in varied]


def shuffled(rows: Rows, columns: List[Dict[str, Any]], random: Any) -> Rows:
    """Columns drawn independently, numbers spread out, with missing values and unseen labels."""
    found = []
    for about, column in zip(columns, rows.columns):
        drawn = random.choice(column, size=RANDOM_ROWS)
        hit = random.uniform(size=RANDOM_ROWS) < 0.1
        if about["kind"] == "text":
            drawn = texts_like(column, random)
        elif column.dtype == object:
            if about["open"]:
                drawn[hit] = UNSEEN
            if about["nullable"]:
                drawn[random.uniform(size=RANDOM_ROWS) < 0.1] = None
        elif about["kind"] != "boolean":
            drawn = drawn + 2 * np.nanstd(column) * random.normal(size=RANDOM_ROWS)
            drawn = np.where(hit & about["nullable"], np.nan, drawn)
        found.append(drawn)
    return Rows(found)


def texts_like(column: Any, random: Any) -> Any:
    """Texts of a column as they are, in other cases, mixed and joined, and texts of other scripts."""
    found = np.empty(RANDOM_ROWS, dtype=object)
    for position, kind in enumerate(random.randint(6, size=RANDOM_ROWS)):
        one, other = (column[random.randint(len(column))] for _ in range(2))
        odd, words = ODD_TEXTS[random.randint(len(ODD_TEXTS))], one.split()
        mixed = [words[i] for i in random.permutation(len(words))]
        some = " ".join(mixed[: len(mixed) // 2])
        found[position] = (one, " ".join(mixed), one + " " + other, some + " " + odd, one.swapcase(), odd)[
            kind
        ]
    return found


def boundary(model: Model, rows: Rows, random: Any) -> List[Rows]:
    """Neighbouring rows with different labels, found by bisection of the numbers between two rows."""
    if model.classes is None:
        return []
    some = rows.take(random.permutation(len(rows))[:1000])
    labels, _, refused = ask(model.one_label, some.take, len(some))
    numbers = [np.isfinite(c) for c in some.columns if c.dtype != object]
    usable = np.flatnonzero(~refused & np.all(numbers, axis=0)) if numbers else []
    if len(usable) < 2 or len(np.unique(labels[usable])) < 2:
        return []
    first = random.choice(usable, size=PAIRS)
    second = [int(random.choice(usable[labels[usable] != labels[row]])) for row in first]
    low, at_low = some.take(first), labels[first]
    high = _between(low, some.take(second), model.booleans, 1.0)
    ends, _, no = ask(model.one_label, high.take, len(high))
    apart = ~no & (ends != at_low)
    low, high, at_low = low.take(apart), high.take(apart), at_low[apart]
    kept = []
    for halving in range(HALVINGS if len(low) else 0):
        middle = _between(low, high, model.booleans, 0.5)
        found, _, no = ask(model.one_label, middle.take, len(middle))
        if no.any():
            break
        same = found == at_low
        low, high = _where(same, middle, low), _where(same, high, middle)
        if halving % 7 == 0:
            kept.append(middle)
    return [part for part in kept + [low, high] if len(part)]


def _between(low: Rows, high: Rows, fixed: List[bool], share: float) -> Rows:
    pairs = zip(low.columns, high.columns, fixed)
    return Rows([a if a.dtype == object or still else a * (1 - share) + b * share for a, b, still in pairs])


def _where(mask: Any, one: Rows, other: Rows) -> Rows:
    return Rows([np.where(mask, a, b) for a, b in zip(one.columns, other.columns)])


def trees_of(estimator: Any) -> Iterator[Tuple[Any, Any, Any, Any]]:
    """Feature, threshold, left and right of each tree inside; left is -1 at a leaf."""
    if hasattr(estimator, "tree_"):
        tree = estimator.tree_
        yield tree.feature, tree.threshold, tree.children_left, tree.children_right
    elif hasattr(estimator, "_predictors"):
        for nodes in (predictor.nodes for iteration in estimator._predictors for predictor in iteration):
            names = nodes.dtype.names
            threshold = nodes["num_threshold" if "num_threshold" in names else "threshold"].astype(float)
            if "is_categorical" in names:  # a set of categories has no threshold
                threshold = np.where(nodes["is_categorical"] != 0, np.nan, threshold)
            left = np.where(nodes["is_leaf"] != 0, -1, nodes["left"].astype(int))
            yield nodes["feature_idx"].astype(int), threshold, left, nodes["right"].astype(int)
    elif hasattr(estimator, "estimators_") and not hasattr(estimator, "order_"):  # a chain adds columns
        subsets = getattr(estimator, "estimators_features_", None)
        members = estimator.estimators_  # no array of a list: it would spread forests, which are sequences
        for position, member in enumerate(members.ravel() if isinstance(members, np.ndarray) else members):
            for feature, threshold, left, right in trees_of(member):
                own = feature if subsets is None else np.asarray(subsets[position])[np.maximum(feature, 0)]
                yield own, threshold, left, right


def edges(estimator: Any, base: Any, missing: bool) -> Tuple[Any, int]:
    """Rows that reach each split, on its threshold or one float to either side; and the splits tried."""
    trees = list(trees_of(estimator))
    total = sum(int((left >= 0).sum()) for _, _, left, _ in trees)
    most = min(MAX_SPLITS, max(1, MAX_CELLS // (base.shape[1] * 7)))  # seven rows for each, as wide as texts
    walks = (
        _walk(tree, base[(number * STARTS + start) % len(base)], start)
        for number, tree in enumerate(trees)
        for start in range(STARTS)
    )
    found = list(islice(chain.from_iterable(walks), 0, None, max(1, -(-total // most))))
    if not found:
        return np.empty((0, base.shape[1])), 0
    thresholds = np.array([split[2] for split in found])
    steps = []
    for numbers in (thresholds, thresholds.astype(np.float32)):
        steps += [np.nextafter(numbers, numbers.dtype.type(-np.inf)), numbers]
        steps += [np.nextafter(numbers, numbers.dtype.type(np.inf))]
    table = np.column_stack([step.astype(np.float64) for step in steps])
    table = np.where(np.isfinite(table), table, thresholds[:, None])
    if missing:
        table = np.column_stack([table, np.full(len(table), np.nan)])
    rows = np.repeat(np.stack([split[0] for split in found]), table.shape[1], axis=0)
    rows[np.arange(len(rows)), np.repeat([split[1] for split in found], table.shape[1])] = table.ravel()
    return rows, sum(split[3] for split in found)


def _walk(tree: Any, row: Any, start: int) -> Iterator[Tuple[Any, int, float, bool]]:
    """Visit the splits, moving the row into each one's region; splits near the root are tried more often."""
    features, thresholds, lefts, rights = tree
    pending = [(0, 0, row, np.full(len(row), -np.inf), np.full(len(row), np.inf))]
    while pending:
        node, depth, at, low, high = pending.pop()
        if lefts[node] < 0 or start >= max(1, STARTS >> depth):
            continue
        feature, threshold = int(features[node]), float(thresholds[node])
        left, right = int(lefts[node]), int(rights[node])
        if np.isnan(threshold):
            pending += [(left, depth + 1, at, low, high), (right, depth + 1, at, low, high)]
            continue
        if np.isfinite(threshold):
            yield at, feature, threshold, start == 0
        below, above = high.copy(), low.copy()
        below[feature], above[feature] = min(high[feature], threshold), max(low[feature], threshold)
        pending.append((left, depth + 1, _inside(at, feature, low, below), low, below))
        pending.append((right, depth + 1, _inside(at, feature, above, high), above, high))


def _inside(row: Any, feature: int, low: Any, high: Any) -> Any:
    floor, ceiling = low[feature], high[feature]
    if floor < row[feature] <= ceiling:
        return row
    moved = row.copy()
    if np.isinf(floor):
        moved[feature] = ceiling - 1.0
    elif np.isinf(ceiling):
        moved[feature] = floor + 1.0
    else:
        moved[feature] = (floor + ceiling) / 2
    return moved


def describe(model: Model, rows: Rows, names: List[str]) -> List[Dict[str, Any]]:
    """Name and kind of each column, and whether the model takes missing values and unseen labels in it."""
    imputes = _has_imputer(model.estimator)
    found = []
    for position, (name, column) in enumerate(zip(names, rows.columns)):
        label = column.dtype == object
        kind = "category" if label else "boolean" if model.booleans[position] else "number"
        kind = "text" if position in model.texts else kind
        missing = any(v is None for v in column.tolist()) if label else bool(np.isnan(column).any())
        nullable = (missing or imputes) and kind != "boolean"
        nullable = nullable and _takes(model, rows, position, None if label else np.nan)
        tolerant = label and _takes(model, rows, position, UNSEEN)
        found.append({"name": name, "kind": kind, "nullable": nullable, "open": tolerant})
    return found


def _takes(model: Model, rows: Rows, position: int, value: Any) -> bool:
    """Whether the model answers a row of the sample with one value replaced."""
    row = rows.take(np.arange(1))
    row.columns[position][0] = value
    _, _, refused = ask(model.answer, row.take, 1)
    return not bool(refused[0])


def _has_imputer(estimator: Any) -> bool:
    if type(estimator).__name__.endswith("Imputer"):
        return True
    inner = [each[1] for each in getattr(estimator, "steps", None) or getattr(estimator, "transformers_", ())]
    return any(_has_imputer(each) for each in inner if hasattr(each, "__dict__"))


def takes_texts(estimator: Any) -> bool:
    """Whether the model takes texts themselves, in place of rows with columns."""
    return any(_counts_words(step) for step in _split(estimator)[0][:1])


def _counts_words(step: Any) -> bool:
    """A vectorizer of texts, or several side by side, or one that others follow."""
    parts = getattr(step, "transformer_list", getattr(step, "steps", [])[:1])
    return type(step).__name__ in VECTORIZERS or any(_counts_words(part[1]) for part in parts)


def text_columns(estimator: Any, names: List[str]) -> List[str]:
    """The columns that the model takes as texts: all, or those that a transformer gets without a list."""
    if takes_texts(estimator):
        return names
    found = []
    for step in _split(estimator)[0][:1] or [estimator]:
        known = [str(name) for name in getattr(step, "feature_names_in_", names)]
        for _, _, columns in getattr(step, "transformers_", ()):
            if isinstance(columns, (str, int, np.integer)):
                found += [columns] if isinstance(columns, str) else known[columns:][:1]
    return [name for name in found if name in names]


def read_sample(path: str, targets: List[str], estimator: Any) -> Tuple[List[str], List[Any]]:
    """Names and columns of the sample without the targets; names are empty for an array.

    In columns of texts an empty cell is an empty text, and NA a word.
    """
    if path.endswith(".npy"):
        array = np.load(path, allow_pickle=False)
        if array.ndim != 2 or array.dtype.kind not in "iufb":
            raise CannotExport("%s is no array of numbers with rows and columns" % path)
        return [], list(array.astype(np.float64).T)
    try:
        import pandas as pd
    except ImportError:
        if not path.endswith(".csv"):
            raise CannotExport("%s needs pandas to be read; give a .csv or .npy file" % path) from None
        return _read_without_pandas(path, targets, estimator)
    frame = pd.read_csv(path) if path.endswith(".csv") else pd.read_parquet(path)
    names = [str(name) for name in frame.columns if name not in targets]
    texts = text_columns(estimator, names) if path.endswith(".csv") else []
    if texts:
        # Their own reading, because pandas takes NA for missing in all columns or in none.
        frame[texts] = pd.read_csv(path, usecols=texts, dtype=str, keep_default_na=False)[texts]
    for target in targets:
        if target not in frame.columns:
            raise CannotExport("%s has no column %r" % (path, target))
        frame = frame.drop(columns=[target])
    return [str(name) for name in frame.columns], [frame.iloc[:, i] for i in range(frame.shape[1])]


def _read_without_pandas(path: str, targets: List[str], estimator: Any) -> Tuple[List[str], List[Any]]:
    with open(path, newline="", encoding="utf-8") as file:
        header, *lines = [line for line in csv.reader(file) if line]
    names = [name for name in header if name not in targets]
    texts, columns = text_columns(estimator, names), []
    for position, name in enumerate(header):
        if name in targets:
            continue
        try:
            cells = [line[position] for line in lines]
            kind = object if name in texts else float
            columns.append(
                np.array(cells if name in texts else [cell or "nan" for cell in cells], dtype=kind)
            )
        except (ValueError, IndexError):
            raise CannotExport(
                "column %r of %s holds text, which needs pandas to be read" % (name, path)
            ) from None
    return names, columns


def as_rows(columns: List[Any]) -> Tuple[Rows, List[bool]]:
    """The first rows of the sample, and which columns are truth values."""
    found, booleans = [], []
    for column in columns:
        kind = getattr(column.dtype, "kind", "O")
        booleans.append(kind == "b")
        if kind in "iufb" and isinstance(column.dtype, np.dtype):
            found.append(np.asarray(column, dtype=np.float64)[:SAMPLE_ROWS])
            continue
        cells = [None if value != value else value for value in column.tolist()[:SAMPLE_ROWS]]
        if not all(value is None or type(value) is str for value in cells):
            what = "neither numbers nor text"
            if any(hasattr(value, "toordinal") for value in cells):
                what = "dates, which no transformer that can be exported reads"
            raise CannotExport("column %r of the sample holds %s" % (column.name, what))
        labels = np.empty(len(cells), dtype=object)
        labels[:] = cells
        found.append(labels)
    return Rows(found), booleans


def first_texts(names: List[str], sample: Rows, texts: List[int]) -> Rows:
    """The first rows of the sample, as many as there is room for their texts."""
    length = np.zeros(len(sample), dtype=np.int64)
    for position in texts:
        column = sample.columns[position].tolist()
        if not all(isinstance(text, str) for text in column):
            message = "column %r of the sample, which the model takes as texts, has cells without text"
            raise CannotExport(message % names[position])
        length += [len(text) for text in column]
    return sample.take(np.arange(max(1, int((np.cumsum(length) <= MAX_CHARACTERS).sum()))))


def arrange(estimator: Any, names: List[str], columns: List[Any]) -> Tuple[List[str], List[Any], bool]:
    """The sample's columns in the model's order, and whether the model takes a data frame."""
    first = _split(estimator)[0][:1] or [estimator]
    known = getattr(estimator, "feature_names_in_", getattr(first[0], "feature_names_in_", None))
    if known is not None and names:
        if sorted(map(str, known)) != sorted(names):
            message = "the sample has the columns %s, the model takes %s: leave the target out with --target"
            raise CannotExport(message % (", ".join(names), ", ".join(map(str, known))))
        order = [names.index(str(name)) for name in known]
        names, columns = [names[i] for i in order], [columns[i] for i in order]
    width = getattr(estimator, "n_features_in_", getattr(first[0], "n_features_in_", len(columns)))
    width = 1 if takes_texts(estimator) else width
    if width != len(columns):
        message = "the sample has %d columns, the model takes %d: leave the target out with --target"
        raise CannotExport(message % (len(columns), width))
    selects = any(hasattr(step, "transformers_") for step in first)
    frame = bool(names) and (known is not None or selects)
    return names or ["feature_%d" % i for i in range(len(columns))], columns, frame


def export(estimator: Any, names: List[str], columns: List[Any], file: Any) -> None:
    """Write a model, its probe rows and its answers to them.

    :raises CannotExport: naming the part that cannot be exported.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about rows that are odd on purpose
        _export(estimator, names, columns, file)


def _export(estimator: Any, names: List[str], columns: List[Any], file: Any) -> None:
    model, sample, names = _model_and_sample(estimator, names, columns)
    random = np.random.RandomState(0)
    archive = Archive(file)
    encoded = Encoder(archive).encode(estimator, "the model")
    about = describe(model, sample, names)
    rows = Rows.joined([sample] + variations(sample, about, random))
    rows = Rows.joined([rows] + boundary(model, rows, random))
    values, probabilities, refused = ask(model.answer, rows.take, len(rows))
    if refused[: len(sample)].all():
        model.answer(sample)  # raises the model's own error
    document = {
        "format": FORMAT,
        "libraries": _libraries(),
        "model": encoded,
        "columns": about,
        "one_dimensional": bool(model.texts) and model.names is None,
        "sample_rows": len(sample),
        **_labels(model, values, archive),
        "rows": rows.encoded(archive),
        "answers": _encoded(archive, values, probabilities, refused),
        "prepared": _prepared(model, sample, about, archive),
    }
    archive.close(document)


def _model_and_sample(estimator: Any, names: List[str], columns: List[Any]) -> Tuple[Model, Rows, List[str]]:
    """The model, and the sample as it takes it with the names of its columns."""
    names, columns, frame = arrange(estimator, names, columns)
    sample, booleans = as_rows(columns)
    if not len(sample):
        raise CannotExport("the sample has no rows")
    texts = [names.index(name) for name in text_columns(estimator, names)]
    nones = [i for i, c in enumerate(columns) if c.dtype == object and any(v is None for v in c.tolist())]
    model = Model(estimator, names if frame else None, booleans, nones, texts)
    return model, first_texts(names, sample, texts), names


def _labels(model: Model, values: Any, archive: Archive) -> Dict[str, Any]:
    """The labels of the only target, or those of each of several."""
    if model.classes is None:
        return {"classes": None, "targets": None}
    encoded = [Encoder(archive).encode(each, "classes") for each in targets_of(model.classes, values)]
    return {
        "classes": encoded[0] if values.ndim == 1 else None,
        "targets": encoded if values.ndim == 2 else None,
    }


def _encoded(archive: Archive, values: Any, probabilities: Any, refused: Any) -> Dict[str, Any]:
    if values.dtype.kind not in "iuf":
        raise CannotExport("the model predicts %s, and has no classes_" % values.dtype)
    shares = None if probabilities is None else archive.add(probabilities)
    return {"values": archive.add(values), "probabilities": shares, "refused": archive.add(refused)}


def _prepared(
    model: Model, sample: Rows, about: List[Dict[str, Any]], archive: Archive
) -> Optional[Dict[str, Any]]:
    """The last estimator alone on the edges of its trees; None if it takes no plain numbers."""
    try:
        base = model.prepare(sample.take(np.arange(min(len(sample), 200))))
    except (TypeError, ValueError):
        return None

    def answer(matrix: Any) -> Tuple[Any, Any]:
        return _answer(model.last, matrix, model.classes)

    hollow = np.full((1, base.shape[1]), np.nan)
    takes_nan = not bool(ask(answer, hollow.__getitem__, 1)[2][0])
    missing = takes_nan and (any(column["nullable"] for column in about) or bool(np.isnan(base).any()))
    rows, tried = edges(model.last, base, missing)
    values, probabilities, refused = ask(answer, rows.__getitem__, len(rows))
    found = _encoded(archive, values, probabilities, refused)
    return dict(found, rows=archive.add(rows), takes_nan=takes_nan, splits_tried=tried)


def _libraries() -> Dict[str, str]:
    found = {"python": platform.python_version(), "numpy": np.__version__}
    for module, name in (
        ("sklearn", "scikit-learn"),
        ("scipy", "scipy"),
        ("pandas", "pandas"),
        ("joblib", "joblib"),
    ):
        if module in sys.modules:
            found[name] = str(sys.modules[module].__version__)
    return found


def load(path: str) -> Any:
    """The object in a pickle, of joblib or of pickle itself."""
    try:
        import joblib
    except ImportError:
        import pickle

        with open(path, "rb") as file:
            return pickle.load(file)
    return joblib.load(path)


def main() -> Optional[str]:
    """Export as the command line says; returns a message if that is not possible."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("model", help="the pickle, of pickle or joblib")
    parser.add_argument("sample", help="rows like the training data: .csv, .npy or .parquet")
    parser.add_argument("out", help="the file to write, such as model.export")
    parser.add_argument(
        "--target",
        action="append",
        default=[],
        help="a column of the sample that is no input; may be repeated",
    )
    given = parser.parse_args()
    try:
        content = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimator = load(given.model)
        export(estimator, *read_sample(given.sample, given.target, estimator), file=content)
    except CannotExport as error:
        return "Cannot export %s: %s" % (given.model, error)
    with open(given.out, "wb") as file:
        file.write(content.getvalue())
    print("%s: %d bytes" % (given.out, len(content.getvalue())))
    return None


if __name__ == "__main__":
    sys.exit(main())
