"""``flask keys``: make, list and revoke API keys."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.middleware.auth import key_file
from app.middleware.auth.api_keys import Hasher, generate
from app.middleware.auth.key_file import KeyFileInvalid, StoredKey
from app.settings.rate_limits import is_limit
from config import SCOPES

console = Console()
DAYS = {"h": 1 / 24, "d": 1.0, "w": 7.0}


@click.group()
def keys() -> None:
    """Make, list and revoke API keys, in the file that API_KEYS_FILE names."""


def parse_scopes(_context: click.Context, _option: click.Parameter, value: str) -> list[str]:
    """``predict,admin`` as a list."""
    scopes = [word.strip() for word in value.split(",")]
    if unknown := [scope for scope in scopes if scope not in SCOPES]:
        raise click.BadParameter(f"{unknown[0]!r} is not one of {', '.join(SCOPES)}")
    return sorted(set(scopes), key=SCOPES.index)


def parse_duration(_context: click.Context, _option: click.Parameter, value: str | None) -> timedelta | None:
    """``90d``, ``12h`` or ``2w`` as a duration."""
    if value is None:
        return None
    found = re.fullmatch(r"([1-9]\d{0,4})([hdw])", value)
    if not found:
        raise click.BadParameter("must be a number of hours, days or weeks, such as 12h, 90d or 2w")
    return timedelta(days=int(found[1]) * DAYS[found[2]])


def parse_rate(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """A rate limit, checked."""
    if value is not None and not is_limit(value):
        raise click.BadParameter('must be a limit such as "100/minute"')
    return value


def parse_name(_context: click.Context, _option: click.Parameter, value: str) -> str:
    """A name that fits a line."""
    if not value.isprintable() or not 1 <= len(value.strip()) <= 64:
        raise click.BadParameter("must be 1 to 64 printable characters")
    return value.strip()


as_json_option: Callable[..., Callable[..., None]] = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON."
)


@keys.command()
@click.option("--name", required=True, callback=parse_name, help="Who or what the key is for.")
@click.option(
    "--scope", "scopes", default="predict", callback=parse_scopes, help=f"Some of {','.join(SCOPES)}."
)
@click.option(
    "--expires", "lifetime", callback=parse_duration, help="After how long, e.g. 90d. Default: never."
)
@click.option("--rate-limit", callback=parse_rate, help='A limit of its own, e.g. "100/minute".')
@as_json_option
@with_appcontext
def create(
    name: str, scopes: list[str], lifetime: timedelta | None, rate_limit: str | None, as_json: bool
) -> None:
    """Make a key and show it, this once."""
    key_id, key = generate()
    now = datetime.now(UTC)
    stored = StoredKey(
        id=key_id,
        name=name,
        hash=Hasher(current_app.config["API_KEY_PEPPER"] or "")(key).hex(),
        scopes=scopes,
        created_at=now.isoformat(timespec="seconds"),
        expires_at=(now + lifetime).isoformat(timespec="seconds") if lifetime else None,
        rate_limit=rate_limit,
    )
    change(lambda known: known.update({key_id: stored}))
    if as_json:
        click.echo(json.dumps({"key": key, **stored.summary()}))
        return
    console.print(key_table([stored], now=now))
    click.echo(f"\n  {key}\n\nThis is the only time the key is shown.")


@keys.command("list")
@as_json_option
@with_appcontext
def list_keys(as_json: bool) -> None:
    """List the keys, without what would let one use them."""
    now = datetime.now(UTC)
    try:
        stored = key_file.read(path())
    except (OSError, KeyFileInvalid) as error:
        raise click.ClickException(f"API_KEYS_FILE: {error}") from None
    if as_json:
        click.echo(json.dumps([{**key.summary(), "state": state(key, now=now)} for key in stored]))
        return
    console.print(key_table(stored, now=now))


@keys.command()
@click.argument("key_id", metavar="ID")
@as_json_option
@with_appcontext
def revoke(key_id: str, as_json: bool) -> None:
    """Reject the key ID from now on; running services notice within a second."""
    now = datetime.now(UTC)

    def mark(known: dict[str, StoredKey]) -> None:
        if key_id not in known:
            raise click.ClickException(f"There is no key {key_id!r}.")
        revoked_at = known[key_id].revoked_at or now.isoformat(timespec="seconds")
        known[key_id] = replace(known[key_id], revoked_at=revoked_at)

    stored = change(mark)[key_id]
    if as_json:
        click.echo(json.dumps({**stored.summary(), "state": state(stored, now=now)}))
        return
    console.print(key_table([stored], now=now))


def path() -> Path:
    """Where the keys are.

    :raises click.ClickException: if the settings do not say.
    """
    found: Path | None = current_app.config["API_KEYS_FILE"]
    if found is None:
        raise click.ClickException("Set API_KEYS_FILE and API_KEY_PEPPER first; see docs/security.md.")
    return found


def change(edit: Callable[[dict[str, StoredKey]], None]) -> dict[str, StoredKey]:
    """Apply ``edit`` to the keys of the file, and return them.

    :raises click.ClickException: if the file cannot be read or written.
    """
    try:
        with key_file.changing(path()) as known:
            edit(known)
            return known
    except (OSError, KeyFileInvalid) as error:
        raise click.ClickException(f"API_KEYS_FILE: {error}") from None


def state(key: StoredKey, *, now: datetime) -> str:
    """``active``, ``expired`` or ``revoked``."""
    if key.revoked_at:
        return "revoked"
    expired = key.expires_at is not None and datetime.fromisoformat(key.expires_at) <= now
    return "expired" if expired else "active"


def key_table(stored: list[StoredKey], *, now: datetime) -> Table:
    """The keys, one per line."""
    table = Table("id", "name", "scopes", "expires", "limit", "state")
    for key in stored:
        expires = key.expires_at[:10] if key.expires_at else "never"
        cells = (key.id, key.name, ",".join(key.scopes), expires, key.rate_limit or "–", state(key, now=now))
        table.add_row(*map(Text, cells))
    return table
