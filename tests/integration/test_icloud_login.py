"""The steps of a sign-in against the simulated Apple: codes by device and SMS, refusals by name, limits, what stays stored."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.icloud_reading import ICloudRecords
from shared.adapters.icloud_session import open_session
from shared.adapters.icloud_settings import ICloudSettings
from shared.adapters.icloud_signin import SignIn, life_of, login, resume
from shared.adapters.icloud_signin_errors import Throttled
from shared.adapters.icloud_signin_steps import NoAttempt, Wanted
from shared.adapters.icloud_transport import CloudKit
from shared.domain.errors import Permanent, PhotoductError, Transient, Waiting
from tests.integration.icloud_setup import Cloud, FixedClock, cloud
from tests.integration.icloud_sim import PASSWORD

CALM: dict[str, Any] = {
    "protocol": "any",
    "push": "asked",
    "trusted_device": True,
    "phones": [{"id": 7, "ending": "42"}, {"id": 9, "ending": "77"}],
    "accepts_code_with": 204,
    "locked": False,
    "code_tries": 6,
    "session_days": 60,
    "security_keys": "off",
    "adp": False,
    "web_access": True,
    "repair": False,
    "terms_accepted": True,
    "throttle_sign_in": None,
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with cloud(tmp_path_factory.mktemp("apple"), signed_in=False) as running:
        yield running


@pytest.fixture
def place(world: Cloud, tmp_path: Path) -> Cloud:
    """The one running Apple, as good as new, and a session folder of the test's own."""
    world.simulator.act("account", **CALM)
    world.simulator.act("clock", advance_seconds=3700)  # consents and locked codes are over
    settings = world.settings.model_copy(update={"session_dir": tmp_path / "session"})
    return Cloud(world.simulator, settings, world.root)


def told(place: Cloud) -> dict[str, Any]:
    found: dict[str, Any] = place.simulator._admin("GET", "/account")
    return found


def counted(place: Cloud, name: str) -> int:
    return int(told(place)["counts"][name])


def code(place: Cloud, phone: int | None = None) -> str:
    shown = place.simulator._admin("GET", "/code")
    return str(shown["device"] if phone is None else shown["sms"][str(phone)])


def wanted(found: Wanted | None) -> Wanted:
    assert found is not None
    return found


def signed_in(place: Cloud) -> SignIn:
    sign_in = SignIn(place.settings)
    sign_in.begin(PASSWORD)
    assert sign_in.confirm(code(place)) is None
    return sign_in


@pytest.mark.parametrize("protocol", ["s2k", "s2k_fo"])
def test_password_and_the_code_of_a_device_sign_in(place: Cloud, protocol: str) -> None:
    place.simulator.act("account", protocol=protocol)
    sign_in = SignIn(place.settings)
    first = wanted(sign_in.begin(PASSWORD))
    assert first.sent == "devices"
    assert [phone.id for phone in first.phones] == ["7", "9"]
    assert [phone.number[-2:] for phone in first.phones] == ["42", "77"]
    assert "•" in first.phones[0].number
    assert sign_in.confirm(f" {code(place)} ") is None
    assert sign_in.wanted is None
    assert resume(place.settings).cookies


def test_a_right_code_that_apple_answers_with_409_is_right(place: Cloud) -> None:
    place.simulator.act("account", accepts_code_with=409)
    signed_in(place)


def test_what_apple_would_have_looked_at_first_is_passed_over(place: Cloud) -> None:
    place.simulator.act("account", repair=True)
    signed_in(place)


def test_a_code_by_sms_goes_to_the_phone_that_was_chosen(place: Cloud) -> None:
    sign_in = SignIn(place.settings)
    sign_in.begin(PASSWORD)
    assert sign_in.send_sms("9").sent == "sms"
    with pytest.raises(Transient, match="no trusted phone"):
        sign_in.send_sms("8")
    assert sign_in.confirm(code(place, 9)) is None


def test_without_a_device_the_code_comes_by_sms(place: Cloud) -> None:
    place.simulator.act("account", trusted_device=False, push="automatic")
    sign_in = SignIn(place.settings)
    assert wanted(sign_in.begin(PASSWORD)).sent == "sms"
    assert sign_in.confirm(code(place, 7)) is None


def test_devices_are_asked_again_on_demand_also_after_an_sms(place: Cloud) -> None:
    sign_in = SignIn(place.settings)
    sign_in.begin(PASSWORD)
    before = counted(place, "codes_by_device")
    sign_in.send_sms("7")
    assert sign_in.push().sent == "devices"
    assert counted(place, "codes_by_device") == before + 1
    assert sign_in.confirm(code(place)) is None


