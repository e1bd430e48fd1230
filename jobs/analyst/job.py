"""Makes the shop's database, the same for the same seed: skewed, with gaps, cancelled orders and test customers."""

from __future__ import annotations

import random
import sqlite3
import tomllib
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

SEED, FIRST_DAY, TODAY = 20260630, date(2024, 7, 1), date(2026, 6, 30)
SHOP: dict[str, Any] = tomllib.loads((Path(__file__).parent / "shop.toml").read_text(encoding="utf-8"))
CATEGORIES = list(SHOP["nouns"])

Row = tuple[Any, ...]


def prepare(data: Path) -> None:
    """Write `shop.sqlite` into the folder `data`. Takes about a tenth of a second."""
    rng, file = random.Random(SEED), data / "shop.sqlite"
    aside = file.with_suffix(".part")
    aside.unlink(missing_ok=True)
    connection = sqlite3.connect(aside)
    with connection:
        for statement in SHOP["schema"].strip().splitlines():
            connection.execute(statement)
        customers = _customers(rng)
        countries = sorted(SHOP["cities"])
        suppliers = [(n, name, rng.choice(countries)) for n, name in enumerate(SHOP["suppliers"], 1)]
        products = _products(rng)
        tables = {"customers": customers, "categories": list(enumerate(CATEGORIES, 1)), "suppliers": suppliers}
        tables |= {"products": products, **_sales(rng, customers, products), **_opinions(rng, products)}
        for table, rows in tables.items():
            connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
    connection.close()
    aside.replace(file)


def _day(rng: random.Random, first: date, last: date) -> str:
    return (first + timedelta(days=rng.randrange((last - first).days + 1))).isoformat()


def _customers(rng: random.Random) -> list[Row]:
    names = [f"{first} {last}" for first in SHOP["first_names"] for last in SHOP["last_names"]]
    rng.shuffle(names)
    rows: list[Row] = []
    for number, name in enumerate(names[:180], 1):
        country = rng.choices(list(SHOP["cities"]), [8, 5, 4, 6, 3, 2])[0]
        city = rng.choice(SHOP["cities"][country]) if rng.random() > 0.04 else None
        joined = _day(rng, date(2023, 1, 1), date(2026, 6, 20))
        rows.append((number, name, city, country, joined, int(rng.random() < 0.06)))
    return rows


def _products(rng: random.Random) -> list[Row]:
    names = [
        (c, f"{adjective} {noun}") for c in CATEGORIES for noun in SHOP["nouns"][c] for adjective in SHOP["adjectives"]
    ]
    rng.shuffle(names)
    return [
        (
            n,
            name,
            CATEGORIES.index(c) + 1,
            rng.randint(1, len(SHOP["suppliers"])),
            round(rng.lognormvariate(3.3, 0.7), 2),
        )
        for n, (c, name) in enumerate(names[:90], 1)
    ]


def _sales(rng: random.Random, customers: Sequence[Row], products: Sequence[Row]) -> dict[str, list[Row]]:
    """Orders with their items, refunds and shipments; a few customers buy most, some nothing."""
    loyalty = [rng.paretovariate(1.2) if rng.random() > 0.12 else 0.0 for _ in customers]
    demand = [rng.paretovariate(1.1) if rng.random() > 0.08 else 0.0 for _ in products]
    made: dict[str, list[Row]] = {"orders": [], "order_items": [], "refunds": [], "shipments": []}
    orders, items, refunds, shipments = made.values()
    for number in range(1, 901):
        customer = rng.choices(customers, loyalty)[0]
        placed = max(_day(rng, FIRST_DAY, TODAY), str(customer[4]))
        status = rng.choices(["shipped", "paid", "cancelled"], [78, 12, 10])[0]
        orders.append((number, customer[0], placed, status, rng.choices(["web", "app", "phone"], [6, 3, 1])[0]))
        for product in dict.fromkeys(rng.choices(products, demand, k=rng.randint(1, 4))):
            discount = rng.choice([0, 0, 0, 0, 0.1, 0.2, 0.25])
            items.append((number, product[0], rng.choice([1, 1, 1, 2, 2, 3, 5]), product[4], discount))
        if status == "shipped":
            shipped = date.fromisoformat(placed) + timedelta(days=rng.randint(0, 3))
            days = rng.choices([2, 3, 4, 5, 6, 8, 12], [20, 22, 18, 14, 10, 6, 3])[0]
            delivered = (shipped + timedelta(days=days)).isoformat() if rng.random() > 0.05 else None
            shipments.append((len(shipments) + 1, number, rng.choice(SHOP["carriers"]), shipped.isoformat(), delivered))
            if rng.random() < 0.09:
                day = (shipped + timedelta(days=rng.randint(5, 20))).isoformat()
                refunds.append((len(refunds) + 1, number, day, round(rng.uniform(5, 60), 2)))
    return made


def _opinions(rng: random.Random, products: Sequence[Row]) -> dict[str, list[Row]]:
    reviewed, stars = [product[0] for product in products if rng.random() > 0.15], [8, 8, 16, 34, 34]
    reviews = [
        (
            n,
            rng.choice(reviewed),
            rng.randint(1, 180),
            rng.choices([1, 2, 3, 4, 5], stars)[0],
            _day(rng, date(2024, 8, 1), TODAY),
        )
        for n in range(1, 421)
    ]
    kept = ((product[0], warehouse) for product in products for warehouse in SHOP["warehouses"])
    stock = [(product, place, rng.choice([0, 0, 1, 3, 8, 20, 55])) for product, place in kept if rng.random() > 0.35]
    return {"reviews": reviews, "stock": stock}
