"""What the listener refuses by itself is told as the protocol under the address tells its errors."""

import json
import socket
import urllib.parse
import xml.etree.ElementTree as ET

import pytest

LINE = b" HTTP/1.1\r\nHost: x\r\n"
MEGABYTE = 1 << 20
# what is wrong, the request behind the method and the path (PATH), status, what is said
REQUESTS = {
    "a long address": (b"GET PATH?x=" + b"a" * 9000 + LINE + b"ACCEPT\r\n", 414, "the address is too long"),
    "many headers": (b"GET PATH" + LINE + b"ACCEPT" + b"".join(b"X-%d: y\r\n" % i for i in range(120)) + b"\r\n", 431, "too many headers"),
    "a long body, announced": (b"POST PATH" + LINE + b"ACCEPTContent-Length: %d\r\n\r\n" % (999 * MEGABYTE), 413, "the body is too large"),
    "a long body, sent": (b"POST PATH" + LINE + b"ACCEPTContent-Length: %d\r\n\r\n" % (2 * MEGABYTE) + b"x" * (2 * MEGABYTE), 413, "the body is too large"),
    "a long body in chunks": (b"POST PATH" + LINE + b"ACCEPTTransfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n" + b"x" * 0x10000 + b"\r\n") * 32 + b"0\r\n\r\n",
                              413, "the body is too large"),
    "two lengths": (b"POST PATH" + LINE + b"ACCEPTContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400, "Content-Length"),
    "another coding": (b"POST PATH" + LINE + b"ACCEPTTransfer-Encoding: gzip\r\n\r\n", 400, "Transfer-Encoding"),
    "no host": (b"GET PATH HTTP/1.1\r\nACCEPT\r\n", 400, "no Host header"),
    "a stray percent sign": (b"GET PATH?x=%zz" + LINE + b"ACCEPT\r\n", 400, "percent sign"),
    "a whole address": (b"GET http://elsewherePATH?x=" + b"a" * 9000 + LINE + b"ACCEPT\r\n", 414, "the address is too long"),
}
# path, what is accepted, the media type of the answer
CROWD, SCIM = "/crowd/rest/usermanagement/1/user", "/scim/v2/1/Users"
ADDRESSES = {
    "crowd": (CROWD, None, "application/xml;charset=UTF-8"),
    "crowd, XML": (CROWD, "application/xml", "application/xml;charset=UTF-8"),
    "crowd, JSON": (CROWD, "application/json", "application/json"),
    "crowd alone": ("/crowd", None, "application/xml;charset=UTF-8"),
    "scim": (SCIM, None, "application/scim+json"),
    "scim, JSON": (SCIM, "application/json", "application/json"),
    "admin": ("/rest/samlsso-admin/1.0/health", None, "application/json"),
    "crowd's neighbour": ("/crowded", None, "application/json"),
}


def exchange(server, request):
    """Sends bytes, and reads until the other side closes: status, headers, body."""
    where = urllib.parse.urlsplit(server.url)
    said = b""
    with socket.create_connection((where.hostname, where.port), timeout=30) as s:
        try:
            s.sendall(request)
        except OSError:
            pass  # refused before all of it was sent
        while piece := s.recv(65536):
            said += piece
    head, _, body = said.partition(b"\r\n\r\n")
    line, *rest = head.decode().split("\r\n")
    return int(line.split()[1]), {k.lower(): v.strip() for k, _, v in (r.partition(":") for r in rest)}, body


def read_error(address, media_type, body):
    """Status and message of an error in the shape of its protocol; None where the shape has no status."""
    if address.startswith("/crowd") and address != "/crowded":
        said = json.loads(body) if "json" in media_type else {e.tag: e.text for e in ET.fromstring(body)}
        assert set(said) == {"reason", "message"} and said["reason"] == "ILLEGAL_ARGUMENT", said
        return None, said["message"]
    said = json.loads(body)
    if address.startswith("/scim"):
        assert said["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"], said
        return int(said["status"]), said["detail"]
    return said["status"], said["message"]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("what", REQUESTS)
def test_what_is_refused_early_has_the_shape_of_its_protocol(shared_server, what, address):
    request, status, message = REQUESTS[what]
    path, accept, media_type = ADDRESSES[address]
    got, headers, body = exchange(shared_server, request.replace(b"PATH", path.encode(), 1).replace(b"ACCEPT", f"Accept: {accept}\r\n".encode() if accept else b"", 1))
    assert (got, headers["content-type"]) == (status, media_type), (headers, body[:300])
    assert headers["connection"] == "close" and int(headers["content-length"]) == len(body)
    assert ("x-embedded-crowd-version" in headers) == (address.startswith("crowd") and address != "crowd's neighbour")
    said_status, said = read_error(path, media_type, body)
    assert said_status in (None, status) and message in said
