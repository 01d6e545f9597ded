"""The documentation site: ``.venv/bin/sphinx-build -W --keep-going docs build/site``, then open build/site/index.html."""

import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "tools"))

project = "stream-evo"
author = "the stream-evo developers"
version = release = metadata.version("stream-evo")
exclude_patterns = ["tools"]
nitpicky = False  # types of arguments need not be public names; links between pages are checked without it

extensions = ["from_code", "myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 3

default_role = "literal"  # docstrings write names in single backquotes
autodoc_member_order = "groupwise"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
napoleon_numpy_docstring = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"stream-evo {version}"
html_static_path = ["_static"]
html_css_files = ["extra.css"]
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True
copybutton_remove_prompts = True
