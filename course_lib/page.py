"""An executed notebook as one HTML page that needs no kernel, no other file and, formulas apart, no network."""

import copy
from pathlib import Path

# Nothing is loaded from the network but MathJax, and that only if there are formulas: it cannot be had as one small
# file to embed. Without a network the formulas stay readable as TeX.
_TEMPLATE = """{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js_requirejs -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- if resources.formulas -%}{{ super() }}{%- endif -%}{%- endblock -%}"""


def notebook_page(notebook, path: Path) -> str:
    """HTML of ``notebook`` (an nbformat node), whose source lies at ``path``: pictures linked from there are embedded.

    A widget needs a kernel, so a sentence takes its place.
    """
    from jinja2 import DictLoader
    from nbconvert import HTMLExporter

    page = copy.deepcopy(notebook)
    page.metadata.pop("widgets", None)
    for output in (output for cell in page.cells for output in cell.get("outputs", [])):
        if "application/vnd.jupyter.widget-view+json" in output.get("data", {}):
            output["data"] = {"text/markdown": "*Interactive: open the notebook in Jupyter to use this part.*"}
    formulas = any("$" in cell.source for cell in page.cells if cell.cell_type == "markdown")
    resources = {"metadata": {"name": path.stem, "path": str(path.parent)}, "formulas": formulas}
    loader = DictLoader({"course.html.j2": _TEMPLATE})
    exporter = HTMLExporter(template_file="course.html.j2", extra_loaders=[loader], embed_images=True)
    return exporter.from_notebook_node(page, resources)[0]
