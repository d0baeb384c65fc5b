"""STS, SSO and a table service on loopback that know which credentials hold.

with FaultServer() as server:
    accounts = Accounts(server)
    accounts.expire()  # whatever was given out holds no longer
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.aws.faults import Answer, FaultServer, Play, Request, error, expired, page

CANARY = "canary"
"""Every secret that is given out has it."""
MFA_CODE = "314159"
MFA_SERIAL = "arn:aws:iam::111111111111:mfa/ada"
PAGES = 5
DEVICE_URL = "https://device.sso.eu-west-1.amazonaws.com/"

_ASSUMED = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleResult><AssumedRoleUser><AssumedRoleId>AROA:x</AssumedRoleId>
<Arn>arn:aws:sts::222222222222:assumed-role/operator/x</Arn></AssumedRoleUser><Credentials>
<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{canary}-secret-{key}</SecretAccessKey>
<SessionToken>{canary}-token-{key}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>
</Credentials></AssumeRoleResult></AssumeRoleResponse>"""
_CALLER = """<GetCallerIdentityResponse><GetCallerIdentityResult><Account>222222222222</Account>
<Arn>arn:aws-cn:sts::222222222222:assumed-role/operator/x</Arn><UserId>AROA:x</UserId>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""


class Accounts:
    """What the server knows; ``given`` are the access keys it gave out, ``asked`` the calls."""

    def __init__(self, server: FaultServer) -> None:
        self.given: list[str] = []
        self.asked: list[str] = []
        self.device_url = DEVICE_URL
        self.pending = 0
        """How often a login is said to be not confirmed yet."""
        self.ends_at: int | None = None
        """The page at which the credentials that were given out so far expire."""
        self._static = {"AKIDBASE"}
        self._held: set[str] = set()
        self._tokens = 0
        self._changing = threading.Lock()
        server.play(self.answer)

    def expire(self) -> None:
        """From here on nothing holds but what is given out later."""
        with self._changing:
            self._held.clear()

    def trust(self, *keys: str) -> None:
        """These static keys hold, and no others."""
        with self._changing:
            self._static = set(keys)

    def count(self, call: str) -> int:
        """How often something was asked for."""
        return self.asked.count(call)

    def answer(self, request: Request) -> Answer:
        """What a request gets."""
        with self._changing:
            play = self._play(request)
        return play(request) if callable(play) else play

    def _play(self, request: Request) -> Play:
        path = request.path.partition("?")[0]
        name = path if path != "/" else request.operation
        self.asked.append(name)
        match name:
            case "AssumeRole" | "AssumeRoleWithWebIdentity":
                return self._assumed(request, name)
            case "GetCallerIdentity":
                return page(_CALLER)
            case "/client/register":
                registered = int(datetime(2099, 1, 1, tzinfo=UTC).timestamp())
                return _json(
                    clientId="client",
                    clientSecret=f"{CANARY}-client",
                    clientSecretExpiresAt=registered,
                )
            case "/device_authorization":
                return _json(
                    deviceCode=f"{CANARY}-device",
                    userCode="ABCD-EFGH",
                    verificationUri=self.device_url,
                    verificationUriComplete=f"{self.device_url}?user_code=ABCD-EFGH",
                    expiresIn=600,
                    interval=0,
                )
            case "/token":
                return self._token()
            case "/federation/credentials":
                if request.headers.get("x-amz-sso_bearer_token") != self._bearer:
                    return error("UnauthorizedException", "Session token not found", 401)
                key = self._new_key()
                ends = datetime.now(UTC) + timedelta(hours=1)
                return _json(
                    roleCredentials={
                        "accessKeyId": key,
                        "secretAccessKey": f"{CANARY}-secret-{key}",
                        "sessionToken": f"{CANARY}-token-{key}",
                        "expiration": int(ends.timestamp() * 1000),
                    }
                )
            case _:
                return self._tables(request)

    @property
    def _bearer(self) -> str:
        return f"{CANARY}-access-{self._tokens}"

    def _new_key(self) -> str:
        key = f"ASIA{len(self.given):012}"
        self.given.append(key)
        self._held.add(key)
        return key

    def _holds(self, key: str) -> bool:
        return key in self._static or key in self._held

    def _assumed(self, request: Request, name: str) -> Play:
        if name == "AssumeRole" and not self._holds(request.access_key):
            return expired()
        if request.form.get("TokenCode", MFA_CODE) != MFA_CODE:
            text = "MultiFactorAuthentication failed with invalid MFA one time pass code."
            return error("AccessDenied", text, 403)
        text = _ASSUMED.format(key=self._new_key(), canary=CANARY)
        return page(text.replace("AssumeRoleRes", f"{name}Res"))

    def _token(self) -> Play:
        if self.pending:
            self.pending -= 1
            return error("AuthorizationPendingException", "not yet")
        self._tokens += 1
        return _json(accessToken=self._bearer, tokenType="Bearer", expiresIn=28800)

    def _tables(self, request: Request) -> Play:
        before = request.parameters.get("ExclusiveStartTableName", "t-0")
        number = int(before.removeprefix("t-")) + 1
        if self.ends_at == number and self._holds(request.access_key):
            self.ends_at = None
            self._held.clear()
            self._static.clear()
        if not self._holds(request.access_key):
            return expired()
        more = {"LastEvaluatedTableName": f"t-{number}"} if number < PAGES else {}
        return page({"TableNames": [f"t-{number}"], **more})


def _json(**document: Any) -> Answer:
    return Answer(json.dumps(document).encode(), headers={"Content-Type": "application/json"})


def write_files(directory: Path, *, mfa_serial: str = MFA_SERIAL) -> dict[str, str]:
    """AWS files with a profile of each kind; the variables that name them."""
    config = f"""
