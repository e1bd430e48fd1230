"""Makes the questions of jobs/analyst: wordings over a query with gaps, filled from the database by a seeded draw.

    python -m tools.analyst_questions > jobs/analyst/cases.jsonl

Six conventions are told in no instruction; a worker learns them from experience:
active customer, repeat customer, net revenue, late, in stock, well reviewed. See jobs/analyst/README.md.
"""

from __future__ import annotations

import json
import random
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from journeyman.job.load import load_job

JOB = Path(__file__).parents[1] / "jobs" / "analyst"
SEED = 7
PER_FAMILY = 10
SPLITS = ("train", "calibration", "train", "exam")

REAL = "SELECT id FROM customers WHERE is_test = 0"
LINES = "SUM(i.quantity * i.unit_price * (1 - i.discount))"
SOLD = (
    "orders o JOIN order_items i ON i.order_id = o.id JOIN customers c ON c.id = o.customer_id "
    "WHERE o.status <> 'cancelled' AND c.is_test = 0"
)
ACTIVE = "o.status <> 'cancelled' AND o.placed > DATE('2026-06-30', '-90 days')"


@dataclass(frozen=True)
class Family:
    """One kind of question. `{gaps}` are filled by `draws`: SQL giving the values, or a range of numbers."""

    slice: str
    wordings: tuple[str, str, str]
    sql: str
    draws: dict[str, str | range]
    ordered: bool = False
    may_be_empty: bool = False


COUNTRY = "SELECT DISTINCT country FROM customers ORDER BY 1"
CITY = "SELECT DISTINCT city FROM customers WHERE city IS NOT NULL ORDER BY 1"
PRODUCT = "SELECT name FROM products ORDER BY 1"
CATEGORY = "SELECT name FROM categories ORDER BY 1"
SUPPLIER = "SELECT name FROM suppliers ORDER BY 1"
CHANNEL = "SELECT DISTINCT channel FROM orders ORDER BY 1"
CARRIER = "SELECT DISTINCT carrier FROM shipments ORDER BY 1"
WAREHOUSE = "SELECT DISTINCT warehouse FROM stock ORDER BY 1"
MONTH = "SELECT DISTINCT SUBSTR(placed, 1, 7) FROM orders WHERE placed < '2026-06' ORDER BY 1"
CUSTOMER = "SELECT name FROM customers WHERE is_test = 0 AND city IS NOT NULL ORDER BY 1"

