"""Rows as they were printed, with what holds for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cloudops_nb.records.schema import Schema

Row = dict[str, Any]
Kind = Literal["json", "json_lines", "text"]


@dataclass(frozen=True, slots=True)
class Part:
    """``columns`` stand in front of each row; ``schema`` is that of the rows, if it is known."""

    rows: list[Row]
    columns: Mapping[str, Any]
    schema: Schema | None
