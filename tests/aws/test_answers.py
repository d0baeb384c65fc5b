"""Pages as one JSON document."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.paginate import Paginator
from hypothesis import given
from hypothesis import strategies as st

from cloudops_nb.aws.answers import Answer
from cloudops_nb.aws.operations import Operation, find_operation
from cloudops_nb.aws.pages import Pages


def told(operation: Operation, *documents: dict[str, Any]) -> Any:
    """What is written of an operation's answers, read again."""
    answers = iter(documents)
    pages = Pages(lambda **_: next(answers), operation, {})
    answer = Answer(operation.model.output_shape, pages.keys, paginated=pages.paginates)
    text = b""
    while (page := pages.read()) is not None:
        text += answer.add(page.document)
    return json.loads(text + answer.end(pages.rest))


texts = st.text(max_size=5)
objects = st.lists(st.fixed_dictionaries({"Key": texts}), max_size=3)
prefixes = st.lists(st.fixed_dictionaries({"Prefix": texts}), max_size=2)


@given(st.lists(st.tuples(objects, prefixes), min_size=1, max_size=4))
def test_records_under_several_keys_are_merged_as_botocore_merges_them(parts: Any) -> None:
    documents = [
        {"Contents": contents, "CommonPrefixes": common, "IsTruncated": True, "KeyCount": n,
         "NextContinuationToken": str(n), "RequestCharged": "requester"}
        for n, (contents, common) in enumerate(parts)
    ]  # fmt: skip
    documents[-1]["IsTruncated"] = False
    operation = find_operation("s3", "ListObjectsV2")
    answers = iter([dict(each) for each in documents])
    paginator: Any = Paginator
    assert operation.paginator is not None
    made = paginator(lambda **_: next(answers), operation.paginator.config, operation.model)
    assert told(operation, *documents) == made.paginate().build_full_result()


def test_a_key_inside_another_is_merged_where_it_is() -> None:
    def part(name: str, more: str | None) -> dict[str, Any]:
        truncated = {"IsTruncated": more is not None, "NextMarker": more}
        return {"DistributionList": {"Items": [{"Id": name}], **truncated}}

    operation = find_operation("cloudfront", "ListDistributions")
    document = told(operation, part("a", "b"), part("b", None))
    assert document["DistributionList"]["Items"] == [{"Id": "a"}, {"Id": "b"}]


def test_numbers_beside_the_records_are_added_up_as_the_aws_cli_does() -> None:
    pages = [{"Items": [], "Count": 2, "ScannedCount": 3, "LastEvaluatedKey": {"k": {"S": "x"}}}]
    pages += [{"Items": [], "Count": 1, "ScannedCount": 1}]
    operation = find_operation("dynamodb", "Scan")
    document = told(operation, *pages)
    assert (document["Items"], document["Count"], document["ScannedCount"]) == ([], 3, 4)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), "2024-01-02T03:04:05+00:00"),
        (b"\xff\x00", "/wA="),
        ("Grüße\n", "Grüße\n"),
        ("\ud800", "\ud800"),
        (1.5, 1.5),
        (None, None),
    ],
)
def test_each_kind_of_value_is_written_as_json(value: Any, written: Any) -> None:
    assert told(find_operation("sts", "GetCallerIdentity"), {"Account": value}) == {
        "Account": written
    }


def test_what_is_sensitive_is_masked_wherever_it_stands() -> None:
    operation = find_operation("lambda", "ListFunctions")
    function = {
        "FunctionName": "f",
        "Environment": {"Variables": {"PASSWORD": "hunter22"}},
    }
    document = told(operation, {"Functions": [function]})
    assert "hunter22" not in json.dumps(document)
    assert document["Functions"][0]["FunctionName"] == "f"


def test_an_answer_that_says_nothing_prints_nothing() -> None:
    answer = Answer(None, (), paginated=False)
    assert answer.add({}) + answer.end({}) == b""


def test_shapes_that_contain_themselves_are_gone_through_once() -> None:
    operation = find_operation("wafv2", "GetWebACL")
    assert told(operation, {"WebACL": {"Name": "a"}}) == {"WebACL": {"Name": "a"}}


def test_a_record_is_a_line() -> None:
    operation = find_operation("iam", "ListUsers")
    answer = Answer(operation.model.output_shape, ("Users",), paginated=True)
    text = answer.add({"Users": [{"UserName": "a"}, {"UserName": "b"}]})
    assert (text + answer.end({})).decode() == (
        '{"Users": [\n{"UserName": "a"},\n{"UserName": "b"}\n]}\n'
    )
