"""The certificates of one cluster: an authority, and what it signs. Made by openssl, thrown away with the cluster."""

import subprocess
from pathlib import Path


class Authority:
    """Signs certificates for the parts of one cluster."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate = folder / "ca.crt"
        if not self.certificate.exists():
            _openssl(
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=kubesaga-test",
                "-keyout", folder / "ca.key", "-out", self.certificate,
            )  # fmt: skip

    def sign(self, name: str, subject: str, addresses: tuple[str, ...] = ()) -> tuple[Path, Path]:
        """Certificate and key for `subject`, an openssl subject such as /O=system:masters/CN=admin."""
        certificate, key, request = (self.folder / f"{name}.{ending}" for ending in ("crt", "key", "csr"))
        _openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", subject, "-keyout", key, "-out", request)
        extensions = self.folder / f"{name}.ext"
        names = ",".join(f"{'IP' if a[0].isdigit() else 'DNS'}:{a}" for a in addresses)
        usage = "extendedKeyUsage=clientAuth,serverAuth\n"
        extensions.write_text(usage + (f"subjectAltName={names}\n" if names else ""))
        _openssl(
            "x509", "-req", "-days", "30", "-in", request, "-CA", self.certificate, "-CAkey", self.folder / "ca.key",
            "-CAcreateserial", "-extfile", extensions, "-out", certificate,
        )  # fmt: skip
        return certificate, key

    def key_pair(self, name: str) -> tuple[Path, Path]:
        """A bare key and its public half, for service account tokens."""
        key, public = self.folder / f"{name}.key", self.folder / f"{name}.pub"
        _openssl("genrsa", "-out", key, "2048")
        _openssl("rsa", "-in", key, "-pubout", "-out", public)
        return key, public


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
