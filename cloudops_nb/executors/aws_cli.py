"""Runs ``AwsCli`` commands with the ``aws`` program, version 1 or 2."""

from __future__ import annotations

from dataclasses import replace

from cloudops_nb.aws.cli_arguments import CliArguments, cli_arguments
from cloudops_nb.aws.schema import ITSELF
from cloudops_nb.config import expanded
from cloudops_nb.errors import InvalidCommand
from cloudops_nb.executors.aws_warm.executor import WarmExecutor
from cloudops_nb.executors.base import Surroundings
from cloudops_nb.executors.process.prepare import content_sha256, find_program, prepare_process
from cloudops_nb.models import AwsCli, ExecutionRequest, PreparedCommand


class AwsCliExecutor(WarmExecutor):
    """Carries out ``AwsCli`` commands: the program is ``aws``, the rows are the operation's."""

    def prepare(self, request: ExecutionRequest, surroundings: Surroundings) -> PreparedCommand:
        """See ``Executor.prepare``."""
        command = request.command
        assert isinstance(command, AwsCli)
        environment = {**surroundings.environ, **request.env}
        cwd = expanded(request.working_dir or surroundings.cwd).absolute()
        try:
            program = find_program("aws", environment, cwd)
        except InvalidCommand:
            raise InvalidCommand(
                "the AWS CLI is not on PATH; install it (pip install awscli, or your system's "
                "awscli package), add its directory to PATH, or make the call without it: "
                "an `sdk:` step, AwsSdk(…)"
            ) from None
        arguments = cli_arguments(command, environment, cwd)
        prepared = prepare_process(
            request,
            surroundings,
            (str(program), *arguments.words),
            keeps_aws=True,
            profile=arguments.profile,
            region=arguments.region,
            record_path=_record_path(arguments),
        )
        operation = arguments.operation
        region = prepared.environment.get("AWS_REGION")
        # CLI 1 reads the older variable only, and would act elsewhere than what is recorded.
        same = {"AWS_DEFAULT_REGION": region} if region else {}
        return replace(
            prepared,
            environment=prepared.environment | same,
            endpoint=arguments.endpoint or prepared.endpoint,
            service=operation.service if operation is not None else None,
            operation=operation.name if operation is not None else None,
            files=tuple((path, content_sha256(path)) for path in arguments.files),
        )


def _record_path(arguments: CliArguments) -> str | None:
    if arguments.operation is None or arguments.reshaped:
        return None
    return arguments.operation.result_key or ITSELF
