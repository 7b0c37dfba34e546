"""What a supervisor starts for each work, and which lease it holds for that."""

import pytest

from workers.processes.work import Work


@pytest.mark.parametrize(
    ("work", "command", "lease"),
    [
        (Work("normalise"), "workers normalise host-0", "receiver:slot:host-0"),
        (Work("forward", "hook"), "workers forward hook host-0", "receiver:slot:hook:host-0"),
        (Work("operator", "o2"), "receiver.subscriptions o2", "receiver:slot:operator:o2:host-0"),
        (Work("parking"), "workers parking", "receiver:slot:parking:all:host-0"),
    ],
)
def test_each_work_has_its_process_and_its_lease(work: Work, command: str, lease: str) -> None:
    assert work.command("host-0") == command.split()
    assert work.lease("host-0") == lease
