"""Nothing that a student writes, prints, draws or is called can act on the page or hide on it."""

import base64
import io
import json
import re
import struct
import time
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from grader.model import ExitReason, Language, Outcome, Text, Verdict
from grader.report import IndexRow, render_index, render_report
from grader.report.markdown import render_markdown
from grader.report.notebook import show_notebook
from grader.report.pictures import read_picture
from grader.report.visible import overwritten, passage, plain, terminal, visible
from tests.report_samples import (
    Outline,
    code,
    criterion,
    displayed,
    finding,
    markdown,
    notebook,
    picture,
    printed,
    sample_execution,
    sample_score,
)

PAYLOADS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</pre></style></title><svg onload=alert(1)>",
    "<!-- --><iframe srcdoc='<script>1</script>'>",
    "{{7*7}}{% for x in y %}{{ ''.__class__.__mro__ }}",
    "%(num)s %s {0}",
    "[x](javascript:alert(1)) [y](JaVaScRiPt&#58;alert(1)) <javascript:alert(1)>",
    "[z](data:text/html;base64,PHNjcmlwdD4=) ![p](https://tracker.example/a.png) ![q](data:image/svg+xml;base64,PHN2Zz4=)",
    "[r]: javascript:alert(1)\n[r][r] [a](https://e.example/\"onclick=\"alert(1)) [b](<https://e.example/' onclick='x>)",
    "<https://e.example/<script>> `<script>` $<script>$ $$<img onerror=x>$$",
    '```html" onclick="x\n<script>\n```\n<div onclick=x>\n\n<details open ontoggle=x>',
    "| <script> | `</table>` |\n|:--|--:|\n| <b onclick=x> | [k](vbscript:x) |",
    '\x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07 \x1b[31"><script>m \x1b[38;5;1m<b>\x1b[0m',
]  # fmt: skip
ALLOWED_TAGS = {
    "html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section", "article", "h1", "h2", "h3", "h4", "h5", "h6",
    "figure", "figcaption", "p", "div", "span", "a", "strong", "em", "del", "code", "pre", "ol", "ul", "li", "dl", "dt", "dd", "table", "caption", "thead", "tbody", "tfoot",
    "tr", "th", "td", "details", "summary", "blockquote", "br", "hr", "img", "svg", "circle", "path", "rect",
}  # fmt: skip


def assert_harmless(page: str) -> Outline:
    outline = Outline(page)
    for tag, attributes in outline.tags:
        assert tag in ALLOWED_TAGS
        assert not [name for name in attributes if name.startswith("on") or name in {"srcdoc", "formaction", "srcset", "xlink:href"}]
        if "href" in attributes:
            assert re.match(r"#|\./|https?://|mailto:", str(attributes["href"]))
        if "src" in attributes:
            assert re.fullmatch(r"data:image/(png|jpeg);base64,[A-Za-z0-9+/=]+", str(attributes["src"]))
        if "style" in attributes:
            assert re.fullmatch(r"text-align:(left|right|center);?", str(attributes["style"]))
    assert len(outline.named("style")) == 1
    assert "\x00" not in page
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b-\u200c]", page)
    return outline


