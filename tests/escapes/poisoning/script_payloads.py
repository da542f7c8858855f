# /// attack
# tries = "puts HTML, scripts, event handlers, frames and style sheets into markdown, source, outputs, errors, attachments and tags"
# held = "all of it stands on the page as text"
# exit = ["raised"]
# points = 5
# name = "<script>alert('name')</script><img src=x onerror=alert(1)>"
# ///
# %% [markdown]
# <script>alert(1)</script> <img src=x onerror=alert(1)> [x](javascript:alert(1)) ![p](https://tracker.example/a.png)
# </textarea></pre></style><svg onload=alert(1)> <iframe srcdoc="<script>alert(1)</script>"></iframe>
# %%
from IPython.display import HTML, SVG, Javascript, Latex, Markdown, display

# </script><script>alert("source")</script>
for payload in (
    HTML("<script>alert(1)</script><form action=https://e.example><input name=password>"),
    SVG("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert(1)</script></svg>"),
    Javascript("alert(1)"),
    Latex("$\\href{javascript:alert(1)}{x}$"),
    Markdown("[x](javascript:alert(1)) <script>alert(1)</script>"),
):
    display(payload)
display({"image/png": "\" onerror=\"alert(1)", "text/plain": "</pre><script>alert(1)</script>"}, raw=True)
display({"\"><script>alert(1)</script>": "x", "application/vnd.jupyter.widget-view+json": {"model_id": "<script>"}}, raw=True)
print("</pre></code></body></html><script>alert(1)</script>")
raise type("<b onclick=alert(1)>Error", (Exception,), {})("'\"><script>alert(1)</script>")
