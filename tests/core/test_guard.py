"""Which URLs may be read: none that leads inside, whatever its name, its address or its form."""

import ipaddress
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipseek.errors import UrlNotAllowed
from clipseek.sources.guard import MAX_URL_CHARACTERS, Guard, Outgoing, is_public

PUBLIC = "93.184.216.34"


def _given(addresses: list[str], _host: str, _port: int) -> list[str]:
    return addresses


def guard(*hosts: str, address: str = PUBLIC) -> Guard:
    """Return a guard with a name server that knows one address."""
    return Guard(hosts, resolve=lambda _host, _port: [address])


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        pytest.param("https://a.example/v.mp4?x=1#y", "a.example", 443, "/v.mp4?x=1", id="https"),
        pytest.param("http://A.Example./", "a.example", 80, "/", id="case and dot"),
        pytest.param("https://a.example", "a.example", 443, "/", id="no path"),
        pytest.param("https://a.example:443/v", "a.example", 443, "/v", id="port of the scheme"),
        pytest.param("https://b.a.example/v", "b.a.example", 443, "/v", id="below"),
        pytest.param("https://c.example:8443/v", "c.example", 8443, "/v", id="another port"),
    ],
)
def test_a_listed_host_is_allowed(url: str, host: str, port: int, path: str) -> None:
    """In any case of letters, with a dot at its end, and as a name below one."""
    found = guard("a.example", "*.a.example", "c.example:8443").check(url)
    assert (found.host, found.port, found.path) == (host, port, path)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("https://evil.example/v", id="another host"),
        pytest.param("https://a.example.evil.example/v", id="prefix"),
        pytest.param("https://xa.example/v", id="suffix"),
        pytest.param("https://b.a.example/v", id="below"),
        pytest.param("https://a.example:8443/v", id="port"),
        pytest.param("http://a.example:443/v", id="port of another scheme"),
        pytest.param("https://a.example:0/v", id="port 0"),
        pytest.param("https://a.example:99999/v", id="no port"),
        pytest.param("https://user@a.example/v", id="user"),
        pytest.param("https://user:pass@a.example/v", id="password"),
        pytest.param("https://@a.example/v", id="empty user"),
        pytest.param("https://evil.example\\@a.example/v", id="backslash"),
        pytest.param("https://a.example\\.evil.example/v", id="backslash in the host"),
        pytest.param("https://a.example /v", id="space"),
        pytest.param("https://a.example/\r\nHost: b", id="line end"),
        pytest.param("https://a.example/\tv", id="tab"),
        pytest.param("https://a%2eexample/v", id="escaped host"),
        pytest.param("https://ａ.example/v", id="wide letters"),
        pytest.param("file:///etc/passwd", id="file"),
        pytest.param("ftp://a.example/v", id="ftp"),
        pytest.param("gopher://a.example/v", id="gopher"),
        pytest.param("//a.example/v", id="no scheme"),
        pytest.param("a.example/v", id="no URL"),
        pytest.param("https:///v", id="no host"),
        pytest.param("https://[::1/v", id="broken address"),
        pytest.param("https://127.0.0.1/v", id="loopback"),
        pytest.param("https://2130706433/v", id="loopback as a number"),
        pytest.param("https://0x7f.1/v", id="loopback in hexadecimal"),
        pytest.param("https://[::ffff:127.0.0.1]/v", id="loopback in IPv6"),
        pytest.param("", id="empty"),
        pytest.param("https://a.example/" + "v" * MAX_URL_CHARACTERS, id="long"),
    ],
)
def test_another_url_is_refused(url: str) -> None:
    """Without asking a name server, and in one sentence."""

    def resolve(_host: str, _port: int) -> list[str]:
        pytest.fail("the name server was asked")

    with pytest.raises(UrlNotAllowed) as caught:
        Guard(["a.example"], resolve=resolve).check(url)
    assert "\n" not in str(caught.value)


def test_no_host_is_allowed_by_default() -> None:
    """The operator must name each."""
    with pytest.raises(UrlNotAllowed, match="CLIPSEEK_FETCH_HOSTS"):
        guard().check("https://a.example/v.mp4")


def test_an_object_of_a_store_is_refused_in_a_sentence() -> None:
    """It says what to do instead."""
    with pytest.raises(UrlNotAllowed, match="object stores cannot be fetched"):
        guard("bucket").check("s3://bucket/v.mp4")


