"""The schema of an AWS operation's rows.

Operations go by their API names (``ec2``, ``DescribeInstances``), as results know them.
"""

from __future__ import annotations

from functools import lru_cache

from cloudops_nb.aws.operations import find_operation
from cloudops_nb.errors import InvalidCommand
from cloudops_nb.records import Schema

ITSELF = "@"
"""The path of an operation whose answer is one row, as JMESPath writes it."""


@lru_cache(maxsize=1024)
def schema_of(service: str, operation: str, path: str) -> Schema | None:
    """The schema of the rows that an operation has at ``path``: its result key, or ``"@"``.

    None where the models say nothing of the rows. Never raises. See ``shapes.rows_in``.
    """
    # Here, since it stands on botocore, and results may be read without.
    from cloudops_nb.aws.shapes import rows_in

    try:
        output = find_operation(service, operation).model.output_shape
    except InvalidCommand:  # a result of a newer botocore's, read back
        return None
    return rows_in(output, operation, () if path == ITSELF else tuple(path.split(".")))
