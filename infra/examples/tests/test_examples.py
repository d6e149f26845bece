"""Tests of the examples: what they deploy is the template of a release. Nothing of AWS is called."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

import hcl2

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.extend([str(HERE), str(ROOT / "infra" / "release"), str(ROOT / "infra" / "examples" / "cdk")])

from folding import given
from parameters import read, source
from template import FUNCTIONS, released

TEMPLATE = (ROOT / "template.yaml").read_text("utf-8")
RELEASED = released(TEMPLATE, "arm64", "0.2.0")
# The example, with its packages installed.
CDK = ROOT / ".local" / "cdk"
NODE = ROOT / ".local" / "node" / "bin" / "node"
TERRAFORM = ROOT / "infra" / "examples" / "terraform"

# What the app of the example gives, as CloudFormation's texts.
GIVEN = {
    "Issuer": "https://issuer.example.com",
    "Audience": "waybill",
    "Sender": "exports@example.com",
    "ProductName": "Example",
    "AllowedOrigins": ["https://app.example.com", "https://admin.example.com"],
    "GenerateMemory": "2048",
}

# An app that gives all its parameters from the environment.
ANY_APP = """
import { App, Stack } from "aws-cdk-lib";
import { Waybill } from "./waybill.ts";
const app = new App();
const parameters = JSON.parse(process.env.PARAMETERS);
new Waybill(new Stack(app, "waybill"), "Waybill", { release: process.env.RELEASE, parameters });
app.synth();
"""

# The compiler fails where a line under `@ts-expect-error` has no mistake.
MISTAKES = """
import type { Parameters } from "./parameters.ts";
const needed = { Issuer: "https://issuer.example.com", Audience: "waybill", Sender: "exports@example.com" };
export const right: Parameters = needed;
// @ts-expect-error Sender is missing.
export const missing: Parameters = { Issuer: needed.Issuer, Audience: needed.Audience };
// @ts-expect-error There is no such parameter.
export const unknown: Parameters = { ...needed, RetentionDays: 7 };
// @ts-expect-error Another value is not among those that the template takes.
export const other: Parameters = { ...needed, DeletionProtection: "maybe" };
// @ts-expect-error A list is no text.
export const text: Parameters = { ...needed, AllowedOrigins: "https://app.example.com" };
"""


class CdkTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.release = self.folder / "release"
        self.release.mkdir()
        (self.release / "template.yaml").write_text(RELEASED, "utf-8")
        for name in FUNCTIONS:
            (self.release / f"{name}.zip").write_bytes(name.encode())

    def _node(self, *arguments: str, parameters: dict[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {
            "CDK_OUTDIR": str(self.folder / "out"),
            "CDK_CONTEXT_JSON": json.dumps({"release": str(self.release)}),
            "RELEASE": str(self.release),
            "PARAMETERS": json.dumps(parameters),
        }
        return subprocess.run([str(NODE), *arguments], cwd=CDK, env=environment, check=False, capture_output=True, text=True)

    def _template(self, done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return dict(json.loads((self.folder / "out" / "waybill.template.json").read_text("utf-8")))

    def _code(self) -> dict[str, dict[str, Any]]:
        """Where each function's zip file will be, by the list of what `cdk deploy` uploads."""
        files = json.loads((self.folder / "out" / "waybill.assets.json").read_text("utf-8"))["files"]
        keys = {}
        for file in files.values():
            if file["source"]["path"].endswith(".zip"):
                content = (self.folder / "out" / file["source"]["path"]).read_text("utf-8")
                [keys[content]] = [place["objectKey"] for place in file["destinations"].values()]
        bucket = {"Fn::Sub": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"}
        return {name: {"Bucket": bucket, "Key": key} for name, key in keys.items()}

    def _assert_is_the_release(self, synthesized: dict[str, Any], values: dict[str, Any]) -> None:
        """The synthesized template is the release's, but for the parameters that are given, the code and what the CDK adds."""
        expected = read(RELEASED)
        for name in FUNCTIONS:
            expected["Resources"][f"{name.capitalize()}Function"]["Properties"]["CodeUri"] = self._code()[name]
        for name in values:
            del expected["Parameters"][name]
        # CfnInclude makes a list of it.
        destination = expected["Resources"]["MailEventDestination"]
        destination["DependsOn"] = [destination["DependsOn"]]
        del synthesized["Parameters"]["BootstrapVersion"], synthesized["Rules"]["CheckBootstrapVersion"]
        self.assertEqual(expected.keys(), synthesized.keys())
        for section, content in expected.items():
            self.assertEqual(given(values, content), given(values, synthesized[section]), section)

    def test_the_type_has_the_templates_parameters(self) -> None:
        written = (ROOT / "infra" / "examples" / "cdk" / "parameters.ts").read_text("utf-8")
        self.assertEqual(written, source(TEMPLATE), "run .local/linters/bin/python infra/examples/cdk/parameters.py")

    def test_the_compiler_takes_the_app_and_no_mistake_in_the_parameters(self) -> None:
        mistakes = CDK / "mistakes.ts"
        self.addCleanup(mistakes.unlink)
        mistakes.write_text(MISTAKES, "utf-8")
        settings = self.folder / "tsconfig.json"
        settings.write_text(json.dumps({"extends": str(CDK / "tsconfig.json"), "compilerOptions": {"typeRoots": [str(CDK / "node_modules/@types")]},
                                        "files": [str(CDK / "app.ts"), str(mistakes)]}))
        done = self._node("node_modules/typescript/bin/tsc", "--project", str(settings))
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_app_deploys_the_release(self) -> None:
        done = self._node("app.ts")
        self.assertNotIn("WARNING", done.stdout + done.stderr)
        synthesized = self._template(done)
        # The app's own.
        del synthesized["Outputs"]["ExportsUrl"]
        self._assert_is_the_release(synthesized, GIVEN)

    def test_all_parameters_can_be_given(self) -> None:
        parameters = {name: _example(parameter) for name, parameter in read(RELEASED)["Parameters"].items()}
        parameters |= {
            "Issuer": "https://issuer.example.com",
            "SignInUrl": "https://app.example.com/exports",
            "FrameAncestors": "https://app.example.com",
            "GrantsFromClaims": "organization:{org_id}",
            "GrantsFunction": "arn:aws:lambda:eu-west-1:123456789012:function:permissions:live",
            "PublicUrl": "https://exports.example.com",
            "LogoUrl": "https://example.com/logo.png",
            "Sender": "exports@example.com",
            "ReplyTo": "reply@example.com",
            "SupportAddress": "support@example.com",
            "RecordsRegion": "eu-central-1",
            "RecordsRole": "arn:aws:iam::123456789012:role/records",
            "CatalogUrl": "s3://example-catalog/waybill",
            "RolePath": "/applications/",
            "PermissionsBoundary": "arn:aws:iam::123456789012:policy/boundary",
            "CodeSigningConfigArn": "arn:aws:lambda:eu-west-1:123456789012:code-signing-config:csc-0123456789abcdefg",
            "AlarmTopic": "arn:aws:sns:eu-west-1:123456789012:alarms",
        }
        parameters |= {name: "7" for name in ("ApiReservedConcurrency", "GenerateReservedConcurrency")}
        parameters |= {name: "arn:aws:kms:eu-west-1:123456789012:key/1234" for name in parameters if name.endswith("KeyArn")}
        synthesized = self._template(self._node("--input-type=module", "--eval", ANY_APP, parameters=parameters))
        values = {name: value if isinstance(value, list) else str(value) for name, value in parameters.items()}
        self._assert_is_the_release(synthesized, values)

    def test_a_value_that_the_template_does_not_take_is_refused(self) -> None:
        needed = {"Issuer": "https://issuer.example.com", "Audience": "waybill", "Sender": "exports@example.com"}
        for name, value, mistake in (
            ("Sender", "nobody", '"nobody" does not match'),
            ("GenerateTimeout", 17, '"17" is none of 15, 20,'),
            ("ProductName", "", '"" has 0 characters'),
            ("ThrottlingRate", 0, "0 is not between 1 and 10000"),
        ):
            with self.subTest(name):
                done = self._node("--input-type=module", "--eval", ANY_APP, parameters={**needed, name: value})
                self.assertIn(f"Waybill's parameter {name}: {mistake}", done.stderr)


def _example(parameter: dict[str, Any]) -> Any:
    if allowed := parameter.get("AllowedValues"):
        return allowed[-1]
    if parameter["Type"] == "CommaDelimitedList":
        return [f"arn:aws:service:eu-west-1:123456789012:{name}" for name in ("first", "second")]
    return parameter.get("Default") or "example"


class TerraformTest(unittest.TestCase):
    def setUp(self) -> None:
        with (TERRAFORM / "main.tf").open() as file:
            self.main = hcl2.load(file)

    def test_the_code_is_where_the_template_names_it(self) -> None:
        [settings] = self.main["locals"]
        text = str(settings["template"])
        [pattern] = re.findall(r'"/(\(\?m\).*?)/"', text)
        [into] = re.findall(r'"( +CodeUri: .*?)"', text)
        pattern = pattern.replace("\\\\", "\\")
        made = re.sub(pattern, into.replace("${var.bucket}/${local.prefix}/$1", r"code/prefix/\1"), RELEASED)
        resources = read(made)["Resources"]
        for name in FUNCTIONS:
            self.assertEqual(resources[f"{name.capitalize()}Function"]["Properties"]["CodeUri"], f"s3://code/prefix/{name}.zip")
        for name in FUNCTIONS:
            self.assertIn(f'"{name}"', str(settings["functions"]).replace("'", '"'))

    def test_the_stack_may_use_the_transform_and_make_roles(self) -> None:
        text = json.dumps(self.main["resource"])
        for capability in ("CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"):
            self.assertIn(capability, text)

    def test_the_parameters_of_its_example_are_the_templates_and_none_is_missing(self) -> None:
        with (TERRAFORM / "terraform.tfvars.example").open() as file:
            names = {name.strip('"') for name in hcl2.load(file)["parameters"] if not name.startswith("__")}
        parameters = read(TEMPLATE)["Parameters"]
        self.assertLessEqual(names, parameters.keys())
        self.assertLessEqual({name for name, parameter in parameters.items() if "Default" not in parameter}, names)


if __name__ == "__main__":
    unittest.main()
