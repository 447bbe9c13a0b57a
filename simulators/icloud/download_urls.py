"""Signs download addresses and reads them back; an address alone never gives bytes: cookies do."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from urllib.parse import parse_qs, quote

LIFETIME_SECONDS = 3600


class ExpiredUrl(Exception):
    """The address was right and is too old."""


class ForgedUrl(Exception):
    """The address is not one that this server gave out."""


@dataclass(frozen=True)
class Target:
    """Which resource an address means."""

    record: str
    field: str
    checksum: str


@dataclass(frozen=True)
class UrlSigner:
    """Makes and reads addresses; `secret` comes from the account, so that a restart keeps them."""

    secret: bytes

    def address(self, base_url: str, target: Target, now_seconds: int) -> str:
        """Give an address for an hour; the `${f}` is for the client to fill in with a name."""
        expires = now_seconds + LIFETIME_SECONDS
        opaque = base64.urlsafe_b64encode(f"{target.field}/{target.record}".encode()).decode()
        signature = self._sign(target, expires)
        return (
            f"{base_url}/B/{url_form(target.checksum)}/${{f}}"
            f"?o={quote(opaque)}&v=1&z={quote(base_url)}&x=1&e={expires}&k={signature}&fl="
            "&ckc=com.apple.photos.cloud&ckz=PrimarySync"
        )

    def read(self, checksum_part: str, query: str, now_seconds: int) -> Target:
        """Name the resource of an address; raises ForgedUrl or ExpiredUrl."""
        values = {name: found[0] for name, found in parse_qs(query).items()}
        try:
            field, _, record = base64.urlsafe_b64decode(values["o"]).decode().partition("/")
            expires = int(values["e"])
        except (KeyError, ValueError) as error:
            raise ForgedUrl from error
        target = Target(record, field, _plain_form(checksum_part))
        if not hmac.compare_digest(self._sign(target, expires), values.get("k", "")):
            raise ForgedUrl
        if now_seconds >= expires:
            raise ExpiredUrl
        return target

    def _sign(self, target: Target, expires: int) -> str:
        text = f"{target.record}|{target.field}|{target.checksum}|{expires}"
        return hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest()[:32]


def record_of(opaque: str) -> str:
    """Name the record that an address's `o` speaks of, empty when it is none of ours."""
    try:
        return base64.urlsafe_b64decode(opaque).decode().partition("/")[2]
    except ValueError:
        return ""


def url_form(checksum: str) -> str:
    """A fileChecksum as it stands in a path: the URL-safe alphabet, without padding."""
    return checksum.replace("+", "-").replace("/", "_").rstrip("=")


def _plain_form(part: str) -> str:
    return part.replace("-", "+").replace("_", "/")