def page_of(payload: str, language: Language = "en") -> str:
    """Return a report in which every text that a student can reach is `payload`."""
    text = Text(ru=payload, en=payload)
    said = finding("x", payload, payload, Outcome.FAILED, rationale=text, hint=text, expected=payload, actual=payload)
    variant = {"classes": [1], "class_names_en": [payload], "class_names_ru": [payload], "group": payload, "number": payload}
    cells = [{"index": index, "status": "error", "error": payload, "cpu_s": 0.0} for index in range(3)]
    score = sample_score(
        student=payload, name=payload, title=text, variant=variant, submission=payload, notes=(said,), environment={payload: payload},
        criteria=(criterion("c", payload, payload, 10, 3, said),),
        execution={**sample_execution(), "message": payload, "exit_reason": payload, "device": payload, "cells": cells},
    )  # fmt: skip
    kinds = ("text/html", "image/svg+xml", "application/javascript", "text/latex", "text/markdown", "application/x-odd", payload)
    outputs: list[dict[str, object]] = [
        printed(payload), printed(payload, "stderr"), {"output_type": "error", "ename": payload, "evalue": payload, "traceback": [payload]},
        {"output_type": "error", "ename": payload, "evalue": payload}, {"output_type": payload},
        displayed(image_png=payload, text_plain=payload), displayed(image_jpeg=picture(), text_html=payload),
    ]  # fmt: skip
    outputs.extend({"output_type": "display_data", "data": {kind: payload}} for kind in kinds)
    attached = {payload: {"image/png": picture(), payload: payload}}
    cells_shown: list[dict[str, object]] = [code(payload, *outputs), markdown(payload, attachments=attached), {"cell_type": payload, "source": payload}]
    return render_report(score, notebook(cells_shown), language)


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("language", ["ru", "en"])
def test_a_payload_anywhere_in_a_report_is_only_text(payload: str, language: Language) -> None:
    assert_harmless(page_of(payload, language))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_payload_anywhere_in_the_index_is_only_text(payload: str) -> None:
    row = IndexRow(
        student=payload, name=payload, group=payload, classes=(payload,), earned=1.0, points=2.0, verdict=Verdict.HELD,
        first_problem=Text(ru=payload, en=payload), report=payload, criteria=(criterion("c", payload, payload, 2, 1, finding("x", "x", "x")),),
    )  # fmt: skip
    assert_harmless(render_index([row], payload, "ru"))


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.one_of(st.sampled_from("<>&\"'`*_[](){}|#!$~\\\n\t -=:;/\x1b\x00\r\u202e"), st.characters()), max_size=200))
def test_any_text_at_all_is_only_text(payload: str) -> None:
    assert_harmless(page_of(payload))


def test_template_syntax_is_shown_and_not_computed() -> None:
    page = page_of("{{7*7}}")
    assert "{{7*7}}" in page
    assert "49" not in page[page.index("<body>") :]


def test_reading_direction_and_other_invisible_characters_are_made_visible() -> None:
    assert visible("a\u202eb\u2066c\u200bd\x00e\x07f\x7fg\ud800h\u2028i\U000e0041") == "a⟨U+202E⟩b⟨U+2066⟩c⟨U+200B⟩d␀e␇f␡g⟨U+D800⟩h⟨U+2028⟩i⟨U+E0041⟩"
    assert visible("плюс\tминус\nё é 👩\u200d💻\u00a0") == "плюс\tминус\nё é 👩\u200d💻\u00a0"


def test_invisible_characters_hide_nowhere_on_the_page() -> None:
    page = page_of("x\u202e\u200b\x00\ud800y &#x202e; &#8238; &rlm;")
    assert_harmless(page)
    page.encode("utf-8")
    assert "x⟨U+202E⟩⟨U+200B⟩␀⟨U+D800⟩y" in page


def test_terminal_colours_become_classes_and_other_commands_nothing() -> None:
    assert terminal("\x1b[1;31mred\x1b[0m \x1b[92;44mgreen\x1b[39;49m plain") == (
        '<span class="t-b t-f1">red</span> <span class="t-f2 t-g4">green</span> plain'
    )
    assert terminal("\x1b[38;5;196mr\x1b[38;2;10;200;30mg\x1b[38;5;240mgrey\x1b[3;4mi\x1b[23;24mp") == (
        '<span class="t-f1">r</span><span class="t-f2">g</span>grey<span class="t-i t-u">i</span>p'
    )
    assert terminal("\x1b[2J\x1b[10;5H\x1b]0;title\x07a<b") == "a&lt;b"


def test_a_broken_terminal_command_is_shown_and_swallows_nothing() -> None:
    assert terminal("\x1b]8;;no end <i>") == "␛]8;;no end &lt;i&gt;"
    assert terminal("\x1b[31") == "␛[31"
    assert terminal("\x1b[" + "9" * 5000 + "mtext") == "text"
    assert terminal("\x1b[38m\x1b[48;2mtext") == "text"


