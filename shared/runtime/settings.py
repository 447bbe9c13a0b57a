"""Reads `config.yaml` and the environment, section by section; it names every wrong field and never shows a secret.

`PHOTODUCT_<SECTION>__<FIELD>` overrides a field; secrets come from files (`<field>_file`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)
from typing_extensions import override

from shared.domain.errors import Fatal
from shared.domain.folders import DEFAULT as DEFAULT_FOLDERS, checked_pattern
from shared.runtime.rhythm import checked_rhythm

CONFIG: Final = "PHOTODUCT_CONFIG"
_PREFIX: Final = "PHOTODUCT_"
_DEFAULT: Final = "config.yaml"
_WANTED: Final = {
    **dict.fromkeys(("int_parsing", "int_type", "int_from_float"), "an integer"),
    **dict.fromkeys(("float_parsing", "float_type", "finite_number"), "a number"),
    **dict.fromkeys(("bool_parsing", "bool_type"), "true or false"),
    **dict.fromkeys(("string_type", "string_too_short", "string_pattern_mismatch"), "a text"),
    **dict.fromkeys(("tuple_type", "list_type"), "a list such as [one, two]"),
    **dict.fromkeys(("model_type", "dict_type"), "settings of its own, each `name: value`"),
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of at most {le}",
}
"""What a person reads, by pydantic's names for what is wrong; its own words speak of tuples and instances."""
Section = TypeVar("Section", bound=BaseModel)


def _absolute(path: Path) -> Path:
    """A relative path would mean another place in each process, and an empty one the current folder."""
    if not path.is_absolute():
        raise ValueError(f"expected a path from the root such as /mnt/photos, got {str(path)!r}")
    return path


Place = Annotated[Path, AfterValidator(_absolute)]
"""A setting that is an absolute path."""
RhythmText = Annotated[str, AfterValidator(checked_rhythm)]


class SettingsError(Fatal):
    """The settings are wrong; `lines` name each field with its place."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class Part(BaseModel):
    """One section: immutable, unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LibrarySettings(Part):
    """Where the files are; one file system, never a network share."""

    root: Place = Path("/media")
    free_space_floor: int = Field(default=5_000_000_000, ge=0)
    """Bytes that stay free: below it the downloader waits and says so."""
    folders: Annotated[str, AfterValidator(checked_pattern)] = DEFAULT_FOLDERS
    """Folder of a new photo, here and on the NAS, by its date where it was taken; what has its path keeps it."""
    xmp_sidecars: bool = False
    """Writes `<name>.xmp` beside each photo, for other programs: favourite, keywords, albums, title, place, edits."""


class NasSettings(Part):
    """The archive; `photoduct init` makes its marker, once."""

    root: Place = Path("/nas")
    """Where it is mounted."""


class NatsSettings(Part):
    """Where the bus is, and the folder with a password file per user (default: `<data>/secrets`)."""

    url: str = "nats://127.0.0.1:4222"
    secrets: Place | None = None
    ca: Place | None = None
    """Certificates to trust at a `tls://` address, in place of the system's (PEM)."""


class MetricsSettings(Part):
    """Where each service serves `/metrics`, `/healthz` and `/readyz`; port 0 is any free one."""

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65_535)


