"""What the trained model is: its size, its layers, what stays frozen, and whether it survives being saved."""

import numpy as np

from grader.checks import Conclusion, check, failed, passed
from grader.checks.runs import module_runs, no_run_is, nothing_trained
from grader.checks.trace import trace_of
from grader.evidence import Evidence, MissingRecord
from grader.model import Text, Vouched

_SAME = 1e-4


def parameters_between(evidence: Evidence, least: int, most: int, *, trainable: bool = False) -> Conclusion:
    """Conclude whether the last trained model has `least`..`most` parameters (or trainable ones); for a check of an assignment's own."""
    runs = module_runs(trace_of(evidence))
    if not runs:
        return nothing_trained()
    count = runs[-1].model.trainable if trainable else runs[-1].model.parameters
    expected = f"{least}..{most}" if least != most else str(least)
    if least <= count <= most:
        return passed(Text(ru=f"Параметров: {count}.", en=f"Parameters: {count}."), expected=expected, actual=str(count), vouched=Vouched.REPORTED)
    return failed(
        Text(ru=f"Параметров {count}, а нужно {expected}.", en=f"There are {count} parameters, {expected} were asked for."),
        hint=Text(ru="Пересчитайте слои: у Linear (вход + 1)·выход параметров, у Conv2d (вход·k·k + 1)·выход.", en="Count the layers again: Linear has (in + 1)·out parameters, Conv2d (in·k·k + 1)·out."),
        expected=expected,
        actual=str(count),
        vouched=Vouched.REPORTED,
    )


@check(ru="Все слои известны модели", en="The model knows all of its layers", of_training=True)
def layers_registered(evidence: Evidence) -> Conclusion:
    """No layer or parameter hides in a plain list, tuple, dictionary or attribute, where neither optimiser nor state_dict finds it."""
    return no_run_is(
        evidence,
        lambda _, run: ", ".join(run.model.hidden[:5]),
        right=Text(ru="Все слои зарегистрированы в модели.", en="Every layer is registered in the model."),
        complaint=Text(ru="Часть слоёв лежит в обычном списке или словаре, и модель о них не знает", en="Some layers lie in a plain list or dictionary, and the model does not know them"),
        hint=Text(ru="Храните слои в nn.ModuleList, nn.ModuleDict или nn.Sequential, а отдельные веса — в nn.Parameter.", en="Keep layers in nn.ModuleList, nn.ModuleDict or nn.Sequential, and single weights in nn.Parameter."),
        expected="nn.ModuleList",
    )


@check(ru="Замороженные слои не изменились", en="Frozen layers did not change", of_training=True)
def frozen_kept(evidence: Evidence) -> Conclusion:
    """At least one training has frozen parameters, and none of those changed. For labs of transfer learning."""
    runs = module_runs(trace_of(evidence))
    if not runs:
        return nothing_trained()
    frozen = [run for run in runs if run.model.frozen]
    changed = sorted({name for run in frozen for name in run.model.frozen_changed})
    if frozen and not changed:
        return passed(Text(ru="Замороженные параметры остались прежними.", en="The frozen parameters stayed as they were."), vouched=Vouched.REPORTED)
    if changed:
        what = Text(ru="Замороженные параметры изменились за время обучения.", en="Frozen parameters changed during the training.")
    else:
        what = Text(ru="Ни одно обучение не шло с замороженными параметрами.", en="No training had frozen parameters.")
    return failed(
        what,
        hint=Text(
            ru="До создания оптимизатора: parameter.requires_grad_(False) для всех слоёв основы; не пишите в их веса и не загружайте другие.",
            en="Before making the optimiser: parameter.requires_grad_(False) for every layer of the backbone; do not write into their weights or load others.",
        ),
        expected="requires_grad = False",
        actual=", ".join(changed[:5]) or "0",
        vouched=Vouched.REPORTED,
    )


@check(ru="Сохранённая модель даёт те же ответы", en="The saved model gives the same answers", of_training=True)
def saved_model_equal(evidence: Evidence) -> Conclusion:
    """The weights in the file the work saved give, on hidden inputs, the outputs of the model that training left (records `logits_saved`, `logits`)."""
    if not evidence.has("logits_saved"):
        if not evidence.has("logits_saved_error"):
            raise MissingRecord("logits_saved", evidence.execution)
        return failed(
            Text(ru="Сохранённые веса не удалось загрузить в модель.", en="The saved weights could not be loaded into the model."),
            hint=Text(ru="Сохраняйте state_dict: torch.save(model.state_dict(), 'model.pt').", en="Save the state_dict: torch.save(model.state_dict(), 'model.pt')."),
            expected="torch.save(model.state_dict(), ...)",
            actual=str(evidence.record("logits_saved_error"))[:300],
        )
    saved, live = (np.asarray(evidence.array(name), dtype=np.float64) for name in ("logits_saved", "logits"))
    if saved.size and saved.shape == live.shape and np.isfinite(saved).all() and np.abs(saved - live).max() <= _SAME * max(1.0, float(np.abs(live).max())):
        return passed(Text(ru="Загруженная модель повторяет ответы обученной.", en="The loaded model repeats the answers of the trained one."))
    alike = float((saved.argmax(axis=1) == live.argmax(axis=1)).mean()) if saved.size and saved.shape == live.shape and saved.ndim == 2 else 0.0
    return failed(
        Text(
            ru=f"В файле не та модель, которую оставило обучение: ответы совпали на {alike:.0%} скрытых примеров.",
            en=f"The file does not hold the model that training left: {alike:.0%} of the answers to hidden inputs agree.",
        ),
        hint=Text(ru="Сохраняйте модель после обучения и восстановления лучших весов, а не до.", en="Save the model after training and after the best weights were put back, not before."),
        expected="100 %",
        actual=f"{alike:.0%}",
    )
