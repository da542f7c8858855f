"""What is said of weights that were handed in, in both languages. Sentences only; `{blanks}` are filled by handed_in.py."""

from collections.abc import Mapping

from grader.model import Text

LOADED = Text(ru="Сданные веса", en="The weights handed in")
SAME = Text(ru="Сданные веса и код тетради", en="The weights and the notebook's code")

# fmt: off
PROBLEMS: Mapping[str, Text] = {
    # Why there is nothing to measure.
    "none": Text(ru="Рядом с тетрадью нет файла весов.", en="There is no file of weights beside the notebook."),
    "interrupted": Text(ru="До загрузки весов не дошло: {detail}.", en="The weights were never loaded: {detail}."),
    "empty": Text(ru="Файл весов «{file}» пуст.", en="The file of weights “{file}” is empty."),
    "html": Text(ru="В файле «{file}» не веса, а веб-страница: по ссылке скачалась страница входа или предпросмотра.", en="“{file}” holds a web page, not weights: the link led to a sign-in or preview page."),
    "pointer": Text(ru="В файле «{file}» не веса, а указатель Git LFS на них.", en="“{file}” holds not the weights but a Git LFS pointer to them."),
    "foreign": Text(ru="В файле «{file}» не веса PyTorch, а {detail}.", en="“{file}” holds no PyTorch weights but {detail}."),
    "script": Text(ru="В файле «{file}» модель TorchScript, а не веса.", en="“{file}” holds a TorchScript model, not weights."),
    "damaged": Text(ru="Файл весов «{file}» повреждён или записан не до конца.", en="The file of weights “{file}” is damaged or breaks off."),
    "bomb": Text(ru="Файл весов «{file}» после распаковки занял бы слишком много памяти ({detail}) и не открывался.", en="Unpacked, the file of weights “{file}” would take too much memory ({detail}); it was not opened."),
    "hostile": Text(ru="Файл «{file}» при загрузке выполнил бы {detail}: это не веса, он не открывался.", en="Loading “{file}” would run {detail}: these are no weights, and it was not opened."),
    "no_tensors": Text(ru="В файле «{file}» нет весов: в нём лежит {detail}.", en="“{file}” holds no weights: what it holds is {detail}."),
    "class_missing": Text(ru="В файле «{file}» модель сохранена целиком, а её класса в тетради нет ({detail}).", en="“{file}” holds a whole model whose class the notebook does not define ({detail})."),
    "onnx_missing": Text(ru="«{file}» — модель ONNX, а библиотеки для неё (onnxruntime) здесь нет.", en="“{file}” is an ONNX model, and the library that runs those (onnxruntime) is not installed here."),
    "no_module": Text(ru="В тетради нет модели (nn.Module), в которую можно загрузить «{file}».", en="The notebook defines no model (nn.Module) that “{file}” could be loaded into."),
    "no_fit": Text(ru="Веса из «{file}» не подходят к модели тетради {kind}: {fit}.", en="The weights in “{file}” do not fit the notebook's model {kind}: {fit}."),
    "shapes": Text(ru="Веса не подходят к модели {kind}: у слоя {layer} форма в тетради {expected}, а в файле {seen}.", en="The weights do not fit the model {kind}: the layer {layer} has the shape {expected} in the notebook and {seen} in the file."),
    # How the file went into the model.
    "loaded": Text(ru="Файл «{file}» загружен в модель {kind}, параметров: {parameters}.", en="“{file}” was loaded into the model {kind}, {parameters} parameters."),
    "names_prefix": Text(ru="Имена слоёв сопоставлены без обёртки (module., _orig_mod., model. и подобных).", en="The names of layers were matched without what wraps them (module., _orig_mod., model. and the like)."),
    "names_order": Text(ru="Имена слоёв в файле другие; слои сопоставлены по порядку, все формы совпали.", en="The file has other names of layers; they were matched by their order, and all shapes agree."),
    "partial": Text(ru="Строгая загрузка не прошла бы: {fit}.", en="A strict load would have been refused: {fit}."),
    "cast": Text(ru="Точность чисел приведена: {cast}.", en="The numbers were converted: {cast}."),
    "code": Text(ru="В файле не только веса ({code}): при его загрузке выполнялся код из файла, внутри песочницы.", en="The file holds more than weights ({code}): loading it ran code from the file, inside the sandbox."),
    "not_finite": Text(ru="В весах есть NaN или бесконечности: {layers}.", en="Some weights are NaN or infinite: {layers}."),
    "fed_own": Text(ru="Как подавать изображения, видно по тому, что тетрадь сама подавала этой модели.", en="How it takes images is known from what the notebook itself fed this model."),
    "fed_other": Text(ru="Этой модели тетрадь ничего не подавала; изображения поданы так, как другой модели тетради.", en="The notebook fed this model nothing; images were shown as to another model of the notebook."),
    "fed_none": Text(ru="Как подавать изображения, установить не удалось.", en="How it takes images could not be found out."),
    "tried": Text(
        ru="Как подавать изображения, по тетради не видно; из опробованных способов ({count}) взят тот, при котором ответы лучше всего согласуются с метками открытых изображений: {chosen} ({agreement}). "
        "Метки скрытых изображений в этом не участвовали.",
        en="The notebook does not show how it takes images; of the ways tried ({count}) the one was taken whose answers agree best with the labels of public images: {chosen} ({agreement}). "
        "The labels of the hidden images had no part in it."),
    "left": Text(ru="При загрузке обучение не выполнялось; ячейки, где оно пропущено: {cells}.", en="The run that loads trains nothing; cells in which training was left out: {cells}."),
    # What the figures are worth.
    "not_asked": Text(ru="Файл «{name}» не загружался: оценена модель, которую обучает сам код. Запуску обучения сданные веса не видны.", en="“{name}” was not loaded: what the code itself trains was graded. Weights that were handed in are not shown to a run that trains."),
    "not_sealed": Text(
        ru="Оценены веса, обученные не здесь: они могли видеть официальные тестовые изображения, так что эта точность получена не в закрытом режиме. Получаются ли такие веса из этого кода, не проверялось.",
        en="The weights graded were trained elsewhere and may have seen the official test images, so this figure is not from sealed data. Whether this code makes such weights was not checked."),
    "not_comparable": Text(ru="Сравнить не с чем: точность измерена не у обоих запусков.", en="There is nothing to compare: not both runs have a measured accuracy."),
    "agree": Text(ru="Сданные веса ведут себя так же, как обученные здесь тем же кодом в закрытом режиме (точность обученных / сданных).", en="The weights behave like those that the same code trained here on sealed data (accuracy retrained / handed in)."),
    "agree_official": Text(ru="Сданные веса ведут себя так же, как обученные здесь тем же кодом (точность обученных / сданных). Режим был открытый: официальные тестовые изображения этот запуск видел.", en="The weights behave like those that the same code trained here (accuracy retrained / handed in). This run could see the official test images."),
    "other_model": Text(ru="Код обучает другую модель: {first}, а сданы веса для {second}.", en="The code trains another model: {first}, and the weights are for {second}."),
    "untouched_equal": Text(ru="Сданные веса совпадают с начальными: обучение их не меняло.", en="The weights are those the model was made with: no training changed them."),
    "untouched_initial": Text(ru="Сданные веса выглядят как начальные: все слои в пределах, из которых их берёт PyTorch.", en="The weights look initial: every layer keeps to the range that PyTorch draws from."),
    "better": Text(ru="Сданные веса точнее ({second}), чем обученные здесь ({first}): {limit}. Возможны более долгое обучение, другие данные или чужие веса.", en="The weights are better ({second}) than what this code trains here ({first}): {limit}. Longer training, other data or somebody else's weights may be behind it."),
    "worse": Text(ru="Сданные веса хуже ({second}), чем обученные здесь ({first}): {limit}. Возможно, они от другой версии кода.", en="The weights are worse ({second}) than what this code trains here ({first}): {limit}. They may belong to another version of the code."),
    "exact": Text(ru="точное парное сравнение ответов их различает", en="an exact paired comparison of the answers tells them apart"),
    "spread": Text(ru="разброс обучения допускает разницу {most}", en="the spread of training allows a difference of {most}"),
}

