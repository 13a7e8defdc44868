"""livevote as it treats a large log, with a small one: it serves first and checks beside it."""

from livevote import cli, server

server._CHECK_AT_ONCE_RECORDS = 0

if __name__ == "__main__":
    cli.main()
