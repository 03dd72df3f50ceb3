"""SQS queues and SNS topics."""

from __future__ import annotations

import json
from typing import Any

from local_stack.account import arn
from local_stack.resources.deploying import Created, Deploying, text

_QUEUE_ATTRIBUTES = (
    "ContentBasedDeduplication",
    "DelaySeconds",
    "FifoQueue",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "RedrivePolicy",
    "VisibilityTimeout",
)


def create_queue(new: Deploying) -> Created:
    """Create a queue with its redrive policy."""
    name = new.name("QueueName")
    if new.properties.get("FifoQueue") and not name.endswith(".fifo"):
        name += ".fifo"
    attributes = {
        key: json.dumps(value) if isinstance(value, dict) else text(value)
        for key, value in new.properties.items()
        if key in _QUEUE_ATTRIBUTES
    }
    answer = new.clients.client("sqs").create_queue(QueueName=name, Attributes=attributes)
    url = answer["QueueUrl"]
    return Created(url, {"Arn": arn("sqs", name), "QueueName": name, "QueueUrl": url})


def create_queue_policy(new: Deploying) -> Created:
    """Attach a policy to queues; it is stored, and not enforced."""
    document = json.dumps(new.properties["PolicyDocument"])
    for url in new.properties["Queues"]:
        new.clients.client("sqs").set_queue_attributes(
            QueueUrl=url, Attributes={"Policy": document}
        )
    return Created(new.logical_id)


def create_topic(new: Deploying) -> Created:
    """Create a topic with the subscriptions it lists."""
    name = new.name("TopicName")
    sns = new.clients.client("sns")
    topic_arn = sns.create_topic(Name=name)["TopicArn"]
    for subscription in new.properties.get("Subscription", []):
        _subscribe(sns, topic_arn, subscription)
    return Created(topic_arn, {"TopicArn": topic_arn, "TopicName": name})


def create_subscription(new: Deploying) -> Created:
    """Subscribe a queue, function or address to a topic."""
    topic_arn = str(new.properties["TopicArn"])
    subscription_arn = _subscribe(new.clients.client("sns"), topic_arn, new.properties)
    return Created(subscription_arn, {"Arn": subscription_arn})


def create_topic_policy(new: Deploying) -> Created:
    """Attach a policy to topics; it is stored, and not enforced."""
    for topic_arn in new.properties["Topics"]:
        new.clients.client("sns").set_topic_attributes(
            TopicArn=topic_arn,
            AttributeName="Policy",
            AttributeValue=json.dumps(new.properties["PolicyDocument"]),
        )
    return Created(new.logical_id)


def _subscribe(sns: Any, topic_arn: str, subscription: Any) -> str:
    attributes = {
        name: json.dumps(subscription[name])
        for name in ("FilterPolicy", "RawMessageDelivery")
        if name in subscription
    }
    if "FilterPolicyScope" in subscription:
        attributes["FilterPolicyScope"] = subscription["FilterPolicyScope"]
    answer = sns.subscribe(
        TopicArn=topic_arn,
        Protocol=subscription["Protocol"],
        Endpoint=subscription["Endpoint"],
        Attributes=attributes,
        ReturnSubscriptionArn=True,
    )
    return str(answer["SubscriptionArn"])