HINTS: Mapping[str, Text] = {
    "none": Text(ru="Сохраните веса, torch.save(model.state_dict(), 'model.pth'), и положите файл рядом с тетрадью.", en="Save the weights, torch.save(model.state_dict(), 'model.pth'), and put the file beside the notebook."),
    "interrupted": Text(ru="Посмотрите, на какой ячейке остановилась тетрадь; обучение в этом режиме не выполняется.", en="Look at the cell where the notebook stopped; nothing is trained in this mode."),
    "empty": Text(ru="Сохраните веса ещё раз и проверьте размер файла.", en="Save the weights again and look at the size of the file."),
    "html": Text(ru="Скачайте сам файл (не страницу с ним) и проверьте, что torch.load его открывает.", en="Download the file itself, not the page about it, and make sure that torch.load opens it."),
    "pointer": Text(ru="Выполните git lfs pull и сдайте сам файл.", en="Run git lfs pull and hand in the file itself."),
    "foreign": Text(ru="Сдайте torch.save(model.state_dict(), 'model.pth') или файл .safetensors.", en="Hand in torch.save(model.state_dict(), 'model.pth') or a .safetensors file."),
    "script": Text(ru="Сохраните веса обычной модели: torch.save(model.state_dict(), 'model.pth').", en="Save the weights of the ordinary model: torch.save(model.state_dict(), 'model.pth')."),
    "damaged": Text(ru="Сохраните веса ещё раз, torch.save(model.state_dict(), 'model.pth'), и проверьте их torch.load(…, weights_only=True).", en="Save the weights again, torch.save(model.state_dict(), 'model.pth'), and try torch.load(…, weights_only=True)."),
    "bomb": Text(ru="Сохраните только веса модели, без оптимизатора и данных.", en="Save the weights of the model alone, without optimiser and data."),
    "hostile": Text(ru="Сохраните веса заново: torch.save(model.state_dict(), 'model.pth').", en="Save the weights anew: torch.save(model.state_dict(), 'model.pth')."),
    "no_tensors": Text(ru="Сохраняйте model.state_dict(), а не результат обучения или историю.", en="Save model.state_dict(), not the result of training or a history."),
    "class_missing": Text(ru="Сохраните model.state_dict() вместо модели целиком или положите рядом .py с её классом.", en="Save model.state_dict() in place of the whole model, or put the .py with its class beside the notebook."),
    "onnx_missing": Text(ru="Сдайте веса: torch.save(model.state_dict(), 'model.pth').", en="Hand in weights: torch.save(model.state_dict(), 'model.pth')."),
    "no_module": Text(ru="Оставьте в тетради класс модели и строку, которая её создаёт.", en="Keep the class of the model in the notebook, and the line that makes it."),
    "no_fit": Text(ru="Сдайте веса той модели, которую создаёт тетрадь: проверьте model.load_state_dict(torch.load(…)) в новом ядре.", en="Hand in the weights of the model that the notebook makes: try model.load_state_dict(torch.load(…)) in a fresh kernel."),
    "shapes": Text(ru="Размеры слоёв в тетради и у сохранённой модели должны совпадать: верните те, с которыми она обучалась.", en="The sizes of layers must be those that the saved model was trained with: put them back into the notebook."),
    "not_finite": Text(ru="Обучение разошлось: уменьшите шаг и сохраните веса до того, как потери стали NaN.", en="The training diverged: take a smaller step, and save the weights before the loss became NaN."),
    "code": Text(ru="Сдавайте torch.save(model.state_dict(), …): такой файл загружается без выполнения кода.", en="Hand in torch.save(model.state_dict(), …): such a file is loaded without running code."),
    "compared": Text(ru="Это не оценка: будьте готовы рассказать на защите, как получены веса.", en="This is no verdict: be ready to say at the defence how the weights were made."),
}
