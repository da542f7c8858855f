# %% [markdown] lang="ru"
# # Лабораторная работа № 1. Полносвязные нейронные сети в PyTorch
#
# В этой работе вы трижды обучите полносвязную сеть и с каждым разом будете отдавать PyTorch всё больше ручного труда:
#
# 1. **Регрессия.** Прямой и обратный проход пишутся вручную, без автоматического дифференцирования.
# 2. **Бинарная классификация.** Градиенты считает autograd, а обновление весов, сигмоида и функция потерь остаются за вами.
# 3. **Классификация изображений** трёх классов CIFAR-100 по вашему варианту: `nn.Module`, `DataLoader`, готовый оптимизатор.
#    Затем идёт исследование: как гиперпараметры и размер сети меняют результат.
#
# ## Как работать
#
# * Пишите код там, где стоит `...  # ваш код здесь`, а тексты — вместо слов *Ваш ответ здесь.* Остальное уже готово, но его можно менять.
# * Не переименовывайте `weights_1`, `bias_1`, `weights_2`, `bias_2`, `forward`, `backward`, `CLASSES`, `dataloader`, `model`: по этим именам
#   проверка находит вашу работу.
# * Перед сдачей перезапустите ядро и выполните все ячейки подряд: проверка запускает ноутбук заново, сверху вниз, а сохранённый вывод не учитывает.
# * Проверить себя дома можно командой `zachet check` с именем вашего файла.
#
# ## Что сдавать
#
# Этот ноутбук целиком: код, графики, ответы на шесть заданий исследования, **итоговую таблицу** со всеми вариантами обучения и ответы на
# семь контрольных вопросов. Точность вашей модели измеряется на изображениях, которых нет в доступных ноутбуку файлах, поэтому не подгоняйте
# модель под отдельные картинки и не вписывайте в код число изображений: при проверке оно может быть другим.

# %% [markdown] lang="en"
# # Lab 1. Fully connected neural networks in PyTorch
#
# In this lab you train a fully connected network three times, and each time PyTorch takes more of the work off your hands:
#
# 1. **Regression.** You write the forward and the backward pass yourself, without automatic differentiation.
# 2. **Binary classification.** Autograd computes the gradients; the weight update, the sigmoid and the loss are still yours.
# 3. **Image classification** of the three CIFAR-100 classes of your variant: `nn.Module`, `DataLoader`, a ready-made optimiser.
#    A study follows: how hyper-parameters and the size of the network change the result.
#
# ## How to work
#
# * Write code where it says `...  # your code here`, and text in place of *Your answer here.* The rest is ready, but you may change it.
# * Keep the names `weights_1`, `bias_1`, `weights_2`, `bias_2`, `forward`, `backward`, `CLASSES`, `dataloader`, `model`: the grader finds your work
#   by them.
# * Before you hand in, restart the kernel and run all cells in order: the grader runs the notebook anew, top to bottom, and ignores stored outputs.
# * To check yourself at home, run `zachet check` with the name of your file.
#
# ## What to hand in
#
# This notebook, complete: code, plots, answers to the six study tasks, the **final table** with every training run, and answers to the seven
# control questions. The accuracy of your model is measured on images that are not in the files your notebook sees, so do not tune the model to single
# pictures, and never write the number of images into the code: it may be different when the notebook is graded.

# %%
import pickle
import tarfile
import urllib.request
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.metrics import classification_report
from torch.utils.data import DataLoader, TensorDataset

# %% [markdown] lang="ru"
# # Часть 1. Регрессия и обратное распространение ошибки вручную
#
# Теорема универсальной аппроксимации говорит: сеть с одним скрытым слоем и нелинейной активацией приближает любую непрерывную функцию на
# отрезке сколь угодно точно, если нейронов в слое достаточно. Проверим это: по зашумлённым точкам восстановим S-образную кривую.
#
# С активацией ReLU такая сеть — кусочно-линейная функция: каждый скрытый нейрон даёт один излом в точке $x = -b_1 / w_1$. Чтобы
# кривая получилась гладкой на вид, изломы должны с самого начала лежать внутри отрезка $[-0{,}5;\ 0{,}5]$, поэтому смещения `bias_1` ниже
# инициализируются случайными числами, а не нулями. С нулевыми смещениями все изломы оказались бы в точке $x = 0$ и расходились бы десятки
# тысяч итераций.

# %% [markdown] lang="en"
# # Part 1. Regression and backpropagation by hand
#
# The universal approximation theorem says that a network with one hidden layer and a non-linear activation approximates any continuous function on
# an interval as closely as you like, given enough neurons. Let us see it work: we recover an S-shaped curve from noisy points.
#
# With ReLU such a network is a piecewise linear function: every hidden neuron adds one kink at $x = -b_1 / w_1$. For the curve to look smooth the
# kinks have to lie inside $[-0.5, 0.5]$ from the start, so `bias_1` below is initialised with random numbers and not with zeros. With zero
# biases all kinks would sit at $x = 0$ and need tens of thousands of iterations to spread out.

# %%
#ru: 100 разных x, в каждой точке по 5 зашумлённых измерений
#en: 100 different x, five noisy measurements at each
X = np.linspace(-0.5, 0.5, 100, endpoint=False).repeat(5)
y = 1 / (1 + np.exp(-10 * X))
yn = y + np.random.normal(scale=0.05, size=y.size)

plt.scatter(X, yn, s=4, alpha=0.4, label={{ "измерения" if language == "ru" else "measurements" }})
plt.plot(X, y, "k--", label={{ "истинная зависимость" if language == "ru" else "true function" }})
plt.xlabel("x")
plt.ylabel("y")
plt.legend()
plt.show()

tensor_X = torch.Tensor(X.reshape(-1, 1))
tensor_y = torch.Tensor(yn.reshape(-1, 1))

# %%
HIDDEN_SIZE = 64

#ru: веса скрытого слоя (1, 64) и выходного слоя (64, 1), равномерно вокруг нуля
#en: weights of the hidden layer (1, 64) and of the output layer (64, 1), uniform around zero
weights_1 = torch.rand(1, HIDDEN_SIZE) * 2 - 1
bias_1 = torch.rand(HIDDEN_SIZE) - 0.5
weights_2 = (torch.rand(HIDDEN_SIZE, 1) - 0.5) / 2
bias_2 = torch.zeros(1)

# %% [markdown] lang="ru"
# ## Прямой проход
#
# Пусть $X$ — столбец из $n$ входов, $H$ — число скрытых нейронов. Сеть вычисляет
#
# $$Z = X W_1 + b_1, \qquad A = \mathrm{relu}(Z) = \max(Z, 0), \qquad \hat y = A W_2 + b_2,$$
#
# где $W_1$ имеет форму $(1, H)$, $b_1$ — $(H)$, $Z$ и $A$ — $(n, H)$, $W_2$ — $(H, 1)$, $b_2$ — $(1)$, $\hat y$ — $(n, 1)$. Функция потерь —
# сумма квадратов ошибок по всей выборке: $L = \sum_{i=1}^{n} (\hat y_i - y_i)^2$.
#
# Напишите `forward`, пользуясь весами из предыдущей ячейки.

# %% [markdown] lang="en"
# ## Forward pass
#
# Let $X$ be a column of $n$ inputs and $H$ the number of hidden neurons. The network computes
#
# $$Z = X W_1 + b_1, \qquad A = \mathrm{relu}(Z) = \max(Z, 0), \qquad \hat y = A W_2 + b_2,$$
#
# where $W_1$ has shape $(1, H)$, $b_1$ $(H)$, $Z$ and $A$ $(n, H)$, $W_2$ $(H, 1)$, $b_2$ $(1)$, and $\hat y$ $(n, 1)$. The loss is
# the sum of squared errors over the whole sample: $L = \sum_{i=1}^{n} (\hat y_i - y_i)^2$.
#
# Write `forward` with the weights of the previous cell.

# %%
def relu(x):
    return torch.clamp(x, min=0)


def forward(x):
    # solution
    hidden = relu(x @ weights_1 + bias_1)
    return hidden @ weights_2 + bias_2
    # end solution


def loss(y_true, y_pred):
    return ((y_pred - y_true) ** 2).sum()


print(forward(tensor_X).shape, loss(tensor_y, forward(tensor_X)).item())

