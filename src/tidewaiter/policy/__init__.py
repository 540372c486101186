"""Cedar policies: (principal, facts, context) → verdict. Pure: texts in, values out.

The vocabulary is `schema.cedarschema` beside this file; a policy that does not validate against it is refused.
"""

from __future__ import annotations

from tidewaiter.policy.names import entity_id, quote_ident
from tidewaiter.policy.policies import MaskedColumns, Policies
from tidewaiter.policy.rules import DEFAULT_DENY, POLICY_ERROR, SCHEMA_TEXT
from tidewaiter.policy.verdicts import Explanation, Question

__all__ = [
    "DEFAULT_DENY",
    "POLICY_ERROR",
    "SCHEMA_TEXT",
    "Explanation",
    "MaskedColumns",
    "Policies",
    "Question",
    "entity_id",
    "quote_ident",
]
