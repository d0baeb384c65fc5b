"""Values that the AWS CLI does not take as they are written: files, addresses, aliases.

Each is resolved before a command is judged, or refused, so that what was judged is what runs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from cloudops_nb.aws.cli_names import by_service
from cloudops_nb.config import is_file
from cloudops_nb.errors import InvalidCommand
from cloudops_nb.models import AwsCli
from cloudops_nb.models.placeholders import PLACEHOLDER

_FILES = ("file://", "fileb://")
_URLS = ("http://", "https://")
_NESTED = re.compile(r"@=\s*(file|fileb|https?)://")
_TAKES_ALL = "configure"  # no value of its commands is read as anything else
_ALIASES = Path(".aws/cli/alias")

# What CLI 1 takes as it is, though it fetches such values elsewhere. Source: PARAMFILE_DISABLED
# in awscli/paramfile.py, with the CLI's names of the services, and no_paramfile in its
# customizations. CLI 2 fetches nothing.
_NOT_FETCHED = by_service("""\
    apigateway: put-integration.uri
    apigatewayv2: create-api.target create-integration.integration-uri update-api.target
        update-integration.integration-uri
    appstream: create-stack.feedback-url create-stack.redirect-url update-stack.feedback-url
        update-stack.redirect-url
    cloudformation: create-change-set.template-url create-stack.stack-policy-url
        create-stack.template-url create-stack-set.template-url estimate-template-cost.template-url
        get-template-summary.template-url register-type.schema-handler-package
        set-stack-policy.stack-policy-url update-stack.stack-policy-during-update-url
        update-stack.stack-policy-url update-stack.template-url update-stack-set.template-url
        validate-template.template-url deploy.template-file package.template-file
    cloudfront: sign.url
    comprehend: detect-dominant-language.text detect-entities.text detect-key-phrases.text
        detect-sentiment.text batch-detect-dominant-language.text-list
        batch-detect-entities.text-list batch-detect-key-phrases.text-list
        batch-detect-sentiment.text-list
    dlm: create-default-role.iam-endpoint
    emr: create-default-roles.iam-endpoint create-studio.idp-auth-url
    emr-containers: update-role-trust-policy.iam-endpoint
    guardduty: create-ip-set.location create-threat-intel-set.location update-ip-set.location
        update-threat-intel-set.location
    iam: create-open-id-connect-provider.url
    iot: create-job.document-source
    machinelearning: predict.predict-endpoint
    mediatailor: put-playback-configuration.ad-decision-server-url
        put-playback-configuration.slate-ad-url
        put-playback-configuration.video-content-source-url
    rds: copy-db-cluster-snapshot.pre-signed-url copy-db-snapshot.pre-signed-url
        create-db-cluster.pre-signed-url create-db-instance-read-replica.pre-signed-url
    s3: cp.website-redirect mv.website-redirect sync.website-redirect
    s3api: copy-object.website-redirect-location create-multipart-upload.website-redirect-location
        put-object.website-redirect-location
    sagemaker: create-notebook-instance.additional-code-repositories
        create-notebook-instance.default-code-repository
        update-notebook-instance.additional-code-repositories
        update-notebook-instance.default-code-repository
    serverlessrepo: create-application.home-page-url create-application.license-url
        create-application.readme-url create-application.source-code-url
        create-application.template-url create-application-version.source-code-url
        create-application-version.template-url update-application.home-page-url
        update-application.readme-url
    servicecatalog: create-product.support-url update-product.support-url
    ses: create-custom-verification-email-template.failure-redirection-url
        create-custom-verification-email-template.success-redirection-url
        update-custom-verification-email-template.failure-redirection-url
        update-custom-verification-email-template.success-redirection-url
    sns: subscribe.notification-endpoint
    sqs: add-permission.queue-url change-message-visibility.queue-url
        change-message-visibility-batch.queue-url delete-message.queue-url
        delete-message-batch.queue-url delete-queue.queue-url get-queue-attributes.queue-url
        list-dead-letter-source-queues.queue-url list-queue-tags.queue-url purge-queue.queue-url
        receive-message.queue-url remove-permission.queue-url send-message.queue-url
        send-message-batch.queue-url set-queue-attributes.queue-url tag-queue.queue-url
        untag-queue.queue-url
    translate: translate-text.text
    workdocs: create-notification-subscription.notification-endpoint
