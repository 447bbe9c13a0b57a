"""Where the books are. Apart from the settings, which the tool and the demo read without a database library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url

from shared.runtime.settings import read_secret

if TYPE_CHECKING:
    from services.state.settings import StateSettings
    from shared.runtime.settings import Common


def database_url(state: StateSettings, common: Common) -> str:
    """Return where the books are, password included; raises SettingsError."""
    if state.database_url is None:
        return f"sqlite:///{common.data}/media.db"
    if state.database_password is None and state.database_password_file is None:
        return state.database_url
    place = "state.database_password"
    password = read_secret(state.database_password, state.database_password_file, place)
    url = make_url(state.database_url).set(password=password)
    return url.render_as_string(hide_password=False)
