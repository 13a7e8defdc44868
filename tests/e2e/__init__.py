"""The promises that only a real browser can check."""
