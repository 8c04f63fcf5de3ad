"""The explainer of a model of trees, proven on the golden rows of its version."""

from collections.abc import Callable
from functools import partial
from typing import Any

from app.models.engines.base import Engine
from app.models.engines.output import EngineOutput
from app.models.explaining.column_sources import column_sources, listed
from app.models.explaining.explanation import Attribution, Explainer, NotExplainable
from app.models.explaining.explanation_record import explained_parts
from app.models.explaining.original_steps import transformed
from app.models.explaining.prepared_rows import original_of, preparation
from app.models.explaining.scales import scale_of
from app.models.explaining.tree_arrays import has_trees, is_isolation_forest
from app.models.explaining.tree_margins import is_of_trees, tree_margins
from app.models.loading import golden_rows
from app.models.repository.version_files import Metadata
from app.models.schema.rows import Rows
from app.models.schema.signature import InputSignature, OutputSignature
from app.models.schema.validation import validate_rows


def tree_explainer(
    engine: Engine, signature: InputSignature, output: OutputSignature, metadata: Metadata
) -> Explainer:
    """Explain the trees of the engine's original model.

    :raises NotExplainable: if it has none, mixes columns before, or shap does not explain them.
    :raises OriginalMissing: if it cannot be loaded here.
    """
    transformers, last = explained_parts(original_of(engine), output)
    if not is_of_trees(last):
        raise NotExplainable(
            "the version was published before explanations: publish it again, or certify it again"
        )
    sources = column_sources(transformers, len(signature.features))
    prepare: Callable[[Rows], Any] = partial(transformed, signature=signature, transformers=transformers)
    if has_trees(last):  # others read data frames
        prepare = preparation(engine, signature)
    margins = tree_margins(last)

    def attribute(rows: Rows) -> Attribution:
        found = margins(prepare(rows))
        places = listed(sources, found.contributions.shape[1])
        return found.by_source(places, width=len(signature.features))

    golden = metadata["golden"]
    margins_of_golden = attribute(validate_rows(golden["rows"], signature)).margins
    scale = _scale(last, margins_of_golden, golden_rows.answers(golden), output)
    return Explainer("tree_shap", scale, attribute)


def _scale(last: Any, margins: Any, answers: EngineOutput, output: OutputSignature) -> Any:
    if is_isolation_forest(last):  # the mean depth at which a row is alone, of which the score is a power
        return "score"
    return scale_of(margins, answers, output)
