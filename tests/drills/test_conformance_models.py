"""Objects of one's own as models, models that were served wrongly once, and one of each kind."""

import pytest

from tests.conformance import matrix, outputs
from tests.conformance.check import assert_served
from tests.conformance.objects import refused, served

pytestmark = [pytest.mark.drill, pytest.mark.untimed]

MODELS = (
    *(case.name for case in (*served(), *refused(), *outputs.cases())),
    "SGD, modified Huber, digits",
    "SGD, log loss, three classes",
    "one vs rest, logistic, three classes",
    "one vs one, three classes",
    "threshold, fixed, two classes",
    "threshold, tuned forest, two classes",
    "SVC unscaled, wine",
    "GaussianProcessClassifier, wine",
    "LabelPropagation, wine",
    "KNeighborsClassifier, wine",
    "GradientBoostingClassifier, two classes",
    "forest, shallow, two classes",
    "histogram boosting, three classes",
    "PoissonRegressor, counts",
    "SVR, diabetes",
    "KMeans, wine",
    "voting, hard, three classes",
    "frame: usual columns",
    "frame: unknown categories refused",
    "frame: nullable dtypes",
    "frame: category dtype",
    "frame: whole numbers as text",
    "frame: truth values as text",
    "frame: None as a category",
    "frame: ordinal, unknown NaN",
    "frame: missing in another branch",
    "frame: one-hot of whole numbers",
    "frame: integer column names",
    "step: log, logistic",
    "step: scaled twice, tree",
    "missing values, forest",
    "texts: TF-IDF, logistic",
    "texts: a series",
    "classes: objects",
    "classes: truth values",
)


@pytest.mark.usefixtures("_boundary_is_found_exactly", "_versions_are_tried")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_what_is_served_is_what_the_model_answers(name, tmp_path):
    assert_served(matrix.cases()[name], tmp_path / "models")
