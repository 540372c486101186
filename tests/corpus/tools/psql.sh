#!/bin/sh
# Sends the statements of a file with psql, each in a Query of its own; one that fails is not the end of the others.
exec psql -XqAt -v ON_ERROR_STOP=0 -o /dev/null -f "$1"
