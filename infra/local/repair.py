"""Sets properties that the emulator's CloudFormation ignores, from the deployed template."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

TABLES = ("exports", "work", "events", "limits", "api_keys", "parents")

Clients = Callable[[str], Any]


def repair(clients: Clients, stack_name: str) -> None:
    """Sets the ignored properties through each service's own API."""
    cloudformation = clients("cloudformation")
    template = cloudformation.get_template(StackName=stack_name, TemplateStage="Processed")["TemplateBody"]
    deployed = cloudformation.describe_stack_resources(StackName=stack_name)["StackResources"]
    physical = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in deployed}
    for logical, resource in template["Resources"].items():
        mend = _BY_TYPE.get(resource["Type"])
        if mend is not None and logical in physical:
            mend(clients, physical[logical], resource.get("Properties", {}))

    stack = cloudformation.describe_stacks(StackName=stack_name)["Stacks"][0]
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", [])}
    if origins := parameters.get("AllowedOrigins"):
        _cors(clients, physical["Api"], template["Resources"]["Api"]["Properties"], origins.split(","))


def _cors(clients: Clients, api: str, properties: dict[str, Any], origins: list[str]) -> None:
    """The emulator stores CORS settings under CloudFormation's names, which its gateway does not read."""
    _, rules, _ = properties["CorsConfiguration"]["Fn::If"]
    allowed = {"AllowOrigins": [origin.strip() for origin in origins]}
    clients("apigatewayv2").update_api(ApiId=api, CorsConfiguration=rules | allowed)


def _table(clients: Clients, name: str, properties: dict[str, Any]) -> None:
    dynamodb = clients("dynamodb")
    if ttl := properties.get("TimeToLiveSpecification"):
        now = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        if now["TimeToLiveStatus"] == "DISABLED":
            dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)
    if recovery := properties.get("PointInTimeRecoverySpecification"):
        dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)


def _bucket(clients: Clients, name: str, properties: dict[str, Any]) -> None:
    rules = [_lifecycle_rule(rule) for rule in properties.get("LifecycleConfiguration", {}).get("Rules", [])]
    if rules:
        clients("s3").put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    _without_tls(clients("s3"), name)


def _without_tls(s3: Any, bucket: str) -> None:
    """Removes statements that require TLS: the emulator has none, and would refuse every call."""
    try:
        policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchBucketPolicy":
            return
        raise
    kept = [statement for statement in policy["Statement"] if not _wants_tls(statement)]
    if not kept:
        s3.delete_bucket_policy(Bucket=bucket)
    elif kept != policy["Statement"]:
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy | {"Statement": kept}))


def _wants_tls(statement: dict[str, Any]) -> bool:
    return statement == statement | {"Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}


def _lifecycle_rule(rule: dict[str, Any]) -> dict[str, Any]:
    """Converts a rule from CloudFormation's names to those of S3's API."""
    put: dict[str, Any] = {"ID": rule["Id"], "Status": rule["Status"], "Filter": {"Prefix": rule.get("Prefix", "")}}
    if "ExpirationInDays" in rule:
        put["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
    if "AbortIncompleteMultipartUpload" in rule:
        put["AbortIncompleteMultipartUpload"] = rule["AbortIncompleteMultipartUpload"]
    return put


def _function(clients: Clients, name: str, properties: dict[str, Any]) -> None:
    if loop := properties.get("RecursiveLoop"):
        clients("lambda").put_function_recursion_config(FunctionName=name, RecursiveLoop=loop)


def _mapping(clients: Clients, uuid: str, _properties: dict[str, Any]) -> None:
    """Sets a concurrency as a number: the emulator stores a parameter as text, which its queue poller cannot compare."""
    client = clients("lambda")
    if scaling := client.get_event_source_mapping(UUID=uuid).get("ScalingConfig"):
        limit = int(scaling["MaximumConcurrency"])
        client.update_event_source_mapping(UUID=uuid, ScalingConfig={"MaximumConcurrency": limit})


_BY_TYPE: dict[str, Callable[[Clients, str, dict[str, Any]], None]] = {
    "AWS::DynamoDB::Table": _table,
    "AWS::Lambda::EventSourceMapping": _mapping,
    "AWS::Lambda::Function": _function,
    "AWS::S3::Bucket": _bucket,
}
