"""A load generator that starts the real server and measures what its users would feel.

It stands beside the package because it must see the server as its clients do: over the wire, from another process.
"""
