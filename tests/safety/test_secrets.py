"""Credentials are found in their usual surroundings and in disguises, and ordinary text stays as it is."""

import base64
import codecs
import json
import random
import re
import string

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from perdure.safety.secrets import KnownValues, Redactor, Stream, holds_marker, marker
from perdure.safety.secrets.shapes import BLOCKS, PREFIXED, Shape, stands_for_one

REDACTOR = Redactor()
RANDOM = random.Random(20261128)
LETTERS = string.ascii_letters + string.digits


def made_up(length: int, alphabet: str = LETTERS) -> str:
    """A value that was never valid anywhere; digits are in it, as in nearly all credentials."""
    return "7" + "".join(RANDOM.choice(alphabet) for _ in range(length - 2)) + "3"


TOKEN = "gh" + "p_" + made_up(36)
PASSWORD = made_up(18)


def left(text: str, secret: str) -> bool:
    """Whether the secret can still be read in what is shown of the text."""
    return secret in REDACTOR.redact(text)


@pytest.mark.parametrize("shape", PREFIXED, ids=[f"{one.kind}-{one.literals[0]}" for one in PREFIXED])
@settings(
    max_examples=6,
    deadline=None,
    phases=(Phase.generate,),
    derandomize=True,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.large_base_example,
        HealthCheck.data_too_large,
    ],
)
@given(data=st.data())
def test_whatever_has_an_issuers_form_is_taken_out(shape: Shape, data: st.DataObject) -> None:
    pattern = shape.pattern.pattern.removeprefix("(?<![A-Za-z0-9])").removeprefix(r"(?<![\w~.])")
    made = data.draw(st.from_regex(pattern, fullmatch=True, alphabet=st.characters(codec="ascii")))
    # Nothing that is encoded in an address holds a line break.
    assume(not stands_for_one(made) and "%0" not in made)
    assert made not in REDACTOR.redact(f'value: "{made}" and more')
    assert REDACTOR.redact(f"{made}\n") != f"{made}\n"


@pytest.mark.parametrize(
    "around",
    [
        "API_TOKEN={}",
        "export DB_PASSWORD='{}'",
        'password = "{}"',
        '"client_secret": "{}",',
        "{{'apiKey': '{}'}}",
        "secretKey: {}",
        "<password>{}</password>",
        'const authToken: string = "{}";',
        "ENV SECRET_KEY={}",
        "spring.datasource.password={}",
        "curl -u admin:{} https://example.org",
        "curl -H 'X-Api-Key: {}' https://example.org",
        "mysqldump -u root -p{} shop",
        "sshpass -p {} ssh host",
        "redis-cli -h cache -a {} ping",
        "docker login -u me -p {} registry.example.org",
        "tool --password={} run",
        "tool --api-key {}",
        "postgres://app:{}@db.example.org:5432/shop",
        "https://{}@example.org/repository.git",
        "https://example.org/data?access_token={}&page=2",
        "Server=db;User Id=app;Password={};Encrypt=true",
        "machine example.org login me password {}",
        "db.example.org:5432:shop:app:{}",
        "//registry.example.org/:_authToken={}",
        "Authorization: Bearer {}",
        "Authorization: {}",
        "Set-Cookie: session={}; HttpOnly",
        "heroku_api_key = {}",
        "openssl rsa -passin pass:{}",
        "DB_PASS={}",
        "requirepass {}",
        "ENV DB_PASSWORD {}",
        "- name: API_KEY\n  value: {}",
        '{{"name": "DB_PASSWORD", "value": "{}"}}',
        '<add key="ApiKey" value="{}"/>',
        'variable "db_password" {{\n  default = "{}"\n}}',
        'settings.setPassword("{}")',
        'os.environ.get("API_KEY", "{}")',
        "process.env.SECRET || '{}'",
        "CREATE USER a IDENTIFIED BY '{}'",
        "ALTER USER a WITH PASSWORD '{}'",
        "echo {} | docker login -u me --password-stdin",
        "sqlcmd -S host -U sa -P {} -Q x",
        "npm config set //registry.example.org/:_authToken {}",
        '{{\\"api_key\\": \\"{}\\"}}',
        '{{\\\\\\"password\\\\\\": \\\\\\"{}\\\\\\"}}',
        "VAULT_TOKEN=s.{}",
    ],
)
def test_a_value_is_known_by_what_stands_around_it(around: str) -> None:
    secret = made_up(32)
    assert not left(around.format(secret), secret)
    assert not left(f"before\n  {around.format(secret)}\nafter", secret)


def test_basic_credentials_and_kubernetes_secrets_are_known_by_what_they_decode_to() -> None:
    encoded = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
    assert not left(f"Authorization: Basic {encoded}", encoded)
    assert not left(f'{{"auths": {{"example.org": {{"auth": "{encoded}"}}}}}}', encoded)
    value = base64.b64encode(PASSWORD.encode()).decode()
    assert not left(f"kind: Secret\ndata:\n  entry: {value}\n", value)
    assert left(f"kind: ConfigMap\ndata:\n  entry: {value}\n", value)


