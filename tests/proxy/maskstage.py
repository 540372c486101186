"""What the tests of masking in a session stand on: the corpus's shop with masks by SQL and late ones."""

from __future__ import annotations

from types import MappingProxyType

from playstage import ADA, PATH, Stage, shop

from tidewaiter.config import Classification, Mask
from tidewaiter.model import PREMISES, Context, Secret
from tidewaiter.policy import Policies
from tidewaiter.proxy.masked import MaskingJudge
from tidewaiter.proxy.masks import Masking, Plan
from tidewaiter.proxy.pipeline import Ground, Judged
from tidewaiter.sql.facts import Scope
from tidewaiter.wire import postgres as pg

TAGS = {
    "email": Mask("token"),
    "ssn": Mask("partial", MappingProxyType({"keep_first": 0, "keep_last": 4, "char": "*"})),
    "vip": Mask("redact"),
}
CLASSIFICATION = Classification(TAGS, {"shop": {"public.customers": {"email": ("email",), "ssn": ("ssn", "vip")}}})
RULES = """
@id("all") permit (principal, action, resource) unless { principal in Group::"nobody" };
@id("masked") forbid (principal, action == Action::"unmask", resource);
"""
HERE = Context()


def policies(rules: str = RULES, classification: Classification = CLASSIFICATION) -> Policies:
    return Policies.parse({"test.cedar": rules}, ["shop"], classification=classification)


class Numbers:
    """Names that are new each time."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> str:
        self.made += 1
        return f"tw{self.made:06x}q"


def masking() -> Masking:
    return Masking("shop", "shop", Secret("key"), Numbers())


def ground(of: Policies | None = None) -> Ground:
    asked = of or policies()
    return Ground(
        ADA, "shop", False, asked, shop(), PATH, asked.tagged("shop"), strict=False, is_veiled=True, met=PREMISES
    )


def judge(of: Policies | None = None) -> MaskingJudge:
    return MaskingJudge(ground(of), masking())


def judged(text: bytes, by: MaskingJudge | None = None, codec: str = "utf-8") -> Judged:
    return (by or judge()).judge(text, Scope(PATH), HERE, is_private=False, codec=codec)


def plan(text: bytes, rules: str = RULES) -> Plan:
    found = judged(text, judge(policies(rules))).plan
    assert found is not None
    return found


def opened(name: bytes, text: bytes) -> bytes:
    """What goes to the server for a Parse: the planned text, and a Describe of the gateway's own."""
    return pg.parse(name, plan(text).text) + pg.describe("S", name)


def described(messages: bytes) -> bytes:
    """What goes to the server for messages with an Execute of the unnamed portal: it is described first."""
    return messages.replace(pg.execute(b""), pg.describe("P", b"") + pg.execute(b""))


def veiled_stage(rules: str = RULES) -> Stage:
    return Stage(policies(rules), masking=masking())
