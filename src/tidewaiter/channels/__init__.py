"""Approval channels: each announces requests somewhere, keeps what it said up to date, and hands decisions to the desk.

A channel is a leaf: it decides nothing, and its outage stops neither the others nor the console and the shell.
"""
