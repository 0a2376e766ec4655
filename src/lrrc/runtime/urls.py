"""Addresses of servers, as a user gives them: they name a place and never hold a key."""

from __future__ import annotations

from urllib.parse import urlsplit


def check_base_url(address: str, where: str, keys: str) -> str:
    """The address without a slash at its end. Raises ValueError that begins with `where`.

    One with a user, a password or a query is refused and not repeated, because parameters and addresses are logged;
    `keys` says where a key comes from instead.
    """
    try:
        parts = urlsplit(address)
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        secret = bool(parts.username is not None or parts.query or parts.fragment)
    except ValueError:
        right, secret = False, "@" in address
    if secret:
        raise ValueError(f"{where}: an address without user, password, query and fragment: keys come from {keys}")
    if not right:
        raise ValueError(f"{where} = {address!r}: allowed is an address such as https://api.example.com/v1")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
