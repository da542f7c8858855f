"""The fixed words of the pages, from `grader/locale/*.po`. What checks say carries its own two languages and is not here."""

import io
from functools import lru_cache
from gettext import GNUTranslations
from importlib.resources import files

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from grader.model import Language


@lru_cache
def phrases(language: Language) -> GNUTranslations:
    """Return the catalogue of a language. The messages' ids are English, so the English catalogue translates nothing."""
    source = files("grader").joinpath("locale", f"{language}.po").read_bytes()
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(source), locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)
