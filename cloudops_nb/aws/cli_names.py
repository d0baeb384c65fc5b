"""What the AWS CLI calls by other names than botocore does, and the commands of its own making.

All else follows from botocore's data. Source: ``awscli/customizations`` of CLI 1.46 and CLI 2.9
(``rename_command``, ``make_hidden_command_alias``, ``removals.py`` and the handlers of
``building-command-table``); for what CLI 2 got later, its command reference. A test compares this
with the command table of each CLI that is installed.
"""

from __future__ import annotations

from collections.abc import Mapping

BOTOCORE_NAMES: Mapping[str, str] = {
    "configservice": "config",
    "deploy": "codedeploy",
    "opsworks-cm": "opsworkscm",  # CLI 2
    "runtime.sagemaker": "sagemaker-runtime",
    "s3api": "s3",
}
"""The services that the CLI calls otherwise, by the CLI's name."""

WAIT = "wait"
"""The command that every service with waiters has."""


def by_service(text: str) -> dict[str, frozenset[str]]:
    """Commands by service, from paragraphs ``service: command …``."""
    found: dict[str, set[str]] = {}
    service = ""
    for word in text.split():
        if word.endswith(":"):
            service = word.removesuffix(":")
            found[service] = set()
        else:
            found[service].add(word)
    return {name: frozenset(commands) for name, commands in found.items()}


# CLI 1 alone: cloudtrail's two subscriptions, ecr get-login. CLI 2 alone: cli-dev, ddb, login,
# logout, sso, the wizards, all of configure but what is first, and what names no other version.
OWN_COMMANDS: Mapping[str, frozenset[str]] = by_service("""\
    cli-dev: wizard-dev
    cloudformation: deploy package
    cloudfront: sign
    cloudtrail: create-subscription update-subscription validate-logs verify-query-results
    codeartifact: login
    codecommit: credential-helper
    configservice: get-status subscribe
    configure: add-model get list set
        export-credentials import list-profiles sso sso-session wizard
    datapipeline: create-default-roles list-runs
    ddb: put select
    deploy: deregister install push register uninstall
    dlm: create-default-role
    dsql: generate-db-connect-admin-auth-token generate-db-connect-auth-token
    dynamodb: wizard
    ec2-instance-connect: open-tunnel ssh
    ecr: get-login get-login-password
    ecr-public: get-login-password
    ecs: deploy execute-command
    eks: get-token update-kubeconfig
    emr: add-instance-groups add-steps create-cluster create-default-roles create-hbase-backup
        describe-cluster disable-hbase-backups get install-applications modify-cluster-attributes
        put restore-from-hbase-backup schedule-hbase-backup socks ssh terminate-clusters
    emr-containers: update-role-trust-policy
    events: wizard
    gamelift: get-game-session-log upload-build
    history: list show
    iam: wizard
    lambda: wizard
    lightsail: push-container-image
    login:
    logout:
    logs: start-live-tail tail
    opsworks: register
    rds: generate-db-auth-token
    s3: cp ls mb mv presign rb rm sync website
    servicecatalog: generate
    ssm: start-session
    sso: login logout
""")
"""The commands that do not just call the operation of their name, by the CLI's service."""

LEFT_OUT: Mapping[str, frozenset[str]] = by_service("""\
    bedrock-agent-runtime: agentic-retrieve-stream invoke-agent invoke-flow invoke-inline-agent
        optimize-prompt retrieve-and-generate-stream
    bedrock-agentcore: invoke-agent-runtime-command invoke-code-interpreter invoke-harness
    bedrock-runtime: converse-stream invoke-model-with-bidirectional-stream
        invoke-model-with-response-stream
    connecthealth: start-medical-scribe-listening-session
    devops-agent: send-message
    ec2: import-instance import-volume
    emr: add-job-flow-steps describe-job-flows list-bootstrap-actions list-instance-groups
        run-job-flow set-keep-job-flow-alive-when-no-steps set-termination-protection
        set-unhealthy-node-replacement set-visible-to-all-users terminate-job-flows
    iotsitewise: invoke-assistant
    kinesis: subscribe-to-shard
    lambda: invoke-with-response-stream
    lexv2-runtime: start-conversation
    logs: get-log-object
    polly: start-speech-synthesis-stream
    qbusiness: chat
    rds: modify-option-group
    runtime.sagemaker: invoke-endpoint-with-response-stream
    sagemaker-runtime: invoke-endpoint-with-response-stream
    ses: delete-verified-email-address list-verified-email-addresses verify-email-address
""")
"""The operations that the CLI has no command for."""

OTHER_NAMES: Mapping[tuple[str, str], str] = {
    ("cloudwatch", "get-o-tel-enrichment"): "GetOTelEnrichment",
    ("cloudwatch", "start-o-tel-enrichment"): "StartOTelEnrichment",
    ("cloudwatch", "stop-o-tel-enrichment"): "StopOTelEnrichment",
    ("mturk", "list-hi-ts-for-qualification-type"): "ListHITsForQualificationType",
    ("rds", "add-option-to-option-group"): "ModifyOptionGroup",
    ("rds", "remove-option-from-option-group"): "ModifyOptionGroup",
    ("signin", "create-o-auth2-token"): "CreateOAuth2Token",
    ("socialmessaging", "delete-whatsapp-media-message"): "DeleteWhatsAppMessageMedia",
}
"""The commands that call an operation of another name."""


def is_own(service: str, operation: str) -> bool:
    """Whether ``aws SERVICE OPERATION`` is of the CLI's own making, and no operation's call."""
    return operation == WAIT or operation in OWN_COMMANDS.get(service, ())