# %% [markdown] lang="ru"
# ## Обратный проход
#
# Обратный проход идёт по тем же шагам с конца и на каждом шаге умножает на локальную производную. Нужны только три правила. Буквой $G$
# обозначена уже найденная производная потерь по **выходу** шага; её форма та же, что у этого выхода.
#
# | Шаг | Правило |
# |---|---|
# | потери $L = \sum (\hat y - y)^2$ | $\dfrac{\partial L}{\partial \hat y} = 2(\hat y - y)$ |
# | линейный слой $Y = U W + b$ | $\dfrac{\partial L}{\partial W} = U^{\top} G, \quad \dfrac{\partial L}{\partial b} = \sum_{i=1}^{n} G_{i}, \quad \dfrac{\partial L}{\partial U} = G\, W^{\top}$ |
# | активация $A = \mathrm{relu}(Z)$ | $\dfrac{\partial L}{\partial Z} = G \odot [Z > 0]$, то есть производная проходит только там, где вход был положительным |
#
# План вывода:
#
# 1. Найдите $\partial L / \partial \hat y$.
# 2. Примените правило линейного слоя к выходному слою ($U = A$, $W = W_2$): получатся $\partial L / \partial W_2$, $\partial L / \partial b_2$ и
#    $\partial L / \partial A$.
# 3. Пройдите через ReLU и получите $\partial L / \partial Z$.
# 4. Примените правило линейного слоя к скрытому слою ($U = X$, $W = W_1$): получатся $\partial L / \partial W_1$ и $\partial L / \partial b_1$.
#
# Проверяйте формы: производная по тензору всегда имеет его собственную форму. `backward` возвращает четыре тензора **в порядке** $W_1$, $b_1$,
# $W_2$, $b_2$. Вызывать здесь метод `.backward()` нельзя: смысл части в том, чтобы обойтись без него.

# %% [markdown] lang="en"
# ## Backward pass
#
# The backward pass takes the same steps from the end and multiplies by the local derivative at each. Three rules are enough. $G$ stands for
# the derivative of the loss with respect to the **output** of a step, already known; it has the shape of that output.
#
# | Step | Rule |
# |---|---|
# | loss $L = \sum (\hat y - y)^2$ | $\dfrac{\partial L}{\partial \hat y} = 2(\hat y - y)$ |
# | linear layer $Y = U W + b$ | $\dfrac{\partial L}{\partial W} = U^{\top} G, \quad \dfrac{\partial L}{\partial b} = \sum_{i=1}^{n} G_{i}, \quad \dfrac{\partial L}{\partial U} = G\, W^{\top}$ |
# | activation $A = \mathrm{relu}(Z)$ | $\dfrac{\partial L}{\partial Z} = G \odot [Z > 0]$: the derivative passes only where the input was positive |
#
# Plan of the derivation:
#
# 1. Find $\partial L / \partial \hat y$.
# 2. Apply the linear rule to the output layer ($U = A$, $W = W_2$): it gives $\partial L / \partial W_2$, $\partial L / \partial b_2$ and
#    $\partial L / \partial A$.
# 3. Go back through the ReLU to $\partial L / \partial Z$.
# 4. Apply the linear rule to the hidden layer ($U = X$, $W = W_1$): it gives $\partial L / \partial W_1$ and $\partial L / \partial b_1$.
#
# Watch the shapes: the derivative with respect to a tensor has that tensor's own shape. `backward` returns four tensors **in the order** $W_1$, $b_1$,
# $W_2$, $b_2$. Do not call the method `.backward()` here: doing without it is the point of this part.

# %%
def backward(X, y, y_pred):
    # solution
    Z = X @ weights_1 + bias_1
    A = relu(Z)

    dY = 2 * (y_pred - y)
    dW2 = A.t() @ dY
    db2 = dY.sum(dim=0)

    dZ = (dY @ weights_2.t()) * (Z > 0)
    dW1 = X.t() @ dZ
    db1 = dZ.sum(dim=0)
    return dW1, db1, dW2, db2
    # end solution


# %% [markdown] lang="ru"
# Прежде чем обучать, проверим производные численно: сдвинем один параметр на маленькое $\pm h$ и посмотрим, как изменятся потери,
# $\dfrac{\partial L}{\partial w} \approx \dfrac{L(w + h) - L(w - h)}{2h}$. Все четыре относительные ошибки должны быть порядка 0,01 или меньше.

# %% [markdown] lang="en"
# Before training, check the derivatives numerically: shift one parameter by a small $\pm h$ and see how the loss changes,
# $\dfrac{\partial L}{\partial w} \approx \dfrac{L(w + h) - L(w - h)}{2h}$. All four relative errors should be about 0.01 or less.

# %%
def numerical_gradient(parameter, h=1e-3):
    gradient = torch.zeros_like(parameter)
    values, slots = parameter.view(-1), gradient.view(-1)
    for i in range(values.numel()):
        start = values[i].item()
        values[i] = start + h
        above = loss(tensor_y, forward(tensor_X))
        values[i] = start - h
        below = loss(tensor_y, forward(tensor_X))
        values[i] = start
        slots[i] = (above - below) / (2 * h)
    return gradient


by_hand = backward(tensor_X, tensor_y, forward(tensor_X))
parameters = {"weights_1": weights_1, "bias_1": bias_1, "weights_2": weights_2, "bias_2": bias_2}
for (name, parameter), gradient in zip(parameters.items(), by_hand, strict=True):
    if gradient.shape != parameter.shape:
        raise ValueError(f"{name}: {tuple(gradient.shape)} != {tuple(parameter.shape)}")
    expected = numerical_gradient(parameter)
    print(f"{name:10s} {((gradient - expected).norm() / expected.norm()).item():.5f}")

# %% [markdown] lang="ru"
# ## Градиентный спуск
#
# На каждой итерации параметр делает шаг против своего градиента: $w \leftarrow w - \eta\, \partial L / \partial w$, где $\eta$ — скорость обучения
# (`lr`). Здесь градиент считается сразу по всей выборке, поэтому одна итерация равна одной эпохе. Напишите `optimize`: она принимает список
# параметров и кортеж градиентов в том же порядке и возвращает обновлённые параметры.

# %% [markdown] lang="en"
# ## Gradient descent
#
# In each iteration a parameter takes a step against its gradient: $w \leftarrow w - \eta\, \partial L / \partial w$, where $\eta$ is the learning rate
# (`lr`). Here the gradient is taken over the whole sample at once, so an iteration is an epoch. Write `optimize`: it takes the list of
# parameters and the gradients in the same order and returns the updated parameters.

# %%
def optimize(params, grads, lr=0.001):
    # solution
    return [parameter - lr * gradient for parameter, gradient in zip(params, grads, strict=True)]
    # end solution


ITERATIONS = 8000
shown = {round(ITERATIONS * share) for share in (0.02, 0.1, 1)}

for i in range(ITERATIONS):
    output = forward(tensor_X)
    grads = backward(tensor_X, tensor_y, output)
    params = [weights_1, bias_1, weights_2, bias_2]
    weights_1, bias_1, weights_2, bias_2 = optimize(params, grads, lr=2e-4)
    if i + 1 in shown:
        plt.plot(X, forward(tensor_X).numpy(), alpha=0.8, label=f"{i + 1}")

plt.scatter(X, yn, s=3, alpha=0.2, color="gray")
plt.plot(X, y, "k--", label={{ "истинная зависимость" if language == "ru" else "true function" }})
plt.legend(title={{ "итерация" if language == "ru" else "iteration" }})
plt.xlabel("x")
plt.ylabel("y")
plt.show()

deviation = np.sqrt(((forward(tensor_X).numpy().ravel() - y) ** 2).mean())
print({{ "среднеквадратичное отклонение от истинной зависимости:" if language == "ru" else "root mean square deviation from the true function:" }}, f"{deviation:.4f}")

# %% [markdown] lang="ru"
# Шум измерений имеет стандартное отклонение 0,05, а сеть должна отклоняться от истинной кривой в несколько раз меньше: она усредняет соседние
# измерения, а не повторяет каждое из них.

# %% [markdown] lang="en"
# The noise of the measurements has a standard deviation of 0.05, while the network should deviate from the true curve several times less: it averages
# neighbouring measurements and does not repeat each of them.

# %% [markdown] lang="ru"
# # Часть 2. Бинарная классификация с автоматическим дифференцированием
#
# Теперь ответ — класс 0 или 1, а точки расположены по схеме «исключающее ИЛИ» (XOR): одна прямая разделить их не может, нужен скрытый слой.
#
# Тензоры весов создаются с `requires_grad=True`: PyTorch запоминает все действия с ними и по команде `.backward()` сам находит производные.

# %% [markdown] lang="en"
# # Part 2. Binary classification with automatic differentiation
#
# Now the answer is a class, 0 or 1, and the points follow the exclusive-or (XOR) pattern: no single line separates them, a hidden layer is needed.
#
# The weights are created with `requires_grad=True`: PyTorch remembers everything done to them and finds the derivatives itself when `.backward()` is called.

# %%
X = np.random.randint(2, size=(1000, 2))
y = (X[:, 0] + X[:, 1]) % 2
X = X + np.random.normal(scale=0.1, size=X.shape)

