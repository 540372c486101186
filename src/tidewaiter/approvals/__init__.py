"""Requests for approval: a pure desk that decides what a vote does, and a book that keeps requests in the store."""
