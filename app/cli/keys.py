"""``flask keys``: make, list and revoke API keys."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup
from rich.table import Table
from rich.text import Text

from app.cli import tables
from app.middleware.auth import key_file
from app.middleware.auth.api_keys import Hasher, generate
from app.middleware.auth.key_file import KeyFileInvalid, StoredKey
from app.settings.rate_limits import is_limit
from config import SCOPES

DAYS = {"h": 1 / 24, "d": 1.0, "w": 7.0}


@click.group(cls=AppGroup)
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
    if not (found := re.fullmatch(r"([1-9]\d{0,4})([hdw])", value)):
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


@keys.command()
@click.option("--name", required=True, callback=parse_name, help="Who or what the key is for.")
@click.option(
    "--scope", "scopes", default="predict", callback=parse_scopes, help=f"Some of {','.join(SCOPES)}."
)
@click.option(
    "--expires", "lifetime", callback=parse_duration, help="After how long, e.g. 90d. Default: never."
)
@click.option("--rate-limit", callback=parse_rate, help='A limit of its own, e.g. "100/minute".')
@tables.as_json
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
    tables.show({"key": key, **stored.summary()}, key_table([stored], now=now), as_json=as_json)
    if not as_json:
        click.echo(f"\n  {key}\n\nThis is the only time the key is shown.")


@keys.command("list")
@tables.as_json
def list_keys(as_json: bool) -> None:
    """List the keys, without what would let one use them."""
    now = datetime.now(UTC)
    try:
        stored = key_file.read(path())
    except (OSError, KeyFileInvalid) as error:
        raise click.ClickException(f"API_KEYS_FILE: {error}") from None
    found = [{**key.summary(), "state": state(key, now=now)} for key in stored]
    tables.show(found, key_table(stored, now=now), as_json=as_json)


@keys.command()
@click.argument("key_id", metavar="ID")
@tables.as_json
def revoke(key_id: str, as_json: bool) -> None:
    """Reject the key ID from now on; running services notice within a second."""
    now = datetime.now(UTC)

    def mark(known: dict[str, StoredKey]) -> None:
        if key_id not in known:
            raise click.ClickException(f"There is no key {key_id!r}.")
        revoked_at = known[key_id].revoked_at or now.isoformat(timespec="seconds")
        known[key_id] = replace(known[key_id], revoked_at=revoked_at)

    stored = change(mark)[key_id]
    found = {**stored.summary(), "state": state(stored, now=now)}
    tables.show(found, key_table([stored], now=now), as_json=as_json)


def path() -> Path:
    """The file of keys.

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
