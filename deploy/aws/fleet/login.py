"""The shop's login at the database, as Secrets Manager keeps it."""

import json
import uuid
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Renewal:
    """A new password, whose version has its name before it is made; a call makes it."""

    client: Any
    secret: str
    version: str

    def __call__(self) -> None:
        """Make the new password and let it be the current one."""
        login = json.loads(self.client.get_secret_value(SecretId=self.secret)["SecretString"])
        new = self.client.get_random_password(PasswordLength=40, ExcludePunctuation=True)
        self.client.put_secret_value(
            SecretId=self.secret,
            # It becomes the version's id.
            ClientRequestToken=self.version,
            SecretString=json.dumps({**login, "password": new["RandomPassword"]}),
        )


@dataclass(frozen=True)
class Login:
    """One secret with the keys username and password."""

    client: Any
    secret: str

    def current(self) -> str:
        """Give the id of the version that is current; its content is not asked for."""
        told = self.client.describe_secret(SecretId=self.secret)["VersionIdsToStages"]
        return str(next(each for each, stages in told.items() if "AWSCURRENT" in stages))

    def renewal(self) -> Renewal:
        """Give a new password that is yet to be made."""
        return Renewal(self.client, self.secret, str(uuid.uuid4()))