plt.figure(figsize=(4, 4))
plt.scatter(X[:, 0], X[:, 1], c=y, s=6, cmap="coolwarm")
plt.xlabel("$x_1$")
plt.ylabel("$x_2$")
plt.show()

tensor_X = torch.Tensor(X)
tensor_y = torch.Tensor(y.reshape(-1, 1))

# %% [markdown] lang="ru"
# Создайте `weights_1` формы (2, 16), `bias_1` (16), `weights_2` (16, 1) и `bias_2` (1) с включённым `requires_grad`. Смещения могут быть нулевыми, а веса возьмите
# случайными из отрезка $[-2;\ 2]$: при слишком маленьких весах все сигмоиды почти линейны и сеть долго не может сдвинуться с места. Включайте `requires_grad` последним
# действием: учиться могут только листья графа, то есть сами созданные тензоры, а не результаты вычислений с ними.

# %% [markdown] lang="en"
# Create `weights_1` of shape (2, 16), `bias_1` (16), `weights_2` (16, 1) and `bias_2` (1) with `requires_grad` switched on. The biases may be zero; take random weights
# between $-2$ and $2$: with tiny weights every sigmoid is almost linear, and the network does not get going for a long time. Switch `requires_grad` on as the last
# step: only leaves of the graph can learn, that is, the created tensors themselves and not the results of computing with them.

# %%
HIDDEN_SIZE = 16

# solution
weights_1 = (torch.rand(2, HIDDEN_SIZE) * 4 - 2).requires_grad_()
bias_1 = torch.zeros(HIDDEN_SIZE, requires_grad=True)
weights_2 = (torch.rand(HIDDEN_SIZE, 1) * 4 - 2).requires_grad_()
bias_2 = torch.zeros(1, requires_grad=True)
# end solution

# %% [markdown] lang="ru"
# ## Сигмоида, прямой проход и логистическая функция потерь
#
# Сигмоида $\sigma(x) = \dfrac{1}{1 + e^{-x}}$ служит и активацией скрытого слоя, и выходом сети; выход читается как вероятность класса 1:
#
# $$\hat p = \sigma\bigl(\sigma(X W_1 + b_1)\, W_2 + b_2\bigr).$$
#
# Логистическая функция потерь (log-loss) усредняется по точкам, поэтому скорость обучения не зависит от размера выборки:
#
# $$L = -\frac{1}{n} \sum_{i=1}^{n} \bigl( y_i \ln \hat p_i + (1 - y_i) \ln (1 - \hat p_i) \bigr).$$
#
# Когда сеть очень уверена, $\hat p$ в числах float32 округляется до 0 или 1, и логарифм даёт бесконечность. Поэтому $\hat p$ перед логарифмом
# ограничивают, например отрезком $[10^{-6};\ 1 - 10^{-6}]$ (`torch.clamp`). Напишите сами
# функцию `sigmoid(x)`, а затем `forward` и `loss`; `torch.sigmoid` и готовые потери из `torch.nn` не нужны.

# %% [markdown] lang="en"
# ## Sigmoid, forward pass and logistic loss
#
# The sigmoid $\sigma(x) = \dfrac{1}{1 + e^{-x}}$ is both the activation of the hidden layer and the output; the output is read as the probability of class 1:
#
# $$\hat p = \sigma\bigl(\sigma(X W_1 + b_1)\, W_2 + b_2\bigr).$$
#
# The logistic loss (log-loss) is averaged over the points, so that the learning rate does not depend on the size of the sample:
#
# $$L = -\frac{1}{n} \sum_{i=1}^{n} \bigl( y_i \ln \hat p_i + (1 - y_i) \ln (1 - \hat p_i) \bigr).$$
#
# When the network is very sure, $\hat p$ rounds to 0 or 1 in float32 and the logarithm is infinite. So $\hat p$ is kept within bounds first, for
# example $[10^{-6}, 1 - 10^{-6}]$ (`torch.clamp`). Write
# the function `sigmoid(x)` yourself, then `forward` and `loss`, without `torch.sigmoid` and the ready-made losses of `torch.nn`.

# %%
# solution
def sigmoid(x):
    return 1 / (1 + torch.exp(-x))
# end solution


def forward(x):
    # solution
    hidden = sigmoid(x @ weights_1 + bias_1)
    return sigmoid(hidden @ weights_2 + bias_2)
    # end solution


def loss(y_true, y_pred):
    # solution
    p = y_pred.clamp(1e-6, 1 - 1e-6)
    return -(y_true * torch.log(p) + (1 - y_true) * torch.log(1 - p)).mean()
    # end solution


print(sigmoid(torch.Tensor([-2.0, 0.0, 2.0])), loss(tensor_y, forward(tensor_X)))

# %% [markdown] lang="ru"
# ## Шаг обучения
#
# Допишите одну итерацию: вычислите потери `current_loss`, вызовите `.backward()`, обновите четыре тензора `params` и обнулите их градиенты.
#
# * Обновление пишется внутри `with torch.no_grad():`, иначе PyTorch сочтёт его частью вычислений сети и откажется менять веса на месте.
# * `.backward()` **прибавляет** новые производные к полю `.grad`. Если его не обнулять, шаги будут складываться с прошлыми.

# %% [markdown] lang="en"
# ## Training step
#
# Complete one iteration: compute the loss `current_loss`, call `.backward()`, update the four tensors in `params`, and set their gradients to zero.
#
# * Write the update inside `with torch.no_grad():`, or PyTorch takes it for a part of the network's computation and refuses to change the weights in place.
# * `.backward()` **adds** new derivatives to `.grad`. Unless you reset it, every step is mixed with the ones before.

# %%
ITERS = 2000
lr = 1.0
params = [weights_1, bias_1, weights_2, bias_2]
losses = []

for i in range(ITERS):
    # solution
    current_loss = loss(tensor_y, forward(tensor_X))
    current_loss.backward()
    with torch.no_grad():
        for parameter in params:
            parameter -= lr * parameter.grad
            parameter.grad.zero_()
    # end solution
    losses.append(current_loss.item())

plt.plot(losses)
plt.yscale("log")
plt.xlabel({{ "итерация" if language == "ru" else "iteration" }})
plt.ylabel({{ "потери" if language == "ru" else "loss" }})
plt.show()

# %% [markdown] lang="ru"
# ## Разделяющая поверхность
#
# Цвет показывает вероятность класса 1 в каждой точке плоскости, чёрная линия — границу $\hat p = 0{,}5$. Точность должна быть не ниже 0,99.

# %% [markdown] lang="en"
# ## Decision surface
#
# The colour is the probability of class 1 at every point of the plane, the black line is the border $\hat p = 0.5$. The accuracy should be at least 0.99.

# %%
ticks = np.linspace(X.min() - 0.3, X.max() + 0.3, 150)
xx, yy = np.meshgrid(ticks, ticks)
surface = torch.Tensor(np.stack([xx.ravel(), yy.ravel()], axis=1))
probability = forward(surface).detach().numpy().reshape(xx.shape)

plt.figure(figsize=(5, 4))
plt.contourf(xx, yy, probability, levels=np.linspace(0, 1, 11), cmap="coolwarm", alpha=0.6)
plt.colorbar()
plt.contour(xx, yy, probability, levels=[0.5], colors="k")
plt.scatter(X[:, 0], X[:, 1], c=y, s=6, cmap="coolwarm")
plt.xlabel("$x_1$")
plt.ylabel("$x_2$")
plt.show()

predicted = forward(tensor_X).detach().numpy().ravel() > 0.5
print({{ "точность:" if language == "ru" else "accuracy:" }}, (predicted == y).mean())

# %% [markdown] lang="ru"
# # Часть 3. Классификация изображений CIFAR-100
#
# CIFAR-100 — это 60 000 цветных картинок 32×32 в 100 классах: 500 обучающих и 100 тестовых на класс. Вы работаете с тремя классами своего варианта.
#
# Ячейка ниже скачивает набор (около 160 МБ), если папки `cifar-100-python` ещё нет рядом с ноутбуком. При проверке она уже есть, и сеть не нужна.

# %% [markdown] lang="en"
# # Part 3. Classification of CIFAR-100 images
#
# CIFAR-100 holds 60,000 colour pictures of 32×32 in 100 classes: 500 training and 100 test pictures each. You work with the three classes of your variant.
#
# The cell below downloads the data set (about 160 MB) unless the folder `cifar-100-python` is already beside the notebook. When the notebook is graded it is there, and no network is needed.

# %%
if not Path("cifar-100-python").exists():
    archive = Path("cifar-100-python.tar.gz")
    if not archive.exists():
        urllib.request.urlretrieve(f"https://www.cs.toronto.edu/~kriz/{archive}", archive)
    with tarfile.open(archive) as tar:
        tar.extractall(filter="data")