def test_a_long_text_keeps_its_beginning_and_its_end() -> None:
    text = "".join(f"line {number}\n" for number in range(10_000))
    shown = passage(text, plain, characters=1000, lines=400)
    assert shown.head.startswith("line 0\nline 1\n")
    assert shown.tail.endswith("line 9999")
    assert len(shown.head) + shown.left_out + len(shown.tail) == len(text) - 1
    few_lines = passage(text, plain, characters=10**6, lines=40)
    assert (few_lines.head.count("\n"), few_lines.tail.count("\n")) == (29, 9)


def test_a_text_that_fits_is_not_cut() -> None:
    shown = passage("a\n" * 10, plain, characters=20, lines=10)
    assert (shown.left_out, shown.tail) == (0, "")


def test_nothing_is_shown_when_nothing_more_fits() -> None:
    shown = passage("abc", plain, characters=0, lines=10)
    assert (shown.head, shown.left_out, shown.tail) == ("", 3, "")


def test_huge_outputs_are_cut_and_the_cut_is_said() -> None:
    page = render_report(sample_score(), notebook([code("x", printed("y" * 3_000_000))]), "ru")
    assert len(page) < 100_000
    assert re.search(r"… пропущено 2984000 символов …", page)


def test_many_huge_cells_cannot_make_a_huge_page() -> None:
    cell = code("s = 1\n" * 3000, *(printed("z" * 500, name) for name in ("stdout", "stderr") * 40))
    started = time.monotonic()
    page = render_report(sample_score(), notebook([cell] * 1100), "en")
    assert len(page) < 8_000_000
    assert "100 more cells are not shown" in page
    assert "20 more outputs are not shown" in page
    assert time.monotonic() - started < 60


