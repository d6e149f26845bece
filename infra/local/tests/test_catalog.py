"""The catalog of a stack: what its deployment file names, and how a password comes into it."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import catalog
from catalog import DEPLOYMENT, Database

ARN = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:own-AbCdEf"
OTHER = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:other-AbCdEf"


class CatalogTest(unittest.TestCase):
    """The texts of the files."""

    def test_a_secret_comes_into_databases_that_have_none(self) -> None:
        text = (
            "[deployment]\n"
            'databases.main = { url = "mysql://reader@db.example/shop" }\n'
            f'databases.other = {{ url = "postgres://reader@db.example/shop", secret = "{OTHER}" }}\n'
            'databases.signed = { url = "postgres://reader@db.example/shop", iam = "db-ABC" }\n'
        )
        files = {DEPLOYMENT: catalog._with_secret(text, ARN)}
        self.assertIn(f'databases.main = {{ secret = "{ARN}", url = "mysql://reader@db.example/shop" }}', files[DEPLOYMENT])
        self.assertEqual(files[DEPLOYMENT].count("secret ="), 2)
        self.assertEqual(catalog.secrets(files), [OTHER, ARN])

    def test_the_secrets_are_those_of_all_databases(self) -> None:
        databases = [Database("shop", "postgres://a@localhost/shop", ARN), Database("crm", "mysql://a@localhost/crm", OTHER)]
        files = {DEPLOYMENT: "[deployment]\n" + "".join(database.address for database in databases)}
        self.assertEqual(catalog.secrets(files), [OTHER, ARN])
        self.assertEqual(catalog.secrets({}), [])
        for database in databases:
            self.assertIn(f"[database.{database.name}]", database.entries)


if __name__ == "__main__":
    unittest.main()