# %% [markdown] lang="ru"
# ## Выбор классов
#
# В файлах лежат словари: `data` — массив $N \times 3072$ (все красные точки картинки, потом зелёные, потом синие), `fine_labels` — номера классов
# от 0 до 99. Загрузка и перестановка осей в порядок «картинка, строка, столбец, цвет» уже написаны. От вас — отбор.
#
# 1. Постройте маску: какие строки принадлежат классам из `CLASSES`.
# 2. Оставьте картинки и метки только этих строк.
# 3. Перенумеруйте метки в 0, 1, 2: сети нужен номер выхода, а не номер класса в CIFAR-100.
#
# **Новая метка — это место класса в упорядоченном по возрастанию списке.** Так же нумерует `np.unique(..., return_inverse=True)`, и в этом
# же порядке нужно печатать имена в отчётах. Если список классов записан не по возрастанию, а имена напечатаны в порядке записи, строки отчёта
# окажутся подписаны чужими именами: ошибка тихая, точность от неё не меняется, а выводы становятся неверными. Поэтому список сортируется один раз, сразу.

# %% [markdown] lang="en"
# ## Choosing the classes
#
# The files hold dictionaries: `data` is an array of $N \times 3072$ (all red points of a picture, then green, then blue), `fine_labels` are class
# numbers from 0 to 99. Reading them and moving the axes to "picture, row, column, colour" is done. The choice is yours.
#
# 1. Build a mask: which rows belong to the classes in `CLASSES`.
# 2. Keep the pictures and labels of these rows only.
# 3. Renumber the labels to 0, 1, 2: the network needs the number of an output, not of a CIFAR-100 class.
#
# **The new label is the place of the class in the list sorted in ascending order.** `np.unique(..., return_inverse=True)` numbers in the same way, and
# names in reports have to be printed in this very order. When the list is written in another order and the names are printed as written, the rows
# of the report get each other's names: a silent mistake, for the accuracy stays the same while the conclusions become wrong. So the list is sorted once, at once.

# %%
CLASSES = sorted({{ variant.classes }})
CLASS_NAMES = dict(zip({{ variant.classes }}, {{ variant.class_names }}))
NAMES = [CLASS_NAMES.get(index, str(index)) for index in CLASSES]


def load_part(part):
    with open(f"cifar-100-python/{part}", "rb") as file:
        data = pickle.load(file, encoding="latin1")
    images = data["data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    fine_labels = np.array(data["fine_labels"])
    # solution
    mask = np.isin(fine_labels, CLASSES)
    chosen_X = images[mask].copy()
    chosen_y = np.searchsorted(CLASSES, fine_labels[mask])
    # end solution
    return chosen_X, chosen_y


train_X, train_y = load_part("train")
test_X, test_y = load_part("test")
for label, (index, name) in enumerate(zip(CLASSES, NAMES)):
    print(label, index, name, (train_y == label).sum(), (test_y == label).sum())

# %%
fig, axes = plt.subplots(len(CLASSES), 8, figsize=(10, 4))
for label, row in enumerate(axes):
    for picture, axis in zip(train_X[train_y == label], row):
        axis.imshow(picture)
        axis.axis("off")
    row[0].set_title(NAMES[label], loc="left")
plt.show()

# %% [markdown] lang="ru"
# ## Загрузчики данных
#
# `TensorDataset` связывает картинки с метками, `DataLoader` режет их на батчи. Обучающую часть нужно перемешивать перед каждой эпохой: в батче из одних
# яблок градиент учит отвечать «яблоко» на всё. Порядок проверочных данных ни на что не влияет, перемешивать их незачем.
#
# Напишите `make_loaders(batch_size)`: она возвращает словарь с загрузчиками `'train'` и `'test'`. Картинки передавайте как числа от 0 до 255,
# масштабировать их будет сама модель; метки нужны целые, типа `int64`.

# %% [markdown] lang="en"
# ## Data loaders
#
# `TensorDataset` ties pictures to labels, `DataLoader` cuts them into batches. The training part has to be shuffled before each epoch: in a batch of
# nothing but apples the gradient teaches to answer "apple" to everything. The order of validation data changes nothing, so leave it alone.
#
# Write `make_loaders(batch_size)`: it returns a dictionary with the loaders `'train'` and `'test'`. Pass the pictures as numbers from 0 to 255, the
# model itself will scale them; the labels have to be integers of type `int64`.

# %%
def make_loaders(batch_size):
    # solution
    train = TensorDataset(torch.tensor(train_X), torch.tensor(train_y, dtype=torch.int64))
    test = TensorDataset(torch.tensor(test_X), torch.tensor(test_y, dtype=torch.int64))
    return {
        "train": DataLoader(train, batch_size=batch_size, shuffle=True),
        "test": DataLoader(test, batch_size=batch_size, shuffle=False),
    }
    # end solution


BATCH_SIZE = 128
dataloader = make_loaders(BATCH_SIZE)
inputs, labels = next(iter(dataloader["train"]))
print(inputs.shape, labels.shape, labels[:10])

# %% [markdown] lang="ru"
# ## Модель
#
# Точки со значениями 0–255 для сети слишком велики, поэтому первый слой модели — нормализация: каждый цветовой канал приводится к среднему 0 и
# отклонению 1, а картинка вытягивается в строку из 3072 чисел. Среднее и отклонение считаются по **обучающей** части и хранятся как буферы
# модуля (`register_buffer`): они входят в `state_dict`, но не обучаются.
#
# Допишите `Cifar100_MLP`: нормализация, затем для каждого числа из `hidden` — слой `nn.Linear` и `nn.ReLU`, в конце — `nn.Linear` на `classes`
# выходов. После последнего слоя активации нет: функция потерь ждёт логиты.

# %% [markdown] lang="en"
# ## Model
#
# Points of 0 to 255 are too large for the network, so the model begins with normalisation: every colour channel is brought to mean 0 and
# deviation 1, and the picture is stretched into a row of 3072 numbers. Mean and deviation come from the **training** part and are kept as buffers of
# the module (`register_buffer`): they belong to `state_dict` and are not trained.
#
# Complete `Cifar100_MLP`: the normalisation, then an `nn.Linear` and an `nn.ReLU` for each number in `hidden`, and at the end an `nn.Linear` with `classes`
# outputs. No activation follows the last layer: the loss expects logits.

# %%
class Normalize(nn.Module):
    def __init__(self, mean, std):
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32))

    def forward(self, input):
        x = (input.float() / 255 - self.mean) / self.std
        return torch.flatten(x, start_dim=1)


class Cifar100_MLP(nn.Module):
    def __init__(self, hidden=(10,), classes=3):
        super().__init__()
        # solution
        mean = train_X.mean(axis=(0, 1, 2)) / 255
        std = train_X.std(axis=(0, 1, 2)) / 255
        layers = [Normalize(mean, std)]
        size = 32 * 32 * 3
        for width in hidden:
            layers += [nn.Linear(size, width), nn.ReLU()]
            size = width
        layers.append(nn.Linear(size, classes))
        self.layers = nn.Sequential(*layers)
        # end solution

    def forward(self, input):
        # solution
        return self.layers(input)
        # end solution


HIDDEN = (10,)
model = Cifar100_MLP(hidden=HIDDEN, classes=len(CLASSES))
print(model, sum(parameter.numel() for parameter in model.parameters()))

# %% [markdown] lang="ru"
# ## Функция потерь и оптимизатор
#
# Возьмите перекрёстную энтропию `criterion` (она сама применяет softmax к логитам) и стохастический градиентный спуск `optimizer` с шагом `LEARNING_RATE`.

# %% [markdown] lang="en"
# ## Loss and optimiser
#
# Take the cross-entropy as `criterion` (it applies softmax to the logits itself) and stochastic gradient descent with the step `LEARNING_RATE` as `optimizer`.

# %%
LEARNING_RATE = 0.005
# solution
criterion = nn.CrossEntropyLoss()
optimizer = optim.SGD(model.parameters(), lr=LEARNING_RATE)
# end solution
print(criterion, optimizer)

# %% [markdown] lang="ru"
# ## Эпоха обучения и эпоха проверки
#
# Обе функции проходят по загрузчику один раз и возвращают средние по картинкам **потери** и **точность** (доля верных ответов от 0 до 1). Последний батч
# обычно короче остальных, поэтому потери батча умножают на число картинок в нём и делят сумму на общее число картинок.
#
# * `train_epoch`: режим обучения `train()`; для каждого батча обнулить градиенты, сделать прямой проход, посчитать потери, сделать обратный проход и шаг оптимизатора.
# * `validate`: режим проверки `eval()` и никаких градиентов (`torch.no_grad()`); веса не меняются.

