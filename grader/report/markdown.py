"""Markdown cells as markup: no raw HTML, no pictures from elsewhere, links only to the web and to mail."""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import unquote

import mistune
from markupsafe import Markup, escape

from grader.report.pictures import Picture
from grader.report.visible import visible

_ALLOWED_LINK = re.compile(r"(?:https?://|mailto:)[^\s<>\"'`\\]+", re.IGNORECASE)
_ATTACHMENT = "attachment:"
_DEEPEST_HEADING = 6
_OWN_HEADINGS = 2  # the page's title and the section's; a cell's headings come below them


def render_markdown(source: str, pictures: Mapping[str, Picture]) -> Markup:
    """Return the markup of a cell's text; `pictures` are those that `attachment:<name>` may show."""
    renderer = _Renderer(pictures)
    render = mistune.create_markdown(renderer=renderer, plugins=["table", "strikethrough", "math"])
    # Registered after the plugin, whose own renderers speak to MathJax.
    renderer.register("inline_math", partial(_math, "span", "$"))
    renderer.register("block_math", partial(_math, "div", "$$"))
    html = render(visible(source))
    return Markup(visible(str(html)))  # noqa: S704 - made by a renderer that escapes everything it is given


class _Renderer(mistune.HTMLRenderer):
    def __init__(self, pictures: Mapping[str, Picture]) -> None:
        super().__init__(escape=True)
        self._pictures = pictures

    def link(self, text: str, url: str, title: str | None = None) -> str:
        """Return a link to the web or to mail; any other address is shown as text. `text` is markup already."""
        del title
        if _ALLOWED_LINK.fullmatch(url):
            return f'<a href="{escape(url)}" rel="noopener noreferrer nofollow">{text}</a>'
        return _unlinked(Markup(text), url)  # noqa: S704 - the renderer's own output

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """Return a picture that came with the cell; one from elsewhere is shown as its text and address."""
        del title
        alternative = Markup(text).striptags()  # noqa: S704 - the renderer's own output, turned back into text
        picture = self._pictures.get(unquote(url.removeprefix(_ATTACHMENT))) if url.startswith(_ATTACHMENT) else None
        if picture is None:
            return _unlinked(escape(alternative), url)
        return f'<img src="{picture.uri}" width="{picture.width}" height="{picture.height}" alt="{escape(alternative)}">'

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        """Return a heading below those of the page."""
        del attrs
        below = min(level + _OWN_HEADINGS, _DEEPEST_HEADING)
        return f'<h{below} class="h{level}">{text}</h{below}>\n'

    def block_code(self, code: str, info: str | None = None) -> str:
        """Return a block of code without the language's name, which nothing on the page uses."""
        del info
        return f"<pre>{escape(code)}</pre>\n"


def _math(tag: str, fence: str, renderer: mistune.HTMLRenderer, text: str) -> str:
    """Return a formula as it was typed: reading it needs no script."""
    del renderer
    return f'<{tag} class="math">{fence}{escape(text)}{fence}</{tag}>'


def _unlinked(text: Markup, url: str) -> str:
    return Markup('<span class="unlinked">{} <code>{}</code></span>').format(text, url)
