"""A score and a notebook as a real run of the first lab leaves them, for tests of what is made of scores."""

import base64
import io
import json
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from typing import Any

from PIL import Image

from grader.model import CriterionScore, Finding, Isolation, Json, Outcome, Score, Text, Verdict, View, Vouched

PASSED, FAILED = Outcome.PASSED, Outcome.FAILED
VARIANT: dict[str, Json] = {
    "rule": "iu5-2024", "classes": [39, 58, 23], "class_names_en": ["keyboard", "pickup_truck", "cloud"],
    "class_names_ru": ["клавиатура", "пикап", "облако"], "group": "ИУ5-24М", "number": 2, "stream": "IU5", "resolution": "",
}  # fmt: skip


VOID = {"meta", "img", "br", "hr", "path", "circle", "rect", "link", "input"}


class Outline(HTMLParser):
    """Reads a page strictly: every element is closed, and in order. `tags` are all of them with their attributes, `text` what is read."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def picture(kind: str = "PNG", size: tuple[int, int] = (60, 40)) -> str:
    """Return a small picture in base64."""
    stream = io.BytesIO()
    Image.new("RGB", size, (40, 90, 200)).save(stream, format=kind)
    return base64.b64encode(stream.getvalue()).decode()


def finding(check: str, ru: str, en: str, outcome: Outcome = PASSED, share: float | None = None, **more: Any) -> Finding:
    """Return a finding; what it says is a plain sentence unless `more` has one."""
    more.setdefault("rationale", Text(ru="Всё так, как просили.", en="As was asked."))
    return Finding(
        check=check, title=Text(ru=ru, en=en), outcome=outcome, share=float(outcome is PASSED) if share is None else share, **more
    )  # fmt: skip


def criterion(name: str, ru: str, en: str, points: float, earned: float, *findings: Finding) -> CriterionScore:
    """Return a scored row of the rubric."""
    return CriterionScore(id=name, title=Text(ru=ru, en=en), points=points, earned=earned, findings=findings)


def criteria() -> tuple[CriterionScore, ...]:
    """Return the rows of the first lab, with one of every outcome."""
    return (
        criterion("regression", "Часть 1: градиенты вручную", "Part 1: gradients by hand", 25, 12.5, finding(
            "part1_forward", "Прямой проход", "Forward pass", vouched=Vouched.MEASURED, expected="max |Δ| ≤ 1e-5", actual="2.4e-07",
        ), finding(
            "part1_backward", "Градиенты в backward", "Gradients in backward", FAILED,
            rationale=Text(ru="Градиент по весам первого слоя не совпадает с автоматическим.", en="The gradient of the first layer's weights differs from autograd's."),
            hint=Text(ru="Производная активации берётся от входа слоя: проверьте, на что умножается delta перед X.T @ delta.", en="The activation's derivative is taken at the layer's input: look at what delta is multiplied by before X.T @ delta."),
            expected="dW1: max |Δ| ≤ 1e-4 · |dW1|", actual="dW1: 0.83; db1: 2.1e-07; dW2: 1.9e-07; db2: 0",
        )),
        criterion("xor", "Часть 2: XOR", "Part 2: XOR", 20, 20, finding(
            "xor_solved", "Сеть решает XOR", "The network solves XOR", expected="≥ 0.95", actual="0.996",
        )),
        criterion("cifar", "Часть 3: классификация CIFAR-100", "Part 3: CIFAR-100 classification", 35, 28.4, finding(
            "hidden_accuracy", "Точность на скрытых изображениях", "Accuracy on hidden images", FAILED, 0.81,
            rationale=Text(ru="Точность 0,71 при опорной 0,80. Порог для этого варианта ещё не откалиброван.", en="Accuracy 0.71 where the reference reaches 0.80. Not calibrated for this variant."),
            hint=Text(ru="Попробуйте больше эпох и меньший шаг обучения; сравнивайте при равном числе шагов.", en="Try more epochs and a smaller learning rate; compare at equal numbers of steps."), expected="0.80", actual="0.71",
        )),
        criterion("study", "Исследование", "The study", 15, 0, finding(
            "study_runs", "Несколько обучений", "Several trainings", Outcome.ERRORED, vouched=Vouched.REPORTED,
            rationale=Text(ru="Проверка сломалась; это ошибка системы, а не ваша.", en="The check broke; this is our fault, not yours."),
        ), finding("table", "Итоговая таблица", "The final table", Outcome.SKIPPED, rationale=Text(ru="Ждёт проверки «Несколько обучений».", en="Waits for the check “Several trainings”."))),
        criterion("defence", "Защита", "Defence", 5, 0, finding(
            "defence", "Защита", "Defence", Outcome.PENDING, rationale=Text(ru="Оценивает преподаватель.", en="A person judges this."),
        )),
    )  # fmt: skip


def sample_score(**changes: Any) -> Score:
    """Return a score with one of everything; `changes` replace fields."""
    note = finding(
        "weights_unchanged", "Веса после обучения", "The weights after training", FAILED,
        rationale=Text(ru="После обучения ячейка 31 изменила веса модели. Измерена модель, которую оставило обучение.", en="After training, cell 31 changed the model's weights. The model that training left was measured."),
        hint=Text(ru="Перед отрисовкой весов сделайте копию: weight.detach().clone().", en="Copy the weights before drawing them: weight.detach().clone()."),
        actual="0.71 → 0.42",
    )  # fmt: skip
    facts: dict[str, Any] = {
        "assignment": "iu5_lab1", "title": Text(ru="Лабораторная работа № 1. Основы нейронных сетей", en="Lab 1. Foundations of neural networks"),
        "student": "s02", "name": "Петрова Анна Сергеевна", "variant": VARIANT, "submission": "sha256-" + "1a" * 32,
        "evidence": "sha256-" + "2b" * 32, "rubric": "sha256-" + "3c" * 32, "isolation": Isolation.FULL, "view": View.SEALED,
        "data": {"name": "cifar100", "digest": "4d" * 32}, "earned": 60.9,
        "points": 100.0, "verdict": Verdict.HELD, "criteria": criteria(), "notes": (note,), "execution": sample_execution(),
        "environment": {"python": "3.11.2", "torch": "2.6.0", "numpy": "2.1.0", "threads": "1"},
    }  # fmt: skip
    return Score(**{**facts, **changes})


def sample_execution() -> dict[str, Json]:
    """Return what a score keeps of a run in which one cell failed and another followed."""
    cells: list[Json] = [
        {"index": 1, "status": "ok", "error": "", "follows": False, "cpu_s": 0.4},
        {"index": 2, "status": "error", "error": "ModuleNotFoundError: No module named 'seaborn'", "follows": False, "cpu_s": 0.1},
        {"index": 3, "status": "error", "error": "NameError: name 'CLASSES' is not defined", "follows": True, "cpu_s": 0.0},
        {"index": 4, "status": "not_run", "error": "", "follows": False, "cpu_s": 0.0},
    ]
    limits: dict[str, Json] = {
        "cpu_s": 600, "wall_s": 1800, "cell_cpu_s": 300, "memory_mb": 4096, "processes": 256, "disk_mb": 512, "output_mb": 64,
    }  # fmt: skip
    return {
        "exit_reason": "raised", "message": "", "isolation": "full", "start": "cold", "seed": 1234567, "device": "cpu", "cpu_s": 81.4,
        "wall_s": 90.2, "peak_mb": 812.0, "cells": cells, "limits": limits,
    }  # fmt: skip


def code(source: str, *outputs: Mapping[str, object]) -> dict[str, object]:
    """Return a code cell with these outputs."""
    return {"cell_type": "code", "source": source, "outputs": list(outputs), "metadata": {}, "execution_count": 1}


def markdown(source: str, **more: object) -> dict[str, object]:
    """Return a markdown cell."""
    return {"cell_type": "markdown", "source": source, "metadata": {}, **more}


def printed(text: str, name: str = "stdout") -> dict[str, object]:
    """Return the output of a print."""
    return {"output_type": "stream", "name": name, "text": text}


def displayed(**data: object) -> dict[str, object]:
    """Return a displayed value; `image_png` stands for the kind image/png."""
    return {"output_type": "display_data", "metadata": {}, "data": {kind.replace("_", "/", 1): value for kind, value in data.items()}}


def notebook(cells: Sequence[Mapping[str, object]]) -> str:
    """Return an executed notebook as JSON text."""
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)})


def sample_notebook() -> str:
    """Return a notebook with a bit of everything, whose cells end as `sample_execution` says."""
    trace = [
        "\x1b[0;31m---------------------------------------------------------------------------\x1b[0m",
        "\x1b[0;31mModuleNotFoundError\x1b[0m                       Traceback (most recent call last)",
        "Cell \x1b[0;32mIn[2], line 1\x1b[0m\n\x1b[0;32m----> 1\x1b[0m \x1b[38;5;28;01mimport\x1b[39;00m\x1b[43m \x1b[49m\x1b[34mseaborn\x1b[39m",
        "\x1b[0;31mModuleNotFoundError\x1b[0m: No module named 'seaborn'",
    ]
    return notebook([
        markdown("# Часть 1\nФункция потерь: $L = \\frac{1}{n}\\sum_i (y_i - \\hat y_i)^2$\n\n| слой | размер |\n|---|---|\n| 1 | 64 |\n\nСм. [PyTorch](https://pytorch.org/docs)."),
        code("# Обучение\nfor epoch in range(3):\n    print(f'эпоха {epoch}')", printed("эпоха 0\nэпоха 1\n"), printed("эпоха 2\n"), displayed(image_png=picture(), text_plain="<Figure>")),
        code("import seaborn", {"output_type": "error", "ename": "ModuleNotFoundError", "evalue": "No module named 'seaborn'", "traceback": trace}),
        code("CLASSES", {"output_type": "error", "ename": "NameError", "evalue": "name 'CLASSES' is not defined", "traceback": ["NameError: name 'CLASSES' is not defined"]}),
        code("model(x)"),
    ])  # fmt: skip
