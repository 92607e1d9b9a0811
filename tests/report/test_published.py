"""Published numbers as they stand in a task's file."""

import dataclasses

import pytest

from dgmbench.errors import UserError
from dgmbench.report.published import published


def test_an_empty_field_is_no_number_and_no_file_is_nothing(toy):
    found = published(toy)
    assert list(found) == [("here", "plain"), ("here", "variant"), ("there", "plain")]
    assert found["here", "plain"].numbers == {"error": 12.0} and found["here", "variant"].numbers == {}
    assert found["there", "plain"].source == "A paper; table 1"
    assert published(dataclasses.replace(toy, package="dgmbench.report")) == {}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("dataset,model,error,source\n", "columns must be place,entrant"),
        ("place,entrant,error\n", "columns must be"),
        ("", "columns must be"),
        ("place,entrant,error,source\nhere,plain,low,x\n", "could not convert"),
        ("place,entrant,error,source\nhere,plain,1\n", "broken"),
    ],
)
def test_a_file_that_is_not_of_this_form_is_one_line(toy, tmp_path, monkeypatch, text, reason):
    package = tmp_path / f"published_{abs(hash(text))}"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "published.csv").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=reason) as caught:
        published(dataclasses.replace(toy, package=package.name))
    assert "\n" not in str(caught.value)