FAMILIES = (
    Family(
        "lookup",
        (
            "What does the {product} cost?",
            "Give the price of the product {product}.",
            "How much is the {product}?",
        ),
        "SELECT price FROM products WHERE name = '{product}'",
        {"product": PRODUCT},
    ),
    Family(
        "lookup",
        (
            "In which city does {customer} live?",
            "Give the city of the customer {customer}.",
            "Where does our customer {customer} live? Give the city.",
        ),
        "SELECT city FROM customers WHERE name = '{customer}'",
        {"customer": CUSTOMER},
    ),
    Family(
        "lookup",
        (
            "Which supplier delivers the {product}? Give its name.",
            "Name the supplier of the {product}.",
            "Who supplies the {product}? Give the supplier's name.",
        ),
        "SELECT s.name FROM products p JOIN suppliers s ON s.id = p.supplier_id WHERE p.name = '{product}'",
        {"product": PRODUCT},
    ),
    Family(
        "filter",
        (
            "How many products cost more than {n} euros?",
            "Count the products with a price above {n}.",
            "How many of our products are dearer than {n} euros?",
        ),
        "SELECT COUNT(*) FROM products WHERE price > {n}",
        {"n": range(12, 70)},
    ),
    Family(
        "filter",
        (
            "How many customers do we have in {country}?",
            "Count our customers from {country}.",
            "Number of customers who live in {country}?",
        ),
        "SELECT COUNT(*) FROM customers WHERE country = '{country}' AND is_test = 0",
        {"country": COUNTRY},
    ),
    Family(
        "filter",
        (
            "How many customers live in {city}?",
            "Count our customers in the city of {city}.",
            "What is the number of customers in {city}?",
        ),
        "SELECT COUNT(*) FROM customers WHERE city = '{city}' AND is_test = 0",
        {"city": CITY},
    ),
    Family(
        "join",
        (
            "List the names of the products that {supplier} supplies in the category {category}.",
            "Which {category} products come from {supplier}? Give their names.",
            "Names of all products of category {category} by supplier {supplier}?",
        ),
        "SELECT p.name FROM products p JOIN categories g ON g.id = p.category_id JOIN suppliers s ON s.id = p.supplier_id WHERE s.name = '{supplier}' AND g.name = '{category}'",
        {"supplier": SUPPLIER, "category": CATEGORY},
    ),
    Family(
        "join",
        (
            "How many pieces of the {product} are in the warehouse {warehouse}?",
            "Quantity of {product} in stock at warehouse {warehouse}?",
            "How many {product} does the {warehouse} warehouse hold?",
        ),
        "SELECT s.quantity FROM stock s JOIN products p ON p.id = s.product_id WHERE p.name = '{product}' AND s.warehouse = '{warehouse}'",
        {"product": PRODUCT, "warehouse": WAREHOUSE},
    ),
    Family(
        "join",
        (
            "How many reviews does the {product} have?",
            "Count the reviews written about the {product}.",
            "Number of reviews of the product {product}?",
        ),
        "SELECT COUNT(*) FROM reviews r JOIN products p ON p.id = r.product_id WHERE p.name = '{product}'",
        {"product": PRODUCT},
    ),
    Family(
        "group",
        (
            "For each category, how many products cost less than {n} euros? Give category name and number.",
            "Number of products under {n} euros by category name?",
            "Count products cheaper than {n} per category; give the category's name and the count.",
        ),
        "SELECT g.name, COUNT(*) FROM products p JOIN categories g ON g.id = p.category_id WHERE p.price < {n} GROUP BY g.name",
        {"n": range(18, 80)},
    ),
    Family(
        "group",
        (
            "What is the average number of stars per product in the category {category}? Give product name and average.",
            "Average stars of each reviewed {category} product: name and average.",
            "For every product in {category} with reviews, give its name and its mean stars.",
        ),
        "SELECT p.name, AVG(r.stars) FROM reviews r JOIN products p ON p.id = r.product_id JOIN categories g ON g.id = p.category_id WHERE g.name = '{category}' GROUP BY p.id",
        {"category": CATEGORY},
    ),
    Family(
        "group",
        (
            "How many orders were placed per channel in {month}? Give channel and number.",
            "Orders of {month} by channel: channel and count.",
            "For each channel, count the orders placed in {month}.",
        ),
        f"SELECT channel, COUNT(*) FROM orders WHERE SUBSTR(placed, 1, 7) = '{{month}}' AND customer_id IN ({REAL}) GROUP BY channel",
        {"month": MONTH},
    ),
    Family(
        "time",
        (
            "How many orders were placed in {month}?",
            "Count the orders of the month {month}.",
            "Number of orders placed during {month}?",
        ),
        f"SELECT COUNT(*) FROM orders WHERE SUBSTR(placed, 1, 7) = '{{month}}' AND customer_id IN ({REAL})",
        {"month": MONTH},
    ),
    Family(
        "time",
        (
            "How many reviews were written in the last {n} days?",
            "Count the reviews of the past {n} days.",
            "Number of reviews written within the last {n} days?",
        ),
        "SELECT COUNT(*) FROM reviews WHERE written > DATE('2026-06-30', '-{n} days')",
        {"n": range(20, 120)},
    ),
    Family(
        "time",
        (
            "What was the revenue in {month}?",
            "Give the revenue of {month}.",
            "How much revenue did we make in {month}?",
        ),
        f"SELECT {LINES} FROM {SOLD} AND SUBSTR(o.placed, 1, 7) = '{{month}}'",
        {"month": MONTH},
    ),
    Family(
        "convention",
        (
            "How many active customers do we have in {country}?",
            "Count the active customers from {country}.",
            "Number of active customers in {country}?",
        ),
        f"SELECT COUNT(DISTINCT c.id) FROM customers c JOIN orders o ON o.customer_id = c.id WHERE c.country = '{{country}}' AND c.is_test = 0 AND {ACTIVE}",
        {"country": COUNTRY},
    ),
    Family(
        "convention",
        (
            "What was the net revenue in {month}?",
            "Give the net revenue of {month}.",
            "How much net revenue did we make in {month}?",
        ),
        f"SELECT (SELECT {LINES} FROM {SOLD} AND SUBSTR(o.placed, 1, 7) = '{{month}}') - (SELECT COALESCE(SUM(r.amount), 0) FROM refunds r JOIN orders o ON o.id = r.order_id WHERE SUBSTR(o.placed, 1, 7) = '{{month}}' AND o.customer_id IN ({REAL}))",
        {"month": MONTH},
    ),
    Family(
        "convention",
        (
            "How many shipments of {carrier} shipped in {month} were late?",
            "Count the late shipments of {carrier} from {month}.",
            "Number of late {carrier} shipments, shipped in {month}?",
        ),
        "SELECT COUNT(*) FROM shipments WHERE carrier = '{carrier}' AND SUBSTR(shipped, 1, 7) = '{month}' AND JULIANDAY(delivered) - JULIANDAY(shipped) > 5",
        {"carrier": CARRIER, "month": MONTH},
    ),
    Family(
        "convention",
        (
            "How many repeat customers live in {country}?",
            "Count our repeat customers in {country}.",
            "Number of repeat customers from {country}?",
        ),
        "SELECT COUNT(*) FROM customers c WHERE c.country = '{country}' AND c.is_test = 0 AND (SELECT COUNT(*) FROM orders o WHERE o.customer_id = c.id AND o.status <> 'cancelled') >= 2",
        {"country": COUNTRY},
    ),
    Family(
        "convention",
        (
            "Which {category} products are well reviewed? Give their names.",
            "List the names of the well reviewed products in {category}.",
            "Names of well reviewed products of the category {category}?",
        ),
        "SELECT p.name FROM products p JOIN categories g ON g.id = p.category_id JOIN reviews r ON r.product_id = p.id WHERE g.name = '{category}' GROUP BY p.id HAVING AVG(r.stars) >= 4 AND COUNT(*) >= 3",
        {"category": CATEGORY},
    ),
    Family(
        "ratio",
        (
            "What share of the orders of {month} was cancelled? Give a number between 0 and 1.",
            "Which fraction of orders placed in {month} was cancelled, from 0 to 1?",
            "Share of cancelled orders in {month}, as a number from 0 to 1?",
        ),
        f"SELECT AVG(status = 'cancelled') FROM orders WHERE SUBSTR(placed, 1, 7) = '{{month}}' AND customer_id IN ({REAL})",
        {"month": MONTH},
    ),
    Family(
        "ratio",
        (
            "What is the revenue per order through the channel {channel} in {month}?",
            "Average revenue of an order placed by {channel} in {month}?",
            "Give the mean revenue per {channel} order of {month}.",
        ),
        f"SELECT {LINES} / COUNT(DISTINCT o.id) FROM {SOLD} AND o.channel = '{{channel}}' AND SUBSTR(o.placed, 1, 7) = '{{month}}'",
        {"channel": CHANNEL, "month": MONTH},
    ),
    Family(
        "absence",
        (
            "Which {category} products have no review? Give their names.",
            "List the names of {category} products without any review.",
            "Names of products in {category} that nobody reviewed?",
        ),
        "SELECT p.name FROM products p JOIN categories g ON g.id = p.category_id WHERE g.name = '{category}' AND NOT EXISTS (SELECT 1 FROM reviews r WHERE r.product_id = p.id)",
        {"category": CATEGORY},
        may_be_empty=True,
    ),
    Family(
        "absence",
        (
            "Which customers in {city} never ordered anything? Give their names.",
            "Names of customers from {city} without any order?",
            "List by name the customers in {city} who have placed no order.",
        ),
        "SELECT name FROM customers WHERE city = '{city}' AND is_test = 0 AND id NOT IN (SELECT customer_id FROM orders)",
        {"city": CITY},
        may_be_empty=True,
    ),
)


