"""What accounts need after a restore."""

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.engine import Connection

from bookstore.auth.epochs import new_epoch
from bookstore.auth.models import Account, EmailChangeRequest, Invitation, Registration


def renew_all_epochs(connection: Connection) -> None:
    """End all sessions, and void all tokens and links, of the accounts that were restored.

    What was signed between the backup and the restore may name what is no longer so: a password
    that was changed, a session that was ended, an account that is suspended no more, an
    invitation that was accepted or taken back.
    """
    for pending in (EmailChangeRequest, Invitation, Registration):
        connection.execute(delete(pending))
    ids = connection.scalars(select(Account.id)).all()
    epochs = [{"account": number, "epoch": new_epoch()} for number in ids]
    if epochs:
        change = update(Account).where(Account.id == bindparam("account"))
        connection.execute(change.values(session_epoch=bindparam("epoch")), epochs)