@pytest.mark.parametrize(
    "text",
    [
        "d670460b4b4aece5915caf5c68d12f560a9fe3e4",
        "integrity sha512-" + "q9Lw" * 20 + "==",
        "PASSWORD=${PASSWORD}",
        "password: '{{ vault_password }}'",
        "token = os.environ['TOKEN']",
        "const token = process.env.GROQ_API_KEY",
        "token = self.scanner.next_token()",
        "const tokenizer = getTokenizer(text)",
        'password = "your-password-here"',
        "<label>Password: required</label>",
        "def login(user: str, password: str) -> Token:",
        "password: string;",
        'input[type="password"]',
        "authorization: AuthorizationHeader | None",
        "grep -rn password src",
        "secret_name = kubernetes.secret.metadata.name",
        "tokenIndex===t.index&&t",
        "author = John Smith",
        "https://user@example.org/path",
        "https://example.org:8443/path@v2",
        "redis://[[username]:[password]]@localhost:6379/0",
        "key = values[index]",
        "KEYS = {'left': 1}",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "import secrets\n\nsecrets.token_urlsafe(32)",
        "mysql -u root -p shop",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  setup.py",
        "token=token, secret=secret, api_key=self.api_key",
        'client_secret="client_secret"',
        "Bearer authentication is explained in chapter 7",
        "basic authentication",
        "AKIA" + "IOSFODNN7" + "EXAMPLE",
        "gh" + "p_" + "x" * 36,
        "gsk_" + "0" * 52,
        "e4d909c2-90f1-4d2b-8e5a-0c6a1f4b7d3e",
        "trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7",
        'etag: "5d41402abc4b2a76b9719d911017c592"',
        "github.com/pkg/errors v0.9.1 h1:FEBLx1zS214owpjy7qsBeixbURkuhQAwrK5UwLGTwt4=",
        '"resolved": "https://registry.example.org/token-types/-/token-types-4.2.1.tgz"',
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2s7Qk9dYw3mX8rT5vB1nC6pL0zE4hG7uF2aS9iK3oD me@host",
        '!function(e,t){var n=t.token,r=n.secret||"default";e.setPassword=function(o){return n.password=o}}(a,b);',
        "tests/test_login.py::test_token_refresh[expired-401] PASSED",
        'client.login(username="admin", password="password123")',
        "xoxo-love-letters-to-my-friends",
        "data:application/json;base64," + base64.b64encode(b'{"version":3,"sources":["a.js"]}').decode(),
        "password: ENC[AES256_GCM,data:abc,iv:def,tag:ghi,type:str]",
        "secretKeyRef:\n    name: db-secret\n    key: password",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert REDACTOR.redact(text) is text


@pytest.mark.parametrize(
    "disguised",
    [
        TOKEN[:12] + "\x1b[0m" + TOKEN[12:],
        TOKEN[:12] + "\u200b" + TOKEN[12:],
        TOKEN[:12] + "\u00ad\u2060" + TOKEN[12:],
        "".join(f"\\u{ord(one):04x}" for one in TOKEN),
        "".join(f"\\x{ord(one):02x}" for one in TOKEN),
        "".join(f"%{ord(one):02X}" for one in TOKEN),
        "".join(f"&#{ord(one)};" for one in TOKEN),
        "".join(f"{one}\0" for one in TOKEN),
        "".join(chr(ord(one) + 0xFEE0) for one in TOKEN),
        TOKEN[::-1],
        TOKEN.encode().hex(),
        base64.b64encode(TOKEN.encode()).decode(),
        base64.urlsafe_b64encode(f"user:{TOKEN}".encode()).decode(),
        f"{TOKEN[:20]}\n    {TOKEN[20:]}",
        f"{TOKEN[:15]}\\\n{TOKEN[15:28]}\\\n{TOKEN[28:]}",
        "".join(f"\\{ord(one):03o}" for one in TOKEN),
        "".join(f"%25{ord(one):02x}" for one in TOKEN),
        "".join(f"\\\\u{ord(one):04x}" for one in TOKEN),
        base64.b32encode(TOKEN.encode()).decode(),
        base64.b64encode(base64.b64encode(TOKEN.encode())).decode(),
        base64.b64encode(f'{{"password": "{PASSWORD}", "host": "db"}}'.encode()).decode(),
        f"{TOKEN[:20]}\n  13: {TOKEN[20:]}",
        f"{TOKEN[:4]}' + '{TOKEN[4:]}",
        f'{TOKEN[:12]}"\n    "{TOKEN[12:]}',
        TOKEN.replace("p", "р"),
    ],
)
def test_a_disguised_token_is_taken_out_whole(disguised: str) -> None:
    shown = REDACTOR.redact(f"printed: {disguised} (end)")
    assert re.fullmatch(r"printed: \[\[perdure redacted (github-token|named-secret)\]\] \(end\)", shown)


@pytest.mark.parametrize("before", ["\\n", "\\r\\n", "\\t", "%0A", "\\u001b[32m", "\\x1b[0m", "\\\\n"])
def test_the_letter_of_a_written_line_break_does_not_hide_what_stands_behind_it(before: str) -> None:
    assert not left(f'{{"line": "first{before}{TOKEN}"}}', TOKEN)


def test_a_known_value_is_found_in_pieces_and_in_encodings() -> None:
    value = "hunter-of-" + made_up(20, string.ascii_lowercase)
    redactor = Redactor(KnownValues([("worker-key", value), ("short", "abc")]))
    for shown in (
        value,
        f"x{value}y",
        value[9:],
        f"...{value[3:16]}",
        value[::-1],
        value.encode().hex().upper(),
        base64.b64encode(f"1{value}22".encode()).decode(),
        base64.b64encode(f"12{value}2".encode()).decode(),
        base64.b64encode(f"123{value}".encode()).decode(),
        base64.b32encode(value.encode()).decode(),
        codecs.encode(value, "rot13"),
        value.upper(),
        " ".join(value),
        json.dumps(list(value)),
        str(list(value.encode())),
        ":".join(f"{one:02x}" for one in value.encode()),
        f"{value[:9]}' + '{value[9:]}",
    ):
        assert redactor.redact(f"> {shown} <") != f"> {shown} <", shown
    assert value[4:16] not in redactor.redact(f"text {value[4:16]} text")
    assert redactor.redact("abc and hunter-of-the-night") == "abc and hunter-of-the-night"


def test_a_private_key_is_taken_out_whole_also_when_its_end_was_cut_off() -> None:
    lines = [made_up(64) for _ in range(6)]
    begin, end = ("-----" + word + " OPENSSH PRIVATE " + "KEY-----" for word in ("BEGIN", "END"))
    key = "\n".join([begin, *lines, end])
    assert REDACTOR.redact(f"a\n{key}\nb") == f"a\n{marker('private-key')}\nb"
    escaped = key.replace("\n", "\\n")
    assert not any(left(escaped, line) for line in lines)
    cut = "\n".join([begin, *lines[:3]])
    assert not any(left(cut, line) for line in lines)
    assert not any(line in fed(key * 40, 1000) for line in lines)


def fed(text: str, size: int, redactor: Redactor = REDACTOR) -> str:
    stream = redactor.stream()
    shown = [stream.feed(text[at : at + size]) for at in range(0, len(text), size)]
    return "".join([*shown, stream.close()])


@pytest.mark.parametrize("size", [1000, Stream.HELD - 1, 3 * Stream.HELD])
def test_a_stream_shows_what_the_whole_text_would_show(size: int) -> None:
    line = "an ordinary line of output, number {}\n"
    text = "".join(line.format(at) + (f"TOKEN={TOKEN}\n" if at % 97 == 0 else "") for at in range(2_000))
    assert fed(text, size) == REDACTOR.redact(text)
    assert TOKEN not in fed(text, size)


@settings(max_examples=30, deadline=None)
@given(cut=st.integers(0, len(TOKEN)), lead=st.integers(0, 3 * Stream.HELD))
def test_no_border_between_pieces_lets_a_token_through(cut: int, lead: int) -> None:
    stream = REDACTOR.stream()
    shown = stream.feed("x " * (lead // 2) + TOKEN[:cut]) + stream.feed(TOKEN[cut:] + " y" * Stream.HELD)
    assert TOKEN not in shown + stream.close()


@pytest.mark.parametrize("end", ["...", "…", "", "\n", " …]"])
def test_the_beginning_of_a_token_that_was_cut_off_is_taken_out(end: str) -> None:
    if end != " …]":
        assert not left(f"printed {TOKEN[:14]}{end}", TOKEN[:14])
    assert not left(f"printed {TOKEN[:24]}{end}", TOKEN[:24])


def test_redacting_twice_changes_nothing_more() -> None:
    once = REDACTOR.redact(f"password={PASSWORD}\nTOKEN: '{TOKEN}'\nhttps://me:{PASSWORD}@example.org/")
    assert once.count("[[perdure redacted") == 3
    assert REDACTOR.redact(once) is once
    assert holds_marker(once)
    assert not holds_marker("[[a wiki link]]")


def test_a_finding_names_its_line_and_kind() -> None:
    text = f"first\nsecond\nkey = '{TOKEN}'\n"
    (found,) = REDACTOR.findings(text)
    assert (found.kind, found.line_in(text), text[found.start : found.end]) == ("github-token", 3, TOKEN)


def test_shapes_say_by_what_literals_they_may_be_left_out() -> None:
    assert all(shape.literals and all(shape.literals) for shape in (*PREFIXED, *BLOCKS))
