"""Attributes of older versions in the form of the installed one."""

import numpy as np
import scipy.sparse
from sklearn.feature_extraction.text import TfidfTransformer, TfidfVectorizer
from sklearn.multioutput import ClassifierChain

from app.models.importing.exported.old_layouts import adapted


def test_weights_of_words_may_be_a_diagonal():
    found = adapted(TfidfTransformer, {"use_idf": True, "_idf_diag": scipy.sparse.diags([1.5, 2.5]).tocsr()})
    assert found.idf_.tolist() == [1.5, 2.5]


def test_parameters_of_weights_may_be_those_of_the_transformer_inside():
    inner = TfidfTransformer(norm="l1", sublinear_tf=True)
    inner.idf_ = np.array([1.5])
    found = adapted(TfidfVectorizer, {"_tfidf": inner})
    assert (found.norm, found.use_idf, found.sublinear_tf) == ("l1", True, True)
    assert found.idf_.tolist() == [1.5]


def test_vectorizer_that_was_not_fitted_keeps_its_own_parameters():
    assert adapted(TfidfVectorizer, {"norm": "l1"}).norm == "l1"


def test_chain_without_a_method_passes_labels_on():
    assert adapted(ClassifierChain, {"estimators_": []}).chain_method_ == "predict"
