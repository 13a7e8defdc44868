"""The kinds of question. A kind is one module here that has a ``KIND``; it is found by its presence, not by a list."""

from importlib import import_module
from pkgutil import iter_modules

from livevote.domain.kinds.base import Kind


def _find() -> dict[str, Kind]:
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    kinds: list[Kind] = [module.KIND for module in modules if hasattr(module, "KIND")]
    return {kind.name: kind for kind in kinds}


KINDS: dict[str, Kind] = _find()
