"""The catalog of a local stack, in a folder of S3 as on AWS, so that a change needs no deployment."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

import build
from settings import RECORDS_TABLE, REGION, ROOT, Stack

BUCKET = "waybill-catalog"
CATALOG, DEPLOYMENT = NAMES = ("catalog.toml", "deployment.toml")
BUILT_IN = ROOT / "infra" / "catalog.toml"


@dataclass(frozen=True)
class Database:
    """A database of the stack."""

    # The name in the catalog.
    name: str
    url: str
    # The ARN of the secret with the password.
    secret: str

    @property
    def entries(self) -> str:
        """The database's part of the catalog, with the types whose records are there."""
        return Path(__file__).with_name(f"{self.name}.toml").read_text("utf-8")

    @property
    def address(self) -> str:
        """The database's line of the deployment file."""
        return f'databases.{self.name} = {{ url = "{self.url}", secret = "{self.secret}" }}\n'


def folder(stack: Stack) -> str:
    """The folder with the catalog and the deployment file, for the parameter `CatalogUrl`."""
    return f"s3://{BUCKET}/{stack.name}"


def keep(stack: Stack, file: Path, secret: str | None = None) -> None:
    """From now on, the stack has this catalog, and the deployment file beside it, whose databases have their passwords in this
    secret. Exits if the functions would refuse one of the two."""
    try_out(stack, file, secret)
    keep_tried(stack)


def try_out(stack: Stack, file: Path, secret: str | None = None) -> None:
    """Copies the files of `keep`, and exits if the functions would refuse one of the two."""
    copy = tried(stack)
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(parents=True)
    for name in NAMES:
        given = file if name == CATALOG else file.with_name(name)
        if given.exists():
            text = given.read_text("utf-8")
            (copy / name).write_text(_with_secret(text, secret) if secret and name == DEPLOYMENT else text)
    command = build.command("catalog", "check", str(copy / CATALOG), "--without-databases")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    # The person edits the given file, not the copy.
    print((done.stdout + done.stderr).replace(str(copy / CATALOG), str(file)).rstrip(), flush=True)
    if done.returncode != 0:
        sys.exit("The stack is as it was, since this catalog cannot be used.")


def keep_tried(stack: Stack) -> None:
    """From now on, the stack has the files that were tried out."""
    shutil.rmtree(stack.own_catalog, ignore_errors=True)
    tried(stack).rename(stack.own_catalog)


def tried(stack: Stack) -> Path:
    """The folder with the files that were tried out last, unless they are kept."""
    return stack.own_catalog.with_name("tried-catalog")


def refused(stack: Stack) -> dict[str, str]:
    """The files that were tried out, and are not kept."""
    return _read(tried(stack))


def _read(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text("utf-8") for name in NAMES if (folder / name).exists()}


def _with_secret(deployment: str, arn: str) -> str:
    """The deployment file, where each database that has neither a secret nor IAM has this secret."""
    without = r"^(databases\.\w+\s*=\s*\{)(?![^}\n]*\b(?:secret|iam)\s*=)"
    return re.sub(without, rf'\1 secret = "{arn}",', deployment, flags=re.MULTILINE)


def texts(stack: Stack, databases: list[Database]) -> dict[str, str] | None:
    """The files of the folder: the stack's own catalog, or the built-in one with the types of these databases; none of the two
    without a database."""
    if stack.own_catalog.exists():
        return _read(stack.own_catalog)
    if not databases:
        return None
    return {
        CATALOG: "\n".join([BUILT_IN.read_text("utf-8"), *(database.entries for database in databases)]),
        DEPLOYMENT: "".join(["[deployment]\n", *(database.address for database in databases)]),
    }


def mapped_tables(deployment: str) -> dict[str, str]:
    """The tables of DynamoDB that a deployment file names, by their names in the catalog."""
    return dict(tomllib.loads(deployment).get("deployment", {}).get("tables", {}))


def tables(files: dict[str, str]) -> list[str]:
    """The tables of DynamoDB that the deployment file names."""
    return sorted(set(mapped_tables(files.get(DEPLOYMENT, "")).values()))


def secrets(files: dict[str, str]) -> list[str]:
    """The secrets that the deployment file names."""
    deployment = tomllib.loads(files.get(DEPLOYMENT, "")).get("deployment", {})
    named = [database.get("secret") for database in deployment.get("databases", {}).values()]
    return sorted({secret for secret in named if secret})


def table(stack: Stack, name: str) -> str | None:
    """The table that the catalog calls `name`; `None` if nothing maps the name."""
    own = stack.own_catalog / DEPLOYMENT
    mapped = tomllib.loads(own.read_text("utf-8"))["deployment"].get("tables", {}) if own.exists() else {}
    return mapped.get(name, RECORDS_TABLE if name == "RECORDS_TABLE" else None)


def upload(s3: Any, stack: Stack, files: dict[str, str]) -> None:
    """Puts these files into the folder, and nothing else."""
    try:
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    except ClientError as error:
        if error.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
            raise
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for name in NAMES:
        key = f"{stack.name}/{name}"
        if name in files:
            s3.put_object(Bucket=BUCKET, Key=key, Body=files[name].encode())
        else:
            s3.delete_object(Bucket=BUCKET, Key=key)
