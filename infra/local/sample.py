"""Sample orders of a project, the same at every run, as CSV on standard output.

Among plain orders there are cells that break careless exports: formulas, quotes, line breaks, many scripts.
"""

from __future__ import annotations

import argparse
import csv
import io
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TextIO

ORDERS = 2500
SEED = 42
FIRST = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
HEADER = (
    "id", "reference", "status", "created_at", "updated_at", "delivered_at", "customer",
    "city", "state", "items", "amount", "freight", "currency", "payment",
)  # fmt: skip

CUSTOMERS = (
    "Ana Sousa", "Bruno Keller", "Chidi Okafor", "Dana Levi", "Zoë Åkesson", "Nguyễn Thị Mai", "Łukasz Wójcik",
    "山田 太郎", "김서연", "王小明", "Дмитрий Орлов", "Ελένη Παππά", "محمد الأمين", "שרה כהן", "अनन्या शर्मा", "สมชาย ใจดี",
)  # fmt: skip
HOSTILE = (
    '=HYPERLINK("http://example.com";"click")',
    "+1+1",
    "-2+3",
    "@SUM(A1:A9)",
    "\t=1+1",
    'O\'Brien, "Pat"',
    "Two\nlines",
    "Two\r\nlines",
    "007",
    " spaces at both ends ",
    "👩‍👩‍👧 family",
    "NULL",
)
CITIES = (
    ("Lisboa", "LI"), ("São Paulo", "SP"), ("Zürich", "ZH"), ("Kraków", "MA"), ("東京", "13"),
    ("서울", "11"), ("Αθήνα", "I"), ("القاهرة", "C"), ("Washington, D.C.", "DC"),
)  # fmt: skip
STATUSES = {"delivered": 70, "shipped": 10, "processing": 7, "approved": 5, "created": 4, "canceled": 3, "unavailable": 1}
PAYMENTS = {"card": 60, "transfer": 25, "voucher": 10, "cash": 5}
HOSTILE_EVERY = 97


PURCHASES = 2500
THINGS = ("WHITE HANGING HEART", 'SET OF 3 "CAKE" TINS', "=1+1 MUG", "JUMBO BAG, RED", "ÉTAGÈRE", "茶碗")


MEMBERS = 1500
# Members of an audience, for MariaDB, whose sequence they come from.
AUDIENCE = """
INSERT INTO audience SELECT '{organization}', CONCAT('m-', seq), ELT(1 + seq % 4, 'pending', 'subscribed', 'unsubscribed', 'bounced'),
  ELT(1 + seq % 5, 'Zoë Åkesson', '山田 太郎', '=1+1', 'O''Brien, "Pat"', 'محمد'), CONCAT('member', seq, '@example.com'),
  CONCAT('+351', 910000000 + seq), ELT(1 + seq % 3, 'Lisboa', '東京', 'Zürich'), ELT(1 + seq % 3, 'pt-PT', 'ja-JP', 'de-CH'),
  '2026-01-01' + INTERVAL seq MINUTE, IF(seq % 4 = 2, '2026-06-01', NULL), seq % 5 = 0, ELT(1 + seq % 3, 'news', 'news,offers', ''),
  seq * 10.5 FROM seq_1_to_{last}
"""


def purchases(rows: int = PURCHASES) -> TextIO:
    """Purchases as CSV, the same at every run."""
    chance = random.Random(541_909)
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(
        ("id", "invoice", "status", "purchased_at", "stock_code", "description")
        + ("quantity", "unit_price", "currency", "customer_id", "country")
    )
    at = FIRST
    for number in range(1, rows + 1):
        at += timedelta(seconds=chance.randint(1, 30))
        status = "canceled" if chance.random() < 0.02 else "completed"
        price = f"{chance.randint(1, 9999) / 100:.2f}"
        writer.writerow(
            (f"p-{number:07}", 536365 + number // 20, status, f"{at:%Y-%m-%dT%H:%M:%SZ}", chance.randint(10000, 99999))
            + (chance.choice(THINGS), chance.randint(1, 50), price, "£", chance.randint(12000, 18000))
            + (chance.choice(("United Kingdom", "France", "EIRE")),)
        )
    out.seek(0)
    return out


def orders(count: int = ORDERS) -> Iterator[tuple[str, ...]]:
    """The header, then `count` orders, oldest first."""
    yield HEADER
    chance = random.Random(SEED)
    created = FIRST
    for number in range(1, count + 1):
        # All orders are within the same months, whatever their number.
        created += timedelta(seconds=max(1, chance.randint(30, 9_000) * ORDERS // max(count, ORDERS)))
        status = _pick(chance, STATUSES)
        delivered = created + timedelta(hours=chance.randint(20, 400))
        updated = delivered if status == "delivered" else created + timedelta(minutes=chance.randint(0, 600))
        customer = HOSTILE[number // HOSTILE_EVERY % len(HOSTILE)] if number % HOSTILE_EVERY == 0 else chance.choice(CUSTOMERS)
        city, state = chance.choice(CITIES)
        yield (
            f"o-{number:06d}",
            f"W{chance.getrandbits(32):08X}",
            status,
            _time(created),
            _time(updated),
            _time(delivered) if status == "delivered" else "",
            customer,
            city,
            state,
            str(chance.randint(1, 9)),
            _money(chance.randint(199, 250_000)),
            _money(chance.randint(0, 3_900)),
            "EUR",
            _pick(chance, PAYMENTS),
        )


def write(out: TextIO, count: int) -> None:
    """Writes the orders as CSV; `out` must not convert line ends."""
    csv.writer(out).writerows(orders(count))


def _pick(chance: random.Random, weights: dict[str, int]) -> str:
    return chance.choices(list(weights), list(weights.values()))[0]


def _time(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def main() -> None:
    """Writes the orders."""
    parser = argparse.ArgumentParser(description="Sample orders as CSV on standard output.")
    parser.add_argument("--count", type=int, default=ORDERS)
    options = parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
    write(sys.stdout, options.count)


if __name__ == "__main__":
    main()
