"""deploy/emqx says who may do what in EMQX's words exactly as deploy/mosquitto does in Mosquitto's."""

from __future__ import annotations

import re
from pathlib import Path

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
Rule = tuple[str, str, str]
"""Who ("" for every gateway), publish or subscribe, and the topic."""
DEEDS = {"read": ("subscribe",), "write": ("publish",), "readwrite": ("subscribe", "publish")}


def mosquitto() -> set[Rule]:
    rules: set[Rule] = set()
    user = ""
    for line in (DEPLOY / "mosquitto" / "access").read_text().splitlines():
        match line.split():
            case ["user", name]:
                user = name
            case ["pattern" | "topic" as kind, right, topic] if "$share" not in topic:
                who = "" if kind == "pattern" else user
                rules |= {(who, deed, topic.replace("%u", "${username}")) for deed in DEEDS[right]}
    return rules


def emqx() -> set[Rule]:
    text = (DEPLOY / "emqx" / "acl.conf").read_text()
    rule = re.compile(r'^\{allow, (?:all|\{username, "(\w+)"\}), (publish|subscribe), \[([^\]]+)\]\}\.$', re.MULTILINE)
    found = rule.findall(text)
    return {(who, deed, topic) for who, deed, topics in found for topic in re.findall(r'"([^"]+)"', topics)}


def test_both_brokers_are_told_the_same_rules() -> None:
    assert emqx() == mosquitto()
    assert len(emqx()) == 9 + 5 + 10


def test_what_no_rule_allows_is_denied() -> None:
    rules = [line for line in (DEPLOY / "emqx" / "acl.conf").read_text().splitlines() if line.startswith("{")]
    assert rules[-1] == "{deny, all}."
    assert "no_match = deny" in (DEPLOY / "emqx" / "emqx.conf").read_text()


def test_every_brace_of_the_settings_is_closed() -> None:
    lines = (DEPLOY / "emqx" / "emqx.conf").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    assert (text.count("{"), text.count("[")) == (text.count("}"), text.count("]"))


def test_that_it_was_never_run_is_said_in_both_files() -> None:
    assert all("NEVER RUN HERE" in (DEPLOY / "emqx" / name).read_text() for name in ("emqx.conf", "acl.conf"))
