"""Tests of the properties that are set after a deployment, and of removed statements."""

from __future__ import annotations

import json
import sys
import unittest
from pathlib import Path
from typing import Any
from unittest.mock import Mock

from botocore.exceptions import ClientError

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import repair

TLS_ONLY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": "*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
OTHER = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "*"}


class BucketPolicy(unittest.TestCase):
    """The emulator has no TLS, so a policy that requires it would refuse every call."""

    def repaired(self, *statements: dict[str, Any]) -> Mock:
        s3 = Mock()
        s3.get_bucket_policy.return_value = {"Policy": json.dumps({"Version": "2012-10-17", "Statement": statements})}
        repair._bucket(lambda _: s3, "files", {})
        return s3

    def test_that_only_requires_tls_is_removed(self) -> None:
        s3 = self.repaired(TLS_ONLY)
        s3.delete_bucket_policy.assert_called_once_with(Bucket="files")

    def test_keeps_everything_else(self) -> None:
        s3 = self.repaired(TLS_ONLY, OTHER)
        s3.delete_bucket_policy.assert_not_called()
        kept = json.loads(s3.put_bucket_policy.call_args.kwargs["Policy"])
        self.assertEqual(kept, {"Version": "2012-10-17", "Statement": [OTHER]})

    def test_without_such_a_statement_is_left_alone(self) -> None:
        s3 = self.repaired(OTHER, TLS_ONLY | {"Effect": "Allow"})
        s3.put_bucket_policy.assert_not_called()
        s3.delete_bucket_policy.assert_not_called()

    def test_that_was_removed_already_is_no_error(self) -> None:
        s3 = Mock()
        s3.get_bucket_policy.side_effect = ClientError({"Error": {"Code": "NoSuchBucketPolicy"}}, "GetBucketPolicy")
        repair._bucket(lambda _: s3, "files", {})
        s3.put_bucket_policy.assert_not_called()


class OtherOrigins(unittest.TestCase):
    """The CORS rules are the template's; the origins are those of the deployment."""

    RULES = {"AllowOrigins": {"Ref": "AllowedOrigins"}, "AllowMethods": ["GET"]}
    API = {
        "Type": "AWS::ApiGatewayV2::Api",
        "Properties": {"CorsConfiguration": {"Fn::If": ["HasAllowedOrigins", RULES, {"Ref": "AWS::NoValue"}]}},
    }

    def repaired(self, origins: str) -> Mock:
        client = Mock()
        client.get_template.return_value = {"TemplateBody": {"Resources": {"Api": self.API}}}
        resources = [{"LogicalResourceId": "Api", "PhysicalResourceId": "a1"}]
        client.describe_stack_resources.return_value = {"StackResources": resources}
        parameters = [{"ParameterKey": "AllowedOrigins", "ParameterValue": origins}]
        client.describe_stacks.return_value = {"Stacks": [{"Parameters": parameters}]}
        repair.repair(lambda _: client, "waybill")
        return client

    def test_that_are_configured_are_allowed(self) -> None:
        client = self.repaired("http://localhost:3000, https://app.example")
        allowed = {"AllowOrigins": ["http://localhost:3000", "https://app.example"], "AllowMethods": ["GET"]}
        client.update_api.assert_called_once_with(ApiId="a1", CorsConfiguration=allowed)

    def test_are_not_allowed_without_configuration(self) -> None:
        self.repaired("").update_api.assert_not_called()


if __name__ == "__main__":
    unittest.main()
