"""The OpenAPI document, made from the routes and the message types, so that it cannot say anything else."""

from http import HTTPStatus
from typing import Any

import msgspec

from livevote import __version__
from livevote.web.api import ApiHandler, Failed, Operation
from livevote.web.base import Access

_SECURITY: dict[Access, list[dict[str, list[str]]]] = {
    Access.ANYBODY: [],
    Access.VOTER: [{"voterCookie": []}],
    Access.HOST: [{"bearer": []}, {"hostCookie": []}],
    Access.OWN_HOST: [{"bearer": []}, {"hostCookie": []}],
    Access.PUBLISHED: [{}, {"bearer": []}, {"hostCookie": []}],
    Access.HOST_TOKEN: [{"bearer": []}],
    Access.OPERATOR: [{"bearer": []}, {"operatorCookie": []}],
    Access.OPERATOR_KEY: [{"bearer": []}],
}


def describe(routes: dict[str, type[ApiHandler]], *, cookie_prefix: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of ``routes``: handler by path template such as ``/api/rooms/{code}``."""
    operations = [operation for handler in routes.values() for operation in handler.operations.values()]
    types = [type_ for each in operations for type_ in (each.body, each.returns) if _is_type(type_)] + [Failed]
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    by_type = {id(type_): schema for type_, schema in zip(types, schemas, strict=True)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "livevote", "version": __version__, "description": "Everything that a host can do."},
        "paths": {
            path: {
                method: _operation(path, handler.access, operation, by_type)
                for method, operation in handler.operations.items()
            }
            for path, handler in routes.items()
        },
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The operator key, or the host token of the room.",
                },
                "voterCookie": {"type": "apiKey", "in": "cookie", "name": f"{cookie_prefix}.*"},
                "hostCookie": {"type": "apiKey", "in": "cookie", "name": f"{cookie_prefix}-host"},
                "operatorCookie": {"type": "apiKey", "in": "cookie", "name": f"{cookie_prefix}-operator"},
            },
        },
    }


def _is_type(type_: Any) -> bool:
    return type_ is not None and not isinstance(type_, str | tuple)


def _operation(path: str, access: Access, operation: Operation, schemas: dict[int, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "summary": operation.summary,
        "description": f"For {access.value}.",
        "security": _SECURITY[access],
        "responses": {
            str(operation.status): _response(operation, schemas),
            "default": {"description": "Refused.", "content": _json(schemas[id(Failed)])},
        },
    }
    if operation.none:
        described["responses"]["204"] = {"description": operation.none}
    if parameters := _parameters(path, operation):
        described["parameters"] = parameters
    if operation.body is not None:
        content = {operation.body: {}} if isinstance(operation.body, str) else _json(schemas[id(operation.body)])
        described["requestBody"] = {"required": True, "content": content}
    return described


def _parameters(path: str, operation: Operation) -> list[dict[str, Any]]:
    schemas: dict[str, dict[str, Any]] = {
        "code": {"type": "string", "pattern": "^[0-9A-Za-z]{6}$"},
        "name": {"type": "string", "enum": list(operation.names)},
    }
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": schema}
        for name, schema in schemas.items()
        if f"{{{name}}}" in path
    ]
    in_query = [
        {"name": name, "in": "query", "required": parameter.required, "schema": dict(parameter.schema)}
        for name, parameter in operation.query.items()
    ]
    return in_path + in_query


def _response(operation: Operation, schemas: dict[int, Any]) -> dict[str, Any]:
    response: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    if isinstance(operation.returns, str | tuple):
        media_types = (operation.returns,) if isinstance(operation.returns, str) else operation.returns
        response["content"] = {media_type: {"schema": {"type": "string"}} for media_type in media_types}
    elif operation.returns is not None:
        response["content"] = _json(schemas[id(operation.returns)])
    return response


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
