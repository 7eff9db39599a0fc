"""A client of SCIM that reads, and a company with everything that it shows."""

import json
import urllib.parse

URN_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
URN_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
URN_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
URN_LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
URN_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"

# Attributes that the awkward company's users get beside those of its files.
MAPPING = [
    {"attribute": "title", "template": "Title of {fullName}"},
    {"attribute": "department", "value": "Lab \"A\""},
    {"attribute": "phoneNumbers", "from": "id"},
    {"attribute": "shoeSize", "value": "44"},
    {"attribute": "firstName", "from": "username"},
    {"attribute": "lastName", "from": "id"},
]


class Scim:
    """Calls as an application to one directory; each answer is (status, dict), checked for what every answer has."""

    def __init__(self, server, directory, name=None, password=None, token=None):
        self.server, self.root = server, f"/scim/v2/{directory}"
        self.login = {"token": token} if token else {"user": name, "password": password}

    def call(self, method, path, body=None, headers=None, **query):
        query = {k: v for k, v in query.items() if v is not None}
        path = self.root + ("/" + path if path else "") + ("?" + urllib.parse.urlencode(query) if query else "")
        answer = self.server.request(method, path, body, headers, **self.login)
        self.headers = answer.headers
        if not answer.body:
            return answer.status, None
        assert answer.headers["Content-Type"] == "application/scim+json", answer.headers
        said = json.loads(answer.body)
        if answer.status >= 400:
            assert said["schemas"] == [URN_ERROR] and said["status"] == str(answer.status) and said["detail"], said
        return answer.status, said

    def get(self, path, **query):
        return self.call("GET", path, **query)

    def list(self, path="Users", **query):
        status, said = self.get(path, **query)
        assert status == 200, said
        assert said["schemas"] == [URN_LIST] and said["itemsPerPage"] == len(said["Resources"]), said
        return said

    def names(self, path="Users", **query):
        """userName or displayName of all that is found, in order."""
        return [r.get("userName", r.get("displayName")) for r in self.list(path, **query)["Resources"]]

    def refused(self, path, **query):
        """(status, scimType)"""
        status, said = self.get(path, **query)
        assert status >= 400, said
        return status, said.get("scimType")