""")


class Values:
    """Reads the values of one command, and remembers which files they name.

    Args:
        profile: the one in force, by default the environment's.
    """

    def __init__(
        self, command: AwsCli, environment: Mapping[str, str], cwd: Path, profile: str | None
    ) -> None:
        self._command = command
        self._environment = environment
        self._cwd = cwd
        self._profile = profile
        self.files: list[Path] = []

    def taken(self, option: str, value: str) -> str:
        """A value as it is passed on; ``option`` is empty for one that stands by itself.

        Raises:
            InvalidCommand: it names a file that is not there or can be another when it runs, or an
                address that CLI 1 would fetch.
        """
        if self._command.service == _TAKES_ALL:
            return value
        prefix = next((each for each in _FILES if value.startswith(each)), None)
        if prefix is not None:
            return f"{prefix}{self.file(value.removeprefix(prefix))}"
        if value.startswith(_URLS):
            self._check_url(option, value)
        if _NESTED.search(value):
            raise InvalidCommand(
                f"{value[:80]!r} reads a file inside a value, which is not recorded; put the whole "
                "parameter into a file as JSON, and name that with file://"
            )
        return value

    def file(self, name: str) -> Path:
        """The absolute path of a file that the CLI reads: ``~`` is the child's home.

        Raises:
            InvalidCommand: there is no such file, or its name is known only when it runs.
        """
        if PLACEHOLDER.search(name):
            raise InvalidCommand(f"{name}: which file is read must be known beforehand; name it")
        if "$" in name:
            raise InvalidCommand(f"{name}: the CLI would put in a variable; write the path out")
        if name == "~" or name.startswith("~/"):
            name = self._environment.get("HOME", "~") + name[1:]
        path = (self._cwd / name).absolute()
        if not is_file(path) or not os.access(path, os.R_OK):
            raise InvalidCommand(f"{path} is no file that can be read")
        self.files.append(path)
        return path

    def _check_url(self, option: str, value: str) -> None:
        name = f"{self._command.operation}.{option.removeprefix('--')}"
        if name in _NOT_FETCHED.get(self._command.service, ()):
            return
        from cloudops_nb.aws.sessions import Sessions

        session = Sessions().get(self._environment, self._profile)
        if session.get_scoped_config().get("cli_follow_urlparam") == "false":
            return
        raise InvalidCommand(
            f"{value[:80]}: version 1 of the CLI would fetch this, and send what it gets; put the "
            "text into a file and name that with file://, or set cli_follow_urlparam = false in "
            "the profile to have addresses taken as they are"
        )


def check_alias(service: str, operation: str, environment: Mapping[str, str]) -> None:
    """Makes sure that neither word is an alias, which may stand for any command.

    Source: awscli/alias.py; CLI 2 has sections ``[command SERVICE]``, too.

    Raises:
        InvalidCommand: one is; says what it stands for.
    """
    file = Path(environment.get("HOME", "~")).expanduser() / _ALIASES
    if not file.is_file():
        return
    from botocore.configloader import raw_config_parse
    from botocore.exceptions import BotoCoreError

    try:
        sections = raw_config_parse(str(file), parse_subsections=False)
    except (BotoCoreError, UnicodeDecodeError) as error:
        raise InvalidCommand(f"the AWS CLI's aliases cannot be read: {error}") from None
    for section, name in (("toplevel", service), (f"command {service}", operation)):
        meaning = sections.get(section, {}).get(name)
        if meaning is not None:
            raise InvalidCommand(
                f"`{name}` is an alias in ~/{_ALIASES} for `{meaning.strip()}`; write that out, or "
                "run it as shell text (--shell, or a line that is not aws alone)"
            )
