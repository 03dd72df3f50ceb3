"""One resource of each type that keeps every rule of ``infrastructure/rules``, and for each rule
the smallest change that breaks it and no other.
"""

from __future__ import annotations

import copy
from typing import Any

KEY = {"Fn::GetAtt": ["DataKey", "Arn"]}
DELETED = object()

_TLS_ONLY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": "*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
_INSTANCE = {
    "StorageEncrypted": True,
    "KmsKeyId": KEY,
    "BackupRetentionPeriod": {"Ref": "BackupRetentionDays"},
    "CopyTagsToSnapshot": True,
    "DeletionProtection": True,
    "EnableCloudwatchLogsExports": ["error", "slowquery"],
    "ManageMasterUserPassword": True,
    "MasterUserSecret": {"KmsKeyId": KEY},
    "EnableIAMDatabaseAuthentication": True,
    "MultiAZ": True,
    "PubliclyAccessible": False,
    "MonitoringInterval": 60,
    "MonitoringRoleArn": KEY,
    "AutoMinorVersionUpgrade": True,
}
_PRIVATE = {
    "BlockPublicAcls": True,
    "BlockPublicPolicy": True,
    "IgnorePublicAcls": True,
    "RestrictPublicBuckets": True,
}


def _attribute(key: str) -> dict[str, str]:
    return {"Key": key, "Value": "true"}


