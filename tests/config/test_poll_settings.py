"""What `receiver.toml` may say about polls, and what it is told when it says something else."""

from pathlib import Path

import pytest

from receiver.config import polls
from receiver.config.polls import AttInboxPoll, AttMessagesPoll, AttStatusPoll, CamaraDevicePoll
from receiver.config.problems import poll_problems, problems
from receiver.config.settings import Settings, SettingsError, load

GATEWAY = """\
base_url = "https://api.att.com"
client_id_env = "ATT_APP_KEY"
client_secret_env = "ATT_APP_SECRET"
"""
INBOX = f"""\
[[poll]]
name = "promo"
kind = "att-inbox"
registration = "22627000"
every = 120
{GATEWAY}
"""
OTHERS = f"""\
[[operator]]
name = "att"
status = "https://api.example.com/device-reachability-status/v1"
auth = {{ kind = "headers", headers_env = {{ x-key = "OPERATOR_KEY" }} }}

[[poll]]
name = "sent"
kind = "att-status"
signature = "oneapi"
listener = "promo"
sender = "22627000"
path = "/3/smsmessaging/outbound/{{sender}}/requests/{{id}}/deliveryInfos"
{GATEWAY}
[[poll]]
name = "inbox"
kind = "att-messages"
mailbox = "+12065550100"
redirect_uri = "https://example.com/consent"
{GATEWAY}
[[poll]]
name = "fleet"
kind = "camara-device"
operator = "att"
devices_file = "fleet.txt"
"""


def read(tmp_path: Path, text: str, **environ: str) -> Settings:
    file = tmp_path / "receiver.toml"
    file.write_text(text)
    return load({"RECEIVER_CONFIG": str(file)} | environ)


def test_every_kind_is_read_with_what_it_need_not_say(tmp_path: Path) -> None:
    found = read(tmp_path, INBOX + OTHERS)
    inbox, sent, mailbox, fleet = found.polls
    assert isinstance(inbox, AttInboxPoll)
    assert (inbox.heard_as, inbox.seconds) == ("promo", 120)
    assert inbox.template == "/sms/v3/messaging/inbox/{registration}"
    assert inbox.tokens_from == "https://api.att.com/oauth/v4/token"
    assert isinstance(sent, AttStatusPoll)
    assert (sent.heard_as, sent.seconds, sent.rate) == ("promo", 2, 5)
    assert sent.template == "/3/smsmessaging/outbound/{sender}/requests/{id}/deliveryInfos"
    assert isinstance(mailbox, AttMessagesPoll)
    assert (mailbox.seconds, mailbox.text) == (60, False)
    assert isinstance(fleet, CamaraDevicePoll)
    assert fleet.devices_file == str(tmp_path / "fleet.txt")


def test_the_signature_decides_the_path(tmp_path: Path) -> None:
    [inbox] = read(tmp_path, INBOX.replace("every = 120", 'signature = "oneapi"')).polls
    assert isinstance(inbox, AttInboxPoll)
    assert inbox.template == "/3/smsmessaging/inbound/registrations/{registration}/messages"
    assert inbox.seconds == 300


def test_a_secret_that_is_not_set_is_a_problem_of_the_poller_and_of_nobody_else(
    tmp_path: Path,
) -> None:
    found = read(tmp_path, INBOX, ATT_APP_KEY="k")
    assert problems(found) == []
    assert poll_problems(found) == [
        "poll 'promo': the environment variable ATT_APP_SECRET is not set: set it for "
        "`receiver poll`"
    ]
    assert found.poll_variables == {"ATT_APP_KEY": "k"}
    assert "'k'" not in repr(found)


def test_the_operator_of_polled_devices_has_secrets_too(tmp_path: Path) -> None:
    found = read(tmp_path, INBOX + OTHERS, ATT_APP_KEY="k", ATT_APP_SECRET="s")
    assert poll_problems(found) == [
        "operator 'att': the environment variable OPERATOR_KEY is not set: set it for "
        "`receiver poll`"
    ]


