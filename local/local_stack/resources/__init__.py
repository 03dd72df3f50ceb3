"""One function per resource type that the local stack creates."""

from __future__ import annotations

from local_stack.resources import (
    apis,
    dynamodb,
    encryption,
    functions,
    iam,
    messaging,
    operations,
    s3,
    sagemaker,
    secrets,
    stepfunctions,
)
from local_stack.resources.deploying import Created, Creator, Deploying, Plan

CREATORS: dict[str, Creator] = {
    "AWS::ApiGateway::Deployment": apis.create_rest_deployment,
    "AWS::ApiGateway::RestApi": apis.create_rest_api,
    "AWS::ApiGateway::Stage": apis.create_rest_stage,
    "AWS::ApiGatewayV2::Api": apis.create_websocket_api,
    "AWS::ApiGatewayV2::Integration": apis.create_integration,
    "AWS::ApiGatewayV2::Route": apis.create_route,
    "AWS::ApiGatewayV2::Stage": apis.create_websocket_stage,
    "AWS::DynamoDB::Table": dynamodb.create_table,
    "AWS::IAM::Role": iam.create_role,
    "AWS::KMS::Alias": encryption.create_alias,
    "AWS::KMS::Key": encryption.create_key,
    "AWS::Lambda::Alias": functions.create_alias,
    "AWS::Lambda::EventInvokeConfig": functions.create_event_invoke_config,
    "AWS::Lambda::EventSourceMapping": functions.create_event_source_mapping,
    "AWS::Lambda::Function": functions.create_function,
    "AWS::Lambda::LayerVersion": functions.create_layer_version,
    "AWS::Lambda::Permission": functions.create_permission,
    "AWS::Lambda::Version": functions.create_version,
    "AWS::Logs::LogGroup": operations.create_log_group,
    "AWS::S3::Bucket": s3.create_bucket,
    "AWS::S3::BucketPolicy": s3.create_bucket_policy,
    "AWS::SNS::Subscription": messaging.create_subscription,
    "AWS::SNS::Topic": messaging.create_topic,
    "AWS::SNS::TopicPolicy": messaging.create_topic_policy,
    "AWS::SQS::Queue": messaging.create_queue,
    "AWS::SQS::QueuePolicy": messaging.create_queue_policy,
    "AWS::SSM::Parameter": operations.create_ssm_parameter,
    "AWS::SageMaker::Endpoint": sagemaker.create_endpoint,
    "AWS::SageMaker::EndpointConfig": sagemaker.create_endpoint_config,
    "AWS::SageMaker::Model": sagemaker.create_model,
    "AWS::SecretsManager::Secret": secrets.create_secret,
    "AWS::StepFunctions::StateMachine": stepfunctions.create_state_machine,
    "AWS::StepFunctions::StateMachineAlias": stepfunctions.create_alias,
    "AWS::StepFunctions::StateMachineVersion": stepfunctions.create_version,
}

__all__ = ["CREATORS", "Created", "Creator", "Deploying", "Plan"]
