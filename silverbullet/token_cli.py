"""The commands that make and revoke API tokens."""

import datetime
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from silverbullet.options import Refused, given_settings, setting_options

if TYPE_CHECKING:
    from storage.tokens import Scope, TokenFile


@contextmanager
def _token_file() -> Iterator["TokenFile"]:
    """Give the file of tokens.

    Raises
    ------
    Refused
        It, or what was asked of it, is not as it must be.
    """
    settings = given_settings()
    from storage.tokens import TokenError, TokenFile

    try:
        yield TokenFile(settings.serve.tokens_path)
    except TokenError as error:
        raise Refused(str(error)) from None


@click.group()
def token() -> None:
    """Make and revoke the API tokens that reading from elsewhere and control need."""


@token.command()
@click.argument("name")
@click.option(
    "--scope",
    type=click.Choice(["read", "admin"]),
    required=True,
    help="read: ask; admin: steer the pipeline too.",
)
@setting_options()
def create(name: str, scope: "Scope") -> None:
    """Make a token called NAME and print it, this once."""
    with _token_file() as tokens:
        secret = tokens.create(name, scope, time.time_ns())
        click.echo(secret)
        click.echo(
            f"Token {name} of scope {scope}: keep it, only its SHA-256 is kept in {tokens.path}. "
            "Send it as `Authorization: Bearer TOKEN`, or log in with it at /login.",
            err=True,
        )


@token.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@setting_options()
def list_tokens(as_json: bool) -> None:
    """List the tokens that hold, without what would let anyone use them."""
    with _token_file() as tokens:
        kept = tokens.tokens()
    if as_json:
        fields = ("name", "scope", "created_ns", "last4")
        click.echo(json.dumps([{name: getattr(one, name) for name in fields} for one in kept]))
        return
    for one in kept:
        made = datetime.datetime.fromtimestamp(one.created_ns // 10**9, datetime.UTC)
        until = "  (ends with its process)" if one.process else ""
        click.echo(f"{one.name:<32} {one.scope:<5}  …{one.last4}  {made:%Y-%m-%d %H:%M} UTC{until}")


@token.command()
@click.argument("name")
@setting_options()
def revoke(name: str) -> None:
    """End the token called NAME; running servers refuse it from now on."""
    with _token_file() as tokens:
        tokens.revoke(name)
        click.echo(f"token {name} is revoked")
