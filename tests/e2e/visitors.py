"""Browsers with ears: whatever a page complains about in its console fails the test, unless the test expects it."""

import re
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, WebError

PATIENCE_MS = 20_000

CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

SERVER_IS_DOWN = r"WebSocket connection to .* failed|net::ERR_CONNECTION_(REFUSED|RESET)"
TOO_EARLY = r"status of 503 .*/proof"
IMPATIENT = """
const timeout = window.setTimeout;
window.setTimeout = (work, ms, ...rest) => timeout(work, work.name === "askAll" ? Math.min(ms, 1200) : ms, ...rest);
"""
"""Phones ask for their proofs over many seconds, so that they do not ask at once. A test need not wait for that."""

OFFLINE = r"WebSocket connection to .* failed|net::ERR_INTERNET_DISCONNECTED"


class Visitors:
    """The people of one test: each one is a browser context, with cookies and storage of its own."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        # A page that is loaded again at once asks for its ballot's proof before the second is over that signs it.
        self._expected = [TOO_EARLY]
        self._complaints: list[str] = []

    def enter(self, **options: Any) -> BrowserContext:
        """A browser that was never here before. The options are those of Playwright's contexts."""
        return self.watch(self._browser.new_context(**options))

    def watch(self, context: BrowserContext) -> BrowserContext:
        """Listen to a context, and close it at the end."""
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(IMPATIENT)
        context.on("console", self._hear)
        context.on("weberror", self._fail)
        self._contexts.append(context)
        return context

    def expect_complaints(self, pattern: str) -> None:
        """Console errors and warnings that match belong to this test."""
        self._expected.append(pattern)

    def _hear(self, message: ConsoleMessage) -> None:
        # Violations of the security policy are errors of the console, too.
        if message.type in ("error", "warning", "assert"):
            self._complaints.append(f"{message.type}: {message.text} ({message.location.get('url')})")

    def _fail(self, error: WebError) -> None:
        self._complaints.append(f"uncaught: {error.error}")

    def leave(self) -> list[str]:
        """Close every browser; what their pages complained about that nobody expected."""
        for context in self._contexts:
            context.close()
        return [
            complaint
            for complaint in self._complaints
            if not any(re.search(pattern, complaint) for pattern in self._expected)
        ]
