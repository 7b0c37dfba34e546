"""Histories of the inbound stream: accepted, normalised, published, each exactly once.

Steps are those of the real scripts and jobs on a real server.
"""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from redis.exceptions import ResponseError

from receiver.contract.redis_keys import ATTEMPTS, BELL, GROUP, IDENTITIES, INBOUND, MARKS
from receiver.intake.inbound_writer import Batch
from receiver.operations import dead_letters
from receiver.operations.dead_letter_actions import DeadLetterActions
from receiver.operations.dead_letters import Selection
from tests.models.inbound_model import ABANDONED, SETTINGS, InboundModel
from tests.models.said import SAID, Said
from tests.models.world import JUMPS, STRANGERS
from workers.maintenance.sweep import Sweep
from workers.normalise.decide import decide


class InboundHistories(InboundModel):
    """See the module."""

    # What may happen ------------------------------------------------------------------------

    @rule(
        by=st.integers(0, 1),
        says=st.lists(SAID, max_size=4),
        refused=st.integers(0, 1),
        fate=st.sampled_from(["answered", "answered", "reply lost", "request lost"]),
    )
    def append(self, by: int, says: list[Said], refused: int, fate: str) -> None:
        flusher = self.flushers[by]
        stored = []
        for said in says:
            receipt = len(self.says)
            stored.append(said.notification(receipt))
            self.says[stored[-1]] = (f"{receipt:027x}", said)
        number = len(flusher.sent) + 1
        flusher.sent.append(Batch(flusher.name, number, stored, [b"refused"] * refused))
        self.send(flusher, [*flusher.open, flusher.sent[-1]], fate)

    @rule(by=st.integers(0, 1), fate=st.sampled_from(["answered", "reply lost"]))
    def repeat(self, by: int, fate: str) -> None:
        flusher = self.flushers[by]
        if flusher.open:
            self.send(flusher, flusher.open, fate)

    @rule(by=st.integers(0, 1))
    def give_up(self, by: int) -> None:
        self.flushers[by].open = []

    @rule(by=st.integers(0, 1), which=st.integers(0, 20))
    def late_copy(self, by: int, which: int) -> None:
        flusher = self.flushers[by]
        if which < len(flusher.sent):
            was = flusher.open
            self.send(flusher, [flusher.sent[which]], "answered")
            flusher.open = was

    @rule(by=st.integers(0, 1))
    def job(self, by: int) -> None:
        self.workers[by].job.run()
        self.marked = True
        # What was read again after a move is known to be done by its mark alone. What a move left
        # out before something pending is a gap in the mark, to which the next job goes back.
        mark = self.client.hget(MARKS, GROUP)
        assert mark, "a job has begun, and its group has no mark"
        pending = self.client.xpending(INBOUND, GROUP)["pending"]
        self.in_place |= not pending and len(mark.split()) == 2

    @rule(by=st.integers(0, 1), count=st.integers(1, 5))
    def read(self, by: int, count: int) -> None:
        worker = self.workers[by]
        try:
            reply = self.client.xreadgroup(GROUP, worker.name, {INBOUND: ">"}, count=count)
        except ResponseError as error:
            if "NOGROUP" in str(error):
                return  # a job ends with that, and the next one makes the group
            raise
        for _, entries in reply:
            worker.held += [(entry, fields[b"n"]) for entry, fields in entries]

    @rule(by=st.integers(0, 1), heard=st.booleans(), one=st.booleans())
    def publish(self, by: int, heard: bool, one: bool) -> None:
        worker = self.workers[by]
        some = worker.held[:1] if one else worker.held
        if not some:
            return
        script = worker.job._script
        script.sha = self.client.script_load(script.text)
        for command in script.calls([decide(entry, SETTINGS) for entry in some]):
            try:
                self.client.execute_command(*command)
            except ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                heard = False
        if heard:
            worker.held = worker.held[len(some) :]

    @rule(then=st.sampled_from(["", *STRANGERS]))
    def overtake(self, then: str) -> None:
        """What one worker has read is published after what the other one read later; or never, for
        it is killed, and then a stranger comes.
        """
        self.read(0, 1)
        self.read(1, 5)
        self.publish(1, heard=True, one=False)
        if then and self.marked:
            self.crash(0)
            self.stranger(then)

    @rule(by=st.integers(0, 1))
    def crash(self, by: int) -> None:
        self.workers[by].held = []

    @rule(how=st.sampled_from(STRANGERS))
    @precondition(lambda self: self.marked)
    def stranger(self, how: str) -> None:
        self.world.disturb(INBOUND, GROUP, how)
        self.in_place = False

    @rule(how=st.sampled_from(STRANGERS))
    @precondition(lambda self: self.marked)
    def stranger_and_old_age(self, how: str) -> None:
        """What is open is old enough to be trimmed before a job sees what the stranger did."""
        self.stranger(how)
        self.time_passes(26 * 3600)
        self.sweep()

    @rule(key=st.sampled_from([BELL, ATTEMPTS, IDENTITIES]))
    def lose_key(self, key: str) -> None:
        self.client.delete(key)
        self.forgetful |= key == IDENTITIES

    @rule()
    @precondition(lambda self: self.in_place)
    def lose_marks(self) -> None:
        self.client.delete(MARKS)
        self.marked = False

    @rule(seconds=st.sampled_from([1, ABANDONED, 3600, 26 * 3600, 74 * 3600]))
    def time_passes(self, seconds: int) -> None:
        self.world.pass_by(seconds, (INBOUND, GROUP))
        self.remember()

    @rule(server=st.sampled_from(JUMPS), local=st.sampled_from(JUMPS))
    def clocks_jump(self, server: int, local: int) -> None:
        self.world.set(self.world.server + server, self.world.local + local)
        self.remember()

    @rule(which=st.sampled_from(["server", "local"]), again=st.booleans(), says=SAID)
    def sweep_with_a_clock_ahead(self, which: str, again: bool, says: Said) -> None:
        """One clock is ahead for a moment; perhaps the same was said before and is said after."""
        if again:
            self.append(0, [says], 0, "answered")
            self.job(0)
        server, local = self.world.server, self.world.local
        ahead = 10 * 24 * 3600
        self.world.set(server + ahead * (which == "server"), local + ahead * (which == "local"))
        self.remember()
        self.sweep()
        self.world.set(server, local)
        if again:
            self.append(0, [says], 0, "answered")

    @rule()
    def sweep(self) -> None:
        self.events_come_once()  # before they are trimmed
        sweep = Sweep(self.client)
        sweep.trim()
        sweep.ring()

    @rule(drop=st.booleans())
    def dead_letter(self, drop: bool) -> None:
        actions = DeadLetterActions(self.client)
        for found in list(dead_letters.select(self.client, Selection()))[:1]:
            if drop:
                self.dropped += list(actions.drop([found])) == [(found.summary.id, "done")]
            else:
                list(actions.replay([found], frozenset()))