def test_a_wrong_code_is_told_and_the_right_one_then_taken(place: Cloud) -> None:
    sign_in = SignIn(place.settings)
    sign_in.begin(PASSWORD)
    right = code(place)
    for typed in ("12 34", "12345a", "abcdef", "１２３４５６"):  # noqa: RUF001 - full-width digits
        with pytest.raises(Transient, match="6 digits and nothing else; this one was not sent"):
            sign_in.confirm(typed)
    assert wanted(sign_in.wanted).tries == 3
    before = counted(place, "wrong_codes")
    again = wanted(sign_in.confirm(f"{(int(right) + 1) % 1_000_000:06}"))
    assert again.note == "Apple refused this code"
    assert again.tries == 2
    assert counted(place, "wrong_codes") == before + 1
    assert sign_in.confirm(right) is None


def test_codes_are_tried_three_times_and_no_more(place: Cloud) -> None:
    sign_in = SignIn(place.settings)
    sign_in.begin(PASSWORD)
    wrong = f"{(int(code(place)) + 1) % 1_000_000:06}"
    sign_in.confirm(wrong)
    sign_in.confirm(wrong)
    with pytest.raises(Permanent, match="refused the codes"):
        sign_in.confirm(wrong)
    with pytest.raises(NoAttempt):
        sign_in.confirm(wrong)
    assert life_of(place.settings) is None


def test_when_apple_takes_no_more_codes_that_is_said(place: Cloud) -> None:
    place.simulator.act("account", code_tries=1)
    sign_in = SignIn(place.settings)
    sign_in.begin(PASSWORD)
    right = code(place)
    sign_in.confirm(f"{(int(right) + 1) % 1_000_000:06}")
    with pytest.raises(Permanent, match="no more codes for now"):
        sign_in.confirm(right)


def test_a_wrong_password_is_tried_once_and_leaves_the_good_session_as_it_was(place: Cloud) -> None:
    signed_in(place)
    before = {p.name: p.read_bytes() for p in place.settings.session_dir.iterdir()}
    tried = counted(place, "wrong_passwords")
    with pytest.raises(Permanent, match="tried only once"):
        SignIn(place.settings).begin("wrong one")
    assert counted(place, "wrong_passwords") == tried + 1
    assert {p.name: p.read_bytes() for p in place.settings.session_dir.iterdir()} == before
    assert resume(place.settings).cookies


def test_a_later_sign_in_makes_the_session_young_again(place: Cloud) -> None:
    clock = FixedClock()
    for day in (0, 20):
        clock.time += timedelta(days=day)
        sign_in = SignIn(place.settings, clock)
        assert sign_in.begin(PASSWORD) is not None  # a code each time: the trust is new, too
        sign_in.confirm(code(place))
    life = life_of(place.settings)
    assert life is not None
    assert life.made_at == clock.time
    assert life.days_left(clock.time) == 30


@pytest.mark.parametrize(
    ("account", "said"),
    [
        ({"locked": True}, "locked this account"),
        ({"security_keys": "challenge"}, "security keys only"),
        ({"security_keys": "refused"}, "security keys only"),
        ({"terms_accepted": False}, "new terms"),
        ({"web_access": False}, "'Access iCloud Data on the Web' is off"),
        ({"adp": True, "web_access": False}, "'Access iCloud Data on the Web' is off"),
    ],
)
def test_what_only_the_person_can_change_is_named_at_sign_in(
    place: Cloud, account: dict[str, Any], said: str
) -> None:
    place.simulator.act("account", **account)
    with pytest.raises(Permanent, match=said) as caught:
        login(place.settings, PASSWORD, lambda: code(place))
    assert "\n" not in str(caught.value)
    assert life_of(place.settings) is None


