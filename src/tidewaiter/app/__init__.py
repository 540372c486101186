"""Composition root: configuration → running system. The only package that knows every concrete class.

`calling.call` runs an operation wherever the deployment is, `serving.run` is the server, `founding.found` makes a
folder. They are imported one by one, because a command that asks a running server needs none of its parts.
"""
