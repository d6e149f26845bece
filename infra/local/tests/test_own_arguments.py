"""What `make try` says about its arguments, before anything is installed."""

import subprocess
import sys
import unittest
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "own_arguments.py"


def said(*arguments: str) -> tuple[int, str]:
    """The exit code of the check, and what it says."""
    command = [sys.executable, str(SCRIPT), "--check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


class Arguments(unittest.TestCase):
    def test_what_is_right_is_let_through(self) -> None:
        for url in ("postgres://user@host/name", "postgresql://user@host:5432/name", "mysql://host/name"):
            self.assertEqual(said("--url", url, "--table", "public.orders", "--parent", "customer_id"), (0, ""))
        self.assertEqual(said("--table", "Orders", "--parent", "PK", "--fixed", "entity=order"), (0, ""))

    def test_a_table_of_postgresql_is_in_the_schema_public_unless_it_says_another(self) -> None:
        found = said("--url", "postgres://user@host/name", "--table", "orders", "--parent", "customer_id")
        self.assertEqual(found, (0, "» TABLE= has no schema: public.orders is meant"))

    def test_what_is_missing_or_wrong_is_named(self) -> None:
        example = "such as URL=postgres://user@host:5432/name or URL=mysql://user@host:3306/name"
        secret = "which others could see: leave it out, and give it in"
        orders = ("--table", "public.orders", "--parent", "customer_id")
        for arguments, expected in (
            (("--table", "", "--parent", "id"), "TABLE= is missing, such as TABLE=public.orders"),
            (("--table", "orders", "--parent", ""), "PARENT= is missing, such as PARENT=customer_id"),
            ((*orders, "--port", "abc"), "TRY_PORT= must be the first of eight free ports, such as 4606"),
            ((*orders, "--url", "jdbc:postgresql://host/name"), f"URL= must be the address of a database, {example}"),
            ((*orders, "--url", "oracle://host/name"), f"URL= must be the address of a database, {example}"),
            ((*orders, "--url", "postgres://u:secret@host/name"), f"URL= has a password, {secret} PGPASSWORD, or when asked"),
            ((*orders, "--url", "mysql://u:secret@host/name"), f"URL= has a password, {secret} MYSQL_PWD, or when asked"),
        ):
            self.assertEqual(said(*arguments), (1, expected))


if __name__ == "__main__":
    unittest.main()
