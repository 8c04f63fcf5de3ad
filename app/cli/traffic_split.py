"""``flask models route``: split the traffic among versions."""

from typing import Any

import click
from flask.cli import with_appcontext

from app.cli import tables
from app.cli.model_option import chosen_model
from app.models.repository.traffic_split import MODES, OFF, parse
from app.models.serving import operations


@click.command()
@click.argument("mode", type=click.Choice([*MODES, OFF]), required=False)
@click.argument("versions", nargs=-1, metavar="[VERSION | VERSION=SHARE ...]")
@click.option("--percent", type=click.FloatRange(0, 100), help="Of the callers, for a canary.")
@click.option("--wait", is_flag=True, help="Return only when all workers follow it.")
@tables.as_json
@with_appcontext
def route(
    mode: str | None, versions: tuple[str, ...], percent: float | None, wait: bool, as_json: bool
) -> None:
    """Share callers out among versions; without a MODE, show how they are.

    \b
    route canary v2 --percent 10   a tenth of the callers get v2
    route shadow v2                v2 predicts too, after the answer
    route ab v1=50 v2=50           half of the callers get v1, half v2
    route off                      everybody gets the active version
    """
    if mode is None:
        found = chosen_model().store.traffic_split.document()
    else:
        split = parse({"mode": mode, "percent": percent, **_document(mode, versions)})
        found = operations.route(chosen_model(), split, wait=wait)
    tables.show(found, tables.fields(found), as_json=as_json)


def _document(mode: str, versions: tuple[str, ...]) -> dict[str, Any]:
    if mode != "ab":
        return {"challenger": versions[0]} if len(versions) == 1 else {}
    try:
        pairs = (text.rpartition("=") for text in versions)
        return {"shares": {version: float(share) for version, _, share in pairs}}
    except ValueError:
        raise click.UsageError("shares are given as VERSION=SHARE") from None
