r"""Addresses as their RFCs spell them, as regular expressions that the grammar and the check share.

IPv6 and URI references of RFC 3986, IRIs of RFC 3987, URI templates of RFC 6570, mailboxes of RFC 5321; the names are
those of their grammars. All are regular, so nothing is lost, and the expressions are in the dialect of Rust's `regex`
(`\x{a0}`), which llguidance takes.
"""

from __future__ import annotations

HEX = "[0-9A-Fa-f]"
PERCENT = f"%{HEX}{{2}}"
UNRESERVED, SUB_DELIMITERS = "A-Za-z0-9._~-", "!$&'()*+,;="
SCHEME = "[A-Za-z][A-Za-z0-9+.-]*"

OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
IPV4 = rf"(?:{OCTET}\.){{3}}{OCTET}"
H16 = f"{HEX}{{1,4}}"
LS32 = f"(?:{H16}:{H16}|{IPV4})"


def _ipv6() -> str:
    """Return the nine forms of an address: how many groups stand before and behind "::", if it is there."""
    forms = [f"(?:{H16}:){{6}}{LS32}", f"::(?:{H16}:){{5}}{LS32}"]
    forms += [f"(?:(?:{H16}:){{0,{before}}}{H16})?::(?:{H16}:){{{4 - before}}}{LS32}" for before in range(4)]
    forms += [f"(?:(?:{H16}:){{0,4}}{H16})?::{LS32}", f"(?:(?:{H16}:){{0,5}}{H16})?::{H16}"]
    forms += [f"(?:(?:{H16}:){{0,6}}{H16})?::"]
    return f"(?:{'|'.join(forms)})"


IPV6 = _ipv6()
# ucschar and iprivate of RFC 3987.
UCS = r"\x{a0}-\x{d7ff}\x{f900}-\x{fdcf}\x{fdf0}-\x{ffef}" + "".join(
    rf"\x{{{plane:x}0000}}-\x{{{plane:x}fffd}}" for plane in range(1, 14)
)
UCS += r"\x{e1000}-\x{efffd}"
PRIVATE = r"\x{e000}-\x{f8ff}\x{f0000}-\x{ffffd}\x{100000}-\x{10fffd}"


def _reference(more: str = "", more_in_queries: str = "", *, relative: bool = True) -> str:
    """Return the pattern of a URI, or of a reference that may be relative.

    Args:
        more: further characters that an IRI has, as in a class of characters.
        more_in_queries: those of its queries.
        relative: whether the scheme may be missing.
    """
    unreserved = f"{more}{UNRESERVED[:-1]}"  # the dash stands at the end of a class
    name = f"(?:[{unreserved}{SUB_DELIMITERS}-]|{PERCENT})"
    pchar = f"(?:[{unreserved}{SUB_DELIMITERS}:@-]|{PERCENT})"
    future = rf"[vV]{HEX}+\.[{UNRESERVED[:-1]}{SUB_DELIMITERS}:-]+"
    user = f"(?:[{unreserved}{SUB_DELIMITERS}:-]|{PERCENT})*@"
    authority = rf"(?:{user})?(?:\[(?:{IPV6}|{future})\]|{name}*)(?::[0-9]*)?"
    segments = f"(?:/{pchar}*)*"
    net = f"//{authority}{segments}"
    absolute = f"/(?:{pchar}+{segments})?"
    rootless = f"{pchar}+{segments}"
    no_scheme = f"(?:[{unreserved}{SUB_DELIMITERS}@-]|{PERCENT})+{segments}"
    query = rf"(?:\?(?:{pchar}|[/?{more_in_queries}])*)?(?:#(?:{pchar}|[/?])*)?"
    full = f"{SCHEME}:(?:{net}|{absolute}|{rootless})?"
    return f"^(?:{full}|{net}|{absolute}|{no_scheme}|){query}$" if relative else f"^{full}{query}$"


def _template() -> str:
    literal = rf"[!#$&'(-;=?-\[\]_a-z~{UCS}{PRIVATE}]|{PERCENT}"
    character = f"(?:[A-Za-z0-9_]|{PERCENT})"
    variable = rf"{character}(?:\.?{character})*(?::[1-9][0-9]{{0,3}}|\*)?"
    return rf"^(?:{literal}|\{{[+#./;?&=,!@|]?{variable}(?:,{variable})*\}})*$"


def _mailbox() -> str:
    atom = r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+"
    quoted = r'"(?:[ !#-\[\]-~]|\\[ -~])*"'
    label = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
    domain = rf"(?:{label}(?:\.{label})*|\[{IPV4}\]|\[IPv6:{IPV6}\])"
    return rf"^(?:{atom}(?:\.{atom})*|{quoted})@{domain}$"


URI = _reference(relative=False)

ADDRESSES = {
    "ipv6": f"^{IPV6}$",
    "email": _mailbox(),
    "uri-reference": _reference(),
    "iri": _reference(UCS, PRIVATE, relative=False),
    "iri-reference": _reference(UCS, PRIVATE),
    "uri-template": _template(),
}
