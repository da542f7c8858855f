# %% [markdown] lang="ru"
# Обучите `model` различать картинки своих классов.

# %% [markdown] lang="en"
# Train `model` to tell the pictures of your classes apart.

# %%
# solution
model = None
# end solution