[profile base]
region = eu-west-1

[profile role]
role_arn = arn:aws:iam::222222222222:role/operator
source_profile = base

[profile chained]
role_arn = arn:aws:iam::333333333333:role/auditor
source_profile = role

[profile mfa]
role_arn = arn:aws:iam::222222222222:role/operator
source_profile = base
mfa_serial = {mfa_serial}

[sso-session corp]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
sso_registration_scopes = sso:account:access

[profile sso]
sso_session = corp
sso_account_id = 222222222222
sso_role_name = operator

[profile sso-other]
sso_session = corp
sso_account_id = 333333333333
sso_role_name = operator

[profile legacy]
sso_start_url = https://old.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 222222222222
sso_role_name = operator

[profile over-sso]
role_arn = arn:aws:iam::444444444444:role/auditor
source_profile = sso
"""
    (directory / "config").write_text(config)
    write_keys(directory, "AKIDBASE")
    return {
        "HOME": str(directory),
        "AWS_CONFIG_FILE": str(directory / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(directory / "credentials"),
    }


def add_mfa_profiles(directory: Path, names: Iterable[str]) -> None:
    """Adds profiles like ``mfa`` to the files in a directory."""
    with (directory / "config").open("a") as config:
        for name in names:
            config.write(
                f"\n[profile {name}]\nrole_arn = arn:aws:iam::222222222222:role/operator\n"
                f"source_profile = base\nmfa_serial = {MFA_SERIAL}\n"
            )


def variables(server: FaultServer, home: Path) -> dict[str, str]:
    """The environment of a command that has these profiles, and no keys."""
    environ = server.environ(**write_files(home))
    del environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"]
    return environ


def cell(server: FaultServer, home: Path, profile: str, options: str = "") -> str:
    """A cell that calls AWS twice with a profile."""
    step = {"sdk": "dynamodb ListTables", "profile": profile, "env": variables(server, home)}
    steps = [{"name": name, **step} for name in ("one", "two")]
    plan = json.dumps({"strategy": "parallel", "steps": steps})
    return f"%%cloudops --plan {options}\n{plan}"


def write_keys(directory: Path, key: str) -> None:
    """The keys of the profile ``base``, and of one that holds them with a token."""
    keys = f"aws_access_key_id = {key}\naws_secret_access_key = {CANARY}-static-secret\n"
    fresh = directory / "credentials.new"
    fresh.write_text(f"[base]\n{keys}\n[pasted]\n{keys}aws_session_token = {CANARY}-pasted\n")
    fresh.replace(directory / "credentials")
