"""Calls over TLS, to a server whose certificate is its own."""

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import SSLError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cloudops_nb.aws.calls import Call, CallStopped
from cloudops_nb.aws.clients import Clients
from cloudops_nb.aws.sessions import Sessions
from tests.aws.faults import FaultServer, never, page


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "faults")])
    host = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(host, critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "bundle.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest.fixture(scope="module")
def server(bundle: Path) -> Iterator[FaultServer]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(bundle)
    with FaultServer(context) as server:
        yield server


def client(server: FaultServer, **environ: str) -> Any:
    session = Sessions().get(server.environ(AWS_MAX_ATTEMPTS="1", **environ))
    return Clients().get(session, "dynamodb", "eu-west-1")


def test_a_certificate_is_taken_that_the_bundle_knows(server: FaultServer, bundle: Path) -> None:
    server.play(page({"TableNames": ["x"]}))
    assert client(server, AWS_CA_BUNDLE=str(bundle)).list_tables()["TableNames"] == ["x"]


def test_a_certificate_that_nobody_vouches_for_is_refused(server: FaultServer) -> None:
    server.play(page({"TableNames": ["x"]}))
    with pytest.raises(SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        client(server).list_tables()
    assert server.requests == []


def test_the_bundle_is_read_once_for_all_connections(
    server: FaultServer, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.play(page({"TableNames": ["x"]}, unframed=True))  # each ends its connection
    read: list[object] = []
    load = ssl.SSLContext.load_verify_locations

    def counted(self: ssl.SSLContext, *args: Any, **kwargs: Any) -> None:
        read.append(args)
        load(self, *args, **kwargs)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", counted)
    asked = client(server, AWS_CA_BUNDLE=str(bundle))
    for _ in range(3):
        asked.list_tables()
    assert len(read) == 1


def test_a_call_is_cut_on_the_wire(server: FaultServer, bundle: Path) -> None:
    server.play(never())
    asked = client(server, AWS_CA_BUNDLE=str(bundle))
    call = Call(lambda _: None)
    ended: list[str] = []

    def run() -> None:
        with pytest.raises(CallStopped):
            call.run(asked.list_tables)
        ended.append("stopped")

    thread = threading.Thread(target=run)
    thread.start()
    server.wait_for_requests(1)
    call.stop()
    thread.join(30)
    assert ended == ["stopped"]
