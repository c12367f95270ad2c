"""What becomes of an executed notebook: one HTML page that needs no kernel, or the form the course stores."""

import base64
import copy
import io
from pathlib import Path

# A figure's alt text is its cell's metadata "alt". Nothing is loaded from the network but MathJax, and that only if
# there are formulas: it cannot be had as one small file to embed. Without a network they stay readable as TeX.
_TEMPLATE = """{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js_requirejs -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- if resources.formulas -%}{{ super() }}{%- endif -%}{%- endblock -%}
{%- macro picture(cell, output, kind) -%}
<div class="jp-RenderedImage jp-OutputArea-output" tabindex="0">
<img alt="{{ (cell.metadata.alt or 'a figure') | escape_html }}" src="data:{{ kind }};base64,{{ output.data[kind] }}">
</div>
{%- endmacro -%}
{%- block data_png scoped -%}{{ picture(cell, output, 'image/png') }}{%- endblock -%}
{%- block data_jpg scoped -%}{{ picture(cell, output, 'image/jpeg') }}{%- endblock -%}"""

PHOTOGRAPH = {"format": "JPEG", "quality": 88, "subsampling": 0, "optimize": True}
SMALLER = 0.8  # of a PNG's bytes: then the picture is a photograph
UNSEEN = (
    0.3,
    3.0,
)  # of 255, the mean change by 256 colours: of drawings, and of what JPEG makes larger (hard edges)


def notebook_page(notebook, path: Path) -> str:
    """HTML of ``notebook`` (an nbformat node), whose source lies at ``path``: pictures linked from there are embedded.

    A widget needs a kernel, so a sentence takes its place.
    """
    from jinja2 import DictLoader, pass_context
    from nbconvert import HTMLExporter
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    class Renderer(IPythonRenderer):
        def _html_embed_images(
            self, html: str
        ) -> str:  # its parser would end a <details> before what it folds
            return super()._html_embed_images(html) if "<img" in html else html

    @pass_context
    def to_html(context, source: str) -> str:
        attachments = context["cell"].get("attachments", {})
        renderer = Renderer(
            escape=False, attachments=attachments, embed_images=True, path=str(path.parent)
        )
        return MarkdownWithMath(renderer=renderer).render(source)

    page = copy.deepcopy(notebook)
    page.metadata.pop("widgets", None)
    for output in (output for cell in page.cells for output in cell.get("outputs", [])):
        if "application/vnd.jupyter.widget-view+json" in output.get("data", {}):
            output["data"] = {
                "text/markdown": "*Interactive: open the notebook in Jupyter to use this part.*"
            }
    formulas = any("$" in cell.source for cell in page.cells if cell.cell_type == "markdown")
    resources = {"metadata": {"name": path.stem, "path": str(path.parent)}, "formulas": formulas}
    loader = DictLoader({"course.html.j2": _TEMPLATE})
    exporter = HTMLExporter(template_file="course.html.j2", extra_loaders=[loader])
    exporter.register_filter("markdown2html", to_html)
    return exporter.from_notebook_node(page, resources)[0]


def stored_form(path: Path, timing: dict) -> str:
    """The executed notebook at ``path`` as it is kept in ``notebooks/``: outputs in place, numbered from 1, pictures
    packed as tightly as PNG can, photographs as JPEG, without the injected parameters and what papermill noted.

    ``timing`` is what ``course doctor`` will want to know.
    """
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [
        cell
        for cell in notebook.cells
        if "injected-parameters" not in cell.metadata.get("tags", [])
    ]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code, start=1):
        cell.execution_count = number
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = number
            if "image/png" in output.get("data", {}):
                kind, packed = _packed(output.data.pop("image/png"))
                output.data[kind] = packed
    for cell in notebook.cells:
        for noted in ("papermill", "execution"):
            cell.metadata.pop(noted, None)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    widgets = {key: notebook.metadata[key] for key in ("widgets",) if key in notebook.metadata}
    kept = {"kernelspec": kernel, "language_info": {"name": "python"}, "course": timing} | widgets
    notebook.metadata = nbformat.from_dict(kept)
    return nbformat.writes(notebook) + "\n"


def _packed(png: str) -> tuple[str, str]:
    """The picture in fewer bytes, and its kind: PNG of all its colours or of 256, or a JPEG. base64 in and out."""
    from PIL import Image, ImageChops, ImageStat

    image = Image.open(io.BytesIO(base64.b64decode(png)))
    if image.mode == "RGBA" and image.getextrema()[3] == (
        255,
        255,
    ):  # opaque: matplotlib's always are
        image = image.convert("RGB")
    image.save(same := io.BytesIO(), "PNG", optimize=True)
    if image.mode == "RGB":
        image.save(near := io.BytesIO(), **PHOTOGRAPH)
        if near.tell() < SMALLER * same.tell():
            return "image/jpeg", base64.b64encode(near.getvalue()).decode()
        few = image.quantize(256, dither=Image.Dither.NONE)
        if (
            max(ImageStat.Stat(ImageChops.difference(image, few.convert("RGB"))).mean)
            < UNSEEN[near.tell() > same.tell()]
        ):
            few.save(same := io.BytesIO(), "PNG", optimize=True)
    return "image/png", min(base64.b64encode(same.getvalue()).decode(), png, key=len)
