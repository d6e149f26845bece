"""The catalog of a local stack, in a folder of S3 as on AWS, so that a change needs no deployment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from settings import REGION, ROOT, Stack

BUCKET = "waybill-catalog"
BUILT_IN = ROOT / "infra" / "catalog.toml"
SHOP = Path(__file__).with_name("shop.toml")


def folder(stack: Stack) -> str:
    """The folder with the catalog and the deployment file, for the parameter `CatalogUrl`."""
    return f"s3://{BUCKET}/{stack.name}"


def upload(s3: Any, stack: Stack, database_url: str, secret: str) -> None:
    """Puts the built-in catalog with the shop's types, and a deployment file, into the folder."""
    try:
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    except ClientError as error:
        if error.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
            raise
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    deployment = f'[deployment]\ndatabases.shop = {{ url = "{database_url}", secret = "{secret}" }}\n'
    texts = {
        "catalog.toml": BUILT_IN.read_text("utf-8") + "\n" + SHOP.read_text("utf-8"),
        "deployment.toml": deployment,
    }
    for name, text in texts.items():
        s3.put_object(Bucket=BUCKET, Key=f"{stack.name}/{name}", Body=text.encode())
