"""The settings of a local stack: ports, folders, addresses and credentials."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".local"
PYTHON = TOOLS / "ministack" / "bin" / "python"
# The folder of a release, whose functions and command are used instead of compiled ones; `None` to compile.
RELEASE = Path(os.environ["WAYBILL_RELEASE"]) if os.environ.get("WAYBILL_RELEASE") else None
REGION = "eu-west-1"
# The account that the emulator has for the key of tools and tests.
ACCOUNT = "000000000000"
AUDIENCE = "waybill"
RECORDS_TABLE = "records"
DEFAULT_PORT = 4566
STACK_NAME = "waybill"

# Variables of the caller's shell that are passed to local processes. Others, such as an AWS profile or a proxy, could
# direct a local call to another machine.
PASSED_ON = ("HOME", "LANG", "LC_ALL", "PATH", "TERM", "TZ", "USER")
CERTIFICATES = ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE")


@dataclass(frozen=True)
class Stack:
    """A local stack. Several can run at once, ten ports apart."""

    port: int = DEFAULT_PORT
    name: str = STACK_NAME
    # Whether this deployment uses the sample host's grants function.
    asks_host: bool = False

    @property
    def asking_host(self) -> Stack:
        """A second deployment on the same processes, with other tables and another address."""
        return replace(self, name=f"{self.name}-host", asks_host=True)

    @property
    def state(self) -> Path:
        """The folder with the state of this stack."""
        return TOOLS / f"stack-{self.port}"

    @property
    def data(self) -> Path:
        """The persistent data of the processes."""
        return self.state / "data"

    @property
    def outputs(self) -> Path:
        """The file with the addresses of the stack, for tests and tools."""
        return self._of_deployment("outputs", ".json")

    @property
    def environment_file(self) -> Path:
        """The functions' environment, for cargo-lambda."""
        return self._of_deployment("env")

    @property
    def deployed(self) -> Path:
        """The digest of the last deployment."""
        return self._of_deployment("deployed")

    @property
    def deploy_log(self) -> Path:
        """The output of the last `sam deploy`."""
        return self._of_deployment("logs/deploy", ".log")

    def _of_deployment(self, name: str, extension: str = "") -> Path:
        return self.state / f"{name}{'-host' if self.asks_host else ''}{extension}"

    @property
    def endpoint_url(self) -> str:
        """The endpoint of every AWS service. An IP address, so that the SDKs put bucket names into the path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def issuer_port(self) -> int:
        """Port of the development issuer."""
        return self.port + 1

    @property
    def mailbox_url(self) -> str:
        """The endpoint of SES, with a page of mails."""
        return f"http://127.0.0.1:{self.port + 2}"

    @property
    def records_database(self) -> Path:
        """Dynoxide's file of records; it exists once the stack is for large tables."""
        return self.data / "records.sqlite"

    @property
    def database_port(self) -> int:
        """Port of PostgreSQL."""
        return self.port + 5

    @property
    def product_url(self) -> str:
        """The sample product with cookies, which runs beside the deployment with its grants function."""
        return f"http://localhost:{self.port + 6}"

    @property
    def product_settings(self) -> Path:
        """What the sample product knows of Waybill; it exists once the stack has the product."""
        return self.data / "product.json"

    @property
    def database_data(self) -> Path:
        """PostgreSQL's files; they exist once the stack has a database of records."""
        return self.data / "postgres"

    @property
    def mariadb_port(self) -> int:
        """Port of MariaDB."""
        return self.port + 7

    @property
    def mariadb_data(self) -> Path:
        """MariaDB's files; they exist once the stack has a database of records there."""
        return self.data / "mariadb"

    @property
    def own_catalog(self) -> Path:
        """The folder of the catalog that `up` was given; there is none while the stack has the built-in one."""
        return self.state / "catalog"

    @property
    def is_large(self) -> bool:
        """Whether Dynoxide holds the records. The emulator's own DynamoDB becomes slower as a table grows."""
        return self.records_database.exists()

    @property
    def records_url(self) -> str:
        """The endpoint of the DynamoDB with the host's records."""
        return f"http://127.0.0.1:{self.port + 3}" if self.is_large else self.endpoint_url

    @property
    def api_id(self) -> str:
        """The API's id (8 hexadecimal digits), fixed so that its address is known before it is deployed."""
        return f"{'a' if self.asks_host else '0'}{self.port:07d}"

    @property
    def api_url(self) -> str:
        """The URL of the HTTP API for browsers and curl, which resolve names under `localhost` to this machine."""
        return f"http://{self.api_id}.execute-api.localhost:{self.port}"


def architecture() -> str:
    """This machine's architecture in Lambda's terms, since the emulator runs functions as local processes."""
    return "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"


def aws_environment(stack: Stack) -> dict[str, str]:
    """Environment variables that direct the AWS SDKs and the SAM CLI to this stack."""
    return {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": stack.endpoint_url,
        "AWS_ENDPOINT_URL_SESV2": stack.mailbox_url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "RECORDS_ENDPOINT_URL": stack.records_url,
    }


def process_environment(stack: Stack) -> dict[str, str]:
    """The environment of a process of this stack, without the caller's AWS settings."""
    inherited = {name: os.environ[name] for name in PASSED_ON + CERTIFICATES if name in os.environ}
    return inherited | aws_environment(stack)
