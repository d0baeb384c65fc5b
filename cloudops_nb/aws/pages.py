"""The answers of one operation, page by page; a page that failed can be asked for again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jmespath
from botocore.paginate import Paginator

from cloudops_nb.aws.operations import Operation

Document = dict[str, Any]


@dataclass(frozen=True)
class Page:
    """One answer. ``records`` counts those under the operation's first result key."""

    document: Document
    records: int


class Pages:
    """Follows an operation's pages: what to pass on, and when to stop, botocore's data knows.

    Args:
        ask: sends one request, as a method of a botocore client does.
        parameters: as botocore takes them.
        max_records: after so many records there are no more pages, and the last is cut.
    """

    def __init__(
        self,
        ask: Callable[..., Document],
        operation: Operation,
        parameters: Mapping[str, Any],
        max_records: int | None = None,
    ) -> None:
        self._ask = ask
        self._next = dict(parameters)  # what the next request has, or had if it failed
        self._left = max_records
        self._done = False
        self._paginator: Any = None
        self._iterator: Any = None
        self._pages: Iterator[Document] | None = None
        self.keys: tuple[str, ...] = ()
        """Where the records are, as JMESPath."""
        if operation.paginator is not None:
            made: Any = Paginator  # the stubs say that a method is a str
            self._paginator = made(self._noting, operation.paginator.config, operation.model)
            self.keys = tuple(key.expression for key in self._paginator.result_keys)
        elif operation.result_key is not None:
            self.keys = (operation.result_key,)
        self._records = jmespath.compile(self.keys[0]) if self.keys else None

    def ask_with(self, ask: Callable[..., Document]) -> None:
        """Has requests sent another way from here on, such as by a client with new credentials."""
        self._ask = ask

    @property
    def paginates(self) -> bool:
        """Whether there may be more than one page."""
        return self._paginator is not None

    @property
    def rest(self) -> Document:
        """What the pages have beside their records, of the last read.

        With ``NextToken``, as the AWS CLI has it, where ``max_records`` left something out.
        """
        if self._iterator is None:
            return {}
        rest = dict(self._iterator.non_aggregate_part)
        if self._iterator.resume_token is not None:
            rest["NextToken"] = self._iterator.resume_token
        return rest

    def read(self) -> Page | None:
        """The next page; None when there are no more. One request and its retries.

        Whatever it raises, the next call asks for the same page again.
        """
        if self._done:
            return None
        document = self._next_document()
        if document is None:
            self._done = True
            return None
        document.pop("ResponseMetadata", None)
        found = None if self._records is None else self._records.search(document)
        records = len(found) if isinstance(found, list) else int(bool(document))
        if self._left is not None and isinstance(found, list):
            del found[self._left :]  # the paginator has done so already, where there is one
            records = len(found)
            self._left -= records
        return Page(document, records)

    def _next_document(self) -> Document | None:
        if self._paginator is None:
            document = self._ask(**self._next)
            self._done = True
            return document
        if self._pages is None:
            config = {} if self._left is None else {"MaxItems": self._left}
            self._iterator = self._paginator.paginate(**self._next, PaginationConfig=config)
            self._pages = iter(self._iterator)
        try:
            return next(self._pages, None)
        except BaseException:
            self._pages = None  # a generator that raised is over
            raise

    def _noting(self, **parameters: Any) -> Document:
        self._next = parameters
        return self._ask(**parameters)
