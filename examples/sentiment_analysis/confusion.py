"""The confusion matrix as a picture."""

import io
from collections.abc import Sequence

from matplotlib.figure import Figure
from sklearn.metrics import confusion_matrix


def picture(expected: Sequence[str], predicted: Sequence[str], classes: Sequence[str]) -> bytes:
    """A PNG: counts, shaded by the share of each true class."""
    counts = confusion_matrix(expected, predicted, labels=classes)
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    size = 2.2 + 1.1 * len(classes)
    figure = Figure(figsize=(size, size - 0.8), dpi=120, layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, label="share of the true class")
    axes.set(xlabel="predicted", ylabel="true", title=f"Confusion matrix, {len(expected):,} sentences")
    axes.set_xticks(range(len(classes)), classes)
    axes.set_yticks(range(len(classes)), classes)
    for (row, column), count in zip(
        ((row, column) for row in range(len(classes)) for column in range(len(classes))),
        counts.ravel().tolist(),
        strict=True,
    ):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(
            column, row, f"{count:,}\n{shares[row, column]:.0%}", ha="center", va="center", color=colour
        )
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
