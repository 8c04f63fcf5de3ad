"""The command ``model-client``: scores a file.

Exit status: 0 if every row was predicted, 1 if some were rejected, 2 if nothing was written.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict

from model_service_client import __version__
from model_service_client.client import Client
from model_service_client.errors import ClientError

URL, KEY, TOKEN = "MODEL_SERVICE_URL", "MODEL_SERVICE_API_KEY", "MODEL_SERVICE_TOKEN"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    if not options.url:
        print(f"model-client: give --url, or set {URL}", file=sys.stderr)
        return 2
    try:
        with Client(
            options.url,
            api_key=os.environ.get(KEY) or None,
            token=os.environ.get(TOKEN) or None,
            model=options.model,
        ) as client:
            summary = client.score(
                options.file, options.out, prefix=options.prefix, rows=options.rows, requests=options.requests
            )
    except (ClientError, ValueError, OSError) as error:
        print(f"model-client: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    told = f"{summary.rows:,} rows, {summary.rejected:,} rejected, in {summary.seconds:g} s"
    print(json.dumps(asdict(summary)) if options.json else told)
    return 1 if summary.rejected else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="model-client",
        description="Ask a model service for predictions.",
        epilog=f"A key is taken from {KEY}, a token from {TOKEN}: other users see the words of a command.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="command")
    score = commands.add_parser(
        "score",
        help="write a copy of a file with predictions",
        description="Write a copy of a file with the predictions for its rows as further columns.",
    )
    score.add_argument("file", help="CSV with a header, Parquet, or NDJSON")
    score.add_argument("out", help="a file of the same format, which appears when it is complete")
    score.add_argument("--url", default=os.environ.get(URL), help=f"of the service; default: {URL}")
    score.add_argument("--model", help="a model beside the default one")
    score.add_argument("--prefix", default="", help="of the names of the further columns")
    score.add_argument("--rows", type=_positive, default=5_000, help="of a request; default: 5000")
    score.add_argument("--requests", type=_positive, default=2, help="at a time; default: 2")
    score.add_argument("--json", action="store_true", help="print a summary as JSON")
    return parser


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError
    return number


if __name__ == "__main__":
    sys.exit(main())