@pytest.mark.parametrize("unit", ["[", "![](", "*a **b", ">", "`a", "$a", "|a", "- ", "<a ", "~~a", "\\", "&#", "[x]: ", "_*"])
def test_markdown_made_to_be_slow_is_not(unit: str) -> None:
    started = time.monotonic()
    render_markdown(unit * (20_000 // len(unit)), {})
    assert time.monotonic() - started < 5


def test_links_lead_to_the_web_and_to_mail_only() -> None:
    shown = render_markdown("[a](https://e.example/?q=1&r=2) [m](mailto:a@e.example) [f](file:///etc/passwd) [l](other.html) [h](#x)", {})
    assert re.findall('href="(.*?)"', shown) == ["https://e.example/?q=1&amp;r=2", "mailto:a@e.example"]
    assert "file:///etc/passwd" in shown


def test_pictures_in_text_are_shown_when_they_came_with_it() -> None:
    data_uri = f"![plot](data:image/png;base64,{picture()})"
    cells = [markdown(data_uri + " ![own](attachment:a%20b.png) ![far](https://e.example/x.png)", attachments={"a b.png": {"image/png": picture("PNG", (7, 5))}})]
    outline = assert_harmless(render_report(sample_score(), notebook(cells), "en"))
    assert [(image["alt"], image["width"]) for image in outline.named("img")] == [("plot", "60"), ("own", "7")]


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_real_picture_is_shown_as_it_is(kind: str) -> None:
    found = read_picture("\n".join(re.findall(".{1,76}", picture(kind))), "image/png" if kind == "PNG" else "image/jpeg")
    assert found
    assert (found.width, found.height) == (60, 40)
    assert base64.b64decode(found.uri.split(",")[1]) == base64.b64decode(picture(kind))


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, *more: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")


def animation() -> bytes:
    stream = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in (0, 200)]
    frames[0].save(stream, format="PNG", save_all=True, append_images=frames[1:])
    return stream.getvalue()


WHOLE = base64.b64decode(picture())
HOSTILE = {
    "not base64": b"", "empty": b"", "html": b"<html><script>", "svg": b"<svg onload=x>", "cut short": WHOLE[:40],
    "one bit changed": WHOLE[:45] + bytes([WHOLE[45] ^ 1]) + WHOLE[46:], "a bomb of pixels": png(60_000, 60_000),
    "a long strip": png(100_000, 1), "no pixels": png(0, 10), "a bomb of text": png(4, 4, chunk(b"zTXt", b"k\0\0" + zlib.compress(b"a" * 80_000_000))),
    "a JPEG called PNG": base64.b64decode(picture("JPEG")), "moving": animation(), "too many bytes": png(4, 4, chunk(b"prIv", b"x" * 5_000_000)),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_not_a_decent_picture_is_not_shown(name: str) -> None:
    encoded = "!not base64!" if name == "not base64" else base64.b64encode(HOSTILE[name]).decode()
    assert read_picture(encoded, "image/png") is None
    page = render_report(sample_score(), notebook([code("x", displayed(image_png=encoded, text_plain="<Figure>"))]), "en")
    assert "A picture is not shown" in page
    assert "&lt;Figure&gt;" in page
    assert "<img" not in page


def test_a_jpeg_that_breaks_off_is_not_shown() -> None:
    whole = base64.b64decode(picture("JPEG", (400, 300)))
    assert read_picture(base64.b64encode(whole[: len(whole) // 2]).decode(), "image/jpeg") is None


def test_a_jpeg_of_very_many_scans_is_not_decoded() -> None:
    stream = io.BytesIO()
    Image.new("L", (1024, 1024), 128).save(stream, "JPEG", progressive=True, quality=50)
    whole = stream.getvalue()
    last = whole.rindex(b"\xff\xda")
    assert read_picture(base64.b64encode(whole).decode(), "image/jpeg") is not None
    again = whole[:-2] + whole[last:-2] * 1000 + whole[-2:]
    assert read_picture(base64.b64encode(again).decode(), "image/jpeg") is None


@pytest.mark.timeout(120)
@pytest.mark.parametrize("source", ["a." * 9990, "case" + " " * 19_900 + "x", ("  " * 22 + "\n") * 447, "\n" * 7000 + "x"], ids=["dots", "case", "spaces", "lines"])
def test_code_made_to_be_slow_for_a_lexer_gets_no_colours(source: str) -> None:
    shown = show_notebook(notebook([code(source)] * 60 + [code("for x in y: pass")]), {})
    assert len(shown.cells) == 61
    assert "<span" not in str(shown.cells[-2].body.head)


def test_usual_code_has_colours() -> None:
    usual = show_notebook(notebook([code("for x in range(3):\n    print(x)\n" * 40)]), {})
    assert "<span" in str(usual.cells[0].body.head)


def test_html_of_a_data_frame_gives_way_to_its_text() -> None:
    page = render_report(sample_score(), notebook([code("df", displayed(text_html="<table><tr><td>1</td></tr></table>", text_plain="   a\n0  1"))]), "en")
    assert "   a\n0  1</pre>" in page
    assert "&lt;table&gt;" not in page


def test_a_carriage_return_cannot_hide_text_that_a_terminal_would_show() -> None:
    assert overwritten("abc\r\ndef\r") == "abc\ndef"
    assert overwritten("one\rtwo\nthree") == "two\nthree"


def test_an_unknown_way_to_end_is_shown_as_it_is_and_every_known_one_has_words() -> None:
    for reason in ExitReason:
        page = render_report(sample_score(execution={**sample_execution(), "exit_reason": str(reason)}), notebook([]), "en")
        assert f"<dd>{reason}</dd>" not in page


def test_deeply_nested_text_does_not_break_the_report() -> None:
    nested = "".join("> " * depth + "- a\n" for depth in range(100))
    deep = json.dumps({"nbformat": 4, "cells": [markdown(nested), code("x", displayed(application_json=[[[[1]]]]))]})
    assert_harmless(render_report(sample_score(), deep, "en"))
