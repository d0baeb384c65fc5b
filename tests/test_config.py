"""Settings, where they come from and what they refuse."""

from pathlib import Path

import pydantic
import pytest

from cloudops_nb.config import ExecutionConfig, expanded, home_relative, is_directory, is_file


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ExecutionConfig.model_fields:
        monkeypatch.delenv(f"CLOUDOPS_{name.upper()}", raising=False)


def test_the_defaults_are_those_of_the_contract() -> None:
    assert ExecutionConfig().model_dump(include=set(CONTRACT)) == CONTRACT


CONTRACT = {
    "default_timeout_ms": 120_000,
    "max_timeout_ms": 600_000,
    "stream_output": True,
    "log_dir": None,
    "max_concurrent_executions": 10,
    "max_in_memory_executions": 1000,
    "execution_retention_secs": 3600,
    "enable_auto_cleanup": True,
    "max_output_size_bytes": 10_485_760,
    "oversized_output_strategy": "truncate_with_warning",
}


def test_a_variable_sets_a_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDOPS_MAX_CONCURRENT_EXECUTIONS", "3")
    assert ExecutionConfig().max_concurrent_executions == 3


def test_a_keyword_argument_wins_over_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDOPS_MAX_CONCURRENT_EXECUTIONS", "3")
    assert ExecutionConfig(max_concurrent_executions=4).max_concurrent_executions == 4


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDOPS_LOG_DIR", "")
    assert ExecutionConfig().log_dir is None


def test_variables_of_the_same_prefix_that_are_no_settings_are_no_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLOUDOPS_EXECUTIONS", "inside another execution")
    assert ExecutionConfig().max_timeout_ms == 600_000


def test_names_to_pass_on_can_be_given_as_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDOPS_PASS_ENV", '["GITHUB_TOKEN"]')
    assert ExecutionConfig().pass_env == {"GITHUB_TOKEN"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("default_timeout_ms", 0),
        ("max_timeout_ms", -1),
        ("max_concurrent_executions", 0),
        ("max_in_memory_executions", 0),
        ("execution_retention_secs", 0),
        ("max_output_size_bytes", 0),
        ("cancel_grace_ms", -1),
        ("log_retention_days", -1),
        ("log_dir_max_bytes", -1),
        ("oversized_output_strategy", "explode"),
        ("no_such_setting", 1),
    ],
)
def test_a_bad_value_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(pydantic.ValidationError, match=field):
        ExecutionConfig(**{field: value})


def test_the_default_timeout_must_be_within_the_maximum() -> None:
    with pytest.raises(pydantic.ValidationError, match="default_timeout_ms"):
        ExecutionConfig(default_timeout_ms=2000, max_timeout_ms=1000)


def test_settings_do_not_change_under_an_engine() -> None:
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        ExecutionConfig().max_timeout_ms = 1


def test_logs_go_to_the_users_state_directory_by_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert ExecutionConfig().log_directory == tmp_path / "cloudops_nb" / "logs"


def test_a_log_directory_may_be_given_from_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert ExecutionConfig(log_dir="~/logs").log_directory == tmp_path / "logs"


def test_the_home_of_nobody_is_left_as_it_is_written() -> None:
    assert expanded("~no-such-user/x") == Path("~no-such-user/x")


def test_a_path_that_cannot_exist_is_neither_file_nor_directory() -> None:
    for path in (Path("x" * 5000), Path("a\0b")):
        assert not is_file(path)
        assert not is_directory(path)


def test_paths_under_home_are_shown_from_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert home_relative(tmp_path / "a" / "b") == "~/a/b"
    assert home_relative("/elsewhere/a") == "/elsewhere/a"
    assert home_relative(str(tmp_path) + "-other/a") == str(tmp_path) + "-other/a"
