"""livevote with the promise broken on purpose: it does not wait for the disk, as SQLite's usual advice for WAL has it.

A power cut must lose what was acknowledged; a rig that does not see that is blind.
"""

from livevote import cli
from livevote.log import sqlite

sqlite._PRAGMAS["synchronous"] = 1

if __name__ == "__main__":
    cli.main()
