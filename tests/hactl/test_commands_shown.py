"""Every call of hactl that the documentation shows is one that hactl takes."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from hactl.cli import hactl

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(?:console|sh|bash)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINE = re.compile(r"^(?:[\w@-]*[#$] )?(.*)$", re.MULTILINE)


def shown(page: Path) -> Iterator[list[str]]:
    """The words of each call in a page's consoles, what precedes ``hactl`` left out."""
    for block in BLOCK.findall(page.read_text()):
        for line in LINE.findall(block.replace("\\\n", " ")):
            line = re.sub(r"'[^']*'", "QUOTED", line)
            words = re.split(r"\s[#|>;&]", line)[0].split()
            starts = [place for place, word in enumerate(words) if word == "hactl"]
            yield from (words[start + 1 :] for start in starts)


def complaint(words: list[str]) -> str:
    """What is wrong with a call, '' for nothing; no command is run."""
    command: click.Command = hactl
    context = click.Context(command, info_name="hactl")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name, *words = words
        found = command.get_command(context, name)
        if found is None:
            return f"there is no {context.command_path} {name}"
        command, context = found, click.Context(found, info_name=name, parent=context)
    known = {option for param in command.get_params(context) for option in param.opts}
    known |= {option for param in command.get_params(context) for option in param.secondary_opts}
    given = words[: words.index("--")] if "--" in words else words
    options = [word.partition("=")[0] for word in given if word.startswith("-") and word != "-"]
    strange = [option for option in options if option not in known]
    return f"{context.command_path} has no {' '.join(strange)}" if strange else ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_call_shown_exists(page: Path) -> None:
    wrong = [(" ".join(words), complaint(words)) for words in shown(page)]
    assert [each for each in wrong if each[1]] == []


def test_a_call_that_does_not_exist_is_found() -> None:
    assert complaint(["fence", "chekc"]) == "there is no hactl fence chekc"
    assert complaint(["plan", "--colour", "x.yaml"]) == "hactl plan has no --colour"


def test_the_pages_show_calls() -> None:
    assert len([words for page in PAGES for words in shown(page)]) > 40
