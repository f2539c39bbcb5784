"""scim_client.py - how the demo's provider keeps accounts elsewhere in step, over SCIM 2.0 (RFC 7644).

It does what Authentik's SCIM provider does: POST for a new user; on 409 it looks for the user by name and takes that one over;
PUT with the whole user for every change; `active` false when somebody leaves, DELETE when somebody is deleted.
"""

import http.client
import json
import urllib.parse

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
SECONDS = 10
ANSWER_MAX = 1024 * 1024


class Refused(Exception):
    """The other side said no; the text is its `detail`."""


class ScimClient:
    def __init__(self, url, secret):
        self._url = urllib.parse.urlsplit(url.rstrip("/"))
        self._secret = secret
        self._ids = {}  # subject -> id over there

    def _call(self, method, path, body=None):
        connect = http.client.HTTPSConnection if self._url.scheme == "https" else http.client.HTTPConnection
        connection = connect(self._url.netloc, timeout=SECONDS)
        headers = {"Authorization": "Bearer " + self._secret, "Accept": "application/scim+json", "Content-Type": "application/scim+json"}
        try:
            connection.request(method, self._url.path + path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read(ANSWER_MAX)
        finally:
            connection.close()
        shown = json.loads(text) if text else {}
        if answer.status >= 400 and answer.status not in (404, 409):
            raise Refused(f"{answer.status}: {shown.get('detail', '')}")
        return answer.status, shown

    @staticmethod
    def _body(user):
        return {"schemas": [USER], "userName": user["email"], "externalId": user["sub"], "displayName": user["name"],
                "name": {"formatted": user["name"], "givenName": user["name"]}, "active": user["active"],
                "emails": [{"value": user["email"], "type": "other", "primary": True}]}

    def _create(self, user):
        status, shown = self._call("POST", "/Users", self._body(user))
        if status == 409:
            name = urllib.parse.quote_plus(f'userName eq "{user["email"]}"')
            found = self._call("GET", f"/Users?filter={name}")[1].get("Resources", [])
            if not found:
                raise Refused(f"409: {shown.get('detail', '')}")
            self._ids[user["sub"]] = found[0]["id"]
            return self._replace(user)
        self._ids[user["sub"]] = shown["id"]
        return shown["id"]

    def _replace(self, user):
        there = self._ids[user["sub"]]
        status, _ = self._call("PUT", f"/Users/{there}", dict(self._body(user), id=there))
        if status == 404:
            del self._ids[user["sub"]]
            return self._create(user)
        return there

    def keep(self, user):
        """Makes or changes the user over there; returns its id there."""
        return self._replace(user) if user["sub"] in self._ids else self._create(user)

    def delete(self, user):
        there = self._ids.pop(user["sub"], None)
        if there is not None:
            self._call("DELETE", f"/Users/{there}")
