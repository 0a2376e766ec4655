"""The connection to the upstream, under what the environment says of proxies and certificates."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.util import find_spec
from urllib.request import getproxies, proxy_bypass

import httpx2

from lrrc.middleware.proxy.pages import is_loopback
from lrrc.runtime.secrets import redact

CONNECT = 10  # seconds
ASKED = ("http", "https", "all")  # schemes that a variable *_PROXY may be for
WORDS = (  # an error's class -> what it says to somebody who knows no classes; the first that fits
    (httpx2.ConnectTimeout, f"no connection within {CONNECT} s"),
    (httpx2.ConnectError, "no connection"),
    (httpx2.ProxyError, "the proxy between refused"),
    (httpx2.TransportError, "the connection ended"),
)


def make_client(upstreams: Iterable[str]) -> httpx2.AsyncClient:
    """An HTTP client that adds nothing of its own, keeps no cookies and leaves the patience to the caller.

    Idle connections are dropped before common servers (5 s) would close them under a request. Upstreams on this
    machine are asked directly, whatever the environment says. Raises ValueError that names a variable of it.
    """
    urls = [httpx2.URL(address) for address in upstreams]
    local = {url.host for url in urls if is_loopback(url.host)}
    remote = any(url.host not in local for url in urls)
    if remote:
        check_proxies()
    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(None, connect=CONNECT),
        limits=httpx2.Limits(max_keepalive_connections=100, keepalive_expiry=2),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        verify=certificates() if remote or any(url.scheme == "https" for url in urls) else True,
        mounts={f"all://[{host}]" if ":" in host else f"all://{host}": None for host in local},
        trust_env=remote,
    )


def check_proxies() -> None:
    """Raises ValueError for a proxy of the environment that could not be asked."""
    proxies = getproxies()
    if "*" in [host.strip() for host in proxies.get("no", "").split(",")]:
        return
    for scheme in ASKED:
        if not (value := proxies.get(scheme)):
            continue
        address = value if "://" in value else f"http://{value}"
        name = variable(scheme)
        try:
            proxy = httpx2.Proxy(address).url
        except (ValueError, httpx2.InvalidURL):
            proxy = None
        if proxy is None or not proxy.host:
            raise ValueError(
                f"{name} = {redact(value)!r} in the environment: allowed is http://, https://, socks5:// or "
                f"socks5h:// with a host; correct it or unset {name}"
            )
        if proxy.scheme.startswith("socks") and find_spec("socksio") is None:
            raise ValueError(
                f"{name} = {redact(value)!r} in the environment: a SOCKS proxy needs a package more: "
                f"pip install socksio, or unset {name}"
            )


def variable(scheme: str) -> str:
    """The variable that holds the proxy of a scheme, as it is written in the environment."""
    name = f"{scheme}_proxy"
    return name if name in os.environ else name.upper()


def certificates() -> ssl.SSLContext:
    """Those that SSL_CERT_FILE or SSL_CERT_DIR names, else the usual ones. Raises ValueError."""
    try:
        return httpx2.create_ssl_context()
    except OSError:  # ssl.SSLError is one
        name = "SSL_CERT_FILE" if os.environ.get("SSL_CERT_FILE") else "SSL_CERT_DIR"
        value = os.environ.get(name, "")
        raise ValueError(
            f"{name} = {value!r} in the environment: no certificates can be read there; correct it or unset {name}"
        ) from None


def unreached(error: httpx2.TransportError, url: httpx2.URL) -> str:
    """Why there is no answer, in plain words, and by whose wish a proxy was asked."""
    reason = next(words for kind, words in WORDS if isinstance(error, kind))
    proxies = getproxies()
    asked = next((scheme for scheme in (url.scheme, "all") if proxies.get(scheme)), None)
    if asked and not is_loopback(url.host) and not proxy_bypass(url.host):
        reason += f"; asked through the proxy of {variable(asked)} in the environment"
    return reason
