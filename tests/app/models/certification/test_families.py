"""Every model family has an engine that was shown to equal scikit-learn."""

import pytest

from benchmarks.engines import certification_of
from benchmarks.families import Family, families

pytestmark = pytest.mark.filterwarnings("ignore")

FAMILIES = {family.name: family for family in families(rows=200, trees=5)}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_family_is_served_by_the_engine_its_certificates_allow(family: Family) -> None:
    certification = certification_of(family)
    chosen = certification.certificates[certification.engine]
    assert chosen["certified"]
    compiled = {
        name: certificate
        for name, certificate in certification.certificates.items()
        if name != "sklearn" and certificate["certified"]
    }
    for certificate in compiled.values():
        assert certificate["label_mismatches"] == 0
        assert certificate["max_difference"] <= 1e-6
        assert certificate["rows"] > 4_000
        assert certificate["kernel"]["file"] in certification.files
    assert compiled, certification.certificates


def test_trees_are_exact_where_the_model_was_fitted_with_missing_values() -> None:
    for name in ("random forest, missing values", "hist gradient boosting, missing values"):
        certificate = certification_of(FAMILIES[name]).certificates["onnx"]
        assert certificate["certified"]
        assert certificate["max_difference"] < 1e-12
