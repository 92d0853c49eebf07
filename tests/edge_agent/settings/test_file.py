from __future__ import annotations

import re
from pathlib import Path

import pytest

import edge_agent
from edge_agent.outbox.outbox import BYTES_MAX, ROWS_MAX
from edge_agent.settings.broker import Broker
from edge_agent.settings.file import load_settings
from edge_agent.settings.source import AUX_FIELDS, Ds01TcpSetting
from edge_agent.settings.uplink import DepartureRule
from sheetal.contracts.problem import SettingProblem
from tests.edge_agent.kit import GATEWAY, KEY, write_settings

SAMPLE = Path(edge_agent.__file__).parent / "sample.toml"
MINIMAL = f'[gateway]\nid = "{GATEWAY}"\nkey_file = "gateway.key"\noutbox = "o.db"\nbroker_url = "mqtts://h"\n'
SOURCE = '[[source]]\nkind = "ds01_tcp"\nport = 9\n'


def load(folder: Path, text: str) -> object:
    write_settings(folder)
    (folder / "gateway.toml").write_text(text)
    return load_settings(folder / "gateway.toml")


def test_the_sample_is_valid_and_says_the_defaults(tmp_path: Path) -> None:
    write_settings(tmp_path)
    (tmp_path / "gateway.key").rename(tmp_path / "gw-01.key")
    (tmp_path / "sample.toml").write_text(SAMPLE.read_text())
    settings = load_settings(tmp_path / "sample.toml")
    assert settings.gateway == "gw-01"
    assert settings.sensors == ["gw-01.ilr1-tvc", "gw-01.df1-tfrz"]
    assert settings.uplink.departure == DepartureRule()
    assert settings.local_page == ("127.0.0.1", 8010)
    source = settings.sources[0]
    assert isinstance(source, Ds01TcpSetting)
    assert source.aux_fields == AUX_FIELDS
    assert source.probe[0] == type(source.probe[0])(probe="ilr1-tvc", appliance="ILR-101-1")
    assert settings.uplink == type(settings.uplink)()
    assert (settings.rows_max, settings.bytes_max) == (ROWS_MAX, BYTES_MAX)
    assert (settings.commit_rows, settings.commit_seconds) == (5, 60.0)


def test_a_file_without_sources_is_enough_for_replay(tmp_path: Path) -> None:
    write_settings(tmp_path)
    (tmp_path / "gateway.toml").write_text(MINIMAL)
    settings = load_settings(tmp_path / "gateway.toml")
    assert (settings.gateway, settings.key, settings.outbox) == (GATEWAY, KEY, tmp_path / "o.db")
    assert (settings.broker.host, settings.broker.port, settings.broker.tls) == ("h", 8883, True)
    assert (settings.sources, settings.sensors, settings.local_page, settings.portal_url) == ((), [], None, None)


def test_login_and_tls(tmp_path: Path) -> None:
    write_settings(tmp_path)
    (tmp_path / "p").write_text("secret\n")
    (tmp_path / "p").chmod(0o400)
    (tmp_path / "ca.pem").touch()
    text = MINIMAL + 'username = "u"\npassword_file = "p"\nbroker_ca_file = "ca.pem"\n'
    (tmp_path / "gateway.toml").write_text(text)
    broker = load_settings(tmp_path / "gateway.toml").broker
    assert broker == Broker("h", 8883, tls=True, username="u", password="secret", ca_file=tmp_path / "ca.pem")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("not toml", "gateway.toml"),
        ("", "gateway"),
        (MINIMAL.replace('outbox = "o.db"\n', ""), "outbox"),
        (MINIMAL.replace('"gw-t"', "5"), "$.gateway.id"),
        (MINIMAL.replace('"gw-t"', '"a/b"'), "gateway.id"),
        (MINIMAL + "colour = 1\n", "colour"),
        (MINIMAL + "[uplink]\nresend = 1\n", "resend"),
        (MINIMAL + "[uplink]\nresend_seconds = 0\n", "uplink.resend_seconds"),
        (MINIMAL + "[uplink]\nresend_jitter_seconds = 31\n", "uplink.resend_jitter_seconds"),
        (MINIMAL + "[uplink]\nbatch_items_max = 501\n", "uplink.batch_items_max"),
        (MINIMAL + "[uplink]\nreconnect_seconds_min = 70\n", "uplink.reconnect_seconds_max"),
        (MINIMAL + "keep_days = 0\n", "gateway.keep_days"),
        (MINIMAL + "bytes_max = 4096\n", "gateway.bytes_max"),
        (MINIMAL + "commit_rows = 0\n", "gateway.commit_rows"),
        (MINIMAL + "commit_seconds = 601\n", "gateway.commit_seconds"),
        (MINIMAL + "local_page_port = 70000\n", "gateway.local_page_port"),
        (MINIMAL.replace("mqtts://h", "http://h"), "gateway.broker_url"),
        (MINIMAL.replace("mqtts://h", "mqtt://h"), "gateway.broker_url"),
        (MINIMAL.replace("mqtts://h", "mqtts://"), "gateway.broker_url"),
        (MINIMAL.replace("mqtts://h", "mqtts://h:99999"), "gateway.broker_url"),
        (MINIMAL.replace("mqtts://h", "mqtts://u:p@h"), "gateway.broker_url"),
        (MINIMAL.replace("mqtts://h", "mqtts://h/x"), "gateway.broker_url"),
        (MINIMAL.replace("gateway.key", "none.key"), "gateway.key_file"),
        (MINIMAL + 'password_file = "none"\n', "gateway.password_file"),
        (MINIMAL + SOURCE, "source[0].probe"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_file_and_key(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(SettingProblem) as caught:
        load(tmp_path, text)
    message = caught.value.message
    assert "\n" not in message
    assert named in message
    assert "gateway.toml" in message
    assert KEY.hex() not in message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingProblem, match=re.escape(str(tmp_path / "none.toml"))):
        load_settings(tmp_path / "none.toml")


def test_a_file_in_another_encoding_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text("[gateway]", encoding="utf-16")
    with pytest.raises(SettingProblem, match="save it as UTF-8"):
        load_settings(tmp_path / "gateway.toml")


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = write_settings(tmp_path)
    (tmp_path / "gateway.key").chmod(0o640)
    with pytest.raises(SettingProblem, match="chmod 600"):
        load_settings(path)


@pytest.mark.parametrize("key", ["", "zz" * 32, "ab" * 15, "ä"])
def test_a_bad_key_is_refused_without_being_told(tmp_path: Path, key: str) -> None:
    path = write_settings(tmp_path)
    (tmp_path / "gateway.key").write_text(key)
    with pytest.raises(SettingProblem, match=r"gateway\.key_file") as caught:
        load_settings(path)
    assert not key or key not in caught.value.message.removeprefix(str(path))