INSIDE = [
    pytest.param("127.0.0.1", id="loopback"),
    pytest.param("127.255.255.254", id="end of loopback"),
    pytest.param("0.0.0.0", id="any"),  # noqa: S104  nothing listens there
    pytest.param("10.1.2.3", id="private A"),
    pytest.param("172.16.0.1", id="private B"),
    pytest.param("192.168.1.1", id="private C"),
    pytest.param("100.64.0.1", id="shared"),
    pytest.param("100.100.100.200", id="metadata of Alibaba"),
    pytest.param("169.254.169.254", id="metadata"),
    pytest.param("168.63.129.16", id="metadata of Azure"),
    pytest.param("192.0.0.192", id="metadata of Oracle"),
    pytest.param("224.0.0.1", id="multicast"),
    pytest.param("239.255.255.250", id="local multicast"),
    pytest.param("240.0.0.1", id="reserved"),
    pytest.param("255.255.255.255", id="broadcast"),
    pytest.param("198.18.0.1", id="benchmarks"),
    pytest.param("192.0.2.1", id="documentation"),
    pytest.param("::1", id="loopback 6"),
    pytest.param("::", id="any 6"),
    pytest.param("fe80::1", id="link-local"),
    pytest.param("fe80::1%eth0", id="link-local with its zone"),
    pytest.param("fec0::1", id="site-local"),
    pytest.param("fc00::1", id="unique local"),
    pytest.param("fd00:ec2::254", id="metadata 6"),
    pytest.param("ff02::1", id="multicast 6"),
    pytest.param("::ffff:127.0.0.1", id="mapped loopback"),
    pytest.param("::ffff:93.184.216.34", id="mapped public"),
    pytest.param("::ffff:0:127.0.0.1", id="translated"),
    pytest.param("::127.0.0.1", id="compatible"),
    pytest.param("64:ff9b::7f00:1", id="NAT64 of loopback"),
    pytest.param("64:ff9b::5db8:d822", id="NAT64 of a public one"),
    pytest.param("64:ff9b:1::a00:1", id="local NAT64"),
    pytest.param("2002:7f00:1::", id="6to4 of loopback"),
    pytest.param("2001:0:1:2:3:4:5:6", id="Teredo"),
    pytest.param("2001:db8::1", id="documentation 6"),
    pytest.param("100::1", id="discard"),
    pytest.param("not an address", id="nonsense"),
]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    """It is not said which it is, and neither if another address of the host is public."""
    for addresses in ([address], [PUBLIC, address], [address, PUBLIC]):
        found = Guard(["a.example"], resolve=partial(_given, addresses))
        with pytest.raises(UrlNotAllowed, match="its address is not public") as caught:
            found.addresses(found.check("https://a.example/v"))
        assert address not in str(caught.value)


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700:4700::1111", "2a00:1450::1"])
def test_a_public_address_is_allowed(address: str) -> None:
    """Of both families."""
    found = guard("a.example", address=address)
    assert found.addresses(found.check("https://a.example/v")) == [address]


def test_a_host_without_an_address_is_refused() -> None:
    """There is nothing to connect to."""
    found = Guard(["a.example"], resolve=lambda _host, _port: [])
    with pytest.raises(UrlNotAllowed):
        found.addresses(found.check("https://a.example/v"))


@given(
    address=st.one_of(
        *(
            st.ip_addresses(network=network)
            for network in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
        ),
        *(
            st.ip_addresses(network=network)
            for network in ("169.254.0.0/16", "224.0.0.0/4", "fc00::/7", "fe80::/10", "ff00::/8")
        ),
    )
)
def test_no_address_of_a_private_network_is_public(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    """Nor is one of IPv4 that is written into IPv6 in any of the known ways."""
    assert not is_public(str(address))
    if isinstance(address, ipaddress.IPv4Address):
        number = int(address)
        for prefix, shift in (("::ffff:0:0", 0), ("::", 0), ("64:ff9b::", 0), ("2002::", 80)):
            inside = ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) + (number << shift))
            assert not is_public(str(inside))


def outgoing(address: str, *hosts: str) -> Outgoing:
    """Return what says where alerts may be sent, by a name server that knows one address."""
    return Outgoing(hosts, resolve=lambda _host, _port: [address])


def test_alerts_are_sent_to_public_addresses_by_https() -> None:
    """Whatever the host is called."""
    guard = outgoing("93.184.216.34")
    target = guard.check("https://hooks.example/a?b=c")
    assert (target.path, guard.addresses(target)) == ("/a?b=c", ["93.184.216.34"])
    with pytest.raises(UrlNotAllowed, match="CLIPSEEK_WEBHOOK_HOSTS"):
        guard.check("http://hooks.example/a")


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1"])
def test_alerts_are_not_sent_inside_unless_the_host_is_listed(address: str) -> None:
    """By the address that the name has when they are sent."""
    url = "https://hooks.example:8443/a"
    guard = outgoing(address)
    with pytest.raises(UrlNotAllowed, match="not public"):
        guard.addresses(guard.check(url))
    listed = outgoing(address, "hooks.example:8443")
    assert listed.addresses(listed.check(url.replace("https", "http"))) == [address]
