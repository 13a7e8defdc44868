"""The docs where they list things: they say what the code says."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from livevote.clock import SystemClock
from livevote.domain import records as domain_records
from livevote.domain.kinds import KINDS
from livevote.domain.note import Verifier
from livevote.domain.tally import fold
from livevote.export import FORMATS, ballots, board_csv, leaderboard, records, results_csv, series
from livevote.keys import Keyring
from livevote.live.sample import make_sample
from livevote.log import MemoryLog
from livevote.plan import read_room, try_out
from livevote.protocol import messages
from livevote.protocol.codes import CLOSES, REJECTED, UNKNOWN
from livevote.web import catalogs
from livevote.web.app import PAGES, described
from tests import evidence, mutants
from tests.process import CHECKOUT

PROTOCOL = (CHECKOUT / "docs" / "protocol.md").read_text()
OPERATIONS = (CHECKOUT / "docs" / "operations.md").read_text()
ARCHITECTURE = (CHECKOUT / "docs" / "architecture.md").read_text()


def table(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table after a line that holds ``heading``."""
    rows = text[text.index(heading) :].split("\n\n| ", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip().strip("|").split(" | ")] for row in rows]


def test_every_code_is_listed_with_its_message() -> None:
    assert table(PROTOCOL, "`rejected` is final") == [[f"`{code}`", text] for code, text in REJECTED.items()]
    assert table(PROTOCOL, "`unknown` decides nothing") == [[f"`{code}`", text] for code, text in UNKNOWN.items()]
    assert table(PROTOCOL, "The close code says") == [
        [str(close.code), f"`{close.name}`", "yes" if close.retry else "no", close.text] for close in CLOSES
    ]


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("state` (voter)", messages.VoterState),
        ("state` (host)", messages.HostState),
        ("tally`", messages.TallyMessage),
        ("mine`", messages.Mine),
        ("place`", messages.Place),
        ("recorded`", messages.Recorded),
        ("recorded` (post)", messages.RecordedPost),
        ("board` (voter)", messages.BoardMessage),
        ("board` (host)", messages.HostBoardMessage),
        ("my_posts`", messages.MyPosts),
        ("pulse`", messages.PulseMessage),
        ("rejected`", messages.Rejected),
        ("unknown`", messages.Unknown),
    ],
)
def test_every_field_of_a_message_is_listed_in_order(name: str, type_: type[msgspec.Struct]) -> None:
    row = next(line for line in PROTOCOL.splitlines() if line.startswith(f"| `{name} |"))
    listed = [field for field in re.findall(r"`(\w+)`", row.split("|")[2]) if field in type_.__struct_fields__]
    assert tuple(dict.fromkeys(listed)) == type_.__struct_fields__


def test_every_message_of_a_client_and_every_kind_is_listed() -> None:
    assert [row[0] for row in table(PROTOCOL, "## From the client")] == [
        "`vote`",
        "`name`",
        "`ask`",
        "`upvote`",
        "`react`",
        "`sync`",
        "`check`",
    ]
    for kind in KINDS:
        assert f"`{kind}`" in PROTOCOL


def test_the_examples_are_messages() -> None:
    for example in re.findall(r'^\{"type":"vote".*$', PROTOCOL, flags=re.MULTILINE):
        assert msgspec.json.decode(example, type=messages.FromClient)


def test_every_route_and_command_is_listed() -> None:
    rows = table(PROTOCOL, "The server describes these routes itself")
    listed = {tuple(match) for row in rows for match in re.findall(r"(?:(GET|POST) )?(/[\w/{}.-]+)", row[0])}
    for path, handler in described().items():
        for method in handler.operations:
            assert (method.upper(), path) in listed or ("", path) in listed, path
    rows = table(PROTOCOL, "reaches a server or its logs")
    commands = {name for row in rows for name in re.findall(r"`(\w+)`", row[0])}
    assert commands == {
        "add_question",
        "open",
        "close",
        "reveal",
        "hide",
        "ask_again",
        "switch_receipts",
        "publish_replay",
        "judge_terms",
        "set_timer",
        "add_cohost",
        "revoke_cohost",
        "set_embedding",
        "edit_question",
        "remove_question",
        "order_questions",
        "rename_room",
        "set_language",
        "link_pseudonyms",
        "show_solution",
        "show_leaderboard",
        "remove_name",
        "switch_board",
        "judge_posts",
        "pin_post",
        "answer_post",
        "switch_reactions",
    }


