"""Puts the stored iCloud session into icloudpd's form: its cookies alone; it can neither sign in nor renew with them."""

from __future__ import annotations

import json
from http.cookiejar import LWPCookieJar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from http.cookiejar import Cookie

_HEADER = "#LWP-Cookies-2.0\n"
_STATED = {"session_token": "kept by photoduct"}
"""icloudpd looks at its cookies only when its session file names some token; ours and Apple's trust stay with us."""


def handover(apple_id: str, cookies: Iterable[Cookie]) -> dict[str, str]:
    """Return the two files of a session folder of icloudpd's, by name."""
    jar = LWPCookieJar()
    for cookie in cookies:
        jar.set_cookie(cookie)
    # icloudpd names them after the letters, digits and underscores of the Apple ID.
    user = "".join(letter for letter in apple_id if letter.isalnum() or letter == "_")
    return {
        user: _HEADER + jar.as_lwp_str(ignore_discard=True, ignore_expires=True),
        f"{user}.session": json.dumps(_STATED),
    }
