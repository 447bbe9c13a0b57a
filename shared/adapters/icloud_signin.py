"""Signs in to iCloud in one go and resumes the stored session; a password is used once, never kept, never shown.

Everything here blocks: run it in a thread. `icloud_signin_steps` is the sign-in itself, `icloud_signin_store` what is kept
of it, `icloud_signin_resuming` how the services go on with that, `icloud_signin_door` how a person reaches the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.adapters.icloud_signin_client import quiet_loggers
from shared.adapters.icloud_signin_resuming import SignedIn, life_of, resume
from shared.adapters.icloud_signin_steps import SignIn

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.adapters.icloud_settings import ICloudSettings

__all__ = ["SignIn", "SignedIn", "life_of", "login", "quiet_loggers", "resume"]


def login(settings: ICloudSettings, password: str, ask_code: Callable[[], str]) -> None:
    """Sign in with the password and the codes that `ask_code` returns, and store the session.

    Raises what the steps of `SignIn` raise.
    """
    sign_in = SignIn(settings)
    try:
        wanted = sign_in.begin(password)
        while wanted is not None:
            wanted = sign_in.confirm(ask_code())
    finally:
        sign_in.cancel()
