# %% [markdown] lang="ru"
# Напишите `answer(x)`, которая удваивает числа, и обучите `model` отличать точки вокруг (-2, 0) от точек вокруг (2, 0).

# %% [markdown] lang="en"
# Write `answer(x)` that doubles numbers, and train `model` to tell points around (-2, 0) from points around (2, 0).

# %%
def answer(x):
    # solution
    return 2 * x
    # end solution
