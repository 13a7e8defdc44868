"""``python -m livevote.cli``."""

from livevote.cli import main

if __name__ == "__main__":
    main()
