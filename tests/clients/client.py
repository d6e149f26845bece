"""A program that uses the client generated from the contract: it requests an export, awaits the file and reads it."""

from __future__ import annotations

import json
import sys
import time
import urllib.request

from waybill_client import AuthenticatedClient
from waybill_client.api.downloads import download
from waybill_client.api.exports import create_project_export, list_project_exports, read_export
from waybill_client.models import Export, ExportList, Filters, FiltersCreatedAt, Format, Link, NewExport, Problem, Status


def main() -> None:
    url, token, project = sys.argv[1], sys.argv[2], int(sys.argv[3])
    client = AuthenticatedClient(url, token)

    filters = Filters(created_at=FiltersCreatedAt(from_="2017-01-01", to=None))
    filters["status"] = ["delivered"]
    filters["state"] = "SP"
    body = NewExport(type_="orders", format_=Format.CSV, filters=filters)
    found = create_project_export.sync(project, client=client, body=body)
    assert isinstance(found, Export), found

    while found.status in (Status.WAITING, Status.PROCESSING):
        time.sleep(0.2)
        found = read_export.sync(found.id, client=client)
        assert isinstance(found, Export), found
    assert found.status == Status.SUCCEEDED and found.url is not None, found

    link = download.sync(found.url.rsplit("/", 1)[1], client=client, accept="application/json")
    assert isinstance(link, Link), link
    with urllib.request.urlopen(link.url) as file:
        text = file.read().decode()

    too_long = NewExport(type_="orders", format_=Format.CSV, search="x" * 201)
    refused = create_project_export.sync(project, client=client, body=too_long)
    assert isinstance(refused, Problem) and isinstance(refused.errors, list), refused

    listed = list_project_exports.sync(project, client=client, status=[Status.SUCCEEDED], limit=5)
    assert isinstance(listed, ExportList), listed
    print(
        json.dumps(
            {
                "file": text,
                "rows": found.rows,
                "refused": [error.field for error in refused.errors],
                "listed": found.id in [export.id for export in listed.exports],
            }
        )
    )


if __name__ == "__main__":
    main()
