"""The person's Apple account: password, codes, sessions and tokens, all in memory only."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field

from simulators.icloud.account_codes import Codes, Verdict
from simulators.icloud.account_session import SigninSession, new_reply_key
from simulators.icloud.account_settings import AccountSettings, Throttle
from simulators.icloud.account_tokens import Grants
from simulators.icloud.clock import SimClock
from simulators.icloud.srp import Challenge, Protocol, Secret, challenge, make_secret

_ITERATIONS = 20_000
_HOURS_A_DAY = 24


@dataclass
class Account:
    """One Apple account; ids are derived from the Apple ID, tokens are random."""

    apple_id: str
    password: str
    settings: AccountSettings = field(default_factory=AccountSettings)
    clock: SimClock = field(default_factory=SimClock)
    sessions: dict[str, SigninSession] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    wrong_passwords: int = 0
    pcs_consent_until: int = 0
    pcs_waited: int = 0
    _verifiers: dict[Protocol, Secret] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Open the books of what is granted."""
        self.codes = Codes(self.clock, self.derived)
        self.signed_in = Grants(self.clock, "", 96)
        self.trusts = Grants(self.clock, "HSARMTKNSRVXWFla")
        self.web = Grants(self.clock, "v=2:t=")
        self.pcs = Grants(self.clock, "")

    @property
    def code(self) -> str | None:
        """The code that was shown last, wherever; None when none is wanted."""
        return self.codes.latest

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

    def set(self, **changes: object) -> None:
        """Replace settings; raises pydantic's ValidationError, a ValueError, and changes nothing then."""
        known = self.settings.model_dump() | changes
        settings = AccountSettings.model_validate(known)
        if self.settings.locked and not settings.locked:
            self.wrong_passwords = 0
        self.settings = settings

    def change_password(self, password: str) -> None:
        """Take another password; whoever is signed in on the web is signed out."""
        self.password = password
        self._verifiers.clear()
        self.end_sessions()
        self.trusts.end_all()

    def end_sessions(self) -> None:
        """End every session and its cookies now; trust lives on."""
        self.signed_in.end_all()
        self.web.end_all()

    def open_session(self) -> SigninSession:
        """Begin a sign-in."""
        session = SigninSession()
        self.sessions[session.id] = session
        return session

    def begin(
        self, session: SigninSession, name: str, public: bytes, protocol: Protocol
    ) -> tuple[Secret, Challenge]:
        """Hand out the SRP challenge; raises ValueError for an impossible A."""
        secret = self._secret(protocol)
        asked = session.challenge = challenge(secret, name, public)
        session.account_name, session.stage = name, "challenged"
        session.reply_key = new_reply_key()
        return secret, asked

    def _secret(self, protocol: Protocol) -> Secret:
        if protocol not in self._verifiers:
            salt = self.derived("salt")[:16]
            self._verifiers[protocol] = make_secret(self.password, salt, _ITERATIONS, protocol)
        return self._verifiers[protocol]

    def challenged(self, reply_key: str) -> SigninSession | None:
        """The sign-in whose challenge came with this key."""
        found = (s for s in self.sessions.values() if s.reply_key and s.reply_key == reply_key)
        return next(found, None)

    def knows(self, session: SigninSession, m1: bytes, m2: bytes) -> bool:
        """Check the proofs of a challenge; each challenge can be answered once, too many wrong ones lock."""
        asked, session.challenge = session.challenge, None
        same_account = session.account_name.lower() == self.apple_id.lower()
        if asked and same_account and asked.accepts(m1, m2):
            self.wrong_passwords = 0
            return True
        self.counts["wrong_passwords"] += 1
        self.wrong_passwords += 1
        if self.wrong_passwords >= self.settings.lock_after:
            self.set(locked=True)
        return False

    def take_throttle(self, at: str) -> Throttle | None:
        """The refusal that is due at a step of the sign-in, counted down."""
        due = self.settings.throttle_sign_in
        if due is None or due.at != at:
            return None
        left = due.model_copy(update={"times": due.times - 1}) if due.times > 1 else None
        self.set(throttle_sign_in=left)
        self.counts["throttled"] += 1
        return due

    def show_code(self, session: SigninSession, channel: str) -> None:
        """Show a code on the devices or a phone, for one sign-in."""
        session.codes[channel] = self.codes.show(channel)
        self.counts["codes_by_device" if channel == "device" else "codes_by_sms"] += 1

    def verify(self, session: SigninSession, channel: str, code: str) -> Verdict:
        """Check a typed code; a right one verifies the sign-in."""
        wanted = session.codes.get(channel) if session.stage == "wants code" else None
        verdict = self.codes.judge(wanted, code, self.settings)
        if verdict == "right":
            session.stage = "verified"
            session.codes.clear()
        else:
            self.counts["wrong_codes"] += 1
        return verdict

    def trusts_token(self, token: object) -> bool:
        """Say whether a trust token makes the code unnecessary."""
        return self.trusts.lives(token, self.settings.trust_days)

    def knows_session(self, token: object) -> bool:
        """Say whether a session token can still open web sessions."""
        return self.signed_in.lives(token, self.settings.session_days)

    def open_web_session(self, session_token: object = None) -> str:
        """Make the value of the X-APPLE-WEBAUTH-TOKEN cookie; it ends with the session it came from."""
        return self.web.grant(self.signed_in.born(session_token))

    def knows_web_session(self, token: object) -> bool:
        """Say whether a cookie opens anything."""
        return self.web.lives(token, self.settings.session_days)

    def knows_pcs(self, token: object) -> bool:
        """Say whether a cookie opens protected data."""
        return self.pcs.lives(token, self.settings.pcs_hours / _HOURS_A_DAY)
