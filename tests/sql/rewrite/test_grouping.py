from __future__ import annotations

from rewritekit import sent

JOIN = "from customers c join orders o on o.customer_id = c.id"


def test_columns_that_follow_from_the_grouped_key_are_grouped_too() -> None:
    assert sent(f"select c.id, c.ssn, sum(o.total) {JOIN} group by c.id").endswith("GROUP BY c.id, c.ssn")
    assert sent(f"select c.name, c.id, sum(o.total) {JOIN} group by 2 order by c.ssn").count("c.ssn") == 2


def test_other_groupings_stay() -> None:
    assert sent(f"select c.name, sum(o.total) {JOIN} group by c.name").endswith("GROUP BY c.name")
    assert sent("select status, count(*) from orders group by status").endswith("GROUP BY status")
