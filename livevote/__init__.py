"""livevote: a self-hosted live voting server whose acknowledged votes are on disk, counted once and checkable."""

__version__ = "0.1.0"
