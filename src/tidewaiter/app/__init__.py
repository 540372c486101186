"""Composition root: configuration → running system. The only package that knows every concrete class."""
