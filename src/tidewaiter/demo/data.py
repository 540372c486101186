"""The demo company's rows: seeded, so that every demo and every test sees the same people.

Faker makes 4,000 persons a second, too slow for a demo that starts in seconds: names, streets and sentences are
sampled from Faker once and combined by our own loop. Nobody in here exists; cards are from a test range.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from tidewaiter.errors import UpstreamError
from tidewaiter.model import Secret

if TYPE_CHECKING:
    from random import Random  # noqa: TID251 - the type only; the generator is seeded and passed

    from faker import Faker

    from tidewaiter.demo.postgres import EmbeddedPostgres

SEED = 20_261_031
LAST_DAY = datetime.datetime(2026, 10, 31, tzinfo=datetime.UTC)  # fixed: generated data may not depend on the clock
DAYS = 1000  # orders begin in February 2024, so that each partition of payments has rows
WORDS = 500  # of each kind that Faker is asked for
Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Size:
    """Rows per table; the others follow from these."""

    customers: int = 20_000
    orders: int = 60_000
    products: int = 200
    employees: int = 400
    tickets: int = 5_000


SMALL = Size(customers=500, orders=1_500, products=50, employees=40, tickets=100)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one table, ready for COPY. `rows` can be read once."""

    name: str
    columns: tuple[str, ...]
    rows: Iterable[Row]

    def copy_script(self) -> Iterator[str]:
        """Lines of a psql script that loads the table: COPY, the rows in text format, the end mark."""
        yield f"COPY {self.name} ({', '.join(self.columns)}) FROM stdin;\n"
        for row in self.rows:
            yield "\t".join("\\N" if value is None else _escaped(str(value)) for value in row) + "\n"
        yield "\\.\n"


@dataclass(frozen=True, slots=True)
class _Lists:
    """What Faker was asked for; everything else is combined from it."""

    random: Random
    first: list[str]
    last: list[str]
    streets: list[str]
    cities: list[tuple[str, str]]
    titles: list[str]
    sentences: list[str]


def load(postgres: EmbeddedPostgres, password: Secret, size: Size) -> None:
    """Create role `tidewaiter` with `password`, database `shop`, and its tables with rows. Raises UpstreamError."""
    literal = password.value.replace("'", "''")
    postgres.execute(f"CREATE ROLE tidewaiter LOGIN NOSUPERUSER PASSWORD '{literal}';\nCREATE DATABASE shop;")
    script = [_sql("schema.sql"), *(line for table in tables(size) for line in table.copy_script()), _sql("keys.sql")]
    done = postgres.run(
        "psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-1", "-f", "-", database="shop", text_in="".join(script)
    )
    if done.returncode:
        raise UpstreamError(f"the demo data could not be loaded: {done.stderr.strip()}")


def tables(size: Size) -> list[Table]:
    """Every table with its rows, in an order that foreign keys allow. Equal sizes give equal rows."""
    lists = _sample()
    prices = [round(lists.random.uniform(3, 900), 2) for _ in range(size.products)]
    customers = [_person(lists, number) for number in range(1, size.customers + 1)]
    return [
        Table("customers", CUSTOMERS, customers),
        Table("products", ("id", "name", "category", "price"), _products(lists, prices)),
        *_sales(lists, size, prices),
        Table("employees", EMPLOYEES, _employees(lists, size.employees)),
        Table("support_tickets", TICKETS, _tickets(lists, customers, size.tickets)),
    ]


CUSTOMERS = ("id", "name", "email", "phone", "ssn", "card", "date_of_birth", "address", "city", "state", "created_at")
EMPLOYEES = ("id", "name", "email", "title", "department", "salary", "hired_on", "manager_id")
TICKETS = ("id", "customer_id", "opened_at", "status", "subject", "body")
CATEGORIES = ("garden", "kitchen", "office", "outdoor", "toys")
ADJECTIVES = ("small", "folding", "brass", "quiet", "striped", "heavy", "blue", "portable")
THINGS = ("lantern", "kettle", "ladder", "notebook", "tent", "compass", "stapler", "hammock", "globe", "basket")
DEPARTMENTS = ("sales", "support", "engineering", "finance", "logistics")
STATUSES = ("new", "paid", "shipped", "delivered", "returned")
SUBJECTS = ("Wrong address", "Card charged twice", "Where is my order", "Change my e-mail", "Return", "Lost password")
COMPLAINTS = (
    "Hello, this is {name}. Please call me at {phone}, or write to {email}. {sentence}",
    "My card {card} was charged twice. {sentence} You can reach me at {email}.",
    "I moved: the new address is {address}, {city}. {sentence} Regards, {name}",
    "To prove who I am: born {date_of_birth}, SSN {ssn}. {sentence}",
    "{sentence} {other} Thanks, {name} ({phone})",
)


