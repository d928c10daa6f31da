"""The examples in docs/cacheability.md."""

import re
import shlex

from scratch.process import ROOT

# Only a session has these; no statement by itself.
OF_SESSIONS = {"prepared_in_transaction", "standby", "statement_outdated"}


def document():
    return (ROOT / "docs" / "cacheability.md").read_text()


def schema():
    return re.search(r"```sql\n(.*?)```", document(), re.S)[1]


def configured(command):
    """A file with the rules that stand there."""
    path = command.cluster.path / "documented.toml"
    path.write_text(re.search(r"```toml\n(.*?)```", document(), re.S)[1])
    return str(path)


def listed():
    """(reason, statement, arguments) of every example."""
    for line in re.search(r"it says\n\n```\n(.*?)```", document(), re.S)[1].splitlines():
        reason, statement = line.split(None, 1)
        statement, _, words = statement.partition(" -- ")
        yield reason, statement, shlex.split(words)


def test_every_example_has_the_reason_that_stands_there(command):
    wrong = []
    for reason, statement, words in listed():
        options = next((w.split("=", 1)[1] for w in words if w.startswith("PGOPTIONS=")), "")
        arguments = [configured(command) if w == "pgweir.toml" else w for w in words if not w.startswith("PGOPTIONS=")]
        report = command.json(statement, *arguments, options=options)
        if report["reason"] != reason or report["cacheable"] != (reason == "none"):
            wrong.append(f"{statement}: {report['reason']} ({report['detail']}), not {reason}")
        assert (report["advice"] is None) == report["cacheable"], report
        status, text = command.text(statement, *arguments, options=options)
        assert status == (0 if report["cacheable"] else 1)
        assert report["cacheable"] or report["advice"] in text, text
    assert not wrong, "\n".join(wrong)


def test_every_reason_has_an_example(command):
    del command
    reasons = set(re.findall(r"^\| `(\w+)` \|", document(), re.M))
    assert len(reasons) > 25, reasons
    assert {reason for reason, _, _ in listed()} - {"none"} == reasons - OF_SESSIONS
