"""The room as a whole on the console: files, templates, one-time codes, settings, a copy of it, and its end."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Locator, Page, Route, expect

from livevote.keys import Keyring
from tests.e2e.pages import HostPage, VoterPage, eventually, has_focus, tab_to
from tests.e2e.rooms import Room, create_room
from tests.e2e.visitors import Visitors
from tests.process import Process

pytestmark = pytest.mark.browser

FILE = """\
title: From a file
questions:
  - question: Tea or coffee?
    options: [Tea, Coffee]
  - kind: text
    question: Anything else?
"""
WRONG = """\
title: T
questions:
  - question: Q?
    options: [a]
  - question: Q?
    colour: red
"""
SHEET = "kind,question,option 1,option 2\nsingle,Now or later?,Now,Later\n"

_DROP = """([name, text]) => {
  const files = new DataTransfer();
  files.items.add(new File([text], name));
  const how = { dataTransfer: files, bubbles: true, cancelable: true };
  const send = (type) => document.body.dispatchEvent(new DragEvent(type, how));
  send("dragover");
  const shown = !document.getElementById("drop").hidden;
  send("drop");
  return shown;
}"""

# As the voters' page does it.
_ENTER = """given => fetch(`/api/rooms${location.pathname}/code`, {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ code: given }),
})"""


def open_dialog(host: HostPage, name: str) -> Locator:
    """Open one of the room's dialogs by its menu."""
    host.page.locator("#show-room").click()
    host.page.locator(f'[data-opens="{name}"]').click()
    dialog = host.page.locator(f"#{name}")
    expect(dialog).to_be_visible()
    return dialog


def leave(host: HostPage) -> None:
    """Close the dialog that is open."""
    host.page.keyboard.press("Escape")
    expect(host.page.locator("dialog[open]")).to_have_count(0)


def as_file(name: str, text: str) -> dict[str, str | bytes]:
    return {"name": name, "mimeType": "text/plain", "buffer": text.encode()}


def choose(field: Locator, name: str, text: str) -> None:
    field.set_input_files(as_file(name, text))  # type: ignore[arg-type]


def texts(room: Room) -> list[str]:
    return [question["text"] for question in room.state()["questions"]]


@pytest.fixture
def operator(visitors: Visitors, server: Process, data: Path) -> Page:
    """The page that makes rooms, for who may make them."""
    page = visitors.enter().new_page()
    page.goto(f"{server.base}/host#{Keyring(data / 'keys', create=False).operator_key}")
    expect(page).to_have_url(f"{server.base}/host")
    return page


