"""Tab goes through each page as it is read: from its top to its end, past nothing that is seen."""

from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.console.browser.test_looks import LOOKS, every_page, in_each_look
from tests.support.browser import Console
from tests.support.console_data import bury

STOPS = """() => {
  const stops = "a[href], button, input, select, textarea, summary, [tabindex='0']";
  const all = [...document.querySelectorAll(stops)].filter(one =>
    !one.disabled && one.type !== "hidden" && one.checkVisibility({visibilityProperty: true}));
  window.stops = all;
  return all.map(one => {
    const box = one.getBoundingClientRect();
    const [top, bottom] = [box.top + scrollY, box.bottom + scrollY];
    return [one.outerHTML.slice(0, 80), box.left, top, box.right, bottom];
  });
}"""
"""What can have the focus, in the order of the document: each with where it stands."""
NOW = """() => {
  const one = document.activeElement, box = one.getBoundingClientRect();
  const seen = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  const style = getComputedStyle(one);
  return [window.stops.indexOf(one), seen && style.outlineStyle !== "none"];
}"""
"""Which of them has it, and whether that is seen."""


def jumps(stops: list[list[Any]]) -> list[tuple[str, str]]:
    """Neighbours of which the second stands above the first, and not beside it to the right."""
    both = pairwise(stops[1:])  # the first, which skips all, is out of sight
    return [(a[0], b[0]) for a, b in both if b[4] <= a[2] and b[1] < a[3]]


def pressed(page: Page, count: int) -> list[list[Any]]:
    found = []
    for _ in range(count):
        page.keyboard.press("Tab")
        found.append(page.evaluate(NOW))
    return found


def test_tab_reaches_everything_once_in_the_order_of_the_page(console: Console) -> None:
    wrong = {}
    with console.page() as page:
        for path in every_page(console.valkey):
            console.load(page, path)
            count = len(page.evaluate(STOPS))
            # From the search field, which has the focus at first, it goes round by the window.
            found = [one for one in pressed(page, count + 1) if one[0] >= 0]
            first = found[0][0]
            if found[:count] != [[(first + number) % count, True] for number in range(count)]:
                wrong[path] = found
    assert wrong == {}


def test_the_order_is_the_one_in_which_it_is_read(console: Console) -> None:
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    with console.page() as page:
        for path in every_page(console.valkey):
            console.load(page, path)
            found |= {(path, look): jumps(page.evaluate(STOPS)) for look in in_each_look(page)}
    assert {where: said for where, said in found.items() if said} == {}


BEHIND = """(where) => {
  const head = document.querySelector(".top").getBoundingClientRect();
  const one = document.querySelector(where) ?? document.activeElement;
  return one.getBoundingClientRect().top < head.bottom && !one.closest(".top");
}"""
"""Whether what matches, else what has the focus, begins behind the head of the page."""


@pytest.mark.parametrize("look", ["light", "phone"])
def test_what_somebody_goes_back_up_to_is_not_behind_the_head_of_the_page(
    console: Console, look: str
) -> None:
    bury(console.valkey, 49)
    behind = []
    with console.page(then="/dead-letters", **LOOKS[look]) as page:
        for key in "j" * 49 + "k" * 30:
            page.keyboard.press(key)
        behind.append(page.evaluate(BEHIND, ".here"))
        page.locator(".rows a").last.focus()
        for _ in range(30):
            page.keyboard.press("Shift+Tab")
            behind.append(page.evaluate(BEHIND, ".nothing"))
        page.goto(f"{console.base}/#findings")
        behind.append(page.evaluate(BEHIND, "#findings"))
    assert not any(behind)
