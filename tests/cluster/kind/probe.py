"""What a cluster says of itself, asked over HTTP with a certificate of its own."""

import http.client
import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path

TIMEOUT_SECONDS = 5


class Probe:
    """Asks the API server at `address` whether the parts of the cluster are ready."""

    def __init__(self, address: str, authority: Path, certificate: Path, key: Path) -> None:
        context = ssl.create_default_context(cafile=str(authority))
        context.load_cert_chain(certificate, key)
        no_proxy, https = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        self._opener = urllib.request.build_opener(no_proxy, https)
        self._address = address

    def api_server(self) -> bool:
        """Whether it serves."""
        return self._get("/readyz") is not None

    def node(self, name: str) -> bool:
        """Whether the node is there, ready, and free of taints that keep every Pod away."""
        node = json.loads(self._get(f"/api/v1/nodes/{name}") or "{}")
        conditions = node.get("status", {}).get("conditions", [])
        taints = [taint["key"] for taint in node.get("spec", {}).get("taints", [])]
        ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
        return ready and not any(taint.startswith("node.kubernetes.io/") for taint in taints)

    def service_account(self) -> bool:
        """Whether Pods can be created in the default namespace."""
        return self._get("/api/v1/namespaces/default/serviceaccounts/default") is not None

    def _get(self, path: str) -> bytes | None:
        """What is at `path`; nothing if it is not there, or nobody answers."""
        try:
            with self._opener.open(self._address + path, timeout=TIMEOUT_SECONDS) as response:
                return response.read()
        except (urllib.error.URLError, http.client.HTTPException, OSError):
            return None
