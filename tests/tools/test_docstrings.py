"""Docstrings in the three common styles."""

import inspect

import click.core
import docstring_parser
import huggingface_hub.repocard
import numpy.ma
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


@pytest.mark.parametrize(
    ("docstring", "parameters"),
    [
        (
            "Add.\n\nArguments\n---------\na : int\n\n    A number.\n\n    More of it.\nb\n    B.",
            {"a": "A number.", "b": "B."},
        ),
        (
            "Add.\n\nArgs:\n    a (:obj:`list[int]`): A.\n    b (Sequence(int)): B.\n\n        More.",
            {"a": "A.", "b": "B."},
        ),
        ("Add.\n\nArgs:\n    a: A.\n\n    b:\n\n        B.\n\nRaises:\n    ValueError\n", {"a": "A.", "b": "B."}),
        ("Add.\n\nArgs:\n    a (int):\n    b: B.", {"b": "B."}),
    ],
)
def test_what_real_docstrings_look_like(docstring, parameters):
    assert read_docstring(docstring)[1] == parameters


def test_a_role_in_the_summary_is_no_field():
    assert (
        read_docstring(":class:`Path` of\n:attr:`name`.\n:raises OSError: no\n")[0] == ":class:`Path` of :attr:`name`."
    )


@pytest.mark.parametrize("module", [numpy.ma.core, huggingface_hub.repocard, click.core])
def test_it_reads_what_docstring_parser_reads(module):
    """In three styles, of functions as they were written."""
    read, missed = 0, []
    for docstring in filter(None, map(inspect.getdoc, _functions(module))):
        _, parameters = read_docstring(docstring)
        for parameter in _theirs(docstring):
            ours = " ".join(parameters.get(parameter.arg_name, "").split())
            read += bool(ours)
            if not ours or not " ".join(parameter.description.split()).startswith(ours):  # maybe one paragraph of more
                missed.append((parameter.arg_name, ours, docstring))
    assert read > 20
    assert len(missed) < read / 50, missed


def _theirs(docstring):
    try:
        found = docstring_parser.parse(docstring).params
    except docstring_parser.ParseError:  # one entry that it can't read costs it all
        return []
    return [it for it in found if it.description and it.args[0] == "param" and it.arg_name.isidentifier()]


def _functions(module):
    for _, value in inspect.getmembers(module):
        if inspect.isclass(value) and value.__module__ == module.__name__:
            yield from (function for _, function in inspect.getmembers(value, inspect.isfunction))
        elif inspect.isfunction(value):
            yield value
