"""The API server, called without a process for each call: hundreds of Workflows are followed side by side."""

import base64
import http.client
import json
import ssl
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

WORKFLOWS = "apis/kubesaga.dev/v1alpha1/namespaces/{}/workflows"
JOBS = "apis/batch/v1/namespaces/{}/jobs"
TIMEOUT_SECONDS = 30.0
_MERGE_PATCH = "application/merge-patch+json"
Raw = dict[str, Any]


class ApiServerError(Exception):
    """An answer that is an error, or none: `code` is 0 then."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code = code


class ApiServer:
    """Calls the API server of a kubeconfig; each call is a connection of its own, so threads may share it."""

    def __init__(self, kubeconfig: Path) -> None:
        content = YAML(typ="safe").load(kubeconfig)
        cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
        self.kubeconfig = kubeconfig
        self.address: str = cluster["server"]
        self.context = ssl.create_default_context(cadata=_decoded(cluster["certificate-authority-data"]))
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as pem:
            pem.write(_decoded(user["client-certificate-data"]) + _decoded(user["client-key-data"]))
            pem.flush()
            self.context.load_cert_chain(pem.name)
        https = urllib.request.HTTPSHandler(context=self.context)
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), https)

    def get(self, path: str) -> Raw:
        """Read an object or a list."""
        return self._call("GET", path)

    def create(self, path: str, manifest: Raw) -> Raw:
        """Create an object."""
        return self._call("POST", path, manifest)

    def patch(self, path: str, patch: Raw) -> Raw:
        """JSON Merge Patch an object, or its subresource."""
        return self._call("PATCH", path, patch, _MERGE_PATCH)

    def delete(self, path: str) -> Raw:
        """Delete an object; nobody waits for it to be gone."""
        return self._call("DELETE", path)

    def workflows(self, namespace: str) -> dict[str, Raw]:
        """The Workflows of a namespace, by name."""
        found = self.get(WORKFLOWS.format(namespace))["items"]
        return {raw["metadata"]["name"]: raw for raw in found}

    def jobs(self, namespace: str) -> list[Raw]:
        """The Jobs of a namespace."""
        found: list[Raw] = self.get(JOBS.format(namespace))["items"]
        return found

    def make_namespace(self, name: str, seconds_max: float = 30) -> None:
        """A namespace in which Pods can be created."""
        self.create("api/v1/namespaces", {"metadata": {"name": name}})
        end = time.monotonic() + seconds_max
        while True:
            try:
                self.get(f"api/v1/namespaces/{name}/serviceaccounts/default")
            except ApiServerError:
                assert time.monotonic() < end, f"no service account in {name} in {seconds_max} s"
                time.sleep(0.05)
            else:
                return

    def wait_until_ready(self, seconds_max: float = 60) -> None:
        """Wait until it serves, and says of itself that it is ready."""
        end = time.monotonic() + seconds_max
        while True:
            try:
                with self._opener.open(f"{self.address}/readyz", timeout=2):
                    return
            except (OSError, http.client.HTTPException):
                assert time.monotonic() < end, f"the API server was not ready in {seconds_max} s"
                time.sleep(0.1)

    def _call(self, method: str, path: str, body: Raw | None = None, content: str = "application/json") -> Raw:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Accept": "application/json", "Content-Type": content, "User-Agent": "test"}
        request = urllib.request.Request(f"{self.address}/{path}", data, headers, method=method)
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                raw: Raw = json.load(answer)
                return raw
        except urllib.error.HTTPError as error:
            with error:
                raise ApiServerError(error.code, error.read().decode(errors="replace")) from None
        except (OSError, http.client.HTTPException) as error:
            raise ApiServerError(0, str(error)) from None


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()
