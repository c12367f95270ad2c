"""Settings of the web site that `make site` builds. build.py gathers the pages and runs Sphinx with
them.
"""

import reading

from course_lib import __version__

project = title = html_title = "GAN image-to-image translation"
author = copyright = "The course authors"
release = version = __version__
language = "en"
smartquotes_action = "qe"  # quotes and ellipses; two dashes begin an option

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx_design"]
nb_execution_mode = "off"  # the stored outputs are the truth
nb_merge_streams = True
myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
myst_heading_anchors = 4
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 80
autodoc_member_order = "bysource"
add_module_names = False

# Formulas: one file, brought by build.py; what it would load later, from elsewhere, is left out.
mathjax_path = "mathjax/tex-svg-full.js"
mathjax3_config = {"options": {"enableMenu": False}}

highlight_language = "none"  # of blocks that name none: commands, mostly

html_theme = "sphinx_book_theme"
html_theme_options = {
    "navbar_persistent": [],  # the search field is in the sidebar
    "search_bar_text": "Search the course",
    "show_toc_level": 2,
    "use_fullscreen_button": False,
    "logo": {"text": html_title},
}
# A list of all pages beside each file of code costs a tenth of the time.
html_sidebars = {"files/**": ["navbar-logo.html", "search-button-field.html"]}
html_logo = html_favicon = "../../course_lib/demo/static/favicon.svg"
html_context = {"default_mode": "auto"}  # light or dark, as the reader's machine has it
html_static_path = ["style.css", "../../build/site-parts/static"]
html_css_files = ["style.css"]
html_show_sphinx = html_domain_indices = html_use_index = False


def plain(app, what, name, thing, options, lines):
    """Docstrings of the course as reStructuredText: they are plain text with ``literals``,
    $formulas$ and indented tables.
    """
    blocks = "\n".join(lines).split("\n\n")
    blocks = [
        f"::\n\n{block}" if block.startswith("    ") else reading.inline(block, ":math:`{}`")
        for block in blocks
    ]
    lines[:] = "\n\n".join(blocks).split("\n")


def setup(app):
    app.connect("autodoc-process-docstring", plain)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
