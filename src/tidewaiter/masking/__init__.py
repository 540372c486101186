"""Named masks: what replaces a tagged value, in SQL and in the bytes of an answer. Pure.

`forms` says which mask fits which column and how SQL writes it, `late` masks one field of an answer, `plan` whole
chunks of rows, `scrub` errors and notices, `spans` finds personal data in free text.
"""
