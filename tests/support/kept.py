"""Everything that a stack keeps, to look for what must not be there."""

import gzip
import json
from collections.abc import Iterator

from local_stack.stack import LocalStack


def kept(stack: LocalStack) -> Iterator[tuple[str, bytes]]:
    """Every object of every bucket, every file of the stack but its database, every execution."""
    s3 = stack.client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        for found in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", []):
            body = s3.get_object(Bucket=bucket["Name"], Key=found["Key"])["Body"].read()
            yield found["Key"], gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
    for path in stack.state_dir.rglob("*"):
        if path.is_file() and not path.name.startswith("mri_analysis.db"):
            yield str(path), path.read_bytes()
    machines = stack.client("stepfunctions")
    for machine in machines.list_state_machines()["stateMachines"]:
        arn = machine["stateMachineArn"]
        for one in machines.list_executions(stateMachineArn=arn)["executions"]:
            history = machines.get_execution_history(executionArn=one["executionArn"])
            yield one["name"], json.dumps(history["events"], default=str).encode()
