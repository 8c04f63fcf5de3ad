"""``python -m tools.drawings``: the drawings of docs/images, in the colours of a dark or a light page."""

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
STYLE = """
text { font: 15px system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; fill: #1d2330 }
.note { font-size: 13px; fill: #4d5767 } .bad { fill: #b3261e }
.middle { text-anchor: middle } .bold { font-weight: 600 }
rect { stroke-width: 1.5; fill: #eef1fc; stroke: #5666c8 } rect.end { fill: #f3f4f6; stroke: #8a93a1 }
rect.good { fill: #e7f5ec; stroke: #2e8b57 } rect.stop { fill: #fdecea; stroke: #c5433a }
path { stroke: #7a8494; stroke-width: 1.5; fill: none; marker-end: url(#tip) }
path.aside { stroke-dasharray: 5 4 }
marker path { stroke: none; fill: #7a8494; marker-end: none }
@media (prefers-color-scheme: dark) {
  text { fill: #e6e9f0 } .note { fill: #aab4c4 } .bad { fill: #ff9d94 }
  rect { fill: #262c44; stroke: #8b9af0 } rect.end { fill: #2a2e38; stroke: #8a93a1 }
  rect.good { fill: #1d3629; stroke: #5dbb87 } rect.stop { fill: #432523; stroke: #e5837b }
}
"""
WIDTH = 480


def box(x: int, y: int, width: int, title: str, note: str = "", kind: str = "step") -> str:
    """A box of one or two lines, 36 or 54 high."""
    middle, height = x + width // 2, 54 if note else 36
    lines = f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="7"/>'
    lines += words(middle, y + 23, title, "middle bold")
    return lines + (words(middle, y + 43, note, "middle note") if note else "")


def words(x: int, y: int, text: str, kind: str = "note") -> str:
    """A line of text that begins at x, or has its middle there."""
    return f'<text class="{kind}" x="{x}" y="{y}">{escape(text)}</text>'


def arrow(*points: tuple[int, int], kind: str = "way") -> str:
    """A line through points, with a tip at its end."""
    return f'<path class="{kind}" d="M' + " L".join(f"{x} {y}" for x, y in points) + '"/>'


