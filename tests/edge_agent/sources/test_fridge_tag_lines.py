from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sources.fridge_tag_lines import CHILDREN, others_of, pairs_of, read_tree
from tests.edge_agent.exports import Day, export


def messages(text: str) -> list[str]:
    return [one.message for one in read_tree(text)[1]]


def test_lines_nest_by_one_space_per_level() -> None:
    root, problems = read_tree(export(Day()))
    assert problems == []
    conf, history = root.child("Conf"), root.child("Hist")
    assert conf is not None
    assert conf.text("Serial") == "990000000001"
    assert history is not None
    assert [node.key for node in history.children] == ["TS Actv", "TS Report Creation", "1"]
    assert history.children[2].child("Alarm") is not None


def test_a_block_knows_its_last_line() -> None:
    text = "Device: x\nConf:\n Serial: 1\n Lot: 2\nHist:\n TS Actv: 2026-01-01 00:00\n"
    root, _ = read_tree(text)
    conf = root.child("Conf")
    assert conf is not None
    assert (conf.line, conf.last_line, root.last_line) == (2, 4, 6)


@pytest.mark.parametrize(
    ("line", "pairs"),
    [
        ("T AL: -0.5, t AL: 60", {"T AL": "-0.5", "t AL": "60"}),
        ("t Acc: 95, TS A: 14:05, C A: 0", {"t Acc": "95", "TS A": "14:05", "C A": "0"}),
        ("Issuer: Nobody, Nowhere & Co.", {"Issuer": "Nobody, Nowhere & Co."}),
        ("t Acc: 95, TS E:, C A: 0", {"t Acc": "95", "TS E": "", "C A": "0"}),
        ("User String 1: a, b: c", {"User String 1": "a, b: c"}),
        ("Alarm:", {"Alarm": ""}),
    ],
)
def test_a_line_parts_only_before_a_known_key(line: str, pairs: dict[str, str]) -> None:
    assert pairs_of(line) == pairs


def test_line_ends_of_both_kinds_read_the_same() -> None:
    text = export(Day(), rows="\t2026-03-01 10:00\t4.1\n")
    unix, windows = read_tree(text), read_tree(text.replace("\n", "\r\n"))
    assert unix == windows


def test_empty_lines_are_passed_over() -> None:
    assert messages("Device: x\n\n   \nConf:\n\n Serial: 1\n") == []


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("Conf:\nSerial: 1\n", 2, "wrong indentation: 'Serial: 1'"),
        ("Conf:\n  Serial: 1\n", 2, "wrong indentation: 'Serial: 1'"),
        ("Hist:\n Date: 2026-01-01\n", 2, "wrong indentation: 'Date: 2026-01-01'"),
        ("Device: x\n Serial: 1\n", 2, "wrong indentation: 'Serial: 1'"),
        (" Device: x\n", 1, "wrong indentation: 'Device: x'"),
        ("Conf:\n hello\n", 2, "'hello' is not a `key: value` line"),
        ("Conf:\n\t2026-01-01 10:00\t4.1\n", 2, "a row of a table outside the Data block"),
    ],
)
def test_a_line_that_cannot_stand_where_it_is_names_itself(text: str, line: int, says: str) -> None:
    (message,) = messages(text)
    assert message.startswith(f"line {line}: {says}")


def test_a_misplaced_block_goes_with_all_that_is_in_it_and_the_next_is_read() -> None:
    text = export(Day("2026-03-02"), Day("2026-03-01")).replace("\n 1:\n", "\n1:\n")
    root, problems = read_tree(text)
    history = root.child("Hist")
    assert history is not None
    assert [node.key for node in history.children if node.key.isdecimal()] == ["2"]
    assert len(problems) == 1
    assert "wrong indentation: '1:'" in problems[0].message


def test_an_unknown_key_is_kept_where_it_stands() -> None:
    root, problems = read_tree("Device: x\nNew: thing\nConf:\n Serial: 1\n Newer: thing\n Newest:\n  0:\n   a: b\n")
    assert problems == []
    others = others_of(root, frozenset({"Device", "Conf/Serial"}))
    assert others == {"New": "thing", "Conf/Newer": "thing", "Conf/Newest/0/a": "b"}


def test_others_leave_out_the_history_and_what_was_used() -> None:
    root, _ = read_tree(export(Day()))
    others = others_of(root, frozenset({"Device", "Conf/Alarm"}))
    assert others["Conf/Lot"] == "made up"
    assert others["Conf/Test Res"] == "1"
    assert others["Conf/Test TS"] == "2026-01-02 08:00"
    assert others["Sig"] == "00ff"
    assert not [key for key in others if key.startswith(("Hist", "Conf/Alarm", "Device"))]


def test_rows_of_the_table_keep_their_lines() -> None:
    text = export(Day(), rows="\t2026-03-01 10:00\t4.1\n\t2026-03-01 10:05\t4.2\tx\n")
    root, _ = read_tree(text)
    data = root.child("Data")
    assert data is not None
    assert [line for _, line in data.rows][1:] == ["\t2026-03-01 10:00\t4.1", "\t2026-03-01 10:05\t4.2\tx"]
    assert all(text.split("\n")[number - 1] == line for number, line in data.rows)


def test_every_context_is_reachable_from_the_top() -> None:
    for context in CHILDREN:
        above, _, key = context.rpartition("/")
        assert context == "" or key in CHILDREN[above]


@given(st.text(st.sampled_from("ab:0 \n\t,Conf:Hist"), max_size=200))
def test_no_text_is_too_strange_to_read(text: str) -> None:
    root, problems = read_tree(text)
    placed = [node.line for node in root.children]
    assert placed == sorted(placed)
    for one in problems:
        assert 1 <= int(str(one.facts["line"])) <= text.count("\n") + 1
