"""Administration: operations by name, and the channel through which a command reaches a running server."""
