"""The command that makes the tables of the store."""

import click

from silverbullet.options import Refused, given_settings, setting_options


@click.command()
@setting_options()
def schema() -> None:
    """Make the keyspace and tables that Cassandra needs; harmless where they are there.

    For a user who may create keyspaces; `record` then needs SELECT and MODIFY alone. SQLite makes
    its file by itself.
    """
    settings = given_settings()
    if settings.storage.backend != "cassandra":
        raise Refused(
            f"storage.backend is {settings.storage.backend}, which needs no schema; "
            "for Cassandra add --set storage.backend=cassandra"
        )
    from silverbullet.opening import cassandra_address, told  # noqa: PLC0415 - takes 0.2 s
    from storage.cassandra import SCHEMA_VERSION, Link, apply_schema  # noqa: PLC0415
    from storage.protocol import StoreError  # noqa: PLC0415

    try:
        link = Link(cassandra_address(settings))
        try:
            made = apply_schema(link, settings.storage.retention_s)
        finally:
            link.close()
    except StoreError as error:
        raise told(error) from None
    keyspace = settings.cassandra.keyspace
    says = "is made" if made else "was there already"
    click.echo(f"keyspace {keyspace}: version {SCHEMA_VERSION} of the schema {says}")
