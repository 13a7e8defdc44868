"""The evening once more: what a room's log shows at every moment, for a page and for a terminal."""