def test_a_file_is_looked_at_before_it_changes_anything(host: HostPage, room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints("status of 400")
    dialog = open_dialog(host, "files-dialog")
    choose(dialog.get_by_label("Room file or sheet of questions"), "wrong.yaml", WRONG)
    expect(dialog).to_contain_text("wrong.yaml was not taken, and nothing has changed. Correct these lines")
    expect(dialog.locator("#files-problems li")).to_have_text(
        [re.compile("^Line 3: .*2 to 50 options"), re.compile("^Line 6: .*'colour' is not known")]
    )
    expect(dialog.get_by_role("button", name="Add these questions")).to_be_hidden()
    choose(dialog.get_by_label("Room file or sheet of questions"), "room.yaml", FILE)
    expect(dialog).to_contain_text("room.yaml: 2 questions. Nothing is added yet.")
    expect(dialog.locator("#files-problems")).to_contain_text("the room keeps its own 'title'")
    expect(dialog.locator("#files-asked li")).to_have_text(
        ["Tea or coffee? · Single choice", "Anything else? · Open answer"]
    )
    assert texts(room) == []
    dialog.get_by_role("button", name="Add these questions").click()
    expect(host.message).to_have_text("Added: 2 questions.")
    expect(dialog).to_be_hidden()
    expect(host.questions).to_have_count(2)
    assert texts(room) == ["Tea or coffee?", "Anything else?"]


def test_what_is_wrong_with_a_file_or_a_code_is_told_in_the_language_of_the_page(
    room: Room, visitors: Visitors
) -> None:
    visitors.expect_complaints("status of 400")
    host = HostPage(visitors.enter(locale="de").new_page())
    host.open(room.host)
    dialog = open_dialog(host, "files-dialog")
    choose(dialog.locator("#file"), "wrong.yaml", WRONG)
    expect(dialog).to_contain_text("wrong.yaml wurde nicht übernommen, nichts hat sich geändert.")
    items = dialog.locator("#files-problems li")
    expect(items.first).to_have_text(re.compile("^Zeile 3: .*2 to 50 options"))
    # Who listens hears each part in its own language.
    expect(items.first.locator("span")).to_have_attribute("lang", "en")
    leave(host)
    dialog = open_dialog(host, "codes-dialog")
    dialog.locator("#codes-own summary").click()
    dialog.locator("#codes-text").fill("nonsense")
    dialog.locator("#import-submit").click()
    expect(dialog).to_contain_text("Kein Code wurde übernommen: Nummer 1 ist nicht wie ein Code geschrieben.")
    # What has no translation stands in a frame that has one.
    host.page.route(
        "**/rehearsal",
        lambda route: route.fulfill(status=400, json={"error": {"code": "new_one", "message": "It rains."}}),
    )
    leave(host)
    expect(open_dialog(host, "rehearsal-dialog")).to_contain_text("Der Server hat das nicht getan. Er sagt: It rains.")


def test_a_file_is_dropped_anywhere(host: HostPage, room: Room) -> None:
    assert host.page.evaluate(_DROP, ["sheet.csv", SHEET])
    expect(host.page.locator("#drop")).to_be_hidden()
    dialog = host.page.locator("#files-dialog")
    expect(dialog).to_contain_text("sheet.csv: 1 question. Nothing is added yet.")
    # Another one takes its place.
    host.page.evaluate(_DROP, ["room.yaml", FILE])
    expect(dialog).to_contain_text("room.yaml: 2 questions.")
    dialog.get_by_role("button", name="Add these questions").click()
    expect(host.questions).to_have_count(2)
    assert texts(room) == ["Tea or coffee?", "Anything else?"]
    host.page.evaluate(_DROP, ["long.yaml", "# " + "x" * 70_000])
    expect(dialog).to_contain_text("long.yaml is too large")


def test_the_preview_is_that_of_the_file_that_was_chosen_last(host: HostPage, room: Room) -> None:
    held: list[Route] = []

    def hold_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    host.page.route("**/questions-from-file", hold_first)
    dialog = open_dialog(host, "files-dialog")
    choose(dialog.locator("#file"), "slow.yaml", FILE)
    eventually(host.page, lambda: len(held), 1)
    choose(dialog.locator("#file"), "sheet.csv", SHEET)
    expect(dialog).to_contain_text("sheet.csv: 1 question.")
    with host.page.expect_response("**/questions-from-file"):
        held[0].continue_()
    host.page.wait_for_function("() => new Promise(requestAnimationFrame)")
    expect(dialog).to_contain_text("sheet.csv: 1 question.")
    dialog.get_by_role("button", name="Add these questions").click()
    expect(host.questions).to_have_count(1)
    assert texts(room) == ["Now or later?"]


def test_a_dialog_closes_by_a_click_beside_it_and_not_by_marking_a_text(host: HostPage) -> None:
    dialog = open_dialog(host, "codes-dialog")
    dialog.locator("#codes-own summary").click()
    field = dialog.locator("#codes-text")
    field.fill("ABCD-EFGH-JK3")
    box = field.bounding_box()
    assert box
    mouse = host.page.mouse
    mouse.move(box["x"] + 60, box["y"] + 20)
    mouse.down()
    mouse.move(5, 5)
    mouse.up()
    expect(dialog).to_be_visible()
    # Its own margin is no place beside it.
    edge = dialog.bounding_box()
    assert edge
    mouse.click(edge["x"] + 6, edge["y"] + 6)
    expect(dialog).to_be_visible()
    mouse.click(5, 5)
    expect(dialog).to_be_hidden()


def test_codes_whose_sheet_did_not_come_are_not_given_up(host: HostPage, visitors: Visitors) -> None:
    visitors.expect_complaints("status of 503")
    dialog = open_dialog(host, "codes-dialog")
    dialog.get_by_label("How many codes").fill("2")
    dialog.get_by_role("button", name="Make codes").click()
    expect(dialog.locator("#codes-print")).to_be_focused()
    broken = {"error": {"code": "codes_unreadable", "message": "The server has lost codes of this room."}}
    host.page.route("**/codes", lambda route: route.fulfill(status=503, json=broken))
    with host.page.expect_popup():
        dialog.locator("#codes-print").click()
    expect(dialog.locator("#codes-note")).to_have_attribute("data-tone", "error")
    dialog.get_by_role("button", name="Make codes").click()
    expect(dialog).to_contain_text("Print or save the codes above first")
    host.page.unroute("**/codes")
    with host.page.expect_popup(), host.page.expect_response("**/codes"):
        dialog.locator("#codes-print").click()
    dialog.get_by_role("button", name="Make codes").click()
    expect(dialog).to_contain_text("New codes: 2.")


def test_a_file_whose_answer_was_lost_is_not_taken_over_twice(host: HostPage, room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints("net::ERR_FAILED")
    dialog = open_dialog(host, "files-dialog")
    dialog.get_by_label("Or a template").select_option(label="Quiz · 4 questions")
    add = dialog.get_by_role("button", name="Add these questions")
    expect(add).to_be_visible()
    host.page.route(re.compile("/questions-from-file$"), lambda route: (route.fetch(), route.abort()))
    add.click()
    expect(dialog).to_contain_text("Look at the list before you send it again.")
    expect(add).to_be_hidden()
    assert len(texts(room)) == 4


def test_the_room_is_saved_as_files(host: HostPage, room: Room) -> None:
    room.add("Tea or coffee?", "Tea", "Coffee")
    dialog = open_dialog(host, "files-dialog")
    for name, begins in (("room.yaml", b"title: Town hall"), ("questions.csv", b"\xef\xbb\xbfkind")):
        with host.page.expect_download() as coming:
            dialog.get_by_role("link", name=name).click()
        assert coming.value.suggested_filename == f"livevote-{room.code}-{name}"
        content = coming.value.path().read_bytes()
        assert begins in content
        assert b"Tea or coffee?" in content
        expect(dialog).to_contain_text(f"{name} is saved")


def test_a_room_begins_with_a_template(operator: Page) -> None:
    operator.get_by_label("Title of the room").fill("Pub quiz")
    operator.get_by_label("Begin with").select_option(label="Quiz · 4 questions")
    expect(operator.locator("#new-about")).to_contain_text("What is right stays hidden")
    operator.get_by_role("button", name="Create room").click()
    host = HostPage(operator)
    host.expect_console()
    expect(host.title).to_have_text("Pub quiz")
    expect(host.questions).to_have_count(4)


def test_a_room_begins_with_a_file_and_not_with_a_wrong_one(operator: Page, visitors: Visitors) -> None:
    visitors.expect_complaints("status of 400")
    choose(operator.get_by_label("Or with a file of your own"), "wrong.yaml", WRONG)
    operator.get_by_role("button", name="Create room").click()
    expect(operator.locator("#new-problems li")).to_have_count(2)
    expect(operator.locator("#message")).to_have_text(
        "wrong.yaml was not taken, and nothing has changed. Correct these lines and choose it again:"
    )
    assert operator.evaluate(_DROP, ["room.yaml", FILE])
    expect(operator.locator("#new-problems li")).to_have_count(0)
    operator.get_by_role("button", name="Create room").click()
    host = HostPage(operator)
    host.expect_console()
    expect(host.title).to_have_text("From a file")
    expect(host.questions).to_have_count(2)


def test_codes_are_made_where_they_are_missing_printed_and_saved(
    host: HostPage, room: Room, visitors: Visitors
) -> None:
    visitors.expect_complaints("status of 409")
    host.page.locator("#add-text").fill("Shall we?")
    host.page.locator("#add-kind").select_option("yesno")
    host.page.get_by_label("One ballot for each one-time code").check()
    expect(host.page.locator("#add-level-hint")).to_contain_text("The room has no codes yet")
    host.page.get_by_role("button", name="Add question").click()
    expect(host.questions).to_have_count(1)
    host.step("Open voting")
    expect(host.message).to_contain_text("the room has none. Make or import codes.")
    host.page.get_by_role("button", name="Make or import codes").click()
    dialog = host.page.locator("#codes-dialog")
    expect(dialog).to_contain_text("This room has no codes yet.")
    dialog.get_by_label("How many codes").fill("3")
    dialog.get_by_role("button", name="Make codes").click()
    expect(dialog).to_contain_text("New codes: 3. Print or save them now")
    codes = dialog.locator("#codes-list").input_value().split()
    assert len(codes) == 3
    dialog.get_by_role("button", name="Make codes").click()
    expect(dialog).to_contain_text("Print or save the codes above first")
    # A page that would lose them asks before it goes.
    asked: list[str] = []

    def stay(shown: Dialog) -> None:
        asked.append(shown.type)
        shown.dismiss()

    host.page.once("dialog", stay)
    host.page.evaluate("() => { location.reload(); }")
    eventually(host.page, lambda: asked, ["beforeunload"])
    with host.page.expect_popup() as coming:
        dialog.get_by_role("button", name="Print sheet of QR codes").click()
    expect(coming.value.locator("li b")).to_have_text(codes)
    with host.page.expect_download() as saved:
        dialog.get_by_role("button", name="codes.csv").click()
    assert [line.split(",")[0] for line in saved.value.path().read_text().splitlines()] == ["code", *codes]

    phone = VoterPage(visitors.enter().new_page())
    phone.open(room.join)
    phone.page.evaluate(_ENTER, codes[0])
    expect(dialog.locator("#codes-count")).to_have_text("Entered: 1 of 3")
    leave(host)
    expect(host.page.locator("#remedy")).to_be_hidden()
    expect(host.page.locator("#rule")).to_contain_text("codes entered: 1 of 3")
    host.step("Open voting")
    host.expect_step("Close voting")
    open_dialog(host, "codes-dialog")
    dialog.get_by_role("button", name="Make codes").click()
    expect(dialog.locator("#codes-note")).to_contain_text("Close it before you issue more.")
    expect(dialog.locator("#codes-list")).to_have_value("\n".join(codes))


def test_codes_from_elsewhere_are_imported(
    host: HostPage, room: Room, visitors: Visitors, server: Process, data: Path
) -> None:
    visitors.expect_complaints("status of 400")
    codes = create_room(server.base, data, "Elsewhere").make_codes(2)
    dialog = open_dialog(host, "codes-dialog")
    dialog.get_by_text("Import codes that were made elsewhere").click()
    field = dialog.get_by_label("The codes, one per line")
    field.fill("\n".join([*codes, "nonsense"]))
    dialog.get_by_role("button", name="Import codes").click()
    expect(dialog).to_contain_text("No code was taken: number 3 of them is not written like a code.")
    expect(field).to_have_value("\n".join([*codes, "nonsense"]))
    field.fill("\n".join(codes))
    dialog.get_by_role("button", name="Import codes").click()
    expect(dialog).to_contain_text("Codes taken over: 2.")
    expect(dialog.locator("#code-lists li")).to_have_count(1)
    assert room.state()["codes"] == {"issued": 2, "used": 0}
    with host.page.expect_popup() as coming:
        dialog.get_by_role("button", name="Print sheet of QR codes").click()
    expect(coming.value.locator("li b")).to_have_text(codes)


def test_the_room_is_renamed_speaks_and_is_shown_in_slides(host: HostPage, room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints("status of 409")
    host.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    dialog = open_dialog(host, "settings-dialog")
    title = dialog.get_by_label("New title")
    title.fill("")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(dialog.locator("#settings-note")).to_have_attribute("data-tone", "error")
    title.fill("Annual meeting")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(dialog).to_contain_text("The room has its new title.")
    expect(host.title).to_have_text("Annual meeting")

    dialog.get_by_label("Language of the room's pages").select_option("de")
    expect(dialog).to_contain_text("Pages that are opened from now on speak it.")
    phone = VoterPage(visitors.enter().new_page())
    phone.open(room.join)
    expect(phone.page.locator("html")).to_have_attribute("lang", "de")

    sites = dialog.get_by_label("Sites that may show the wall")
    sites.fill("slides.example.org")
    dialog.get_by_role("button", name="Save the sites").click()
    expect(dialog.locator("#settings-note")).to_have_attribute("data-tone", "error")
    expect(dialog.get_by_label("For a slide")).to_be_hidden()
    sites.fill("https://slides.example.org\nfile:")
    dialog.get_by_role("button", name="Save the sites").click()
    expect(dialog).to_contain_text("These sites may show the wall, and no others.")
    assert room.state()["embedding"] == ["https://slides.example.org", "file:"]
    dialog.get_by_role("button", name="Copy the lines").click()
    expect(dialog).to_contain_text("Copied.")
    snippet = host.page.evaluate("() => navigator.clipboard.readText()")
    assert f'<iframe data-src="{room.base}/wall/{room.code}?embed=1' in snippet
    sites.fill("")
    dialog.get_by_role("button", name="Save the sites").click()
    expect(dialog).to_contain_text("No site may show the wall.")


def test_a_copy_of_the_room_has_a_link_of_its_own(host: HostPage, room: Room) -> None:
    room.ask("Tea or coffee?", "Tea", "Coffee")
    host.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    dialog = open_dialog(host, "copy-dialog")
    dialog.get_by_label("Title of the copy").fill("Next year")
    dialog.get_by_role("button", name="Create the copy").click()
    expect(dialog).to_contain_text("The new room has the code")
    dialog.get_by_role("button", name="Copy host link").click()
    expect(dialog).to_contain_text("The host link is copied.")
    link = host.page.evaluate("() => navigator.clipboard.readText()")
    assert f"/host/{room.code}" not in link
    with host.page.expect_popup() as coming:
        dialog.get_by_role("link", name="Open the console").click()
    copy = HostPage(coming.value)
    copy.expect_console()
    expect(copy.title).to_have_text("Next year")
    copy.expect_step("Open voting")
    assert copy.code.inner_text() in link


def test_data_are_deleted_by_who_types_the_code(host: HostPage, room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints("status of 409")
    room.ask("Tea or coffee?", "Tea", "Coffee")
    phone = VoterPage(visitors.enter().new_page())
    phone.open(room.join)
    phone.vote("Tea")
    wall = visitors.enter().new_page()
    wall.goto(f"{room.base}/wall/{room.code}")
    expect(wall.locator("#text")).to_have_text("Tea or coffee?")
    dialog = open_dialog(host, "delete-dialog")
    field = dialog.get_by_label(f"Type {room.code} to delete")
    field.fill("ABCDEF")
    dialog.get_by_role("button", name="Delete for good").click()
    expect(dialog).to_contain_text("Nothing was deleted: type")
    field.fill(room.code.lower())
    dialog.get_by_role("button", name="Delete for good").click()
    # A question that is open stands in its way.
    expect(dialog.locator("#delete-note")).to_have_text("The question is open. Close it first.")
    assert room.state()["erased"] is False
    room.command("close")
    dialog.get_by_role("button", name="Delete for good").click()
    expect(dialog).to_contain_text("Deleted. No answer is left on the server's disk")
    expect(field).to_be_hidden()
    expect(wall.locator("#gone h1")).to_have_text("This room is no longer there")
    expect(wall.locator("#text")).to_be_hidden()
    wall.reload()
    expect(wall.locator("#gone h1")).to_have_text("This room is no longer there")
    expect(phone.banner).to_have_text("This room is no longer there.")
    leave(host)
    expect(host.page.locator("#erased")).to_be_visible()
    # There is no next step, not even for a key.
    expect(host.primary).to_be_hidden()
    expect(host.page.locator("#add-form")).to_be_hidden()
    for key in ("Space", "Enter", "e", "t", "s"):
        host.page.keyboard.press(key)
    expect(host.page.locator("#message")).to_have_text("")
    assert [row["answer"] for row in room.ballots()] == [""]


def test_traces_that_another_program_keeps_are_told_until_they_are_gone(host: HostPage, room: Room, data: Path) -> None:
    reader = sqlite3.connect(f"file:{data}/livevote.db?mode=ro", uri=True, isolation_level=None)
    with closing(reader):
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM records").fetchall()
        dialog = open_dialog(host, "delete-dialog")
        dialog.get_by_label(f"Type {room.code} to delete").fill(room.code)
        dialog.get_by_role("button", name="Delete for good").click()
        expect(dialog).to_contain_text("traces are left in its log file. They go by themselves when it ends.")
        reader.execute("ROLLBACK")
    expect(dialog).to_contain_text("Deleted. No answer is left on the server's disk")


def test_a_cohost_neither_copies_nor_deletes_the_room(host: HostPage, room: Room, visitors: Visitors) -> None:
    host.page.get_by_label("Name of the co-host").fill("Ann")
    host.page.get_by_role("button", name="Add", exact=True).click()
    expect(host.page.locator("#cohosts li")).to_have_count(1)
    url = host.page.evaluate("async () => (await (await fetch(`${roomApi}/cohosts`)).json()).cohosts[0].url")
    ann = HostPage(visitors.enter().new_page())
    ann.open(f"{room.base}/host/{url.partition('/host/')[2]}")
    ann.page.locator("#show-room").click()
    menu = ann.page.locator("#room-dialog")
    expect(menu.get_by_role("button", name="Files and templates")).to_be_visible()
    expect(menu.get_by_role("button", name="Duplicate the room")).to_be_hidden()
    expect(menu.get_by_role("button", name="Delete the room's data")).to_be_hidden()


def test_the_menu_is_used_by_keyboard(host: HostPage) -> None:
    tab_to(host.page, host.page.locator("#show-room"))
    host.page.keyboard.press("Enter")
    menu = host.page.locator("#room-dialog")
    expect(menu).to_be_visible()
    tab_to(host.page, menu.get_by_role("button", name="Title, language, slides"))
    host.page.keyboard.press("Enter")
    expect(host.page.locator("#settings-dialog")).to_be_visible()
    host.page.keyboard.press("Escape")
    expect(host.page.locator("dialog[open]")).to_have_count(0)
    eventually(host.page, lambda: has_focus(host.page.locator("#show-room")), True)


def test_templates_are_files_that_a_room_takes(host: HostPage, room: Room) -> None:
    answer = json.loads(host.page.evaluate("async () => (await fetch('/api/templates')).text()"))
    dialog = open_dialog(host, "files-dialog")
    expect(dialog.locator("#template option")).to_have_count(len(answer) + 1)
    for template in answer:
        dialog.get_by_label("Or a template").select_option(template["name"])
        expect(dialog.locator("#files-asked li")).to_have_count(template["questions"])
        expect(dialog.locator("#files-problems li")).to_have_count(0)
    assert texts(room) == []
