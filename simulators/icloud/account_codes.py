"""The six-digit codes on the person's devices and phones, with Apple's limits; it sends nothing anywhere."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from simulators.icloud.account_settings import AccountSettings
from simulators.icloud.clock import Clock

Verdict = Literal["right", "wrong", "locked"]
DEVICE = "device"
_DAY_MS = 86_400_000
_MINUTE_MS = 60_000


def by_sms(phone: int) -> str:
    """The channel of a trusted phone number."""
    return f"sms {phone}"


@dataclass
class Codes:
    """One account's codes; a channel knows only its newest, and a right one ends them all."""

    clock: Clock
    derived: Callable[[str], bytes]
    shown: dict[str, str] = field(default_factory=dict)
    latest: str | None = None
    _made: int = 0
    _wrong: int = 0
    _locked_until: int = 0
    _texted: list[int] = field(default_factory=list)

    def show(self, channel: str) -> str:
        """Make a code, derived from how many there were, and show it."""
        self._made += 1
        digest = self.derived(f"code {self._made}").hex()
        code = self.shown[channel] = self.latest = f"{int(digest[:12], 16) % 1_000_000:06}"
        return code

    def may_text(self, most: int) -> bool:
        """Count one more SMS of today; False when there were too many."""
        now = self.clock()
        self._texted = [at for at in self._texted if now - at < _DAY_MS]
        if len(self._texted) >= most:
            return False
        self._texted.append(now)
        return True

    @property
    def locked(self) -> bool:
        """Say whether codes are refused for a while because too many were wrong."""
        return self.clock() < self._locked_until

    def judge(self, wanted: str | None, typed: str, settings: AccountSettings) -> Verdict:
        """Judge a typed code; the last try that is allowed is judged, then none is for a while."""
        if self.locked:
            return "locked"
        if wanted is not None and secrets.compare_digest(wanted.encode(), typed.encode()):
            self._forget()
            return "right"
        self._wrong += 1
        if self._wrong >= settings.code_tries:
            self._wrong = 0
            self._locked_until = self.clock() + round(settings.code_lock_minutes * _MINUTE_MS)
        return "wrong"

    def _forget(self) -> None:
        self._wrong, self.latest = 0, None
        self.shown.clear()