def test_every_export_is_listed() -> None:
    assert table(OPERATIONS, "## Exports") == [
        [f"`{format_.name}`", f"`{format_.media_type.partition(';')[0]}`", format_.text] for format_ in FORMATS.values()
    ]


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("ballots.csv", ballots.COLUMNS),
        ("results.csv", results_csv.COLUMNS),
        ("leaderboard.csv", leaderboard.COLUMNS),
        ("board.csv", board_csv.COLUMNS),
        ("series.csv", series.COLUMNS),
        ("records.jsonl", records.FIELDS),
    ],
)
def test_every_column_of_an_export_is_explained(name: str, columns: dict[str, str]) -> None:
    assert table(OPERATIONS, f"### `{name}`") == [[f"`{column}`", text] for column, text in columns.items()]


def test_the_hosts_menu_offers_every_export() -> None:
    page = (CHECKOUT / "livevote" / "web" / "pages" / "host.html").read_text()
    english = catalogs.load()["en"]
    found = re.findall(r"<a data-export='([^']+)' download><b>([^<]+)</b><span>\{\{([\w.]+)\}\}</span></a>", page)
    offered = [(file, name, english[key]) for file, name, key in found]
    assert offered == [(format_.name, format_.name, format_.text) for format_ in FORMATS.values()]


def test_the_room_file_that_is_shown_makes_a_room() -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", OPERATIONS, flags=re.DOTALL)
    reading = read_room("room.yaml", shown)
    trial = try_out(reading.plan, "7KQ2MD", at=0)
    assert (reading.errors, reading.warnings, trial.errors) == ((), (), ())


GUIDES = ("voting", "hosting", "keyboard", "operations")


@pytest.mark.parametrize("guide", GUIDES)
def test_what_a_guide_quotes_stands_on_a_page(guide: str) -> None:
    """What is in italics in a guide is a text of the pages, or its beginning: the rest may be a number or a time."""
    said = catalogs.load()["en"].values()
    text = (CHECKOUT / "docs" / f"{guide}.md").read_text().replace("**", "")
    quoted = re.findall(r"\*([^*\n]+)\*", text)
    assert len(quoted) > 5
    assert [label for label in quoted if not any(one.startswith(label) for one in said)] == []


@pytest.mark.parametrize(("page", "heading"), [("host", "## The console"), ("replay", "## The replay")])
def test_every_key_is_listed(page: str, heading: str) -> None:
    english = catalogs.load()["en"]
    source = (CHECKOUT / "livevote" / "web" / "pages" / f"{page}.html").read_text()
    keys = [
        [" ".join(f"`{key}`" for key in re.findall(r"<kbd>([^<]+)</kbd>", term)), f"*{english[what]}*"]
        for term, what in re.findall(r"<dt>(<kbd>.*)</dt><dd>\{\{([\w.]+)\}\}</dd>", source)
    ]
    assert keys
    assert table((CHECKOUT / "docs" / "keyboard.md").read_text(), heading) == keys


def test_every_key_of_the_wall_is_listed() -> None:
    source = (CHECKOUT / "livevote" / "web" / "pages" / "wall.html").read_text()
    keys = re.findall(
        r"^  (\w+)\(\) \{", source.partition("const KEYS = {\n")[2].partition("\n};")[0], flags=re.MULTILINE
    )
    listed = table((CHECKOUT / "docs" / "keyboard.md").read_text(), "## The wall")
    assert [row[0].strip("`").lower() for row in listed] == keys


def test_the_architecture_names_every_module_and_no_other() -> None:
    package = CHECKOUT / "livevote"
    modules = {str(path.relative_to(package)) for path in package.rglob("*.py") if path.name != "__init__.py"}
    listed = set(re.findall(r"^\| `([\w/]+\.py)` \|", ARCHITECTURE, flags=re.MULTILINE))
    assert listed == modules
    for module, said in re.findall(r"^\| `([\w/]+\.py)` \| (.*) \|$", ARCHITECTURE, flags=re.MULTILINE):
        assert (package / module).read_text().partition("\n")[0].strip('"') == said, module


def test_the_architecture_has_the_layers_that_are_checked() -> None:
    contracts = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    (drawn,) = re.findall(r"```\n(cli > .*?)```", ARCHITECTURE, flags=re.DOTALL)
    assert " ".join(drawn.split()) == " > ".join(layers).replace("livevote.", "")


def test_the_architecture_lists_every_page() -> None:
    for path in PAGES:
        assert f"`{path}`" in ARCHITECTURE