SOUND: dict[str, dict[str, Any]] = {
    "AWS::S3::Bucket": {
        "PublicAccessBlockConfiguration": _PRIVATE,
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "LoggingConfiguration": {"DestinationBucketName": {"Ref": "LogsBucket"}},
        "VersioningConfiguration": {"Status": "Enabled"},
        "ReplicationConfiguration": {"Role": KEY, "Rules": []},
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [
                {
                    "ServerSideEncryptionByDefault": {
                        "SSEAlgorithm": "aws:kms",
                        "KMSMasterKeyID": KEY,
                    }
                }
            ]
        },
    },
    "AWS::S3::BucketPolicy": {"PolicyDocument": {"Statement": [_TLS_ONLY]}},
    "AWS::SNS::TopicPolicy": {"PolicyDocument": {"Statement": [_TLS_ONLY]}},
    "AWS::SNS::Topic": {"KmsMasterKeyId": {"Ref": "DataKey"}},
    "AWS::SQS::Queue": {"KmsMasterKeyId": {"Ref": "DataKey"}},
    "AWS::DynamoDB::Table": {
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY},
    },
    "AWS::Lambda::Function": {
        "ReservedConcurrentExecutions": 5,
        "VpcConfig": {"SubnetIds": []},
        "Environment": {"Variables": {"POWERTOOLS_TRACER_CAPTURE_ERROR": "false"}},
        "KmsKeyArn": KEY,
        "TracingConfig": {"Mode": "Active"},
    },
    "AWS::Lambda::Permission": {"Principal": "sns.amazonaws.com", "SourceArn": {"Ref": "Topic"}},
    "AWS::Lambda::EventSourceMapping": {"FunctionResponseTypes": ["ReportBatchItemFailures"]},
    "AWS::Lambda::EventInvokeConfig": {"DestinationConfig": {"OnFailure": {"Destination": KEY}}},
    "AWS::RDS::DBInstance": _INSTANCE,
    "AWS::RDS::DBProxy": {"RequireTLS": True, "DebugLogging": False},
    "AWS::OpenSearchService::Domain": {
        "VPCOptions": {"SubnetIds": []},
        "EncryptionAtRestOptions": {"Enabled": True, "KmsKeyId": KEY},
        "NodeToNodeEncryptionOptions": {"Enabled": True},
        "DomainEndpointOptions": {
            "EnforceHTTPS": True,
            "TLSSecurityPolicy": "Policy-Min-TLS-1-2-PFS-2023-10",
        },
        "LogPublishingOptions": {
            "ES_APPLICATION_LOGS": {"Enabled": True, "CloudWatchLogsLogGroupArn": KEY}
        },
    },
    "AWS::OpenSearchServerless::SecurityPolicy network": {
        "Type": "network",
        "Policy": {"Fn::Sub": '[{"AllowFromPublic": false, "SourceVPCEs": ["${Endpoint}"]}]'},
    },
    "AWS::OpenSearchServerless::SecurityPolicy encryption": {
        "Type": "encryption",
        "Policy": {"Fn::Sub": '{"AWSOwnedKey": false, "KmsARN": "${KeyArn}"}'},
    },
    "AWS::SageMaker::EndpointConfig": {
        "KmsKeyId": KEY,
        "AsyncInferenceConfig": {"OutputConfig": {"KmsKeyId": KEY}},
    },
    "AWS::SageMaker::Model": {"EnableNetworkIsolation": True},
    "AWS::SageMaker::Endpoint": {
        "DeploymentConfig": {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a"}]}}
    },
    "AWS::KMS::Key": {"EnableKeyRotation": True},
    "AWS::SecretsManager::Secret": {"KmsKeyId": KEY, "GenerateSecretString": {}},
    "AWS::Logs::LogGroup": {"RetentionInDays": {"Ref": "LogRetentionDays"}, "KmsKeyId": KEY},
    "AWS::CloudWatch::Alarm": {"AlarmActions": [{"Ref": "OperationsTopicArn"}]},
    "AWS::ElasticLoadBalancingV2::LoadBalancer": {
        "LoadBalancerAttributes": [
            _attribute("routing.http.drop_invalid_header_fields.enabled"),
            _attribute("access_logs.s3.enabled"),
            _attribute("deletion_protection.enabled"),
        ]
    },
    "AWS::ElasticLoadBalancingV2::Listener plain": {
        "Protocol": "HTTP",
        "DefaultActions": [{"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS"}}],
    },
    "AWS::ElasticLoadBalancingV2::Listener": {
        "Protocol": "HTTPS",
        "Certificates": [{"CertificateArn": KEY}],
        "SslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
    },
    "AWS::EC2::FlowLog": {"TrafficType": "ALL"},
    "AWS::EC2::Subnet": {"MapPublicIpOnLaunch": False},
    "AWS::EC2::SecurityGroup": {
        "SecurityGroupIngress": [
            {"CidrIp": "0.0.0.0/0", "FromPort": 443, "ToPort": 443},
            {"CidrIp": "10.0.0.0/16", "FromPort": 3306, "ToPort": 3306},
        ]
    },
    "AWS::EC2::SecurityGroupIngress": {"CidrIp": "0.0.0.0/0", "FromPort": 443, "ToPort": 443},
    "AWS::ECS::Service": {
        "NetworkConfiguration": {"AwsvpcConfiguration": {"AssignPublicIp": "DISABLED"}}
    },
    "AWS::ECS::TaskDefinition": {
        "ContainerDefinitions": [
            {"ReadonlyRootFilesystem": True, "LogConfiguration": {"LogDriver": "awslogs"}}
        ]
    },
    "AWS::ApiGateway::Stage": {
        "AccessLogSetting": {"DestinationArn": KEY, "Format": "{}"},
        "MethodSettings": [{"LoggingLevel": "ERROR", "DataTraceEnabled": False}],
        "TracingEnabled": True,
    },
    "AWS::ApiGatewayV2::Stage": {
        "AccessLogSettings": {"DestinationArn": KEY},
        "DefaultRouteSettings": {"DataTraceEnabled": False},
    },
    "AWS::Cognito::UserPool": {
        "MfaConfiguration": "ON",
        "Policies": {"PasswordPolicy": {"MinimumLength": 14}},
        "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": True},
    },
    "AWS::Cognito::UserPoolClient": {"PreventUserExistenceErrors": "ENABLED"},
    "AWS::WAFv2::LoggingConfiguration": {
        "LogDestinationConfigs": [KEY],
        "RedactedFields": [{"SingleHeader": {"Name": "authorization"}}],
    },
    "AWS::StepFunctions::StateMachine": {
        "LoggingConfiguration": {
            "Level": "ERROR",
            "IncludeExecutionData": False,
            "Destinations": [KEY],
        },
        "TracingConfiguration": {"Enabled": True},
    },
    "AWS::CodeBuild::Project": {
        "Environment": {"EnvironmentVariables": [{"Name": "STAGE", "Value": "dev"}]},
        "Source": {"Type": "CODEPIPELINE"},
        "EncryptionKey": KEY,
        "LogsConfig": {"CloudWatchLogs": {"Status": "ENABLED"}},
    },
    "AWS::CodePipeline::Pipeline": {"ArtifactStore": {"EncryptionKey": {"Id": KEY}}},
    "AWS::ECR::Repository": {
        "ImageScanningConfiguration": {"ScanOnPush": True},
        "ImageTagMutability": "IMMUTABLE",
        "EncryptionConfiguration": {"EncryptionType": "KMS"},
    },
    "AWS::CloudTrail::Trail": {
        "KMSKeyId": KEY,
        "CloudWatchLogsLogGroupArn": KEY,
        "CloudWatchLogsRoleArn": KEY,
        "IsLogging": True,
        "EnableLogFileValidation": True,
    },
}

