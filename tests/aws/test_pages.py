"""Pages of an operation: followed, cut, and asked for again."""

from typing import Any

import pytest
from botocore.exceptions import PaginationError
from hypothesis import given
from hypothesis import strategies as st

from cloudops_nb.aws.operations import find_operation
from cloudops_nb.aws.pages import Pages

TABLES = find_operation("dynamodb", "ListTables")


class Service:
    """Answers with pages of numbers; the requests in ``failing``, counted from 0, fail."""

    def __init__(self, pages: list[int], failing: set[int] = frozenset()) -> None:  # type: ignore[assignment]
        self._pages = pages
        self._failing = failing
        self.asked = -1

    def list_tables(self, ExclusiveStartTableName: str = "0", **_: Any) -> dict[str, Any]:  # noqa: N803
        self.asked += 1
        if self.asked in self._failing:
            raise ConnectionError
        page = int(ExclusiveStartTableName)
        first = sum(self._pages[:page])
        document: dict[str, Any] = {
            "TableNames": [str(n) for n in range(first, first + self._pages[page])],
            "ResponseMetadata": {},
        }
        if page + 1 < len(self._pages):
            document["LastEvaluatedTableName"] = str(page + 1)
        return document


def read_all(pages: Pages) -> list[str]:
    """All records; what failed is asked for again."""
    records: list[str] = []
    while True:
        try:
            page = pages.read()
        except ConnectionError:
            continue
        if page is None:
            return records
        assert page.records == len(page.document["TableNames"])
        records += page.document["TableNames"]


sizes = st.lists(st.integers(0, 4), min_size=1, max_size=8)


@given(sizes, st.sets(st.integers(0, 20)), st.none() | st.integers(1, 12))
def test_whatever_fails_on_the_way_no_record_is_lost_or_doubled(
    pages: list[int], failing: set[int], most: int | None
) -> None:
    service = Service(pages, failing)
    records = read_all(Pages(service.list_tables, TABLES, {}, most))
    assert records == [str(n) for n in range(sum(pages))][:most]


def test_a_page_that_failed_is_the_next_to_be_asked_for() -> None:
    service = Service([1, 1, 1], {1})
    assert read_all(Pages(service.list_tables, TABLES, {})) == ["0", "1", "2"]
    assert service.asked == 3


def test_no_page_is_asked_for_beyond_the_record_limit() -> None:
    service = Service([2, 2, 2])
    pages = Pages(service.list_tables, TABLES, {}, 4)
    assert read_all(pages) == ["0", "1", "2", "3"]
    assert service.asked == 1
    assert "NextToken" in pages.rest


def test_an_operation_without_pages_is_asked_once_and_cut_by_hand() -> None:
    operation = find_operation("ec2", "DescribeRegions")
    pages = Pages(lambda: {"Regions": [1, 2, 3]}, operation, {}, 2)
    page = pages.read()
    assert page is not None
    assert (page.document, page.records) == ({"Regions": [1, 2]}, 2)
    assert pages.read() is None


def test_an_answer_that_is_no_list_is_one_record() -> None:
    operation = find_operation("sts", "GetCallerIdentity")
    page = Pages(lambda: {"Account": "1"}, operation, {}).read()
    assert page is not None
    assert page.records == 1


def test_a_page_that_gives_its_own_token_again_is_an_error_and_no_endless_loop() -> None:

    pages = Pages(lambda **_: {"TableNames": [], "LastEvaluatedTableName": "x"}, TABLES, {})
    pages.read()
    pages.read()
    with pytest.raises(PaginationError):
        pages.read()
