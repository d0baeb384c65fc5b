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

OTHER_OPTIONS: Mapping[str, frozenset[str]] = by_service("""\
    apigateway: create-rest-api
    apigatewayv2: create-api update-api
    chime-sdk-messaging: delete-channel update-channel-read-marker
    clouddirectory: publish-schema
    cloudfront: create-distribution create-invalidation update-distribution
    cloudsearch: define-expression define-index-field
    cloudsearchdomain: search suggest
    cloudwatch: put-metric-data
    codepipeline: create-custom-action-type delete-custom-action-type get-action-type
        get-pipeline
    cognito-identity: create-identity-pool
    configservice: put-configuration-recorder
    controltower: create-landing-zone update-landing-zone
    datapipeline: activate-pipeline get-pipeline-definition put-pipeline-definition
        query-objects
    deploy: create-deployment create-deployment-group get-application-revision
        list-application-revisions register-application-revision update-deployment-group
    devicefarm: create-remote-access-session
    ec2: authorize-security-group-egress authorize-security-group-ingress bundle-instance
        create-image create-network-acl-entry delete-network-acl-entry get-password-data
        modify-instance-attribute modify-network-interface-attribute modify-subnet-attribute
        modify-volume-attribute modify-vpc-attribute replace-network-acl-entry
        revoke-security-group-egress revoke-security-group-ingress run-instances
    ecs: create-daemon create-service run-task start-task update-daemon update-service
    eks: create-cluster create-nodegroup update-cluster-version update-nodegroup-version
    elasticache: create-replication-group
    emr: list-clusters
    gamelift: create-build create-script update-build update-script
    glue: get-unfiltered-partition-metadata get-unfiltered-partitions-metadata
        get-unfiltered-table-metadata update-data-quality-ruleset
    healthlake: update-profile-with-agent
    iam: create-virtual-mfa-device enable-mfa-device resync-mfa-device
    importexport: get-shipping-label
    iot: create-certificate-from-csr create-keys-and-certificate
    iotwireless: create-device-profile create-fuota-task create-multicast-group
        create-service-profile create-wireless-device create-wireless-gateway start-fuota-task
        start-multicast-group-session update-fuota-task update-multicast-group
        update-wireless-device
    kinesisanalytics: add-application-output
    kinesisanalyticsv2: add-application-output
    lambda: create-function publish-layer-version publish-version
    lex-models: delete-bot-version delete-intent-version delete-slot-type-version get-export
        get-intent get-slot-type
    license-manager: delete-grant get-grant get-license
    lightsail: import-key-pair
    mgn: associate-source-servers create-replication-configuration-template
        describe-replication-configuration-templates disassociate-source-servers start-cutover
        start-test terminate-target-instances update-replication-configuration
        update-replication-configuration-template
    mturk: list-qualification-types
    pinpoint: delete-email-template delete-in-app-template delete-push-template
        delete-sms-template delete-voice-template get-campaign-version get-email-template
        get-in-app-template get-push-template get-segment-version get-sms-template
        get-voice-template update-email-template update-in-app-template update-push-template
        update-sms-template update-voice-template
    quicksight: start-asset-bundle-import-job
    rds: add-option-to-option-group remove-option-from-option-group
    rekognition: compare-faces create-stream-processor detect-custom-labels detect-faces
        detect-labels detect-moderation-labels detect-protective-equipment detect-text
        index-faces recognize-celebrities search-faces-by-image search-users-by-image
    route53: delete-traffic-policy get-traffic-policy update-traffic-policy-comment
    route53domains: view-billing
    sagemaker: delete-image-version describe-image-version list-aliases update-image-version
    securitylake: create-aws-log-source create-custom-log-source create-subscriber
        delete-aws-log-source delete-custom-log-source delete-subscriber get-subscriber
        list-log-sources update-subscriber
    ses: send-email
    sns: subscribe
    stepfunctions: send-task-success
    storagegateway: describe-cached-iscsi-volumes describe-stored-iscsi-volumes
        describe-tape-archives describe-tapes describe-vtl-devices
    swf: register-activity-type register-workflow-type
    translate: import-terminology translate-document
    workdocs: create-notification-subscription describe-users
    workspaces: register-workspace-directory
""")
"""The commands with options that are not named after a parameter of their operation.

The CLI has added or renamed them (``awscli/customizations``), or writes or has them otherwise than
the data of our botocore. What else may stand there is not known.
"""

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
