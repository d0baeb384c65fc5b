"""Rows read out of a command's output, their schema where it is known, and their way to pandas."""

from cloudops_nb.records.parse import parse_records, search
from cloudops_nb.records.part import Row
from cloudops_nb.records.rows import Records
from cloudops_nb.records.schema import Field, FieldKind, Schema

__all__ = ["Field", "FieldKind", "Records", "Row", "Schema", "parse_records", "search"]