def ladder(steps: Sequence[tuple[str, str, str, str]], *, width: int = 320) -> tuple[int, str]:
    """Boxes below each other, each with a note in it and what may end the way there: height and drawing."""
    drawn, y = "", 10
    for number, (title, note, refusal, kind) in enumerate(steps):
        height = 54 if note else 36
        if number:
            drawn += arrow((width // 2 + 10, y - 20), (width // 2 + 10, y - 2))
        drawn += box(10, y, width, title, note, kind)
        if refusal:
            drawn += arrow((width + 10, y + height // 2), (width + 34, y + height // 2), kind="aside")
            drawn += words(width + 42, y + height // 2 + 5, refusal, "note bad")
        y += height + 22
    return y - 12, drawn


def request() -> tuple[int, str]:
    return ladder(
        [
            ("client", "", "", "end"),
            ("worker of gunicorn", "a whole request, short ones in the main loop", "400 408 414", "step"),
            ("WSGI middleware", "client IP, security headers, in flight", "", "step"),
            ("dispatch", "route and collected hooks", "404 405", "step"),
            ("load shedding", "requests and bytes in flight", "503", "step"),
            ("authentication", "key or token, scope of the route", "401 403", "step"),
            ("rate limit", "of the key, or the client IP", "429", "step"),
            ("view", "decode by media type, shape of the body", "400 413 415", "step"),
            ("data plane", "fits this model? outliers, traffic split", "400 503", "step"),
            ("cache", "a hit skips the engine", "", "step"),
            ("engine", "compiled and certified, else the model itself", "400", "good"),
            ("encode", "prediction to body", "", "step"),
            ("hooks, reversed", "limit headers, metrics, one log line, id", "", "step"),
            ("client", "", "", "end"),
        ]
    )


def version() -> tuple[int, str]:
    return ladder(
        [
            ("fit, or import", "train_model.py, save_model, import", "refused", "end"),
            ("publish", "sample, signature of a row, golden rows", "refused", "step"),
            ("compile and certify", "each engine against the model", "sklearn serves", "step"),
            ("fresh process", "loads it, answers golden rows and sample", "refused", "step"),
            ("save", "fsync, one rename: now it is visible", "", "step"),
            ("activate", "active.json, replaced atomically", "refused", "step"),
            ("watcher of each worker", "looks twice a second", "", "step"),
            ("verify", "signature, size and SHA-256 before unpickling", "old one stays", "step"),
            ("load", "engine by its certificate, golden rows", "old one stays", "step"),
            ("swap in", "the next request gets it; roll back likewise", "", "good"),
        ],
        width=330,
    )


def certification() -> tuple[int, str]:
    drawn = box(10, 10, 220, "your model", "called as you would call it", "end")
    drawn += box(250, 10, 220, "sample", "rows like the training data", "end")
    drawn += arrow((120, 64), (120, 262)) + arrow((360, 64), (360, 94))
    drawn += box(250, 96, 220, "probe rows", "sample, random, missing")
    drawn += words(262, 170, "on the decision boundary,") + words(262, 189, "on every split, and one float")
    drawn += words(262, 208, "to either side")
    drawn += arrow((360, 216), (360, 262)) + arrow((250, 123), (180, 123), (180, 262), kind="aside")
    drawn += box(10, 264, 220, "its answers", "the reference", "step")
    drawn += box(250, 264, 220, "each compiled engine", "in batches of 1, 2, 7, 64, 1,000", "step")
    drawn += arrow((120, 318), (120, 340), (200, 340), (200, 362)) + arrow(
        (360, 318), (360, 340), (280, 340), (280, 362)
    )
    drawn += box(110, 364, 260, "equal on every row?", "labels the same, numbers within 1e-6")
    drawn += arrow((170, 418), (120, 468)) + arrow((310, 418), (360, 468))
    drawn += words(102, 448, "yes", "note middle") + words(372, 448, "no", "note middle bad")
    drawn += box(10, 470, 220, "certificate", "the fastest engine serves", "good")
    drawn += box(250, 470, 220, "no certificate", "the model itself serves", "stop")
    drawn += arrow((120, 524), (120, 546)) + arrow((360, 524), (360, 546))
    drawn += box(
        10, 548, 460, "fresh process, golden rows, one rename", "and only then anybody can see the version"
    )
    return 612, drawn


def split() -> tuple[int, str]:
    drawn = words(240, 22, "canary and A/B: some clients get the challenger", "middle bold")
    drawn += box(140, 36, 200, "client", "client_id, key or IP", "end")
    drawn += arrow((240, 90), (240, 112)) + box(110, 114, 260, "sticky share", "the same version each time")
    drawn += arrow((170, 168), (120, 214)) + arrow((310, 168), (360, 214))
    drawn += words(104, 194, "90 %", "note middle") + words(378, 194, "10 %", "note middle")
    drawn += box(10, 216, 220, "champion", "the active version", "good") + box(
        250, 216, 220, "challenger", "v2"
    )
    drawn += arrow((250, 243), (232, 243), kind="aside") + words(
        240, 290, "fails: the champion answers in the same request", "middle note"
    )
    drawn += words(240, 309, "does worse: the canary ends by itself, in all workers", "middle note")
    drawn += words(240, 362, "shadow: every client gets the champion's answer", "middle bold")
    drawn += (
        box(140, 376, 200, "client", "", "end")
        + arrow((200, 412), (120, 452))
        + box(10, 454, 220, "champion", "answers", "good")
    )
    drawn += arrow((232, 481), (248, 481), kind="aside") + box(
        250, 454, 220, "challenger", "same rows, after the answer"
    )
    drawn += arrow((120, 508), (120, 530)) + arrow((360, 508), (360, 530))
    drawn += box(10, 532, 460, "comparison", "disagreement, errors and times, by version")
    return 596, drawn


DRAWINGS: dict[str, Callable[[], tuple[int, str]]] = {
    "request": request,
    "version": version,
    "certification": certification,
    "traffic-split": split,
}


def svg(name: str) -> str:
    """The file of a drawing."""
    height, drawn = DRAWINGS[name]()
    tip = (
        '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        f' width="{WIDTH}" height="{height}">'
        f'<style>{STYLE}</style><defs>{tip}<path d="M0 0 L8 4 L0 8 z"/></marker></defs>{drawn}</svg>\n'
    )


def main() -> None:
    """Write all of them."""
    for name in DRAWINGS:
        (IMAGES / f"{name}.svg").write_text(svg(name))


if __name__ == "__main__":
    main()