@pytest.mark.parametrize("rate", ["0", "1000.5", "nan"])
def test_a_rate_beyond_its_bounds_is_told_both_of_them(tmp_path: Path, rate: str) -> None:
    status = INBOX.replace("att-inbox", "att-status").replace('registration = "22627000"\n', "")
    with pytest.raises(SettingsError, match="more than 0 and at most 1000"):
        read(tmp_path, status.replace("every = 120", f"rate = {rate}"))


def test_two_polls_of_one_registration_are_seen(tmp_path: Path) -> None:
    twin = INBOX.replace('"promo"', '"again"').replace("api.att.com", "api.att.com/")
    assert polls.twins(read(tmp_path, INBOX + twin).polls) == [("promo", "again")]
    other = INBOX.replace('"promo"', '"again"').replace("22627000", "22627001")
    assert polls.twins(read(tmp_path, INBOX + other).polls) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("every = 120", "every = 9", "line 5: poll 1, every: whole seconds from 10 to 900"),
        ("every = 120", "every = 901", "line 5: poll 1, every: whole seconds from 10 to 900"),
        (
            "every = 120",
            "evry = 120",
            "line 5: poll 1, evry: there is no such key",
        ),
        ("every = 120", 'signature = "gsma"', "line 5: poll 1, signature: att or oneapi"),
        ("every = 120", 'listener = "Promo"', "line 5: poll 'promo', listener: 1 to 64 of a-z"),
        ("every = 120", 'path = "/inbox"', "line 5: poll 'promo', path: a path such as"),
        ("every = 120", 'path = "/{registration}/{x}"', "line 5: poll 'promo', path: a path"),
        ("every = 120", 'path = "/{registration!r}{"', "line 5: poll 'promo', path: a path"),
        ("every = 120", 'auth = "digest"', "line 5: poll 1, auth: oauth or basic is wanted"),
        ("every = 120", 'token_url = "x"', "line 5: poll 'promo', token_url: a URL such as"),
        ('"att-inbox"', '"att-inbx"', "line 3: poll 1, kind: att-inbox, att-status, att-messages"),
        ('name = "promo"', 'name = "Promo"', "line 2: poll 1, name: 1 to 32 of a-z"),
        ('"22627000"', '"226 27000"', "line 4: poll 'promo', registration: the short code"),
        ("https:", "http:", "line 6: poll 'promo', base_url: https is wanted (http only for"),
        ("api.att.com", "u:p@api.att.com", "line 6: poll 'promo', base_url: a URL without user"),
        ("ATT_APP_KEY", "a-key-itself", "line 7: poll 'promo', client_id_env: the name of an"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, INBOX.replace(old, new))
    assert said in str(caught.value)
    assert "p@" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('operator = "att"', 'operator = "nokia"', "operator: there is no [[operator]] 'nokia'"),
        ('devices_file = "fleet.txt"', "", "devices_file: devices_file or devices is wanted"),
        ("status = ", "reachability = ", "operator: operator 'att' has no status = URL to ask"),
        ('"+12065550100"', '""', "poll 'inbox', mailbox: a name for the mailbox"),
        ("https://example.com/consent", "http://example.com", "redirect_uri: https is wanted"),
        ("/{id}/deliveryInfos", "/{id}/state", "poll 'sent', path: a path that ends with /{id}"),
        ('sender = "22627000"', 'sender = "a b"', "poll 'sent', sender: the short code"),
        ('name = "sent"', 'name = "promo"', "poll 'promo', name: another poll has it"),
    ],
)
def test_of_the_other_kinds_too(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, (INBOX + OTHERS).replace(old, new))
    assert said in str(caught.value)


def test_http_is_taken_for_this_machine(tmp_path: Path) -> None:
    [inbox] = read(tmp_path, INBOX.replace("https://api.att.com", "http://127.0.0.1:8099")).polls
    assert isinstance(inbox, AttInboxPoll)
    assert inbox.tokens_from == "http://127.0.0.1:8099/oauth/v4/token"
