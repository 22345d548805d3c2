"""The roles of a Cassandra of our own: an admin, and a user who may make and use keyspaces."""

from contextlib import suppress
from dataclasses import replace

from cassandra import DriverException
from cassandra.cluster import NoHostAvailable, Session

from storage.cassandra_probe import CassandraLogin, open_session

_FIRST = "cassandra"  # the superuser that it makes by itself, and its password


def make_roles(admin: CassandraLogin, user: CassandraLogin) -> None:
    """Make both roles and take all rights from the one with the known password.

    It goes on where an earlier attempt was cut off, and does no harm where all is done.

    Parameters
    ----------
    admin, user
        The roles, with the passwords they are to have.

    Raises
    ------
    RuntimeError
        Neither the first superuser nor the admin can log in, or a statement fails.
    """
    try:
        _make_roles(admin, user)
    except (NoHostAvailable, DriverException) as error:
        raise RuntimeError(f"making the roles of {admin.host}:{admin.port}: {error}") from error


def _make_roles(admin: CassandraLogin, user: CassandraLogin) -> None:
    first = replace(admin, user=_FIRST, password=_FIRST)
    # It may not log in any more where the admin has been made before.
    with suppress(NoHostAvailable), open_session(first) as session:
        _create(session, admin, superuser=True)
    with open_session(admin) as session:
        session.execute(
            f"alter role {_FIRST} with superuser = false and login = false "
            f"and password = {_text(admin.password)}"
        )
        _create(session, user, superuser=False)
        for right in ("create", "alter", "select", "modify"):
            session.execute(f"grant {right} on all keyspaces to {user.user}")


def _create(session: Session, role: CassandraLogin, *, superuser: bool) -> None:
    session.execute(
        f"create role if not exists {role.user} with password = {_text(role.password)} "
        f"and login = true and superuser = {str(superuser).lower()}"
    )


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
