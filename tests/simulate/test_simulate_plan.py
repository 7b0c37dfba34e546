import json
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from receiver.simulate import rules
from receiver.simulate.bodies import TYPES
from receiver.simulate.plan import Plan, Planned
from receiver.simulate.rules import Answer
from receiver.simulate.scenario import Att, Camara, Phase, Scenario, ScenarioError, Trouble, load
from receiver.simulate.verdict import RunLedger

RUN = "6b00bd49f6e7"
KEPT, REFUSED, DOWN = Answer(204, "204"), Answer(400, "400"), Answer(503, "503", 5.0)


def planned(seed: int = 1, count: int = 3000, run: str = RUN, **more: object) -> list[Planned]:
    scenario = Scenario(phase=(Phase(rate=100, seconds=2.0 * count / 100),), count=count)
    return [*Plan(msgspec.structs.replace(scenario, **more), seed, run)]


@pytest.fixture(scope="module")
def many() -> list[Planned]:
    heavy = Trouble(malformed=0.05, oversized=0.002, strangers=0.05, slow=0.05, broken=0.05)
    return planned(trouble=heavy)


def one(of: list[Planned], **wanted: object) -> Planned:
    """The first with these values that is no trouble otherwise."""
    wanted = {"hostile": ""} | wanted
    return next(x for x in of if all(getattr(x, name) == v for name, v in wanted.items()))


def test_a_scenario_file_that_has_no_end_is_refused() -> None:
    with pytest.raises(ScenarioError, match="at most 1048576 bytes"):
        load(Path("/dev/zero"))


def test_the_same_seed_and_name_give_the_same_bytes() -> None:
    assert planned(7) == planned(7)
    assert planned(7) != planned(8)


def test_another_name_changes_the_marks_and_times_and_nothing_else() -> None:
    ours, theirs = planned(7), planned(7, run="6b00bd49ffff")
    assert {x.body for x in ours} & {x.body for x in theirs} <= {b"", b"[" * 20_000} | {
        x.body for x in ours if x.hostile == "malformed"
    }
    assert [(x.kind, x.at, x.hostile, x.conduct, x.word) for x in ours] == [
        (x.kind, x.at, x.hostile, x.conduct, x.word) for x in theirs
    ]


def test_no_two_notifications_are_the_same_one(many: list[Planned]) -> None:
    assert max(Counter((x.mark, x.word) for x in many).values()) == 1
    assert [x.number for x in many] == list(range(3000))


def test_everything_that_goes_wrong_on_networks_happens(many: list[Planned]) -> None:
    assert {x.hostile for x in many} == {"", "malformed", "oversized", "no token", "wrong token"}
    assert {x.conduct for x in many} == {"plain", "slow", "cut", "hang up"}
    assert any(x.again == 0 for x in many)
    assert any(x.again for x in many)
    assert any(x.at > x.due for x in many)


def test_statuses_come_early_and_late_and_a_message_id_stays_the_same(many: list[Planned]) -> None:
    stories: dict[int, list[str]] = {}
    for each in many:
        if each.kind == "delivery-status":
            stories.setdefault(each.mark, []).append(each.word)
    told = Counter(tuple(words) for words in stories.values())
    assert told["DeliveredToNetwork", "DeliveredToTerminal"] > 100
    assert told["DeliveredToTerminal", "DeliveredToNetwork"] > 10
    assert told["DeliveryImpossible", "DeliveredToNetwork", "DeliveredToTerminal"] > 10


def test_camara_events_of_two_types_share_an_id_now_and_then(many: list[Planned]) -> None:
    shared = [x for x in many if x.subscription and x.mark != x.number]
    first = {x.number: x for x in many}
    assert shared
    for each in shared:
        before = first[each.mark]
        assert before.word != each.word
        assert before.subscription == each.subscription


def test_each_camara_event_says_what_its_type_is_about(many: list[Planned]) -> None:
    said: dict[str, set[str]] = {}
    for each in many:
        if each.subscription and not each.hostile:
            said.setdefault(each.word, set()).update(json.loads(each.body)["data"])
    named = {"subscriptionId", "device"}
    assert said["v0.roaming-status"] == named | {"roaming", "countryCode", "countryName"}
    assert said["v0.subscription-started"] == named | {"initiationReason"}
    assert said["v0.subscription-updated"] == named | {"updateReason"}
    assert said["v0.swapped"] == {"subscriptionId", "phoneNumber"}
    assert said["v0.roaming-on"] == said["v0.reachability-data"] == named


def test_the_message_id_is_empty_as_often_as_the_scenario_says() -> None:
    half = planned(att=Att(empty_message_id=0.5), trouble=Trouble(malformed=0, oversized=0))
    ids = [json.loads(x.body)["MessageId"] for x in half if x.kind == "mo"]
    assert 0.3 < sum(not each for each in ids) / len(ids) < 0.7


