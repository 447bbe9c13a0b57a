"""Where iCloud is and whose library it is; the password is no setting and is never stored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, Field

from shared.domain.ids import OWN_ZONE


def _https(address: str) -> str:
    """A password must not cross the network in the clear, nor go to whatever a typing error names."""
    parts = urlsplit(address)
    if address and not (parts.scheme == "https" and parts.hostname):
        raise ValueError(f"expected nothing or an address such as https://host, got {address:.80}")
    return address.rstrip("/")


class ICloudSettings(BaseModel):
    """The `icloud` part of the settings, the same for every service that talks to iCloud."""

    apple_id: str = ""
    """The Apple Account's e-mail address; the password is asked for by `photoduct login`, never stored."""
    session_dir: Path = Path("/session")
    """Holds the session that `photoduct login` made; mode 0700, shared by the services that need it."""
    session_days: float = Field(default=30, gt=0, le=3_650)
    """How long Apple lets a sign-in live: it ends after 30 to 60 days, unannounced; a week before you are told."""
    china_mainland: bool = False
    """For an Apple Account of mainland China: Apple's hosts there."""
    server: Annotated[str, AfterValidator(_https)] = ""
    """One https address that stands for all of Apple's hosts (a simulator); empty: Apple's own."""
    ca_bundle: Path | None = None
    """Certificates to trust instead of the usual ones (PEM)."""
    zone: str = Field(default=OWN_ZONE, min_length=1)
    """The person's own library."""
    shared_library: bool = False
    """Download the iCloud Shared Photo Library too; nothing of it is ever deleted."""
    timeout: float = Field(default=60.0, gt=0, le=3_600)
    """Seconds without a byte after which a request is given up."""

    @property
    def auth_host(self) -> str:
        """Return where sign-ins go: the same host for the mainland of China."""
        return self.server or "https://idmsa.apple.com"

    @property
    def home_host(self) -> str:
        """Return the web page that requests claim to come from."""
        return self.server or f"https://www.icloud.com{self._country}"

    @property
    def setup_host(self) -> str:
        """Return where a signed-in session learns the addresses of its services."""
        return self.server or f"https://setup.icloud.com{self._country}"

    @property
    def _country(self) -> str:
        return ".cn" if self.china_mainland else ""