def test_protected_data_opens_after_the_device_allowed_it_and_else_is_named(
    place: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyicloud.base.PCS_SLEEP_TIME", 0)
    place.simulator.act("account", adp=True)
    sign_in = SignIn(place.settings)
    sign_in.begin(PASSWORD)
    with pytest.raises(Permanent, match="Advanced Data Protection"):
        sign_in.confirm(code(place))
    place.simulator.act("account", allow_pcs=True)
    signed_in(place)


@pytest.mark.parametrize(
    ("account", "said"),
    [
        ({"adp": True}, "Advanced Data Protection"),
        ({"web_access": False}, "Access iCloud Data on the Web"),
        ({"security_keys": "challenge"}, "security keys"),
    ],
)
async def test_what_only_the_person_can_change_is_named_when_it_turns_up_later(
    place: Cloud, account: dict[str, Any], said: str
) -> None:
    signed_in(place)
    async with open_session(place.settings) as session:
        records = ICloudRecords(CloudKit(session))
        assert (await records.changes(None)).token
        asked = counted(place, "consents_asked")
        place.simulator.act("account", **account)
        for _ in range(2):
            with pytest.raises(Waiting, match=said) as caught:
                await records.changes(None)
            assert caught.value.attention == "icloud-session"
        assert counted(place, "consents_asked") == asked  # no phone is bothered unless one signs in


@pytest.mark.parametrize("at", ["init", "complete"])
def test_a_limited_sign_in_is_left_alone_until_the_time_that_apple_names(
    place: Cloud, at: str
) -> None:
    clock = FixedClock()
    place.simulator.act(
        "account", throttle_sign_in={"status": 503, "times": 1, "retry_after": 1800, "at": at}
    )
    with pytest.raises(Throttled, match="until 2026-11-22 12:30:0") as caught:
        SignIn(place.settings, clock).begin(PASSWORD)
    assert "password may be right" in str(caught.value)
    throttled, tried = counted(place, "throttled"), counted(place, "sign_ins")
    other = SignIn(place.settings, clock)  # as after a restart, or in another process
    clock.time += timedelta(minutes=29)
    with pytest.raises(Throttled, match="until 2026-11-22 12:30:0"):
        other.begin(PASSWORD)
    assert (counted(place, "throttled"), counted(place, "sign_ins")) == (throttled, tried)
    clock.time += timedelta(minutes=2)
    assert other.refused_until is None
    assert other.begin(PASSWORD) is not None
    other.cancel()


def test_an_attempt_is_given_up_after_ten_minutes_or_by_hand(place: Cloud) -> None:
    clock = FixedClock()
    sign_in = SignIn(place.settings, clock)
    sign_in.begin(PASSWORD)
    clock.time += timedelta(minutes=10)
    assert sign_in.wanted is None
    with pytest.raises(NoAttempt, match="too long"):
        sign_in.confirm("123456")
    sign_in.begin(PASSWORD)
    sign_in.cancel()
    with pytest.raises(NoAttempt):
        sign_in.push()


def test_a_line_that_breaks_between_the_steps_keeps_the_attempt(place: Cloud) -> None:
    sign_in = SignIn(place.settings)
    sign_in.begin(PASSWORD)
    assert sign_in._attempt is not None
    client = sign_in._attempt.client
    there, client._auth_endpoint = client._auth_endpoint, "https://127.0.0.1:1/appleauth/auth"
    with pytest.raises(Waiting, match="cannot be reached"):
        sign_in.confirm("123456")
    client._auth_endpoint = there
    assert sign_in.confirm(code(place)) is None


@pytest.mark.parametrize("status", [421, 450])
def test_a_session_that_apple_ended_asks_once_and_waits_for_the_person(
    place: Cloud, status: int
) -> None:
    signed_in(place)
    generation = resume(place.settings).generation
    place.simulator.act("account", ended_status=status, end_sessions=True)
    before = counted(place, "account_logins_refused")
    for _ in range(3):
        with pytest.raises(Waiting, match="run photoduct login") as caught:
            resume(place.settings, stale=generation)
        assert caught.value.attention == "icloud-session"
    assert counted(place, "account_logins_refused") == before + 1
    life = life_of(place.settings)
    assert life is not None
    assert life.ended
    assert life.days_left(datetime.now(life.made_at.tzinfo)) == 0
    signed_in(place)
    assert resume(place.settings, stale=generation).cookies
    again = life_of(place.settings)
    assert again is not None
    assert not again.ended


def test_nothing_that_is_raised_quotes_the_password_or_a_token(place: Cloud) -> None:
    place.simulator.act("account", terms_accepted=False)
    secret = place.settings.model_copy(update={"session_dir": place.settings.session_dir / "x"})
    sign_in = SignIn(secret)
    sign_in.begin(PASSWORD)
    assert sign_in._attempt is not None
    assert sign_in._attempt.client._password_raw is None  # while the code is waited for
    with pytest.raises(PhotoductError) as caught:
        sign_in.confirm(code(place))
    assert PASSWORD not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert PASSWORD not in repr(vars(sign_in))


def test_the_mainland_of_china_has_hosts_of_its_own_as_pyicloud_knows_them() -> None:
    from pyicloud import PyiCloudService

    for china, home in ((False, "https://www.icloud.com"), (True, "https://www.icloud.com.cn")):
        ours = ICloudSettings(china_mainland=china)
        theirs = PyiCloudService.__new__(PyiCloudService)
        theirs._is_china_mainland = china
        theirs._setup_endpoints()
        assert ours.home_host == home == theirs._home_endpoint
        assert f"{ours.setup_host}/setup/ws/1" == theirs._setup_endpoint
        assert f"{ours.auth_host}/appleauth/auth" == theirs._auth_endpoint
