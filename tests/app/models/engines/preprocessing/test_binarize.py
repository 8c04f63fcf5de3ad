"""Binarizer without scikit-learn."""

import numpy as np
import pytest
from sklearn.preprocessing import Binarizer

from app.models.compilation import NotCompilable
from app.models.compilation.transformers.transformer_steps import number_step
from app.models.engines.preprocessing.label_steps import NotCovered
from app.models.engines.preprocessing.preprocessor import Preprocessor


def test_binarized_numbers_equal_scikit_learns_after_a_round_trip():
    threshold = 0.5
    rows = np.random.default_rng(0).normal(size=(500, 3))
    rows[:4, 0] = [threshold, np.nextafter(threshold, 1), -0.0, 2.0**53]
    step = Preprocessor(steps=(number_step(Binarizer(threshold=threshold).fit(rows)),))
    found = Preprocessor.from_dict(step.to_dict()).apply(rows)
    np.testing.assert_array_equal(found, Binarizer(threshold=threshold).transform(rows))


def test_missing_numbers_are_left_to_the_original_which_raises():
    with pytest.raises(NotCovered):
        number_step(Binarizer()).apply(np.array([[np.nan]]))


def test_a_threshold_beyond_single_precision_is_not_compiled():
    with pytest.raises(NotCompilable, match="single precision"):
        number_step(Binarizer(threshold=0.1))