# %% [markdown] lang="en"
# ## One epoch of training, one of validation
#
# Both functions go through the loader once and return **loss** and **accuracy** (share of right answers, 0 to 1), averaged over the pictures. The last batch
# is usually shorter than the others, so multiply the loss of a batch by the number of pictures in it and divide the sum by the number of all pictures.
#
# * `train_epoch`: training mode, `train()`; for every batch reset the gradients, do the forward pass, the loss, the backward pass, and the optimiser's step.
# * `validate`: evaluation mode, `eval()`, and no gradients (`torch.no_grad()`); the weights stay as they are.

# %%
def train_epoch(model, loader, optimizer):
    # solution
    model.train()
    total_loss, right, count = 0.0, 0, 0
    for inputs, labels in loader:
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        total_loss += loss.item() * len(labels)
        right += (outputs.argmax(dim=1) == labels).sum().item()
        count += len(labels)
    return total_loss / count, right / count
    # end solution


def validate(model, loader):
    # solution
    model.eval()
    total_loss, right, count = 0.0, 0, 0
    with torch.no_grad():
        for inputs, labels in loader:
            outputs = model(inputs)
            total_loss += criterion(outputs, labels).item() * len(labels)
            right += (outputs.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total_loss / count, right / count
    # end solution


# %%
def fit(model, loaders, optimizer, epochs):
    #ru: возвращает таблицу (эпохи, 4): потери и точность на обучении, потери и точность на проверке
    #en: returns a table (epochs, 4): loss and accuracy in training, loss and accuracy in validation
    history = []
    for epoch in range(1, epochs + 1):
        row = (*train_epoch(model, loaders["train"], optimizer), *validate(model, loaders["test"]))
        history.append(row)
        if epoch % max(1, epochs // 5) == 0:
            print(f"{epoch:4d}  train {row[0]:.3f} {row[1]:.3f}  test {row[2]:.3f} {row[3]:.3f}")
    return np.array(history)


def show_history(history):
    fig, axes = plt.subplots(1, 2, figsize=(11, 3.5))
    epochs = np.arange(1, len(history) + 1)
    for axis, column, name in zip(axes, (0, 1), ({{ "потери" if language == "ru" else "loss" }}, {{ "точность" if language == "ru" else "accuracy" }})):
        axis.plot(epochs, history[:, column], label={{ "обучение" if language == "ru" else "training" }})
        axis.plot(epochs, history[:, column + 2], label={{ "проверка" if language == "ru" else "validation" }})
        axis.axvline(history[:, 2].argmin() + 1, color="gray", linestyle=":")
        axis.set_xlabel({{ "эпоха" if language == "ru" else "epoch" }})
        axis.set_ylabel(name)
        axis.legend()
    plt.show()


EPOCHS = 250
history = fit(model, dataloader, optimizer, EPOCHS)
show_history(history)

# %% [markdown] lang="ru"
# Пунктир отмечает эпоху с наименьшими потерями на проверке.
#
# ## Качество по классам
#
# Напишите `report(model, part)`: она собирает ответы модели на всех картинках загрузчика и печатает `classification_report` с именами `NAMES`. Модель при этом
# должна быть в режиме проверки, а градиенты выключены.

# %% [markdown] lang="en"
# The dotted line marks the epoch with the lowest validation loss.
#
# ## Quality by class
#
# Write `report(model, part)`: it collects the model's answers to all pictures of a loader and prints `classification_report` with `NAMES`. The model has to be
# in evaluation mode, with gradients switched off.

# %%
def report(model, part):
    # solution
    model.eval()
    y_true, y_pred = [], []
    with torch.no_grad():
        for inputs, labels in dataloader[part]:
            y_true.append(labels.numpy())
            y_pred.append(model(inputs).argmax(dim=1).numpy())
    print(part)
    print(classification_report(np.concatenate(y_true), np.concatenate(y_pred), digits=4, target_names=NAMES))
    # end solution


report(model, "train")
report(model, "test")

# %% [markdown] lang="ru"
# ## Веса первого слоя
#
# У каждого нейрона первого слоя 3072 веса, по одному на каждое число картинки. Значит, их можно показать как картинку 32×32 и увидеть, какие цвета и места
# заставляют нейрон сработать.
#
# **Осторожно:** `.detach().numpy()` не копирует данные. Массив и параметр модели делят одну память, и запись вида `w -= ...` испортит обученную сеть. Сначала
# сделайте копию (`.clone()` или `.copy()`), потом приводите её к отрезку от 0 до 1. Напишите `show_weights`: до `count` картинок в ряд.

# %% [markdown] lang="en"
# ## Weights of the first layer
#
# Every neuron of the first layer has 3072 weights, one for each number of a picture. So they can be shown as a picture of 32×32: you see which colours and places
# make the neuron fire.
#
# **Careful:** `.detach().numpy()` does not copy. The array and the model's parameter share one memory, and a line like `w -= ...` ruins the trained network. Make
# a copy first (`.clone()` or `.copy()`), and only then bring it into the range 0 to 1. Write `show_weights`: up to `count` pictures in a row.

# %%
def show_weights(model, count=10):
    # solution
    weights = next(model.parameters()).detach().clone().numpy()[:count]
    fig, axes = plt.subplots(1, len(weights), figsize=(1.4 * len(weights), 1.6), squeeze=False)
    for axis, weight in zip(axes[0], weights):
        picture = weight.reshape(32, 32, 3)
        low, high = np.percentile(picture, [1, 99], axis=(0, 1))
        axis.imshow(np.clip((picture - low) / (high - low), 0, 1))
        axis.axis("off")
    plt.show()
    # end solution


show_weights(model)

# %% [markdown] lang="ru"
# # Исследование
#
# Шесть заданий ведут от базовой модели к лучшей. Каждый запуск попадает в итоговую таблицу, в том числе неудачный.
#
# ## Как сравнивать запуски
#
# * **Сначала переобучение, потом всё остальное.** Найдите эпоху, после которой потери на проверке растут, и обучайте до неё. Если этого не сделать,
#   более удачные шаги приведут лишь к тому, что сеть быстрее заучит обучающие картинки, и проверка станет хуже, а не лучше.
# * **Меняйте одну величину за раз и сохраняйте путь.** Число итераций равно числу эпох, умноженному на число батчей в эпохе. Батч вдвое больше —
#   эпох нужно вдвое больше, чтобы шагов осталось столько же. Скорость обучения вдвое меньше — каждый шаг вдвое короче, и чтобы пройти тот же путь,
#   эпох тоже нужно вдвое больше. На практике гиперпараметры меняют все сразу; здесь цель — увидеть действие каждого.
# * **Больший батч при том же числе итераций должен в среднем немного помочь:** шагов столько же, но каждый сделан по более точному градиенту. Отдельный
#   запуск может показать и обратное.
# * **У новой модели всё заново.** Изменили слои — снова ищите момент переобучения, скорость обучения и размер батча.
# * **Не верьте одному проценту.** На 300 проверочных картинках стандартная ошибка точности около $\sqrt{0{,}75 \cdot 0{,}25 / 300} \approx 2{,}5$ %, и ещё
#   1–2 % добавляет случайная инициализация. Потери на проверке колеблются меньше точности, поэтому выбирать по ним надёжнее.
# * **Только архитектура, шаг, батч и число эпох.** Dropout, BatchNorm, `weight_decay` и аугментация здесь не нужны: это регуляризация, ей посвящена другая работа.
#
# Допишите `study`: она создаёт новую модель и новые загрузчики, обучает и записывает результат готовой функцией `note`, которая сразу печатает строку таблицы.

# %% [markdown] lang="en"
# # Study
#
# Six tasks lead from the baseline to the best model. Every run goes into the final table, the unlucky ones too.
#
# ## How to compare runs
#
# * **Overfitting first, the rest later.** Find the epoch after which the validation loss grows, and train up to it. Otherwise better steps only make
#   the network memorise the training pictures sooner, and validation becomes worse, not better.
# * **Change one thing at a time and keep the path.** The number of iterations is the number of epochs times the number of batches in one. A batch twice as
#   large needs twice as many epochs for the same number of steps. With half the learning rate each step is half as long, and to go the same way
#   you need twice as many epochs as well. In practice people change everything at once; here we want to see what each of them does.
# * **A larger batch with the same number of iterations should help a little on average:** as many steps, each along a more precise gradient. A single run
#   may well show the opposite.
# * **A new model starts from scratch.** Having changed the layers, look for the moment of overfitting, the learning rate and the batch size again.
# * **Do not trust one per cent.** On 300 validation pictures the standard error of accuracy is about $\sqrt{0.75 \cdot 0.25 / 300} \approx 2.5$ %, and the random
#   initialisation adds 1–2 % more. The validation loss fluctuates less than the accuracy, so it is the safer guide.
# * **Only architecture, step, batch and number of epochs.** No dropout, BatchNorm, `weight_decay` or augmentation: that is regularisation, the subject of another lab.
#
# Complete `study`: it makes a new model and new loaders, trains, and writes the result down with the ready function `note`, which prints the table's row at once.

# %%
runs = []


def note(net, hidden, lr, batch_size, epochs):
    layers = ", ".join(f"FC({width})" for width in (*hidden, len(CLASSES)))
    train_accuracy = validate(net, dataloader["train"])[1]
    test_loss, test_accuracy = validate(net, dataloader["test"])
    runs.append({"model": net, "epochs": epochs, "batch_size": batch_size, "lr": lr, "test_loss": test_loss})
    print(f"test loss = {test_loss:.3f}")
    print(f"| {layers} | lr = {lr:g}, batch_size = {batch_size}, epochs = {epochs} | test = {test_accuracy:.1%}, train = {train_accuracy:.1%} | |")


def study(hidden, lr, batch_size, epochs):
    # solution
    net = Cifar100_MLP(hidden=hidden, classes=len(CLASSES))
    history = fit(net, make_loaders(batch_size), optim.SGD(net.parameters(), lr=lr), epochs)
    # end solution
    note(net, hidden, lr, batch_size, epochs)
    return history


note(model, HIDDEN, LEARNING_RATE, BATCH_SIZE, EPOCHS)

# %% [markdown] lang="ru"
# ### Задание 1
#
# Разберите обучение базовой модели. О чём говорит разница между точностью на обучении и на проверке? Какой класс модель узнаёт лучше, какой хуже, и почему?

# %% [markdown] lang="en"
# ### Task 1
#
# Discuss the training of the baseline. What does the gap between training and validation accuracy say? Which class does the model recognise best, which worst, and why?

# %% [markdown] lang="ru" tags=["solution"]
# *Пример для классов 0 (яблоко), 55 (выдра), 58 (пикап).* На обучении точность 99 %, на проверке около 77 %: сеть почти выучила обучающие картинки, но на новые
# переносится только часть выученного. До случайного угадывания (33 %) далеко, значит, общие признаки классов она всё же нашла.
#
# Лучше всего узнаётся яблоко (полнота 0,92): это крупное цветное пятно в центре, а полносвязная сеть как раз сравнивает картинку с цветовыми шаблонами. Выдра и
# пикап путаются между собой: и тот и другой бывают разного цвета, положения и размера, а фон у них похож по яркости. Сдвинутый на несколько точек пикап для
# такой сети — другой набор входов, понятия формы у неё нет.

# %% [markdown] lang="en" tags=["solution"]
# *Example for classes 0 (apple), 55 (otter), 58 (pickup truck).* Training accuracy is 99 %, validation about 77 %: the network has almost memorised the training pictures,
# and only a part of that carries over to new ones. Still it is far from guessing (33 %), so it did find something common to each class.
#
# The apple is recognised best (recall 0.92): it is a large coloured blob in the middle, and a fully connected network does compare a picture with colour templates. Otter and
# pickup truck are taken for each other: both vary in colour, position and size, and their backgrounds are alike in brightness. A truck shifted by a few points is a
# different set of inputs for such a network; it has no notion of shape.

# %% [markdown] lang="ru"
# ### Задание 2
#
# Переобучается ли модель? Найдите эпоху с наименьшими потерями на проверке, обучите такую же модель только до неё и объясните, что это даёт без всякой регуляризации.

# %% [markdown] lang="en"
# ### Task 2
#
# Does the model overfit? Find the epoch with the lowest validation loss, train the same model only up to it, and explain what that gives without any regularisation.

# %%
# solution
best_epoch = int(history[:, 2].argmin()) + 1
early_history = study(HIDDEN, LEARNING_RATE, BATCH_SIZE, best_epoch)
# end solution
show_history(early_history)

# %% [markdown] lang="ru" tags=["solution"]
# Да. Потери на обучении падают до самого конца, а на проверке достигают наименьшего значения в первой половине обучения и затем растут. Точность на проверке при этом почти
# не падает: сеть ошибается примерно на тех же картинках, но всё увереннее, и это видно только по потерям.
#
# Средство без регуляризации — вовремя остановиться. После остановки в найденную эпоху точность на обучении ниже, на проверке примерно прежняя, а потери на проверке
# заметно меньше: вероятностям такой модели можно верить больше. Ещё помогли бы новые обучающие данные или меньшая сеть.

# %% [markdown] lang="en" tags=["solution"]
# Yes. The training loss falls to the very end, while the validation loss reaches its minimum in the first half of the training and grows afterwards. The validation accuracy hardly
# drops: the network is wrong about the same pictures, only with growing confidence, and the loss alone shows that.
#
# The remedy without regularisation is to stop in time. Stopped at the epoch found, the model has a lower training accuracy, about the same validation accuracy, and a clearly lower
# validation loss: its probabilities deserve more trust. More training data or a smaller network would help too.

# %% [markdown] lang="ru"
# ### Задание 3
#
# Измените размер батча, сохранив общее число итераций. Что изменилось и почему?

# %% [markdown] lang="en"
# ### Task 3
#
# Change the batch size and keep the total number of iterations. What changed, and why?

# %%
# solution
large_batch_history = study(HIDDEN, LEARNING_RATE, 2 * BATCH_SIZE, 2 * best_epoch)
# end solution
show_history(large_batch_history)

# %% [markdown] lang="ru" tags=["solution"]
# Батч вдвое больше (256), эпох вдвое больше: шагов столько же, каждый по среднему из вдвое большего числа картинок. Кривая потерь стала глаже, потому что шум градиента
# уменьшился примерно в $\sqrt 2$ раз. Потери и точность на проверке изменились в пределах случайного разброса: шаг 0,005 и без того мал, и шум
# градиента обучению почти не мешал. Картинок при этом просмотрено вдвое больше, так что выигрыш в шаге оплачен временем.

# %% [markdown] lang="en" tags=["solution"]
# Twice the batch (256), twice the epochs: as many steps, each along the mean of twice as many pictures. The loss curve became smoother, since the noise of the gradient fell by
# about $\sqrt 2$. Validation loss and accuracy changed within random variation: a step of 0.005 is small anyway, and the noise of the gradient
# hardly stood in the way. Twice as many pictures were looked at, so the better steps were paid for with time.

# %% [markdown] lang="ru"
# ### Задание 4
#
# Уменьшите скорость обучения и увеличьте число итераций так, чтобы точность не упала, а по возможности выросла. Что дал меньший шаг?

# %% [markdown] lang="en"
# ### Task 4
#
# Lower the learning rate and raise the number of iterations so that the accuracy does not fall and, if possible, grows. What did the smaller step give?

# %%
# solution
small_step_history = study(HIDDEN, LEARNING_RATE / 2, BATCH_SIZE, 2 * best_epoch)
# end solution
show_history(small_step_history)

# %% [markdown] lang="ru" tags=["solution"]
# Шаг вдвое меньше, эпох вдвое больше: путь той же длины из более коротких шагов. Кривые стали глаже, конечная точка почти та же. Значит, исходная скорость обучения для этой
# модели не была слишком большой: точность ограничивает не способ спуска, а сама сеть из десяти нейронов. Если бы потери при прежнем шаге прыгали, уменьшение помогло бы заметно.

# %% [markdown] lang="en" tags=["solution"]
# Half the step, twice the epochs: a path of the same length in shorter steps. The curves became smoother, the end point is almost the same. So the original learning rate was not too
# large for this model: what limits the accuracy is not the descent but the network of ten neurons. Had the loss jumped with the old step, the smaller one would have helped clearly.

# %% [markdown] lang="ru"
# ### Задание 5
#
# Измените модель: число нейронов, число слоёв. Для новой модели снова найдите момент переобучения и подберите скорость обучения и размер батча. Лучшую модель назовите `model`:
# именно её точность измеряет проверка.

# %% [markdown] lang="en"
# ### Task 5
#
# Change the model: number of neurons, number of layers. For the new model find the moment of overfitting again and choose learning rate and batch size. Bind your best model to the name
# `model`: its accuracy is the one that is measured.

# %%
# solution
#ru: два разных пути для широкой сети и один для глубокой; длинные запуски показывают, где начинается переобучение
#en: two different paths for a wide network and one for a deep one; the long runs show where overfitting begins
candidates = [((64,), 0.005, 128, EPOCHS // 2), ((64,), 0.01, 64, EPOCHS // 6), ((64, 32), 0.01, 128, EPOCHS // 3)]
first = len(runs)
searches = [(study(*candidate), candidate) for candidate in candidates]
new_history, (new_hidden, new_lr, new_batch_size, _) = min(searches, key=lambda search: search[0][:, 2].min())

#ru: лучший набор — ещё раз, но до эпохи с наименьшими потерями на проверке
#en: the best set once more, but only up to the epoch with the lowest validation loss
new_epoch = int(new_history[:, 2].argmin()) + 1
study(new_hidden, new_lr, new_batch_size, new_epoch)

model = min(runs[first:], key=lambda run: run["test_loss"])["model"]
# end solution
show_history(new_history)

# %%
report(model, "train")
report(model, "test")
show_weights(model)

# %% [markdown] lang="ru" tags=["solution"]
# Широкие сети лучше базовой: наименьшие потери на проверке снизились с 0,52 до 0,49, точность выросла на 1–4 %. Нейронов-шаблонов стало больше, и разные виды одного
# класса больше не делят один шаблон. Самые низкие потери у FC(64), FC(32), FC(3), но FC(64), FC(3) отстаёт всего на 0,002: второй скрытый слой почти ничего не
# добавил, данных мало, а первый слой всё равно видит только положение и цвет. Переобучение у новых моделей наступает в другие эпохи, чем у базовой, поэтому эпоху
# искали заново. Картинки весов у широкой сети шумнее, чем у базовой: она обучалась меньше, и сквозь начальные случайные числа проступают только крупные цветные пятна.

# %% [markdown] lang="en" tags=["solution"]
# The wide networks are better than the baseline: the lowest validation loss fell from 0.52 to 0.49 and the accuracy grew by 1–4 %. There are more template neurons, and different
# looks of one class no longer share one template. FC(64), FC(32), FC(3) has the lowest loss of all, but FC(64), FC(3) is only 0.002 behind: the second hidden layer added next to
# nothing, for there is little data, and the first layer sees only place and colour anyway. The new models overfit at other epochs than the baseline, hence the new
# search. The weight pictures of the wide network are noisier than the baseline's: it trained for less time, and only large blobs of colour show through the random start.

# %% [markdown] lang="ru"
# ### Задание 6
#
# Какие действия повысили точность, какие нет, и почему? Отличайте улучшение от случайного разброса.

# %% [markdown] lang="en"
# ### Task 6
#
# Which actions raised the accuracy, which did not, and why? Tell an improvement from random variation.

# %% [markdown] lang="ru" tags=["solution"]
# Больше всего дало увеличение числа нейронов: улучшились и точность, и потери, причём во всех запусках широких сетей, поэтому случайностью это не объяснить. Остановка до переобучения снизила
# потери, а точность почти не изменила. Больший батч и меньший шаг при равном пути дали разницу в 1–2 %, то есть внутри стандартной ошибки: утверждать, что они помогли, нельзя.
# Дальше мешает устройство сети: она не знает о соседстве точек. Следующий шаг — свёрточная сеть.
#
# Эпоху и модель мы выбирали по проверочной части, поэтому её точность немного завышена. Честную оценку даёт только третья, нетронутая часть данных.

# %% [markdown] lang="en" tags=["solution"]
# More neurons gave the most: both accuracy and loss improved, and in every run of the wide networks, so chance does not explain it. Stopping before overfitting lowered the
# loss and left the accuracy almost as it was. A larger batch and a smaller step over the same path made a difference of 1–2 %, inside the standard error: one cannot claim that they helped.
# What stands in the way now is the build of the network: it knows nothing of neighbouring points. The next step is a convolutional network.
#
# We chose epoch and model by the validation part, so its accuracy is a little too good. Only a third part of the data, untouched, gives an honest estimate.

# %% [markdown] lang="ru"
# # Итоговая таблица
#
# Соберите в одну таблицу **все** варианты обучения (не меньше пяти строк): строки уже напечатала функция `note`, допишите комментарий — что изменили и что из этого вышло. Заготовка:
#
# ```
# | Конфигурация нейросети | Гиперпараметры | Точность | Комментарий |
# |---|---|---|---|
# | FC(…), FC(…) | lr = …, batch_size = …, epochs = … | test = … %, train = … % | базовый вариант |
# ```

# %% [markdown] lang="en"
# # Final table
#
# Put **all** training runs into one table (at least five rows): `note` has printed the rows already, add the comment: what you changed and what came of it. A template:
#
# ```
# | Network configuration | Hyper-parameters | Accuracy | Comment |
# |---|---|---|---|
# | FC(…), FC(…) | lr = …, batch_size = …, epochs = … | test = … %, train = … % | baseline |
# ```

# %% [markdown] lang="ru" tags=["solution"]
# Классы 0, 55, 58; у другого варианта числа будут другими.
#
# | Конфигурация нейросети | Гиперпараметры | Точность | Комментарий |
# |---|---|---|---|
# | FC(10), FC(3) | lr = 0.005, batch_size = 128, epochs = 250 | test = 77.0%, train = 99.1% | базовый вариант, сильно переобучен |
# | FC(10), FC(3) | lr = 0.005, batch_size = 128, epochs = 69 | test = 76.3%, train = 89.3% | остановка на минимуме потерь на проверке: точность прежняя, потери 0,64 → 0,52 |
# | FC(10), FC(3) | lr = 0.005, batch_size = 256, epochs = 138 | test = 77.7%, train = 89.3% | батч и число эпох вдвое больше, итераций столько же: кривая глаже, разница в пределах шума |
# | FC(10), FC(3) | lr = 0.0025, batch_size = 128, epochs = 138 | test = 77.0%, train = 87.9% | шаг вдвое меньше, эпох вдвое больше: результат тот же |
# | FC(64), FC(3) | lr = 0.005, batch_size = 128, epochs = 125 | test = 79.0%, train = 98.0% | больше нейронов: лучше и точность, и потери |
# | FC(64), FC(3) | lr = 0.01, batch_size = 64, epochs = 41 | test = 79.7%, train = 99.3% | крупный шаг и малый батч: то же за меньшее число эпох |
# | FC(64), FC(32), FC(3) | lr = 0.01, batch_size = 128, epochs = 83 | test = 81.0%, train = 99.3% | второй слой; к концу потери растут |
# | FC(64), FC(32), FC(3) | lr = 0.01, batch_size = 128, epochs = 56 | test = 78.0%, train = 94.1% | лучшая модель: наименьшие потери на проверке, 0,494 |

# %% [markdown] lang="en" tags=["solution"]
# Classes 0, 55, 58; another variant has other numbers.
#
# | Network configuration | Hyper-parameters | Accuracy | Comment |
# |---|---|---|---|
# | FC(10), FC(3) | lr = 0.005, batch_size = 128, epochs = 250 | test = 77.0%, train = 99.1% | baseline, strongly overfitted |
# | FC(10), FC(3) | lr = 0.005, batch_size = 128, epochs = 69 | test = 76.3%, train = 89.3% | stopped at the lowest validation loss: same accuracy, loss 0.64 → 0.52 |
# | FC(10), FC(3) | lr = 0.005, batch_size = 256, epochs = 138 | test = 77.7%, train = 89.3% | batch and epochs doubled, as many iterations: smoother curve, difference within noise |
# | FC(10), FC(3) | lr = 0.0025, batch_size = 128, epochs = 138 | test = 77.0%, train = 87.9% | half the step, twice the epochs: the same result |
# | FC(64), FC(3) | lr = 0.005, batch_size = 128, epochs = 125 | test = 79.0%, train = 98.0% | more neurons: better accuracy and better loss |
# | FC(64), FC(3) | lr = 0.01, batch_size = 64, epochs = 41 | test = 79.7%, train = 99.3% | a large step and a small batch: the same in fewer epochs |
# | FC(64), FC(32), FC(3) | lr = 0.01, batch_size = 128, epochs = 83 | test = 81.0%, train = 99.3% | a second layer; the loss grows towards the end |
# | FC(64), FC(32), FC(3) | lr = 0.01, batch_size = 128, epochs = 56 | test = 78.0%, train = 94.1% | the best model: lowest validation loss, 0.494 |

# %% [markdown] lang="ru"
# # Контрольные вопросы
#
# ### Вопрос 1
#
# Как устроена полносвязная сеть? Что вычисляет один нейрон, зачем нужны скрытые и выходной слои, зачем между ними нелинейность?

# %% [markdown] lang="en"
# # Control questions
#
# ### Question 1
#
# How is a fully connected network built? What does one neuron compute, what are hidden and output layers for, why is there a non-linearity between them?

# %% [markdown] lang="ru" tags=["solution"]
# Сеть — цепочка слоёв, в которой каждый нейрон получает выходы **всех** нейронов предыдущего слоя. Нейрон вычисляет взвешенную сумму входов, прибавляет смещение и применяет активацию:
# $a = f(\sum_j w_j x_j + b)$; для целого слоя это $A = f(XW + b)$. Входной слой только передаёт признаки, скрытые слои строят из них новые, более полезные признаки, выходной переводит
# последние признаки в ответ: число при регрессии или по одному логиту на класс. Без нелинейности произведение матриц слилось бы в одну, и сколько бы ни было слоёв, сеть осталась бы линейной и не решила бы даже XOR.

# %% [markdown] lang="en" tags=["solution"]
# The network is a chain of layers where each neuron receives the outputs of **all** neurons of the layer before. A neuron computes the weighted sum of its inputs, adds a bias and applies an activation:
# $a = f(\sum_j w_j x_j + b)$; for a whole layer, $A = f(XW + b)$. The input layer only passes the features on, hidden layers build new and more useful features of them, the output layer turns the
# last features into the answer: a number in regression, one logit per class in classification. Without a non-linearity the product of the matrices would collapse into one matrix; however many layers there were, the network would stay linear and could not even solve XOR.

# %% [markdown] lang="ru"
# ### Вопрос 2
#
# Сколько нейронов, связей и обучаемых параметров в вашей базовой сети? Покажите расчёт.

# %% [markdown] lang="en"
# ### Question 2
#
# How many neurons, connections and trainable parameters does your baseline have? Show the calculation.

# %% [markdown] lang="ru" tags=["solution"]
# Сеть 3072–10–3. Вычисляющих нейронов $10 + 3 = 13$ (ещё 3072 входа ничего не вычисляют). Связей $3072 \cdot 10 + 10 \cdot 3 = 30\,750$, на каждой один вес. У каждого из 13 нейронов
# есть смещение, поэтому параметров $30\,750 + 13 = 30\,763$; то же число печатает ячейка с моделью.

# %% [markdown] lang="en" tags=["solution"]
# The network is 3072–10–3. It has $10 + 3 = 13$ computing neurons (the 3072 inputs compute nothing). There are $3072 \cdot 10 + 10 \cdot 3 = 30\,750$ connections with one weight each. Each of the 13 neurons
# has a bias, which makes $30\,750 + 13 = 30\,763$ parameters; the cell with the model prints the same number.

# %% [markdown] lang="ru"
# ### Вопрос 3
#
# Чем задача регрессии отличается от задачи классификации? Какие функции потерь берут в каждой и почему?

# %% [markdown] lang="en"
# ### Question 3
#
# How do regression and classification differ? Which losses are used in each, and why?

# %% [markdown] lang="ru" tags=["solution"]
# В регрессии предсказывают число, в классификации — один из конечного набора классов. Для регрессии берут среднеквадратичную ошибку (сильнее наказывает большие промахи; соответствует нормальному шуму) или среднюю
# абсолютную, она устойчивее к выбросам. Для двух классов — логистическую функцию потерь, для многих — перекрёстную энтропию $-\ln \hat p_y$: она почти не наказывает уверенный верный ответ и очень сильно — уверенный
# неверный. Долю верных ответов напрямую не оптимизируют: она меняется скачками, и её производная почти везде равна нулю.

# %% [markdown] lang="en" tags=["solution"]
# Regression predicts a number, classification one of a finite set of classes. Regression takes the mean squared error (it punishes large misses more and corresponds to normal noise) or the mean
# absolute error, which is more robust against outliers. Two classes take the logistic loss, many the cross-entropy $-\ln \hat p_y$: it hardly punishes a sure right answer, and punishes a sure
# wrong one very much. The share of right answers is not optimised directly: it changes in jumps, and its derivative is zero almost everywhere.

# %% [markdown] lang="ru"
# ### Вопрос 4
#
# На какие части делят набор данных и для чего служит каждая? Какую роль в этой работе играла часть `test`?

# %% [markdown] lang="en"
# ### Question 4
#
# Into which parts is a data set divided, and what is each for? Which role did the part `test` play in this lab?

# %% [markdown] lang="ru" tags=["solution"]
# На обучающей части подбираются веса. По проверочной (валидационной) выбирают гиперпараметры и момент остановки. Тестовую используют один раз, в конце, чтобы честно оценить готовую модель. Части не должны
# пересекаться. Каждый пример состоит из признаков (картинка) и метки (класс). В этой работе `test` служила проверочной частью: по ней мы выбирали эпоху и модель, поэтому точность на ней слегка завышена.

# %% [markdown] lang="en" tags=["solution"]
# The training part fits the weights. The validation part serves to choose hyper-parameters and the moment to stop. The test part is used once, at the end, for an honest estimate of the finished model. The parts must
# not overlap. Every example consists of features (the picture) and a label (the class). In this lab `test` was the validation part: we chose epoch and model by it, so its accuracy is slightly too good.

# %% [markdown] lang="ru"
# ### Вопрос 5
#
# Опишите стохастический градиентный спуск и его гиперпараметры. Чем он отличается от пакетного?

# %% [markdown] lang="en"
# ### Question 5
#
# Describe stochastic gradient descent and its hyper-parameters. How does it differ from batch gradient descent?

# %% [markdown] lang="ru" tags=["solution"]
# Данные перемешивают и режут на батчи. Для очередного батча считают потери и их градиент, затем делают шаг $w \leftarrow w - \eta \nabla L$, и так несколько эпох. Гиперпараметры: скорость обучения $\eta$ (длина
# шага), размер батча (точность градиента), число эпох (длина пути), иногда момент. Пакетный спуск считает градиент по всей выборке: шаг точный, но дорогой, и в эпохе он один. Стохастический делает много дешёвых шумных
# шагов, обычно сходится быстрее, а шум помогает уйти из неглубоких минимумов. В части 1 спуск был пакетным, в части 3 — стохастическим.

# %% [markdown] lang="en" tags=["solution"]
# The data are shuffled and cut into batches. For each batch one computes the loss and its gradient, then takes a step $w \leftarrow w - \eta \nabla L$, and so on for several epochs. The hyper-parameters are the learning rate $\eta$ (length of
# a step), the batch size (precision of the gradient), the number of epochs (length of the path), sometimes momentum. Batch descent takes the gradient over the whole sample: the step is exact and expensive, and there is one per epoch. The stochastic
# kind takes many cheap and noisy steps, usually converges sooner, and its noise helps to leave shallow minima. Part 1 used batch descent, part 3 the stochastic one.

# %% [markdown] lang="ru"
# ### Вопрос 6
#
# Что такое эпоха, итерация и батч? Как они связаны? Посчитайте число итераций вашей базовой модели.

# %% [markdown] lang="en"
# ### Question 6
#
# What are an epoch, an iteration and a batch? How are they related? Count the iterations of your baseline.

# %% [markdown] lang="ru" tags=["solution"]
# Батч — группа примеров, по которой считается один градиент. Итерация — один шаг оптимизатора, то есть обработка одного батча. Эпоха — один проход по всей обучающей выборке. Итераций в эпохе $\lceil N / B \rceil$, всего
# $E \cdot \lceil N / B \rceil$. Для базовой модели $N = 1500$, $B = 128$: $\lceil 1500 / 128 \rceil = 12$ итераций в эпохе, $250 \cdot 12 = 3000$ всего.

# %% [markdown] lang="en" tags=["solution"]
# A batch is the group of examples that one gradient is computed from. An iteration is one step of the optimiser, that is, one batch. An epoch is one pass over the whole training sample. There are $\lceil N / B \rceil$ iterations per epoch and
# $E \cdot \lceil N / B \rceil$ in all. For the baseline $N = 1500$, $B = 128$: $\lceil 1500 / 128 \rceil = 12$ iterations per epoch, $250 \cdot 12 = 3000$ in all.

# %% [markdown] lang="ru"
# ### Вопрос 7
#
# Чем различаются обучение с учителем, без учителя и с подкреплением? Приведите для каждого задачу и метод.

# %% [markdown] lang="en"
# ### Question 7
#
# How do supervised, unsupervised and reinforcement learning differ? Give a task and a method for each.

# %% [markdown] lang="ru" tags=["solution"]
# С учителем: для каждого примера известен верный ответ (классификация изображений, прогноз цены; нейронная сеть, логистическая регрессия, случайный лес). Без учителя: ответов нет, ищут строение данных (кластеризация — k-средних,
# понижение размерности — метод главных компонент или автокодировщик, поиск аномалий). С подкреплением: агент действует в среде и получает награды, иногда с опозданием, а учится стратегии, при которой суммарная награда больше (игры, управление
# роботом; Q-обучение, методы градиента стратегии). Эта лабораторная работа целиком про обучение с учителем.

# %% [markdown] lang="en" tags=["solution"]
# Supervised: the right answer is known for each example (image classification, price forecasts; neural network, logistic regression, random forest). Unsupervised: there are no answers, one looks for the structure of the data (clustering with k-means,
# dimensionality reduction with principal components or an autoencoder, anomaly detection). Reinforcement: an agent acts in an environment and receives rewards, sometimes late, and learns the strategy with the larger total reward (games, control of
# a robot; Q-learning, policy gradients). This lab is about supervised learning from beginning to end.
