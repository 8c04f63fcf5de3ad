"""The explainer of a model of trees, proven on the golden rows of its version."""

import io
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from app.models.engines.base import Engine
from app.models.explaining.column_sources import Sources, column_sources, listed
from app.models.explaining.explanation import Attribution, Explainer, NotExplainable, Scale
from app.models.explaining.explanation_record import explained_parts
from app.models.explaining.original_steps import transformed
from app.models.explaining.prepared_rows import original_of, preparation
from app.models.explaining.scales import scale_of
from app.models.explaining.tree_arrays import TreeArrays, has_trees, is_isolation_forest
from app.models.explaining.tree_margins import ArrayMargins, TreeMargins, is_of_trees, tree_margins
from app.models.loading import golden_rows
from app.models.repository.version_files import EXPLANATION, Metadata
from app.models.schema.rows import Rows
from app.models.schema.signature import InputSignature, OutputSignature
from app.models.schema.validation import validate_rows

UNRECORDED = "the version was published before explanations: publish it again, or certify it again"


def tree_explainer(
    engine: Engine, signature: InputSignature, output: OutputSignature, metadata: Metadata
) -> Explainer:
    """Explain the trees of the engine's original model.

    :raises NotExplainable: if it has none, mixes columns before, or shap does not explain them.
    :raises OriginalMissing: if it cannot be loaded here.
    """
    transformers, last = explained_parts(original_of(engine), output)
    if not is_of_trees(last):
        raise NotExplainable(UNRECORDED)
    sources = column_sources(transformers, len(signature.features))
    prepare: Callable[[Rows], Any] = partial(transformed, signature=signature, transformers=transformers)
    if has_trees(last):  # others read data frames
        prepare = preparation(engine, signature)
    # The mean depth at which a row is alone: the score is a power of it.
    scale: Scale | None = "score" if is_isolation_forest(last) else None
    return _proven(tree_margins(last), prepare, sources, scale, signature, output, metadata)


def recorded_tree_explainer(
    content: bytes, engine: Engine, signature: InputSignature, output: OutputSignature, metadata: Metadata
) -> Explainer:
    """Explain the trees that a version without its original recorded.

    :param content: of its file.
    :raises NotExplainable: if shap is not installed, or they do not answer as the engine does.
    """
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        margins = ArrayMargins(TreeArrays.from_arrays(arrays))
        sources: list[int] = arrays["sources"].tolist()
    scale = metadata[EXPLANATION].get("scale")
    return _proven(margins, preparation(engine, signature), sources, scale, signature, output, metadata)


def _proven(
    margins: TreeMargins,
    prepare: Callable[[Rows], Any],
    sources: Sources,
    scale: Scale | None,
    signature: InputSignature,
    output: OutputSignature,
    metadata: Metadata,
) -> Explainer:
    """The explainer, after a comparison of its margins with the answers to the golden rows.

    :param scale: of margins that the answers do not show.
    """

    def attribute(rows: Rows) -> Attribution:
        found = margins(prepare(rows))
        places = listed(sources, found.contributions.shape[1])
        return found.by_source(places, width=len(signature.features))

    golden = metadata["golden"]
    rows, answers = validate_rows(golden["rows"], signature), golden_rows.answers(golden)
    if isinstance(margins, ArrayMargins):
        rows = margins.affordable(rows)
    sums = attribute(rows).margins
    return Explainer("tree_shap", scale or scale_of(sums, answers.first(len(sums)), output), attribute)
