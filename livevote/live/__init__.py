"""The running rooms: one writer, the rooms by code, and the fan-out to whoever is connected. asyncio, no Tornado."""
