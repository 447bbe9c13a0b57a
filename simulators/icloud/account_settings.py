"""What kind of Apple account is simulated: one frozen value, replaced as a whole; it holds no secret."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveFloat, PositiveInt

Keys = Literal["off", "challenge", "refused"]


def _keys(value: object) -> object:
    """Take true and false for the usual two."""
    return {True: "challenge", False: "off"}[value] if isinstance(value, bool) else value


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Phone(_Frozen):
    """A trusted phone number."""

    id: PositiveInt
    ending: str = Field(default="42", pattern=r"^\d\d$")


class Throttle(_Frozen):
    """Apple limiting sign-ins: the next `times` requests are answered with `status`."""

    status: int = Field(default=503, ge=400, le=599)
    times: PositiveInt = 1
    retry_after: str | int | None = None
    at: Literal["init", "complete"] = "init"


class AccountSettings(_Frozen):
    """Everything that POST /admin/account can set; times are simulated ones."""

    protocol: Literal["any", "s2k", "s2k_fo"] = "any"
    """How the password was stored; `any` takes the first of s2k, s2k_fo that the client offers."""
    push: Literal["automatic", "asked"] = "automatic"
    """Whether the devices show a code by themselves, or since iOS 26.4 only when asked."""
    trusted_device: bool = True
    phones: tuple[Phone, ...] = (Phone(id=1),)
    accepts_code_with: Literal[204, 409] = 204
    """Apple answers some right codes with 409 and `securityCode.valid`."""
    lock_after: PositiveInt = 10
    """Wrong passwords in a row."""
    locked: bool = False
    code_tries: PositiveInt = 6
    """Wrong codes in a row."""
    code_lock_minutes: PositiveFloat = 60
    sms_a_day: PositiveInt = 100
    trust_days: PositiveFloat = 90
    session_days: PositiveFloat = 60
    ended_status: Literal[421, 450, 500] = 421
    """What the setup host says of a session that has ended; CloudKit always says 421."""
    security_keys: Annotated[Keys, BeforeValidator(_keys)] = "off"
    """`challenge`: the second factor is a key; `refused`: the password itself is (no auth method)."""
    adp: bool = False
    web_access: bool = True
    pcs_hours: PositiveFloat = 1
    """How long a device's consent to show protected data on the web lasts."""
    pcs_waits: int = Field(default=0, ge=0)
    """Requests for protected data that are told to wait, each time."""
    repair: bool = False
    terms_accepted: bool = True
    throttle_sign_in: Throttle | None = None
