"""Secrets are told to their users only, and read again when their file changes."""

import os
from pathlib import Path

import pytest

from carbon_scaler.config.secrets import Secret, SecretFileError
from carbon_scaler.config.settings import SettingsError, load_settings


def test_a_value_is_told_to_its_user_and_masked_for_everybody_else():
    secret = Secret("ELECTRICITY_MAPS_API_KEY", value=" sesame\n")

    assert secret.reveal() == "sesame"
    assert f"{secret} {secret!r}" == " ".join(["Secret(ELECTRICITY_MAPS_API_KEY=***)"] * 2)


def test_settings_show_no_secret():
    settings = load_settings({"WATTTIME_PASSWORD": "sesame", "SLACK_WEBHOOK_URL": "https://sesame"})

    assert settings.watttime_password is not None
    assert settings.watttime_password.reveal() == "sesame"
    assert "sesame" not in repr(settings) + str(settings)
    assert "sesame" not in str(settings.model_dump())


def test_a_file_is_read_without_the_white_space_around(tmp_path: Path):
    file = tmp_path / "key"
    file.write_bytes(b"\xef\xbb\xbfsesame\r\n")

    assert Secret("KEY", file=file).reveal() == "sesame"


def test_a_new_value_in_the_file_counts_from_the_next_use(tmp_path: Path):
    file = tmp_path / "key"
    file.write_text("first")
    secret = Secret("KEY", file=file)

    file.write_text("the second")

    assert secret.reveal() == "the second"


def test_a_file_that_kubernetes_replaces_by_a_link_counts_from_the_next_use(tmp_path: Path):
    for version in ("one", "two"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "key").write_text(version)
        os.utime(tmp_path / version / "key", ns=(1, 1))
    (tmp_path / "..data").symlink_to("one")
    (tmp_path / "key").symlink_to("..data/key")
    secret = Secret("KEY", file=tmp_path / "key")
    before = secret.reveal()

    (tmp_path / "..new").symlink_to("two")
    (tmp_path / "..new").rename(tmp_path / "..data")

    assert (before, secret.reveal()) == ("one", "two")


def test_an_unchanged_file_is_not_read_again(tmp_path: Path):
    file = tmp_path / "key"
    file.write_text("sesame")
    secret = Secret("KEY", file=file)
    version = file.stat()

    file.write_text("SESAME")
    os.utime(file, ns=(version.st_atime_ns, version.st_mtime_ns))

    assert secret.reveal() == "sesame"


@pytest.mark.parametrize("gone", ["emptied", "removed", "no text"])
def test_a_file_that_is_away_for_a_moment_leaves_the_last_value(tmp_path: Path, gone: str):
    file = tmp_path / "key"
    file.write_text("first")
    secret = Secret("KEY", file=file)

    match gone:
        case "emptied":
            file.write_text("")
        case "removed":
            file.unlink()
        case _:
            file.write_bytes(b"\xff\xfe\x00")
    between = secret.reveal()
    file.write_text("the second")

    assert (between, secret.reveal()) == ("first", "the second")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, r"WATTTIME_PASSWORD_FILE: .*key cannot be read \(No such file or directory\); put"),
        (b"", r"WATTTIME_PASSWORD_FILE: .*key is empty; put the secret there, alone"),
        (b" \n", r"is empty"),
        (b"\xff\xfe\x00", r"cannot be read \(not UTF-8\)"),
    ],
)
def test_a_file_without_a_secret_at_the_start_is_one_clear_refusal(
    tmp_path: Path, content: bytes | None, said: str
):
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(SecretFileError, match=said):
        load_settings({"WATTTIME_PASSWORD_FILE": str(file)})


def test_a_value_and_a_file_at_once_are_refused(tmp_path: Path):
    environment = {"SLACK_WEBHOOK_URL": "sesame", "SLACK_WEBHOOK_URL_FILE": str(tmp_path)}

    with pytest.raises(SettingsError, match="are both set; keep one") as refusal:
        load_settings(environment)

    assert "sesame" not in str(refusal.value)
