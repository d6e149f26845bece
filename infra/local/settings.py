"""Where a local stack lives: its ports, folders, addresses and credentials."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".local"
PYTHON = TOOLS / "ministack" / "bin" / "python"
REGION = "eu-west-1"
AUDIENCE = "waybill"
RECORDS_TABLE = "records"
DEFAULT_PORT = 4566
STACK_NAME = "waybill"

# Variables of the caller's shell that local processes may see. Anything else, an AWS profile or a proxy above all, could
# send a local call to somewhere that is not local.
PASSED_ON = ("HOME", "LANG", "LC_ALL", "PATH", "TERM", "TZ", "USER")
CERTIFICATES = ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE")


@dataclass(frozen=True)
class Stack:
    """One local stack. Several run side by side, ten ports apart."""

    port: int = DEFAULT_PORT
    name: str = STACK_NAME
    # Whether this is the deployment that asks the sample host's function for permissions.
    asks_host: bool = False

    @property
    def asking_host(self) -> Stack:
        """A deployment of its own beside this one: the same processes, other tables, another address."""
        return replace(self, name=f"{self.name}-host", asks_host=True)

    @property
    def state(self) -> Path:
        """The folder of everything that this stack keeps."""
        return TOOLS / f"stack-{self.port}"

    @property
    def data(self) -> Path:
        """What the processes keep over a stop."""
        return self.state / "data"

    @property
    def outputs(self) -> Path:
        """The file that tells tests and tools where everything is."""
        return self._of_deployment("outputs", ".json")

    @property
    def environment_file(self) -> Path:
        """The functions' environment, for cargo-lambda."""
        return self._of_deployment("env")

    @property
    def deployed(self) -> Path:
        """What was deployed last."""
        return self._of_deployment("deployed")

    @property
    def deploy_log(self) -> Path:
        """What `sam deploy` said last."""
        return self._of_deployment("logs/deploy", ".log")

    def _of_deployment(self, name: str, extension: str = "") -> Path:
        return self.state / f"{name}{'-host' if self.asks_host else ''}{extension}"

    @property
    def endpoint_url(self) -> str:
        """Every AWS service. An address and not a name: the SDKs then put a bucket into the path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def issuer_port(self) -> int:
        """Port of the development issuer."""
        return self.port + 1

    @property
    def mailbox_url(self) -> str:
        """The SES endpoint and its page of mails."""
        return f"http://127.0.0.1:{self.port + 2}"

    @property
    def records_database(self) -> Path:
        """The file in which Dynoxide keeps the records, where the stack is for large tables."""
        return self.data / "records.sqlite"

    @property
    def is_large(self) -> bool:
        """Whether Dynoxide holds the records. The emulator's own DynamoDB reads ever more slowly as a table grows."""
        return self.records_database.exists()

    @property
    def records_url(self) -> str:
        """The DynamoDB that holds the records."""
        return f"http://127.0.0.1:{self.port + 3}" if self.is_large else self.endpoint_url

    @property
    def api_id(self) -> str:
        """The API's id, pinned (8 hexadecimal digits) so that its address is known before it is deployed."""
        return f"{'a' if self.asks_host else '0'}{self.port:07d}"

    @property
    def api_url(self) -> str:
        """The HTTP API, as a browser and curl reach it: names under `localhost` are this machine."""
        return f"http://{self.api_id}.execute-api.localhost:{self.port}"


def architecture() -> str:
    """The host's processor, in Lambda's words: the emulator runs a function as a process of this machine."""
    return "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"


def aws_environment(stack: Stack) -> dict[str, str]:
    """What points the AWS SDKs and the SAM CLI at this stack and at nothing else."""
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
    """The environment of a process of this stack, free of the caller's AWS settings."""
    inherited = {name: os.environ[name] for name in PASSED_ON + CERTIFICATES if name in os.environ}
    return inherited | aws_environment(stack)
