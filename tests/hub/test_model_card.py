"""The licence that a model card in the cache names."""

from __future__ import annotations

import pytest

from edge_lam.hub.listing import license_of_card


@pytest.mark.parametrize(
    ("card", "license"),
    [
        ("---\nlicense: cc-by-nc-4.0\n---\n# Tiny\n", "cc-by-nc-4.0"),
        ('\ufeff---\r\ntags: [a]\r\nlicense: "mit" # all of it\r\n---\r\n', "mit"),
        ("---\nlicense: >-\n  apache-2.0\n---\n", "apache-2.0"),
        ("---\nbase:\n  license: mit\n---\n", ""),
        ("---\nlicense: [mit, apache-2.0]\n---\n", ""),
        ("---\n---\n", ""),
        ("# license: mit\n", ""),
    ],
)
def test_the_metadata_names_it(tmp_path, card, license):
    (tmp_path / "README.md").write_bytes(card.encode())
    assert license_of_card(tmp_path) == license


@pytest.mark.parametrize("card", [b"---\nlicense: [mit\n---\n", b"---\n- license\n---\n", b"---\nlicense: \xff\n---\n"])
def test_what_can_not_be_read_is_told(tmp_path, caplog, card):
    caplog.set_level("DEBUG", "edge_lam.hub")
    assert license_of_card(tmp_path) == ""
    assert caplog.messages == []  # there is no card
    (tmp_path / "README.md").write_bytes(card)
    assert license_of_card(tmp_path) == ""
    assert caplog.messages[0].startswith(f"no licence is read from {tmp_path / 'README.md'}: ")