def test_bursts_are_due_at_once_and_rates_over_their_time() -> None:
    phases = Phase(burst=50), Phase(rate=100, seconds=10), Phase(burst=50)
    due = [x.due for x in Plan(Scenario(phase=phases), 3, RUN)]
    assert due[:50] == [0.0] * 50
    assert due[-50:] == [10.0] * 50
    assert 900 < len(due) - 100 < 1100


def test_att_repeats_whatever_is_not_acknowledged_over_its_whole_time(many: list[Planned]) -> None:
    mo, scenario = one(many, kind="mo"), Scenario(att=Att(attempts=6, retry_for=31))
    for answer in (DOWN, REFUSED, Answer(401, "401"), Answer(410, "410"), Answer(0, "timeout")):
        pauses = [rules.pause(mo, nth, answer, scenario) for nth in range(1, 7)]
        assert pauses == [1, 2, 4, 8, 16, None]
    assert rules.pause(mo, 1, KEPT, scenario) is None


def test_camara_observes_retry_after_and_takes_a_refusal_for_one(many: list[Planned]) -> None:
    event, scenario = one(many, kind="roaming"), Scenario(camara=Camara(attempts=3, pause=1.0))
    assert [rules.pause(event, nth, DOWN, scenario) for nth in (1, 2, 3)] == [5.0, 5.0, None]
    assert rules.pause(event, 2, Answer(0, "timeout"), scenario) == 2.0
    assert rules.pause(event, 1, REFUSED, scenario) is None
    one_shot = Scenario(camara=Camara(attempts=1))
    assert rules.pause(event, 1, DOWN, one_shot) is None


def test_only_401_and_410_end_a_subscription_and_only_with_a_valid_token(
    many: list[Planned],
) -> None:
    event, mo = one(many, kind="roaming"), one(many, kind="mo")
    ends = [s for s in range(200, 600) if rules.ends_subscription(event, Answer(s, str(s)))]
    assert ends == [401, 410]
    assert not rules.ends_subscription(mo, Answer(401, "401"))
    stranger = msgspec.structs.replace(event, hostile="wrong token")
    assert not rules.ends_subscription(stranger, Answer(401, "401"))


def test_hostile_ones_are_sent_once_and_never_lost(many: list[Planned]) -> None:
    account, scenario = RunLedger(RUN), Scenario()
    for hostile in ("malformed", "oversized", "no token", "wrong token"):
        each = one(many, hostile=hostile)
        account.send(each, 0.0)
        account.answer(each, KEPT, 0.0, 0.1)
        assert rules.pause(each, 1, DOWN, scenario) is None
    verdict = account.verdict(seed=1, seconds=1.0, verified=True)
    assert (verdict.sent, verdict.acknowledged, verdict.lost) == (0, 0, 0)
    assert (verdict.hostile, verdict.hostile_taken, verdict.let_in) == (4, 4, 2)


def test_never_acknowledged_and_yet_published_once_is_fine(many: list[Planned]) -> None:
    account, mo = RunLedger(RUN), one(many, kind="mo")
    account.send(mo, 0.0)
    account.answer(mo, DOWN, 0.0, 0.1)
    assert account.publish([b"x", mo.body])
    verdict = account.verdict(seed=1, seconds=1.0, verified=True)
    assert (verdict.published, verdict.lost, verdict.duplicated) == (1, 0, 0)
    account.publish([mo.body])
    assert account.verdict(seed=1, seconds=1.0, verified=True).duplicated == 1


def test_a_status_is_told_from_another_of_the_same_message_even_in_their_own_words(
    many: list[Planned],
) -> None:
    account = RunLedger(RUN)
    story = [x for x in many if x.kind == "delivery-status" and not x.hostile]
    mark = next(x.mark for x in story if sum(y.mark == x.mark for y in story) == 2)
    both = [x for x in story if x.mark == mark]
    for each in both:
        account.send(each, 0.0)
        account.answer(each, KEPT, 0.0, 0.1)
    account.publish([both[1].body])
    assert account.missing == 1
    account.publish([f"{RUN}{mark:08X}: sent".encode()])
    verdict = account.verdict(seed=1, seconds=1.0, verified=True)
    assert (verdict.published, verdict.lost, verdict.duplicated) == (2, 0, 0)


def test_every_camara_event_is_told_from_every_other_with_the_same_id() -> None:
    words = {kind: kind.partition(".")[2] for kinds in TYPES.values() for kind in kinds}
    for kind, word in words.items():
        assert [other for other in words if word in other] == [kind]


def test_the_events_of_other_runs_do_not_count(many: list[Planned]) -> None:
    account = RunLedger("000000000000")
    assert not account.publish([many[0].body])
    assert account.published == 0


def test_the_scenario_in_the_documentation_shows_the_defaults(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs/simulate.md").read_text("utf-8")
    (tmp_path / "shown.toml").write_text(text.partition("```toml\n")[2].partition("```")[0])
    assert load(tmp_path / "shown.toml") == Scenario()
