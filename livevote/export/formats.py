"""The one table of export formats: the command line, the routes and the host's menu are made from it or compared.

A further format is one more module and one more row here.
"""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from livevote.export.ballots import ballots_csv
from livevote.export.board_csv import board_csv
from livevote.export.bundle import bundle_jsonl
from livevote.export.leaderboard import leaderboard_csv
from livevote.export.page import results_html
from livevote.export.records import records_jsonl
from livevote.export.results_csv import results_csv
from livevote.export.results_json import results_json
from livevote.export.series import series_csv
from livevote.export.source import Source
from livevote.export.workbook import workbook_xlsx


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One kind of file. ``passes`` is how often ``write`` reads the log, for those who show its progress."""

    name: str
    media_type: str
    text: str
    write: Callable[[Source], AsyncGenerator[bytes, None]]
    passes: int = 1

    def file_name(self, room: str) -> str:
        """Under which name a browser keeps the file."""
        return f"livevote-{room}-{self.name}"


_CSV = "text/csv; charset=utf-8"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

FORMATS: dict[str, Format] = {
    format_.name: format_
    for format_ in (
        Format(
            name="results.html",
            media_type="text/html; charset=utf-8",
            text="One page with charts and tables to send or print; it opens offline",
            write=results_html,
        ),
        Format(
            name="workbook.xlsx",
            media_type=_XLSX,
            text="Results, ballots, series and board as sheets for Excel",
            write=workbook_xlsx,
            passes=2,
        ),
        Format(
            name="results.csv",
            media_type=_CSV,
            text="Counts and shares of every option, question and round",
            write=results_csv,
        ),
        Format(
            name="results.json",
            media_type="application/json",
            text="The results for programs, with the fingerprints of the log",
            write=results_json,
        ),
        Format(
            name="leaderboard.csv",
            media_type=_CSV,
            text="Points and places of everybody in a quiz",
            write=leaderboard_csv,
        ),
        Format(
            name="ballots.csv",
            media_type=_CSV,
            text="Every ballot, also those that were replaced",
            write=ballots_csv,
        ),
        Format(
            name="series.csv",
            media_type=_CSV,
            text="How the counts grew, second by second",
            write=series_csv,
            passes=2,
        ),
        Format(
            name="board.csv",
            media_type=_CSV,
            text="Every post on the board, also those that were hidden",
            write=board_csv,
        ),
        Format(
            name="records.jsonl",
            media_type="application/x-ndjson",
            text="Every record of the log with its hashes, as JSON Lines",
            write=records_jsonl,
        ),
        Format(
            name="bundle.jsonl",
            media_type="application/x-ndjson",
            text="The log with its signed checkpoints, for verify and import",
            write=bundle_jsonl,
        ),
    )
}
"""Every format by its name, in the order in which people are offered them."""
