# /// attack
# tries = "puts template expressions, format fields and shell words into names, markdown, outputs and errors"
# held = "shown, not computed"
# exit = ["raised"]
# points = 5
# name = "{{ 7*7 }}{% include '/etc/passwd' %}{0.__class__}$(id)`id`%s"
# says = ["{{ 7*191 }}"]
# ///
# %% [markdown]
# {{ 7*191 }} {% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %} ${7*191} #{7*191} <%= 7*191 %>
# %%
print("{{ 7*191 }} {% raw %} {{ cycler.__init__.__globals__.os.popen('id').read() }} {{ score.student }} {0.__class__.__mro__} %(password)s")
raise ValueError("{{ config }} {{ self.__init__.__globals__ }}")