def draws(
    family: Family, connection: sqlite3.Connection, rng: random.Random
) -> Iterator[dict[str, Any]]:
    """Fillings of a family's gaps, drawn at random without end."""
    values = {
        name: list(source)
        if isinstance(source, range)
        else [row[0] for row in connection.execute(source)]
        for name, source in family.draws.items()
    }
    for _ in count():
        yield {name: rng.choice(options) for name, options in values.items()}


def questions(
    database: Path, *, seed: int = SEED, per_family: int = PER_FAMILY
) -> Iterator[dict[str, Any]]:
    """The cases as JSON objects: `per_family` of each, where there are as many, no question twice, results that say something.

    Two wordings of one query are in the same split, so that no exam question has its answer among the others.
    """
    connection = sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)
    try:
        for f, family in enumerate(FAMILIES):
            rng = random.Random(f"{seed}-{f}")
            seen: set[str] = set()
            split_of: dict[str, str] = {}
            for gaps, _ in zip(draws(family, connection, rng), range(2000), strict=False):
                n = len(seen)
                question = family.wordings[n % 3].format(**gaps)
                sql = family.sql.format(**gaps)
                rows = connection.execute(sql).fetchall()
                says_nothing = not rows or rows in ([(None,)], [(0,)])
                if question in seen or (says_nothing and not family.may_be_empty):
                    continue
                seen.add(question)
                target = {"sql": sql, "ordered": family.ordered}
                split = split_of.setdefault(sql, SPLITS[(len(split_of) + f) % 4])
                yield {
                    "id": f"{family.slice}-{f:02d}-{n:02d}",
                    "prompt": question,
                    "target": target,
                    "slice": family.slice,
                    "split": split,
                }
                if len(seen) == per_family:
                    break
    finally:
        connection.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as data:
        load_job(JOB, data=Path(data))  # its `prepare` makes the database
        found = questions(Path(data) / "shop.sqlite")
        for row in sorted(
            found, key=lambda row: row["id"].rpartition("-")[2]
        ):  # a bit of every slice from the start
            sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
