"""Where a key stands in a document, whatever form its author has chosen."""

from receiver.config.toml_lines import Lines, Place

TEXT = '''\
# [[sink]] = "not this one"
title = """
[[sink]]
name = 1 \\""" # not that one either
""" # [x]
"quoted.key" = 1

[a.b]
c.d = { e = "}", f = [1, 2] }
'g' = [  # a comment with a ]
  "x, ]",
  { h = 1, i = 2 }, [
    3,
  ],
]

[[ sink ]]
name = 'one'
[sink.where]
"data.status" = 1979-05-27 07:32:00
[[sink]]
where."data.status" = \'\'\'
]]\'\'\'
  [[sink.deep]]
  k = true
[sink.deep.er]
z = 1
'''


def test_each_key_and_element_is_found_in_its_line() -> None:
    lines = Lines(TEXT)
    wanted: dict[Place, int] = {
        ("title",): 2,
        ("quoted.key",): 6,
        ("a", "b"): 8,
        ("a", "b", "c", "d", "f"): 9,
        ("a", "b", "g", 0): 11,
        ("a", "b", "g", 1, "i"): 12,
        ("a", "b", "g", 2): 12,
        ("a", "b", "g", 2, 0): 13,
        ("sink", 0): 17,
        ("sink", 0, "name"): 18,
        ("sink", 0, "where"): 19,
        ("sink", 0, "where", "data.status"): 20,
        ("sink", 1): 21,
        ("sink", 1, "where"): 22,
        ("sink", 1, "deep", 0): 24,
        ("sink", 1, "deep", 0, "k"): 25,
        ("sink", 1, "deep", 0, "er", "z"): 27,
    }
    assert {place: lines.of(place) for place in wanted} == wanted


def test_what_is_not_there_is_at_its_table_or_at_the_beginning() -> None:
    lines = Lines(TEXT)
    assert (lines.of(("sink", 1, "url")), lines.of(("nothing",)), lines.of(())) == (21, 1, 1)
