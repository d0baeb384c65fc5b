"""Runs ``AwsCli`` commands with the ``aws`` program."""

from __future__ import annotations

from cloudops_nb.aws.catalogue import result_key
from cloudops_nb.errors import InvalidCommand
from cloudops_nb.executors.base import Surroundings
from cloudops_nb.executors.process import ProcessExecutor
from cloudops_nb.executors.process.prepare import find_program, prepare_process
from cloudops_nb.models import AwsCli, ExecutionRequest, PreparedCommand
from cloudops_nb.models.commands import has_option, option_value


class AwsCliExecutor(ProcessExecutor):
    """Carries out ``AwsCli`` commands: the process is ``aws``, the rows are the operation's."""

    def prepare(self, request: ExecutionRequest, surroundings: Surroundings) -> PreparedCommand:
        """See ``Executor.prepare``."""
        command = request.command
        assert isinstance(command, AwsCli)
        try:
            find_program("aws", {**surroundings.environ, **request.env}, surroundings.cwd)
        except InvalidCommand:
            raise InvalidCommand(
                "the AWS CLI is not on PATH; install it (pip install awscli, "
                "or your system's awscli package) or add its directory to PATH"
            ) from None
        profile, region = command.effective("profile"), command.effective("region")
        options: list[str] = []
        for option, value in (("--profile", profile), ("--region", region)):
            if value is not None and not has_option(command.args, option):
                options += [option, value]
        # A query of the CLI's own changes the shape of the answer: then there is no known path.
        reshaped = option_value(command.args, "--query") is not None
        return prepare_process(
            request,
            surroundings,
            ("aws", command.service, command.operation, *command.args, *options),
            keeps_aws=True,
            profile=profile,
            region=region,
            record_path=None if reshaped else result_key(command.service, command.operation),
        )
