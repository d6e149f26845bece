"""Deploys the built template onto a local stack with `sam deploy`, and only when something has changed."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

import build
import catalog
import database
import mariadb
import host
import repair
from services import issuer_url
from settings import ACCOUNT, AUDIENCE, RECORDS_TABLE, REGION, ROOT, TOOLS, Stack, architecture, process_environment

CODE_BUCKET = "waybill-code"
# Creating clients is not thread-safe in boto3; using them is.
_MAKING_A_CLIENT = threading.Lock()
DEPLOYED = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")


def client(stack: Stack, service: str, endpoint_url: str | None = None) -> Any:
    """A client of one of the stack's AWS services."""
    with _MAKING_A_CLIENT:
        return boto3.client(
            service,
            endpoint_url=endpoint_url or stack.endpoint_url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


def parameters(stack: Stack, overrides: dict[str, str]) -> dict[str, str]:
    """The template's parameters for this machine; `overrides` win."""
    local = {
        "Architecture": architecture(),
        "Issuer": issuer_url(stack),
        "Audience": AUDIENCE,
        "PublicUrl": stack.api_url,
        "Sender": "exports@waybill.example",
        "SupportAddress": "support@waybill.example",
        "RecordsTable": RECORDS_TABLE,
        # A host product's page, should one be served beside the stack.
        "AllowedOrigins": f"http://localhost:{stack.port + 4}",
    }
    if stack.asks_host:
        local["GrantsFunction"] = host.FUNCTION
        # The sample product has no tokens: its backend opens sessions.
        local |= {"TokenVerifier": "function", "SignInUrl": f"{stack.product_url}/exports"}
        local["AllowedOrigins"] += f",{stack.product_url}"
    if files := catalog.texts(stack, _databases(stack)):
        if secrets := catalog.secrets(files):
            local["DatabaseSecretArns"] = ",".join(secrets)
        catalog.upload(client(stack, "s3"), stack, files)
        local["CatalogUrl"] = catalog.folder(stack)
        if tables := catalog.tables(files):
            arns = ",".join(f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}" for table in tables)
            # On this machine, each of them may also be scanned.
            local |= {"RecordsTableArns": arns, "ScannedTableArns": arns}
    return local | overrides


def _databases(stack: Stack) -> list[catalog.Database]:
    databases = []
    for name, module, data in (("shop", database, stack.database_data), ("crm", mariadb, stack.mariadb_data)):
        if data.exists():
            secret = module.secret_arn(lambda service: client(stack, service))
            databases.append(catalog.Database(name, module.url(stack), secret))
    return databases


def deploy(stack: Stack, chosen: dict[str, str]) -> bool:
    """Deploys the build. Returns whether anything had changed."""
    record = stack.deployed
    fingerprint = _fingerprint(stack, chosen)
    status = _status(stack)
    if status in DEPLOYED and record.exists() and record.read_text() == fingerprint:
        return False

    record.unlink(missing_ok=True)
    if status is not None and status not in DEPLOYED:
        client(stack, "cloudformation").delete_stack(StackName=stack.name)
    _ensure_code_bucket(stack)
    print(f"» sam deploy of {stack.name}", flush=True)
    command = [
        *(str(TOOLS / "sam" / "bin" / "sam"), "deploy"),
        *("--template-file", str(build.template())),
        *("--stack-name", stack.name),
        *("--s3-bucket", CODE_BUCKET),
        *("--capabilities", "CAPABILITY_IAM"),
        *("--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"),
        # MiniStack sets an API's id by this tag, which CloudFormation passes on to the resources of a stack.
        *("--tags", f"ms-custom-id={stack.api_id}"),
        "--parameter-overrides",
        *(f"{name}={json.dumps(value)}" for name, value in chosen.items()),
    ]
    environment = process_environment(stack) | {"SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    stack.deploy_log.write_text(done.stdout + done.stderr)
    if done.returncode != 0:
        sys.exit(f"{done.stdout}{done.stderr}\nFailed: sam deploy".lstrip())

    repair.repair(lambda service: client(stack, service), stack.name)
    record.write_text(fingerprint)
    return True


def write_outputs(stack: Stack, chosen: dict[str, str]) -> dict[str, Any]:
    """Writes the addresses of the stack, for tests and tools, and the functions' environment, for cargo-lambda."""
    deployed = client(stack, "cloudformation").describe_stacks(StackName=stack.name)["Stacks"][0]
    values = {output["OutputKey"]: output["OutputValue"] for output in deployed["Outputs"]}
    functions = {name: values[f"{name.capitalize()}FunctionName"] for name in build.FUNCTIONS}
    outputs: dict[str, Any] = {
        "port": stack.port,
        "stack": stack.name,
        "region": REGION,
        "endpoint_url": stack.endpoint_url,
        "api_url": values["ApiUrl"],
        "public_url": values["PublicUrl"],
        "issuer_url": chosen["Issuer"],
        "audience": chosen["Audience"],
        "mailbox_url": stack.mailbox_url,
        "records_url": stack.records_url,
        "records_table": chosen["RecordsTable"],
        "bucket": values["BucketName"],
        "queue_url": values["QueueUrl"],
        "dlq_url": values["DeadLetterQueueUrl"],
        **{f"{name}_table": values[f"{name.title().replace('_', '')}TableName"] for name in repair.TABLES},
        **{f"{name}_function": function for name, function in functions.items()},
        **{f"{name}_log_group": f"/aws/lambda/{stack.name}-{name}" for name in functions},
        "env_file": str(stack.environment_file),
        "logs": str(stack.state / "logs"),
        "parameters": chosen,
    }
    if stack.database_data.exists():
        outputs["database_url"] = database.owner_url(stack)
    if stack.mariadb_data.exists():
        outputs["mariadb_url"] = mariadb.owner_url(stack)
    if "CatalogUrl" in chosen:
        outputs["catalog_url"] = chosen["CatalogUrl"]
    if stack.asks_host:
        outputs["members_table"] = host.MEMBERS_TABLE
    stack.outputs.write_text(json.dumps(outputs, indent=2) + "\n")
    _write_environment(stack, list(functions.values()))
    return outputs


def _write_environment(stack: Stack, functions: list[str]) -> None:
    """One file for all functions, since a variable has the same value in all of them."""
    lambda_client = client(stack, "lambda")
    variables = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": stack.endpoint_url,
        "AWS_ENDPOINT_URL_SESV2": stack.mailbox_url,
        "RECORDS_ENDPOINT_URL": stack.records_url,
    }
    for name in functions:
        variables |= lambda_client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    lines = [f"{name}={value}\n" for name, value in sorted(variables.items())]
    stack.environment_file.write_text("".join(lines))


def ensure_records_table(stack: Stack) -> None:
    """Creates the host product's table, which the template does not."""
    try:
        client(stack, "dynamodb", stack.records_url).create_table(
            TableName=RECORDS_TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceInUseException":
            raise


def _ensure_code_bucket(stack: Stack) -> None:
    try:
        client(stack, "s3").create_bucket(
            Bucket=CODE_BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
            raise


def _status(stack: Stack) -> str | None:
    try:
        found = client(stack, "cloudformation").describe_stacks(StackName=stack.name)["Stacks"]
    except ClientError:
        return None
    return str(found[0]["StackStatus"])


def _fingerprint(stack: Stack, chosen: dict[str, str]) -> str:
    digest = hashlib.sha256(json.dumps([stack.name, chosen], sort_keys=True).encode())
    for file in [*build.artefacts(), Path(repair.__file__)]:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
