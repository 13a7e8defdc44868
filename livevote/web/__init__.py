"""The Tornado side: routes, cookies, pages and sockets, each a thin adapter to the live rooms."""
