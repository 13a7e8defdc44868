"""What a wall is fed in tests: every kind of question and everything else that it shows, without a server's room."""

import json
from typing import Any

from playwright.sync_api import Page, WebSocketRoute

from tests.client import Message

NOW = 1_790_000_000_000
REACTIONS = ("clap", "heart", "laugh", "wow", "slower", "faster", "lost")
LONG_TEXT = (
    "Which of the following proposals for the use of the old harbour hall shall the assembly take up first? " * 6
)[:500]
LONG_OPTION = (
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft, or whatever stands for it "
    "in the minutes of the last three meetings of the board and of its committees on housing and works"
)[:200]
PLACES = ["Harbour hall", "Town garden", "Old brewery", "Online"]
TERMS = [
    *(["clear", 41], ["breaks", 30], ["snacks", 24], ["music", 18], ["time", 17], ["speakers", 15], ["outdoors", 12]),
    *(
        ["questions", 11],
        ["less slides", 9],
        ["children's corner", 8],
        ["microphones", 7],
        ["coffee", 7],
        ["warmth", 5],
    ),
    *(["demos", 5], ["silence", 4], ["vegan food", 4], ["parking", 3], ["Wi-Fi", 3], ["translation", 2], ["pizza", 1]),
]
ROOT = "9a1c77e0b4d2f6083c5e91a7d04f2b8866e13ac95d70bb1f2048c6e7f9a35d10"


def state(question: Message | None = None, tally: Message | None = None, **fields: Any) -> Message:
    """A wall's ``state`` message."""
    return {
        "type": "state",
        "epoch": "e",
        "as_of": 4,
        "at": NOW,
        "role": "wall",
        "room": {"code": "7KQ2MD", "title": "Spring assembly"},
        "question": question,
        "tally": tally,
        "replay": False,
        "language": "",
        "board": False,
        "reactions": False,
        "rehearsal": False,
        "voted": 37,
        "online": 52,
        "fingerprint": None,
        "join_url": "http://vote.example.org/7KQ2MD",
        **fields,
    }


def asked(kind: str, text: str, options: list[str] | None = None, **fields: Any) -> Message:
    """A question as walls get it, open in its first round."""
    return {
        "id": "q1",
        "kind": kind,
        "text": text,
        "options": options or [],
        "rules": {"min": 1, "max": 1},
        "changeable": True,
        "round": 1,
        "phase": "open",
        "revealed": False,
        **fields,
    }


def result(question: Message, counts: list[int], voters: int = 41, figures: Message | None = None) -> Message:
    """The state in which the round is closed, and its result is shown."""
    closed = {**question, "phase": "closed", "revealed": True}
    tally = {"type": "tally", "question": "q1", "round": question["round"], "counts": counts, "voters": voters}
    return state(
        closed,
        {**tally, "as_of": 46, "figures": figures or {}},
        voted=voters,
        fingerprint={"as_of": 45, "root": ROOT},
    )


