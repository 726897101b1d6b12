"""Against a real SMTP server with a certificate: passwords travel over verified TLS only."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from newsrec_mailer.errors import TransportError
from newsrec_mailer.settings import SmtpSettings
from newsrec_mailer.smtp import Smtp
from newsrec_mailer.transport import Answer, Mail, Outcome
from support.mail_server import Mailbox, mail_server

MAIL = Mail("digest@news.example.org", "u1@readers.example", "<u1@x>", b"To: u1\r\n\r\nHello\r\n")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    return file


def check(
    server: object, session: object, envelope: object, mechanism: str, data: object
) -> object:
    """The server's user database: one user."""
    good = LoginPassword(b"me", b"p@ss")
    return AuthResult(success=data == good, handled=False)


@pytest.fixture
def server(certificate: Path) -> Iterator[Mailbox]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    options = {"tls_context": context, "authenticator": check, "auth_required": True}
    with mail_server(**options) as mailbox:
        yield mailbox


def to(server: Mailbox, password: str = "p@ss") -> Smtp:
    return Smtp(
        SmtpSettings(
            host="127.0.0.1",
            port=server.port,
            user="me",
            password=password,
            tls=False,
            starttls=True,
            timeout=5,
        )
    )


def test_a_trusted_server_gets_the_password_over_tls(
    server: Mailbox, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    smtp = to(server)
    smtp.open()
    assert smtp.send(MAIL) == Answer(Outcome.SENT)
    smtp.close()
    assert server.accepted == [MAIL.content]


def test_a_server_that_nobody_vouches_for_gets_nothing(server: Mailbox) -> None:
    with pytest.raises(TransportError, match="certificate verify failed"):
        to(server).open()
    assert server.accepted == []


def test_a_wrong_password_is_one_line_without_it(
    server: Mailbox, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with pytest.raises(TransportError, match="refuses the session: 535") as error:
        to(server, "hunter2").open()
    assert "hunter2" not in str(error.value)
    assert len(str(error.value).splitlines()) == 1
