"""Reports of a result file: in the terminal, as Markdown, CSV and one HTML page with plots.

All of them are made of the same tables (`table.Table`) and the same figures.
"""

from __future__ import annotations
