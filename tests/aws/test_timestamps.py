"""Times read out of AWS's answers."""

from datetime import UTC, datetime

import pytest
from botocore.utils import parse_timestamp
from hypothesis import given
from hypothesis import strategies as st

from cloudops_nb.aws.timestamps import read_timestamp


@pytest.mark.parametrize(
    "written",
    [
        1714557600,
        1714557600.25,
        -1.5,
        1e11,  # the year 5138
        "1714557600",
        "2024-05-01T10:00:00Z",
        "2024-05-01T10:00:00.123456Z",
        "2024-05-01T12:00:00+02:00",
        "2024-05-01",
        "20240501T100000Z",
        "Wed, 01 May 2024 10:00:00 GMT",
    ],
)
def test_a_time_is_the_moment_that_botocore_reads(written: str | float) -> None:
    assert read_timestamp(written) == parse_timestamp(written)


@pytest.mark.parametrize("written", ["soon", "2024-99-01T10:00:00Z", ""])
def test_what_is_no_time_is_refused_as_botocore_does(written: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - botocore's own text, of many kinds
        read_timestamp(written)


@given(st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis wants bounds without a zone
def test_every_moment_survives_as_seconds_and_as_text(moment: datetime) -> None:
    assert read_timestamp(moment.isoformat()) == moment
    assert abs((read_timestamp(moment.timestamp()) - moment).total_seconds()) < 1e-5