def _sample() -> _Lists:
    fake = _faker()
    return _Lists(
        random=fake.random,
        first=[fake.first_name() for _ in range(WORDS)],
        last=[fake.last_name() for _ in range(WORDS)],
        streets=[fake.street_name() for _ in range(WORDS)],
        cities=[(fake.city(), fake.state_abbr(include_territories=False)) for _ in range(WORDS)],
        titles=[fake.job() for _ in range(WORDS)],
        sentences=[fake.sentence() for _ in range(WORDS)],
    )


def _faker() -> Faker:
    from faker import Faker  # here: an optional dependency that takes 0.3 s to import

    fake = Faker("en_US")
    fake.seed_instance(SEED)
    return fake


def _person(lists: _Lists, number: int) -> Row:
    pick = lists.random
    first, last = pick.choice(lists.first), pick.choice(lists.last)
    city, state = pick.choice(lists.cities)
    return (
        number,
        f"{first} {last}",
        f"{first}.{last}{number}@example.{pick.choice(('com', 'net', 'org'))}".lower(),
        f"+1-{pick.randint(201, 989)}-555-{pick.randint(0, 9999):04}",
        f"{pick.randint(100, 665)}-{pick.randint(1, 99):02}-{pick.randint(1, 9999):04}",
        card_number(pick.randrange(10**9)),
        datetime.date(1940, 1, 1) + datetime.timedelta(days=pick.randrange(24_000)),
        f"{pick.randint(1, 9999)} {pick.choice(lists.streets)}",
        city,
        state,
        _moment(pick),
    )


def card_number(account: int) -> str:
    """A Luhn-valid 16-digit card number in a range that Visa keeps for tests, for account 0 … 999,999,999."""
    digits = f"400000{account:09}"
    total = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def _products(lists: _Lists, prices: list[float]) -> Iterator[Row]:
    pick = lists.random
    for number, price in enumerate(prices, 1):
        yield number, f"{pick.choice(ADJECTIVES)} {pick.choice(THINGS)}", pick.choice(CATEGORIES), price


def _sales(lists: _Lists, size: Size, prices: list[float]) -> list[Table]:
    """Orders, their lines and payments, which must agree with each other."""
    pick = lists.random
    orders: list[Row] = []
    lines: list[Row] = []
    payments: list[Row] = []
    for order in range(1, size.orders + 1):
        at, status = _moment(pick), pick.choice(STATUSES)
        orders.append((order, pick.randint(1, size.customers), at, status))
        total = 0.0
        for line in range(1, pick.randint(1, 3) + 1):
            product, quantity = pick.randint(1, size.products), pick.randint(1, 4)
            lines.append((order, line, product, quantity, prices[product - 1]))
            total += quantity * prices[product - 1]
        if status != "new":
            payments.append((len(payments) + 1, order, at, *_means(pick), f"{total:.2f}"))
    return [
        Table("orders", ("id", "customer_id", "ordered_at", "status"), orders),
        Table("order_lines", ("order_id", "line", "product_id", "quantity", "price"), lines),
        Table("payments", ("id", "order_id", "paid_at", "method", "card", "amount"), payments),
    ]


def _means(pick: Random) -> tuple[str, str | None]:
    return ("card", card_number(pick.randrange(10**9))) if pick.random() < 0.7 else ("transfer", None)


def _employees(lists: _Lists, count: int) -> Iterator[Row]:
    pick = lists.random
    for number in range(1, count + 1):
        first, last = pick.choice(lists.first), pick.choice(lists.last)
        hired = datetime.date(2012, 1, 1) + datetime.timedelta(days=pick.randrange(5_000))
        manager = pick.randint(1, number - 1) if number > 1 else None
        mail = f"{first}.{last}{number}@tidewater.example".lower()
        salary = f"{pick.lognormvariate(11.2, 0.35):.2f}"
        yield (
            number,
            f"{first} {last}",
            mail,
            pick.choice(lists.titles),
            pick.choice(DEPARTMENTS),
            salary,
            hired,
            manager,
        )


def _tickets(lists: _Lists, customers: list[Row], count: int) -> Iterator[Row]:
    pick = lists.random
    for number in range(1, count + 1):
        person = dict(zip(CUSTOMERS, pick.choice(customers), strict=True))
        words = {"sentence": pick.choice(lists.sentences), "other": pick.choice(lists.sentences)}
        body = pick.choice(COMPLAINTS).format(**person, **words)
        status = pick.choice(("open", "waiting", "closed"))
        yield number, person["id"], _moment(pick), status, pick.choice(SUBJECTS), body


def _moment(pick: Random) -> datetime.datetime:
    return LAST_DAY - datetime.timedelta(seconds=pick.randrange(DAYS * 86_400))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _sql(name: str) -> str:
    return files("tidewaiter.demo").joinpath(name).read_text(encoding="utf-8")