class LogSettings(Part):
    """How to log; `auto` is `console` at a terminal and `json` elsewhere."""

    format: Literal["auto", "console", "json"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"


class RhythmSettings(Part):
    """How often to look: intervals like `15m`, or cron patterns in local time."""

    downloader: RhythmText = "15m"
    """At iCloud: what is new, edited or gone."""
    pixel_sync: RhythmText = "1m"
    """At the phone, besides whenever Syncthing tells of a change."""


class Common(Part):
    """What every service needs to know."""

    data: Place = Path("/data")
    """State, secrets, logs and run files of photoduct itself; on a local disk."""
    library: LibrarySettings = LibrarySettings()
    nas: NasSettings = NasSettings()
    nats: NatsSettings = NatsSettings()
    metrics: MetricsSettings = MetricsSettings()
    logs: LogSettings = LogSettings()
    rhythm: RhythmSettings = RhythmSettings()

    @property
    def secrets(self) -> Path:
        """Folder of the bus passwords."""
        return self.nats.secrets or self.data / "secrets"

    @property
    def run(self) -> Path:
        """Folder in which each service writes where its metrics are."""
        return self.data / "run"


_SECTIONS: Final = (
    "icloud",
    "downloader",
    "pixel_sync",
    "nas_sync",
    "compressor",
    "icloud_cleanup",
    "state",
    "deletion",
    "google",
)


def config_path(given: Path | None = None) -> Path:
    """Return the file to read: the given one, else the environment's, else `config.yaml` here."""
    return given or Path(os.environ.get(CONFIG, _DEFAULT))


def load_common(path: Path | None = None) -> Common:
    """Read what all services share; SettingsError names each wrong or unknown field."""
    fields = {name: (field.annotation, field) for name, field in Common.model_fields.items()}
    root = _load(fields, config_path(path))
    return Common.model_validate({name: getattr(root, name) for name in Common.model_fields})


def load_section(name: str, model: type[Section], path: Path | None = None) -> Section:
    """Read one service's own section; SettingsError names each wrong or unknown field."""
    strict = create_model(model.__name__, __base__=model)
    strict.model_config = ConfigDict(**{"extra": "forbid", **model.model_config})
    strict.model_rebuild(force=True)
    root = _load(
        {name: (strict, Field(default_factory=dict, validate_default=True))}, config_path(path)
    )
    found: Section = getattr(root, name)
    return found


def read_secret(value: str | None, file: Path | None, place: str) -> str:
    """Return a secret from the settings or from its file; SettingsError when there is neither, or it is unreadable."""
    if value:
        return value
    if file is None:
        raise SettingsError(
            [f"{place}: is missing; set it, or {place}_file to a file that holds it"]
        )
    try:
        return file.read_text().strip()
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError([f"{place}_file: {file} cannot be read: {reason}"]) from error


class _Root(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment first, then the file."""
        return env_settings, YamlConfigSettingsSource(settings_cls)


def _load(fields: dict[str, Any], path: Path) -> BaseSettings:
    others = [name for name in (*_SECTIONS, *Common.model_fields) if name not in fields]
    every = {**dict.fromkeys(others, (Any, None)), **fields}
    model: type[BaseSettings] = create_model("Settings", __base__=_Root, **every)
    model.model_config = SettingsConfigDict(**{**_Root.model_config, "yaml_file": path})
    _check_readable(path)
    try:
        return model()
    except ValidationError as error:
        raise SettingsError([_line(problem, path) for problem in error.errors()]) from error
    except Exception as error:
        raise SettingsError([f"{path.name}: cannot be read: {_flat(str(error))}"]) from error


def _check_readable(path: Path) -> None:
    """A missing file means defaults, but only where nobody named it; SettingsError for what is no settings file."""
    if not path.exists() and str(path) != _DEFAULT:
        raise SettingsError([f"{path}: there is no such file"])
    if path.is_dir():
        raise SettingsError([f"{path}: is a folder; expected a file of settings (config.yaml)"])
    try:
        root = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SettingsError([f"{path.name}: cannot be read: {_flat(str(error))}"]) from error
    if root is not None and not isinstance(root, dict):
        kind = type(root).__name__
        raise SettingsError([f"{path.name}: expected sections such as `library:`, got a {kind}"])


def _line(problem: Any, path: Path) -> str:
    parts = [str(part) for part in problem["loc"]]
    variable = _PREFIX + "__".join(parts).upper()
    place = variable if variable in os.environ else f"{path.name}: {'.'.join(parts)}"
    return f"{place}: {_meaning(problem)}"


def _meaning(problem: Any) -> str:
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "extra_forbidden":
        return "there is no such setting"
    if kind == "missing":
        return "is missing"
    secret = any(word in str(problem["loc"]).lower() for word in ("key", "password", "secret"))
    if kind == "value_error" and not secret:  # our own validators write whole sentences
        return _flat(problem["msg"]).removeprefix("Value error, ")
    wanted = _flat(problem["msg"]).removeprefix("Input should be ")
    if kind in _WANTED:
        wanted = _WANTED[kind].format(**context)
    shown = _flat(repr(problem["input"]))
    return f"expected {wanted}" + ("" if secret else f", got {shown[:80]}")


def _flat(text: str) -> str:
    return " ".join(text.split())
