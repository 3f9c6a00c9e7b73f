"""The command line, a module for each thing that people speak of. Nothing heavy is imported before a verb needs it.

`priyom --help` must not wait for a database driver, nor a verb for what it does not use.
Exit codes: 0 done; 1 the answer is no; 2 used wrongly, misconfigured or not reached.
"""

from ingest.cli.program import command, main

__all__ = ["command", "main"]
