"""Whose credentials these are: ``sts get-caller-identity``, asked once for each of them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import NoCredentialsError

from cloudops_nb.aws.sessions import EnvironSession

MAX_IDENTITIES = 256


@dataclass(frozen=True, slots=True)
class Identity:
    """The caller. ``partition`` is ``aws``, ``aws-cn``, ``aws-us-gov`` …"""

    account: str
    arn: str
    user_id: str

    @property
    def partition(self) -> str:
        return self.arn.split(":")[1]


class Identities:
    """Remembers identities by access key. May be used on any thread.

    Args:
        client: gives an STS client of a session; ``Clients.get`` with its service and region.
    """

    def __init__(self, client: Callable[[EnvironSession], Any]) -> None:
        self._client = client
        self._known: OrderedDict[str, Identity] = OrderedDict()
        self._changing = threading.Lock()

    def of(self, session: EnvironSession) -> Identity:
        """The caller that a session's requests come from.

        Raises:
            botocore.exceptions.BotoCoreError: there are no credentials, or no answer.
            botocore.exceptions.ClientError: AWS refuses them.
        """
        credentials: Any = session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        key: str = credentials.get_frozen_credentials().access_key
        with self._changing:  # asked once, however many want to know
            if key not in self._known:
                answer = self._client(session).get_caller_identity()
                self._known[key] = Identity(answer["Account"], answer["Arn"], answer["UserId"])
                while len(self._known) > MAX_IDENTITIES:
                    self._known.popitem(last=False)
            self._known.move_to_end(key)
            return self._known[key]


def expires_at(session: EnvironSession) -> datetime | None:
    """When a session's credentials expire; None where they do not say, or were not fetched yet."""
    # Not public, but the only place where botocore keeps it.
    at: datetime | None = getattr(session.found_credentials, "_expiry_time", None)
    return at