@pytest.mark.parametrize(
    "page", [CHECKOUT / "README.md", CHECKOUT / "CHANGELOG.md", *sorted((CHECKOUT / "docs").rglob("*.md"))], ids=str
)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target, _, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(#?)([^)]*)\)", page.read_text()):
        path = page.parent / target if target else page
        assert path.exists(), target
        headings = re.findall(r"^#+ (.*)$", path.read_text(), flags=re.MULTILINE) if anchor else []
        assert not anchor or anchor in [re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings]
    for picture in re.findall(r'<img [^>]*src="(?!https?:)([^"]+)"', page.read_text()):
        assert (page.parent / picture).exists(), picture


def test_decisions_are_numbered_and_have_context_choice_and_cost() -> None:
    pages = sorted((CHECKOUT / "docs" / "decisions").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        text = page.read_text()
        for heading in ("## Context", "## Choice", "## Cost"):
            assert heading in text, f"{page.name} has no {heading}"


def test_the_readme_quotes_the_evidence_there_is() -> None:
    readme = (CHECKOUT / "README.md").read_text()
    quoted = readme.partition("<!-- evidence -->\n")[2].partition("<!-- /evidence -->")[0]
    assert quoted == f"{evidence.table()}\n"


def test_the_readme_says_what_the_first_start_fetches() -> None:
    assert "\t@tools/setup run chart\n" in (CHECKOUT / "Makefile").read_text()
    (trying,) = re.findall(r"## Try it\n(.*?)\n## ", (CHECKOUT / "README.md").read_text(), flags=re.DOTALL)
    for fetched in ("requirements/run.txt", "Chart.js", "npm", "Node.js", "python3-venv"):
        assert fetched in trying


async def test_the_readme_says_that_the_sample_room_begins_revealed(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path, create=True)
    room = fold(await make_sample(MemoryLog(), keyring, SystemClock()))
    assert room is not None
    assert room.current is not None
    assert (room.current.phase, room.current.rounds[-1].revealed) == ("open", True)
    readme = (CHECKOUT / "README.md").read_text()
    assert 'The sample room "Welcome" begins with its first question open and its results revealed' in readme


def test_every_change_that_no_test_notices_has_a_reason() -> None:
    page = (CHECKOUT / "docs" / "mutants.md").read_text()
    found = page.partition("<!-- mutants -->\n")[2].partition("<!-- /mutants -->")[0]
    headings = re.findall(r"^### (.*) \((\d+)\)$", found, flags=re.MULTILINE)
    assert [why for why, _ in headings] == [reason.why for reason in mutants.REASONS]
    noticed, total = (
        int(count.replace(",", "")) for count in re.findall(r"([\d,]+) (?:were noticed|changes:)", found)[::-1]
    )
    unnoticed = sum(int(count) for _, count in headings)
    assert (found.count("@@\n"), total - noticed) == (unnoticed, unnoticed)
    assert noticed / total >= mutants.WANTED


def test_the_audit_page_lists_every_record_with_its_fields() -> None:
    audit = (CHECKOUT / "docs" / "audit.md").read_text()
    tags = {cls.__struct_config__.tag: cls for cls in get_args(domain_records.Record)}
    listed = {
        tag: set(re.findall(r"`(\w+)`", row[1]))
        for row in table(audit, "## The records and their rules")
        for tag in re.findall(r"`([\w/]+)`", row[0])
    }
    assert listed.keys() == tags.keys()
    listed["question_defined/1"] -= {"commitment", "fading", "points"}  # of its quiz
    listed["question_edited/1"] = listed["question_edited/1"] - {"question_defined"} | listed["question_defined/1"]
    for tag, cls in tags.items():
        assert listed[tag] == set(cls.__struct_encode_fields__) - {"at"}, tag


def test_the_worked_example_can_be_redone() -> None:
    audit = (CHECKOUT / "docs" / "audit.md").read_text()
    script, printed = re.findall(r"```(?:bash)?\n(.*?)```", audit, flags=re.DOTALL)[:2]
    done = subprocess.run(["bash"], input=script, capture_output=True, text=True, timeout=30, check=True)
    assert (done.stdout, done.stderr) == (printed, "")


def test_the_signed_example_was_signed_by_the_key_beside_it() -> None:
    audit = (CHECKOUT / "docs" / "audit.md").read_text()
    note = re.search(r"```\n(livevote/7KQ2MD/.*?)```", audit, flags=re.DOTALL)
    vkey = re.search(r"`(livevote\+2b777c11\+\S+)`", audit)
    assert note
    assert vkey
    checkpoint = Verifier.parse(vkey[1]).open(note[1])
    assert (checkpoint.size, checkpoint.at) == (4, 1_790_000_000_500)
    assert f"root {checkpoint.root.hex()}" in audit
    assert f"chain {checkpoint.chain.hex()}" in audit
