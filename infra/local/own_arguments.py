"""The arguments of `make try`, which are checked before anything is installed or compiled. Needs only Python."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from urllib.parse import urlsplit

# A port of its own, so that the stack of `make up` and `make demo` stays as it is.
PORT = 4606
FOLDER = Path(__file__).parents[2] / "waybill"
# The variable with the password, as the engine's own programs have it, by the scheme of the address.
VARIABLES = {"postgres": "PGPASSWORD", "postgresql": "PGPASSWORD", "mysql": "MYSQL_PWD", "mariadb": "MYSQL_PWD"}
EXAMPLE = "such as URL=postgres://user@host:5432/name or URL=mysql://user@host:3306/name"


def parse() -> argparse.Namespace:
    """The command line's arguments. Exits where one is missing or cannot be right."""
    parser = argparse.ArgumentParser(description="Tries a table of one's own on a local stack.")
    parser.add_argument("--url", help="the database; without it, DynamoDB")
    parser.add_argument("--table", required=True, help="the table: public.orders in PostgreSQL, orders in MySQL and DynamoDB")
    parser.add_argument("--parent", required=True, help="the column with the id of what records belong to: customer_id")
    parser.add_argument("--fixed", action="append", default=[], help="in DynamoDB, what the items of the type have: entity=order")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="for the catalog; one that exists is used as it is")
    parser.add_argument("--port", default=str(PORT))
    parser.add_argument("--once", action="store_true", help="end when the stack is up")
    parser.add_argument("--check", action="store_true", help="check the arguments only")
    options = parser.parse_args()
    for name, example in (("table", "TABLE=public.orders"), ("parent", "PARENT=customer_id")):
        if not getattr(options, name):
            sys.exit(f"{name.upper()}= is missing, such as {example}")
    if not options.port.isdigit():
        sys.exit(f"TRY_PORT= must be the first of eight free ports, such as {PORT}")
    options.port = int(options.port)
    if options.url:
        table = _of_database(options.url, options.table)
        # Said once: `make try` checks the arguments before it starts.
        if options.check and table != options.table:
            print(f"» TABLE= has no schema: {table} is meant", flush=True)
        options.table = table
    return options


def _of_database(url: str, table: str) -> str:
    """Checks the address of a database. Returns the table with its schema."""
    address = urlsplit(url.removeprefix("jdbc:"))
    variable = VARIABLES.get(address.scheme)
    if url.startswith("jdbc:") or variable is None:
        sys.exit(f"URL= must be the address of a database, {EXAMPLE}")
    if address.password is not None:
        sys.exit(f"URL= has a password, which others could see: leave it out, and give it in {variable}, or when asked")
    if variable == "PGPASSWORD" and "." not in table:
        return f"public.{table}"
    return table


if __name__ == "__main__":
    parse()
