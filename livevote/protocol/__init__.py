"""The wire: which messages exist, which codes they carry and how they become bytes. Pure, like the domain."""
