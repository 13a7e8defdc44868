"""The routes, and the application made from them."""

from typing import Any

import msgspec
from tornado.web import Application, RequestHandler, url

from livevote.keys import CODE_LENGTH
from livevote.web import api, code_api, log_api, openapi, page_handlers, picture_handlers, planning, rehearsing
from livevote.web.assets import SCRIPTS
from livevote.web.base import Access, Guarded
from livevote.web.services import Services
from livevote.web.socket import PageSocket

API: dict[str, type[api.ApiHandler]] = {
    "/api/rooms": api.Rooms,
    "/api/rooms/{code}": api.RoomState,
    "/api/rooms/{code}/board": api.BoardPosts,
    "/api/rooms/{code}/commands": api.Commands,
    "/api/rooms/{code}/exports/{name}": log_api.Exports,
    "/api/rooms/{code}/ballots.csv": log_api.Ballots,
    "/api/rooms/{code}/pictures": picture_handlers.RoomPictures,
    "/api/rooms/{code}/replay": log_api.RoomReplay,
    "/api/rooms/{code}/qr.svg": api.JoinQr,
    "/api/rooms/{code}/proof": log_api.Proof,
    "/api/rooms/{code}/codes": code_api.Codes,
    "/api/rooms/{code}/codes/{name}": code_api.CodeFiles,
    "/api/rooms/{code}/code": code_api.Code,
    "/api/rooms/{code}/host-session": api.HostSession,
    "/api/rooms/{code}/cohosts": api.Cohosts,
    "/api/rooms/from-file": planning.RoomFromFile,
    "/api/rooms/{code}/questions-from-file": planning.QuestionsFromFile,
    "/api/rooms/{code}/room.yaml": planning.RoomAsFile,
    "/api/rooms/{code}/questions.csv": planning.QuestionsAsSheet,
    "/api/rooms/{code}/duplicate": planning.Duplicates,
    "/api/rooms/{code}/delete": planning.Deletion,
    "/api/templates": planning.Templates,
    "/api/rooms/{code}/rehearsal": rehearsing.RoomRehearsal,
    "/api/operator-session": api.OperatorSession,
    "/api/metrics": api.Metrics,
    "/healthz": api.HealthCheck,
}
"""The HTTP API by path template."""

PAGES: dict[str, type[Guarded]] = {
    "/": page_handlers.VoterPage,
    "/host": page_handlers.HostPage,
    "/host/{code}": page_handlers.HostPage,
    "/check/{code}": page_handlers.CheckPage,
    "/replay/{code}": page_handlers.ReplayPage,
    "/wall/{code}": page_handlers.WallPage,
    "/assets/chart.js": page_handlers.Chart,
    "/assets/{script}.js": page_handlers.Script,
    "/pictures/{picture}.webp": picture_handlers.PictureFile,
    "/ws/{code}": PageSocket,
    "/{code}": page_handlers.VoterPage,
}
"""What browsers open."""

# Above what the protocol allows, so that a page which sends too much is closed with a code; Tornado itself would only
# hang up.
_MAX_FRAME_BYTES = 64 * 1024

_CODE = rf"(?P<code>[0-9A-Za-z]{{{CODE_LENGTH}}})"
_PICTURE = r"(?P<picture>[0-9a-f]{64})"
_SCRIPT = f"(?P<script>{'|'.join(SCRIPTS)})"
_NAME = r"(?P<name>[a-z]+\.[a-z]+)"


class OpenApi(api.ApiHandler):
    """The description of the API, with itself in it."""

    access = Access.ANYBODY
    operations = {"get": api.Operation(summary="This description", returns="application/json")}
    document: bytes = b""

    def initialize(self, services: Services, **kwargs: Any) -> None:
        super().initialize(services)
        self.document = kwargs["document"]

    async def get(self) -> None:
        self.send_json(self.document)


def described() -> dict[str, type[api.ApiHandler]]:
    """Every route of the API."""
    return {**API, "/api/openapi.json": OpenApi}


def make_app(services: Services) -> Application:
    """The application. Raises ``TypeError`` if a route does not say who may call it."""
    prefix = "__Host-livevote" if services.config.secure else "livevote"
    document = msgspec.json.encode(openapi.describe(described(), cookie_prefix=prefix))
    routes = []
    for template, handler in {**described(), **PAGES}.items():
        if not isinstance(getattr(handler, "access", None), Access):
            raise TypeError(f"{handler.__name__} does not declare who may call it: set 'access'")
        arguments: dict[str, Any] = {"services": services}
        if handler is OpenApi:
            arguments["document"] = document
        assert issubclass(handler, RequestHandler)
        pattern = template.replace(".", r"\.")
        for name, form in (("{code}", _CODE), ("{name}", _NAME), ("{picture}", _PICTURE), ("{script}", _SCRIPT)):
            pattern = pattern.replace(name, form)
        routes.append(url(pattern, handler, arguments))
    return Application(
        routes,
        default_handler_class=page_handlers.NotFound,
        default_handler_args={"services": services},
        cookie_secret=services.keyring.cookie_secret,
        secure=services.config.secure,
        websocket_max_message_size=_MAX_FRAME_BYTES,
        cross_origin_protection=True,
        log_function=_log_nothing,
    )


def _log_nothing(handler: RequestHandler) -> None:
    """No access log: it would hold addresses and help nobody. Faults are logged where they happen."""