def cases() -> dict[str, list[Message]]:
    """States in the order in which they come, by what they show: a question, and its result."""
    found: dict[str, list[Message]] = {"waiting": [state(online=0, voted=0), state(online=12, voted=0)]}

    def add(name: str, question: Message, counts: list[int], voters: int = 41, figures: Message | None = None) -> None:
        found[name] = [state(question), result(question, counts, voters, figures)]

    add("single", asked("single", "Where shall we meet next year?", PLACES), [12, 19, 7, 3])
    add("two", asked("single", "Tea or coffee?", ["Tea", "Coffee"]), [12, 29])
    long_options = [f"{number} {LONG_OPTION}"[:200] for number in range(12)]
    add("twelve", asked("multiple", "Which of these?", long_options), [41, 30, 1, 0, 7, 9, 12, 20, 5, 2, 3, 4])
    add("long", asked("single", LONG_TEXT, PLACES), [12, 19, 7, 3])
    add("full", asked("multiple", LONG_TEXT, long_options), list(range(12)))
    add("fifty", asked("single", "Your district?", [f"District {n}" for n in range(50)]), list(range(50)), 1225)
    add(
        "thousands",
        asked("approval", "Which dates suit you?", PLACES),
        [12345, 9876, 0, 54321],
        54321,
        {"winners": [3]},
    )
    motion = asked("yesno", "Do you approve the accounts as presented?", rules={"majority": "two_thirds"})
    add("yesno", motion, [28, 9, 4], figures={"quorum": True, "passed": True, "needed": 25})
    stars = asked("rating", "How was the food?", rules={"style": "stars", "top": 5})
    add("rating", stars, [1, 3, 8, 17, 12], figures={"mean": [159, 41]})
    nps = asked("rating", "How likely would you recommend us to a friend?", rules={"style": "nps", "top": 10})
    add("nps", nps, [1, 0, 0, 1, 0, 2, 1, 4, 9, 13, 10], figures={"mean": [338, 41], "nps": [1800, 41]})
    guess = asked("estimate", "How heavy is the bell of the town hall?", rules={
        "min": 0, "max": 5000, "decimals": 0, "unit": "kg", "truth": None,
    })  # fmt: skip
    bins = [0, 1, 2, 4, 7, 9, 6, 4, 3, 2, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0]
    figures = {"median": [2700, 2], "mean": [58000, 41], "low": 300, "high": 4100}
    add("estimate", guess, bins, figures=figures)
    solved = result(guess, bins, figures={**figures, "truth": 1640, "distance": [580, 2]})
    solved["question"]["solution"] = {
        "right": [],
        "truth": 1640,
        "points": 1000,
        "fading": False,
        "explanation": "Cast in 1763.",
    }
    found["estimate solved"] = [*found["estimate"], solved]
    order = asked("ranking", "In which order shall we do it?", ["New roof", "Playground", "Heating", "Bicycle stands"])
    runoff = [{"votes": [15, 9, 14, 3], "out": [3]}, {"votes": [15, 11, 15, 0], "out": [1]}]
    ranked = {"method": "borda", "winners": [2], "runoff": [*runoff, {"votes": [19, 0, 22, 0], "out": []}]}
    add("ranking", order, [80, 61, 84, 21], figures={**ranked, "runoff_winner": 2})
    words = asked("text", "What should we do otherwise next time?", rules={"max_chars": 280})
    sentences = [
        "More breaks, please", "Begin an hour later", "Speak into the microphone " * 10, "Less slides", "Nothing!",
        "Let the young ones speak first, and keep the speeches of the board short", "Vegetarian food for everybody",
    ]  # fmt: skip
    texts = [[text.strip(), 1 + (place == 0)] for place, text in enumerate(sentences)]
    add("text", words, [], figures={"texts": texts, "more": 0})
    many = [[f"{place}: {LONG_OPTION}", 1] for place in range(100)]
    add("hundred texts", words, [], figures={"texts": many, "more": 3})
    cloud = asked("cloud", "One word for this evening?", rules={"max_terms": 3})
    add("cloud", cloud, [], figures={"terms": TERMS, "more": 0})
    add(
        "full cloud",
        cloud,
        [],
        figures={
            "terms": [[f"{text} {n}"[:30], 60 - n] for n, text in enumerate(["a long answer of"] * 50)],
            "more": 9,
        },
    )
    add("image", asked("image", "Which poster?", PLACES, rules={"pictures": ["aa", "bb", "cc", "dd"]}), [12, 19, 7, 3])
    quiz = asked("single", "Which planet has the most moons?", ["Jupiter", "Saturn", "Neptune", "Mars"], round=2)
    shown = result(quiz, [12, 19, 7, 3])
    shown["question"]["solution"] = {
        "right": [1],
        "truth": None,
        "points": 1000,
        "fading": True,
        "explanation": "146 are known of Saturn, and 95 of Jupiter: since 2023 it is ahead again.",
    }
    timed = {**quiz, "closes_at": NOW + 65_000}
    found["quiz"] = [state(timed), result(quiz, [12, 19, 7, 3]), shown]
    rows = [
        {"rank": 1 + place, "name": name, "index": 9 + place, "points": 9000 - 731 * place}
        for place, name in enumerate(
            ["Ada", "Grace", "Carl Friedrich", None, "مريم", "Zoë", "W" * 24, "Lin", "Ben", "Eve"]
        )
    ]
    found["leaderboard"] = [{**shown, "leaderboard": {"of": 52, "places": rows}}]
    found["pinned"] = [
        state(board=True, reactions=True),
        {"type": "board", "as_of": 9, "more": 0, "posts": [post("Can we have the slides afterwards?", pinned=True)]},
        {"type": "pulse", "window_s": 30, "counts": {"clap": 12, "heart": 5, "wow": 0}},
    ]
    found["rehearsal"] = [
        state(rehearsal=True, reactions=True),
        {"type": "pulse", "window_s": 30, "counts": dict.fromkeys(REACTIONS, 1234)},
        {**shown, "rehearsal": True, "reactions": True},
        {**found["leaderboard"][0], "rehearsal": True, "reactions": True},
    ]
    found["long pinned"] = [
        state(board=True),
        {"type": "board", "as_of": 9, "more": 0, "posts": [post(LONG_TEXT[:300], pinned=True)]},
    ]
    return found


def post(text: str, *, pinned: bool = False) -> Message:
    """A post of a board."""
    return {"index": 5, "text": text, "votes": 14, "at": NOW, "answered": False, "pinned": pinned}


class Feed:
    """Stands in for the server's socket: what a wall is sent, and what it says itself."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.heard: list[str] = []
        self.opened = 0
        self._sockets: list[WebSocketRoute] = []
        self._first: list[Message] = []
        page.route_web_socket("**/ws/**", self._open)

    def _open(self, socket: WebSocketRoute) -> None:
        self.opened += 1
        self._sockets.append(socket)
        socket.on_message(lambda text: self.heard.append(str(text)))
        for message in self._first:
            socket.send(json.dumps(message))

    def begin_with(self, *messages: Message) -> None:
        """What every socket is sent from now on as soon as it is open."""
        self._first = list(messages)

    def send(self, message: Message) -> None:
        self._sockets[-1].send(json.dumps(message))

    def close(self, code: int) -> None:
        self._sockets[-1].close(code=code)
