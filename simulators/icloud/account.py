"""The person's Apple account: password, codes, sessions and tokens, all in memory only."""

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Literal

from simulators.icloud.srp import Challenge, Protocol, Secret, challenge, make_secret

Stage = Literal["new", "challenged", "wants code", "verified"]
_ITERATIONS = 20_000


@dataclass
class SigninSession:
    """One run through sign-in: `scnt` and the id are what the client must echo."""

    id: str
    scnt: str
    stage: Stage = "new"
    account_name: str = ""
    reply_key: str = ""
    challenge: Challenge | None = None
    code: str = ""


@dataclass
class Account:
    """One Apple account; ids are derived from the Apple ID, tokens are random."""

    apple_id: str
    password: str
    sessions: dict[str, SigninSession] = field(default_factory=dict)
    session_tokens: set[str] = field(default_factory=set)
    trust_tokens: set[str] = field(default_factory=set)
    web_tokens: set[str] = field(default_factory=set)
    code: str | None = None
    _codes_made: int = 0
    _verifiers: dict[Protocol, Secret] = field(default_factory=dict)

    @property
    def dsid(self) -> str:
        """The account's number at iCloud."""
        return str(10_000_000_000 + int(self.derived("dsid").hex()[:8], 16))

    @property
    def owner(self) -> str:
        """The account's user record name."""
        return "_" + self.derived("owner").hex()[:32]

    def derived(self, purpose: str) -> bytes:
        """Make stable bytes for a purpose, the same after every start."""
        return hashlib.sha256(f"{purpose}|{self.apple_id}".encode()).digest()

    def open_session(self) -> SigninSession:
        """Begin a sign-in."""
        session = SigninSession(f"auth-{secrets.token_hex(16)}", secrets.token_urlsafe(48))
        self.sessions[session.id] = session
        return session

    def begin(
        self, session: SigninSession, name: str, public: bytes, protocol: Protocol
    ) -> tuple[Secret, Challenge]:
        """Hand out the SRP challenge; raises ValueError for an impossible A."""
        secret = self._secret(protocol)
        asked = session.challenge = challenge(secret, name, public)
        session.account_name, session.stage = name, "challenged"
        session.reply_key = f"d-{secrets.token_hex(8)}-{secrets.token_hex(12)}"
        return secret, asked

    def _secret(self, protocol: Protocol) -> Secret:
        if protocol not in self._verifiers:
            salt = self.derived("salt")[:16]
            self._verifiers[protocol] = make_secret(self.password, salt, _ITERATIONS, protocol)
        return self._verifiers[protocol]

    def knows(self, session: SigninSession, reply_key: str, m1: bytes, m2: bytes) -> bool:
        """Check the proofs of a challenge; each challenge can be answered once."""
        asked, session.challenge = session.challenge, None
        same_account = session.account_name.lower() == self.apple_id.lower()
        if asked is None or reply_key != session.reply_key or not same_account:
            return False
        return asked.accepts(m1, m2)

    def show_code(self, session: SigninSession) -> None:
        """Show a six-digit code on the person's devices, derived from how many there were."""
        self._codes_made += 1
        digest = self.derived(f"code {self._codes_made}").hex()
        session.code = self.code = f"{int(digest[:12], 16) % 1_000_000:06}"
        session.stage = "wants code"

    def verify(self, session: SigninSession, code: str) -> bool:
        """Check a typed code."""
        if session.stage != "wants code" or not secrets.compare_digest(
            code.encode(), session.code.encode()
        ):
            return False
        session.stage, self.code = "verified", None
        return True

    def grant_session(self) -> str:
        """Make a session token, which alone does not mean trust."""
        token = secrets.token_urlsafe(96)
        self.session_tokens.add(token)
        return token

    def grant_trust(self) -> str:
        """Make a trust token, by which later sign-ins need no code."""
        token = f"HSARMTKNSRVXWFla{secrets.token_urlsafe(64)}"
        self.trust_tokens.add(token)
        return token

    def open_web_session(self) -> str:
        """Make the value of the X-APPLE-WEBAUTH-TOKEN cookie."""
        token = f"v=2:t={secrets.token_urlsafe(64)}"
        self.web_tokens.add(token)
        return token