# Rule: (type, path below Properties or the resource, value that breaks it)
BREAKS: dict[str, tuple[str, str, Any]] = {
    "s3_public_access_blocked": (
        "AWS::S3::Bucket",
        "PublicAccessBlockConfiguration.BlockPublicPolicy",
        False,
    ),
    "s3_access_lists_disabled": (
        "AWS::S3::Bucket",
        "OwnershipControls.Rules.0.ObjectOwnership",
        "ObjectWriter",
    ),
    "s3_access_logged": ("AWS::S3::Bucket", "LoggingConfiguration", DELETED),
    "s3_versioned": ("AWS::S3::Bucket", "VersioningConfiguration.Status", "Suspended"),
    "s3_encrypted_with_our_key": (
        "AWS::S3::Bucket",
        "BucketEncryption.ServerSideEncryptionConfiguration.0.ServerSideEncryptionByDefault",
        {"SSEAlgorithm": "AES256"},
    ),
    "s3_replicated": ("AWS::S3::Bucket", "ReplicationConfiguration", DELETED),
    "s3_policy_refuses_plain_http": (
        "AWS::S3::BucketPolicy",
        "PolicyDocument.Statement.0.Effect",
        "Allow",
    ),
    "lambda_concurrency_limited": (
        "AWS::Lambda::Function",
        "ReservedConcurrentExecutions",
        DELETED,
    ),
    "lambda_in_vpc": ("AWS::Lambda::Function", "VpcConfig", DELETED),
    "lambda_environment_encrypted": ("AWS::Lambda::Function", "KmsKeyArn", DELETED),
    "lambda_traced": ("AWS::Lambda::Function", "TracingConfig.Mode", "PassThrough"),
    "lambda_errors_kept_out_of_traces": (
        "AWS::Lambda::Function",
        "Environment.Variables.POWERTOOLS_TRACER_CAPTURE_ERROR",
        "true",
    ),
    "lambda_answers_kept_out_of_traces": (
        "AWS::Lambda::Function",
        "Environment.Variables.POWERTOOLS_TRACER_CAPTURE_RESPONSE",
        "true",
    ),
    "lambda_events_kept_out_of_logs": (
        "AWS::Lambda::Function",
        "Environment.Variables.POWERTOOLS_LOGGER_LOG_EVENT",
        "1",
    ),
    "lambda_not_public": ("AWS::Lambda::Permission", "Principal", "*"),
    "lambda_reports_batch_item_failures": (
        "AWS::Lambda::EventSourceMapping",
        "FunctionResponseTypes",
        DELETED,
    ),
    "lambda_failures_kept": ("AWS::Lambda::EventInvokeConfig", "DestinationConfig", DELETED),
    "rds_encrypted_with_our_key": ("AWS::RDS::DBInstance", "StorageEncrypted", False),
    "rds_backed_up": ("AWS::RDS::DBInstance", "BackupRetentionPeriod", 0),
    "rds_protected_from_deletion": ("AWS::RDS::DBInstance", "DeletionProtection", False),
    "rds_in_several_zones": ("AWS::RDS::DBInstance", "MultiAZ", False),
    "rds_not_public": ("AWS::RDS::DBInstance", "PubliclyAccessible", True),
    "rds_logs_exported": (
        "AWS::RDS::DBInstance",
        "EnableCloudwatchLogsExports",
        ["error", "slowquery", "general"],
    ),
    "rds_monitored": ("AWS::RDS::DBInstance", "MonitoringInterval", 0),
    "rds_upgraded": ("AWS::RDS::DBInstance", "AutoMinorVersionUpgrade", False),
    "rds_master_password_managed": (
        "AWS::RDS::DBInstance",
        "MasterUserPassword",
        {"Ref": "Password"},
    ),
    "rds_signs_in_with_iam": ("AWS::RDS::DBInstance", "EnableIAMDatabaseAuthentication", False),
    "rds_proxy_asks_for_tls": ("AWS::RDS::DBProxy", "RequireTLS", False),
    "rds_proxy_keeps_statements_out_of_logs": ("AWS::RDS::DBProxy", "DebugLogging", True),
    "opensearch_in_vpc": ("AWS::OpenSearchService::Domain", "VPCOptions", DELETED),
    "opensearch_encrypted_with_our_key": (
        "AWS::OpenSearchService::Domain",
        "EncryptionAtRestOptions.KmsKeyId",
        DELETED,
    ),
    "opensearch_encrypted_between_nodes": (
        "AWS::OpenSearchService::Domain",
        "NodeToNodeEncryptionOptions.Enabled",
        False,
    ),
    "opensearch_tls_only": (
        "AWS::OpenSearchService::Domain",
        "DomainEndpointOptions.EnforceHTTPS",
        False,
    ),
    "opensearch_errors_logged": (
        "AWS::OpenSearchService::Domain",
        "LogPublishingOptions.ES_APPLICATION_LOGS",
        DELETED,
    ),
    "opensearch_serverless_not_public": (
        "AWS::OpenSearchServerless::SecurityPolicy network",
        "Policy",
        '[{"AllowFromPublic": true}]',
    ),
    "opensearch_serverless_encrypted_with_our_key": (
        "AWS::OpenSearchServerless::SecurityPolicy encryption",
        "Policy",
        '{"AWSOwnedKey": true}',
    ),
    "sagemaker_disks_encrypted_with_our_key": (
        "AWS::SageMaker::EndpointConfig",
        "KmsKeyId",
        DELETED,
    ),
    "sagemaker_answers_encrypted_with_our_key": (
        "AWS::SageMaker::EndpointConfig",
        "AsyncInferenceConfig.OutputConfig.KmsKeyId",
        DELETED,
    ),
    "sagemaker_isolated": ("AWS::SageMaker::Model", "EnableNetworkIsolation", False),
    "sagemaker_rolls_back": ("AWS::SageMaker::Endpoint", "DeploymentConfig", DELETED),
    "sns_encrypted_with_our_key": ("AWS::SNS::Topic", "KmsMasterKeyId", "alias/aws/sns"),
    "sqs_encrypted_with_our_key": ("AWS::SQS::Queue", "KmsMasterKeyId", DELETED),
    "messages_tls_only": ("AWS::SNS::TopicPolicy", "PolicyDocument.Statement", []),
    "dynamodb_recoverable": (
        "AWS::DynamoDB::Table",
        "PointInTimeRecoverySpecification",
        DELETED,
    ),
    "dynamodb_encrypted_with_our_key": (
        "AWS::DynamoDB::Table",
        "SSESpecification",
        {"SSEEnabled": True},
    ),
    "kms_rotated": ("AWS::KMS::Key", "EnableKeyRotation", False),
    "secrets_encrypted_with_our_key": ("AWS::SecretsManager::Secret", "KmsKeyId", DELETED),
    "secrets_made_not_written": (
        "AWS::SecretsManager::Secret",
        "SecretString",
        "correct horse battery staple",
    ),
    "logs_kept_for_a_stated_time": ("AWS::Logs::LogGroup", "RetentionInDays", DELETED),
    "logs_encrypted_with_our_key": ("AWS::Logs::LogGroup", "KmsKeyId", DELETED),
    "alarms_tell_somebody": ("AWS::CloudWatch::Alarm", "AlarmActions", []),
    "alb_redirects_to_https": (
        "AWS::ElasticLoadBalancingV2::Listener plain",
        "DefaultActions",
        [{"Type": "forward"}],
    ),
    "alb_speaks_modern_tls": (
        "AWS::ElasticLoadBalancingV2::Listener",
        "SslPolicy",
        "ELBSecurityPolicy-2016-08",
    ),
    "alb_drops_invalid_headers": (
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "LoadBalancerAttributes.0.Value",
        "false",
    ),
    "alb_logged": (
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "LoadBalancerAttributes.1.Value",
        "false",
    ),
    "alb_protected_from_deletion": (
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "LoadBalancerAttributes.2.Value",
        "false",
    ),
    "vpc_flow_logs_are_whole": ("AWS::EC2::FlowLog", "TrafficType", "ACCEPT"),
    "vpc_no_public_addresses": ("AWS::EC2::Subnet", "MapPublicIpOnLaunch", True),
    "ecs_no_public_addresses": (
        "AWS::ECS::Service",
        "NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp",
        "ENABLED",
    ),
    "vpc_open_to_the_internet_on_web_ports_only": (
        "AWS::EC2::SecurityGroup",
        "SecurityGroupIngress.1.CidrIp",
        "0.0.0.0/0",
    ),
    "vpc_single_rules_open_on_web_ports_only": ("AWS::EC2::SecurityGroupIngress", "FromPort", 22),
    "ecs_containers_are_closed": (
        "AWS::ECS::TaskDefinition",
        "ContainerDefinitions.0.ReadonlyRootFilesystem",
        False,
    ),
    "api_calls_logged": ("AWS::ApiGateway::Stage", "AccessLogSetting", DELETED),
    "api_bodies_kept_out_of_logs": (
        "AWS::ApiGateway::Stage",
        "MethodSettings.0.DataTraceEnabled",
        True,
    ),
    "api_traced": ("AWS::ApiGateway::Stage", "TracingEnabled", False),
    "socket_calls_logged": ("AWS::ApiGatewayV2::Stage", "AccessLogSettings", DELETED),
    "sign_in_needs_a_second_factor": ("AWS::Cognito::UserPool", "MfaConfiguration", "OFF"),
    "sign_in_tells_nothing_about_users": (
        "AWS::Cognito::UserPoolClient",
        "PreventUserExistenceErrors",
        "LEGACY",
    ),
    "firewall_logs_without_tokens": (
        "AWS::WAFv2::LoggingConfiguration",
        "RedactedFields",
        DELETED,
    ),
    "state_machine_logged": (
        "AWS::StepFunctions::StateMachine",
        "LoggingConfiguration.IncludeExecutionData",
        True,
    ),
    "state_machine_traced": (
        "AWS::StepFunctions::StateMachine",
        "TracingConfiguration.Enabled",
        False,
    ),
    "codebuild_no_plain_secrets": (
        "AWS::CodeBuild::Project",
        "Environment.EnvironmentVariables.0.Name",
        "GITHUB_TOKEN",
    ),
    "codebuild_source_without_token": (
        "AWS::CodeBuild::Project",
        "Source.Auth",
        {"Type": "OAUTH"},
    ),
    "codebuild_encrypted_and_logged": ("AWS::CodeBuild::Project", "EncryptionKey", DELETED),
    "pipeline_artefacts_encrypted_with_our_key": (
        "AWS::CodePipeline::Pipeline",
        "ArtifactStore.EncryptionKey",
        DELETED,
    ),
    "ecr_scanned_and_immutable": ("AWS::ECR::Repository", "ImageTagMutability", "MUTABLE"),
    "trail_encrypted_with_our_key": ("AWS::CloudTrail::Trail", "KMSKeyId", DELETED),
    "trail_sent_to_logs": ("AWS::CloudTrail::Trail", "CloudWatchLogsLogGroupArn", DELETED),
    "trail_cannot_be_altered_unseen": (
        "AWS::CloudTrail::Trail",
        "EnableLogFileValidation",
        False,
    ),
}


def sound(kind: str) -> dict[str, Any]:
    """A resource that keeps every rule."""
    return {
        "Type": kind.split()[0],
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": copy.deepcopy(SOUND[kind]),
    }


def broken(rule: str) -> dict[str, Any]:
    """The same resource with the one change that breaks ``rule``."""
    kind, path, value = BREAKS[rule]
    resource = sound(kind)
    change(resource["Properties"], path, value)
    return resource


def change(document: Any, path: str, value: Any) -> None:
    """Set or delete what ``path`` leads to; numbers are positions in a list."""
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in way:
        document = document[part]
    if value is DELETED:
        del document[last]
    else:
        document[last] = value
