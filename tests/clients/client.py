"""A program that uses the client generated from the contract: it requests an export, awaits the file and reads it."""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from uuid import UUID

from waybill_client import AuthenticatedClient
from waybill_client.api.default import create_project_export, download, list_project_exports, read_export
from waybill_client.models import Export, ExportList, Filters, Format, Link, NewExport, Problem, Status
