"""Docstrings in the three common styles."""

import pytest

from edge_lam.tools.docstrings import read_docstring

GOOGLE = """Find hotels
    in a city.

    More of it: with a colon.

    Args:
        city: Where,
            more or less.
        nights (int, optional): How long: in nights.
        plain:
            On its own line.

    Returns:
        city: not a parameter.
    """

NUMPY = """Find hotels
    in a city.

    Parameters
    ----------
    city : str
        Where,
        more or less.
    nights : int, optional
        How long: in nights.
    plain
        On its own line.

    Returns
    -------
    city
        Not a parameter.
    """

SPHINX = """Find hotels
    in a city.

    :param str city: Where,
        more or less.
    :param nights: How long: in nights.
    :type nights: int
    :param plain: On its own line.
    :return: city: not a parameter.
    """


@pytest.mark.parametrize("docstring", [GOOGLE, NUMPY, SPHINX])
def test_every_style_reads_the_same(docstring):
    summary, parameters = read_docstring(docstring)
    assert summary == "Find hotels in a city."
    assert parameters == {
        "city": "Where, more or less.",
        "nights": "How long: in nights.",
        "plain": "On its own line.",
    }


def test_numpy_names_that_share_a_description():
    assert read_docstring("Add.\n\nParameters\n----------\na, b : int\n    A number.\n")[1] == {
        "a": "A number.",
        "b": "A number.",
    }


@pytest.mark.parametrize(
    ("docstring", "summary"),
    [
        (None, ""),
        ("", ""),
        ("One line.", "One line."),
        ("Args:\n    x: y", ""),
        ("Summary.\nArgs:\n    x: y", "Summary."),
        ("Summary.\n:param x: y", "Summary."),
        ("Note: this stays.", "Note: this stays."),
    ],
)
def test_summary(docstring, summary):
    assert read_docstring(docstring)[0] == summary
