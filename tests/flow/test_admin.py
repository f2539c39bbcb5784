"""The admin socket against hostile calls: each has its answer, and the worker that gave it lives on."""

import http.client
import json
import urllib.parse

import pytest

import daemon as daemons

ADDRESS = "hello@example.com"
ACCOUNT = "/v1/accounts/" + urllib.parse.quote(ADDRESS)


def call(daemon, method, path, body=None):
    """Status and answer."""
    admin = daemons.Admin(daemon)
    try:
        admin.request(method, path, body, {"Content-Type": "application/json"})
        with admin.getresponse() as response:
            return response.status, json.loads(response.read())
    finally:
        admin.close()


@pytest.fixture(autouse=True)
def same_worker(daemon):
    before = daemon.wait_worker()
    yield
    assert daemon.workers == [before], daemon.log()


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"\xff", b'{"address":"\\u0000"}', b'{"address":"a","address":"b"}',
                                  b'{"a":' * 100 + b"1" + b"}" * 100, b" "])
def test_no_object(daemon, body):
    assert call(daemon, "POST", "/v1/accounts", body)[0] == 400


@pytest.mark.parametrize("body", [
    {"address": 1}, {"address": "x@example.com", "name": 1, "home": 2}, {"address": "x@example.com", "quota": [], "password": {}},
    {"address": "x@example.com", "password_hash": None, "password": "x"}, {"address": "x@example.com", "password": "a", "password_hash": "b"},
    {"address": "x@example.com", "quota": "99999999999999999999T"}, {"address": "x@example.com", "home": "/a/../b"},
    {"address": "x@example.com", "name": "\u009b31m"}, {"address": "x@example.com", "name": "n" * 60000},
    {"address": "x@example.com", "password": "p" * 1025}, {"address": "x@example.com\n"}, {"address": "\u202ex@example.com"}])
def test_wrong_members(daemon, body):
    for method, path in (("POST", "/v1/accounts"), ("PATCH", ACCOUNT)):
        status, answer = call(daemon, method, path, json.dumps(body))
        assert status in (400, 200), answer
        assert status == 400 or (method == "PATCH" and set(body) == {"address"}), answer


@pytest.mark.parametrize("path,member", [("/v1/domains", ("name", "postmaster")), ("/v1/aliases", ("address", "target")),
                                         (ACCOUNT + "/rename", ("to", "x"))])
def test_wrong_types(daemon, path, member):
    for values in ((1, 2), (1, "x"), ("x", 1), (None, []), ({}, {})):
        assert call(daemon, "POST", path, json.dumps(dict(zip(member, values))))[0] == 400


@pytest.mark.parametrize("name", ["%00", "%zz", "%ff", "%", "..%2f..", "a%0ab%40example.com", "a" * 3000, "%C3%A9" * 900])
def test_names(daemon, name):
    for method, tail in (("GET", ""), ("DELETE", ""), ("POST", "/disable"), ("POST", "/unbind"), ("PATCH", "")):
        assert call(daemon, method, f"/v1/accounts/{name}{tail}")[0] == 400


@pytest.mark.parametrize("query", ["after=%ff", "after=%00", "after=" + "a" * 7000, "domain=" + "%41" * 2000, "after=%zz", "&&=&", "x"])
def test_queries(daemon, query):
    for collection in ("accounts", "aliases", "domains"):
        assert call(daemon, "GET", f"/v1/{collection}?{query}")[0] in (200, 400)


def test_giant_body(daemon):
    with pytest.raises((http.client.HTTPException, OSError, AssertionError)):
        assert call(daemon, "POST", "/v1/accounts", b" " * 4_000_000)[0] not in (400, 413)
        raise AssertionError("refused")


def test_problem_is_cut_between_characters(daemon):
    """The error names three addresses, as long as they may be: whatever is cut off, what is left is UTF-8."""
    for length in range(20, 40):
        domain = ".".join(["b" * length] * 3) + ".example"
        assert call(daemon, "POST", "/v1/domains", json.dumps({"name": domain}))[0] == 200
        old, new = f"{'é' * 32}@{domain}", f"{'ü' * 32}@{domain}"
        assert call(daemon, "POST", "/v1/accounts", json.dumps({"address": old}))[0] == 200
        assert call(daemon, "POST", f"/v1/accounts/{urllib.parse.quote(old)}/rename", json.dumps({"to": new}))[0] == 200
        status, answer = call(daemon, "POST", "/v1/accounts", json.dumps({"address": old}))
        assert (status, answer["code"]) == (409, "exists")
