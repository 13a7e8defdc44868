// A quiz on the voters' page: the name and the place of who plays, and what was right once the host has shown it.
//
// It is one more script of that page, uses its names, and has none of its own there but `livevote.quiz`.
(() => {
  "use strict";

  const MOST = 24;
  const TOLD_MS = 6000;
  const player = { open: false, text: "", bad: false, seen: "", since: -1, drawn: "" };

  const RULES = `
    #player { display: grid; grid-template-columns: minmax(0, 1fr); gap: .7rem; margin-top: 1.2rem; }
    #who { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 0 1rem; }
    #who b { font-size: 1.1rem; }
    #standing { color: var(--soft); font-size: .95rem; font-variant-numeric: tabular-nums; }
    #standing[data-look="good"] { color: var(--ink); font-size: 1.1rem; font-weight: 600; }
    #player-name { flex-basis: 11rem; font-size: 1.1rem; letter-spacing: normal; text-transform: none; }
    #name-form { gap: .6rem; }
    #linked { color: var(--soft); font-size: .85rem; }
    #solution { display: grid; grid-template-columns: minmax(0, 1fr); gap: .7rem; margin-top: 1rem; }
    #verdict { font-size: 1.1rem; font-weight: 700; }
    #verdict[data-look="good"] { color: var(--good); }
    #verdict[data-look="bad"] { color: var(--bad); }
    #solution ul { display: grid; gap: .5rem; margin: 0; padding: 0; list-style: none; }
    #solution li { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem .8rem; padding: .5rem .8rem; border: 2px dashed var(--edge); border-radius: .95rem; }
    #solution li[data-right="true"] { border: 2px solid var(--good); background: var(--good-tint); }
    #solution .label { flex-basis: 7rem; }
    #solution .tag { padding: .1rem .6rem; border-radius: 1rem; font-size: .85rem; font-weight: 600; color: var(--ink); background: var(--track); }
    #solution [data-right="true"] .tag:first-of-type { color: var(--good); background: var(--card); }`;

  /* ---- the player ---- */

  function buildPlayer() {
    const section = make("section", "", document.createDocumentFragment(), { id: "player", class: "card", "aria-labelledby": "linked" });
    const who = make("p", "", section, { id: "who" });
    make("b", "", who, { dir: "auto" });
    make("button", say("quiz.change"), who, { id: "change-name", type: "button", class: "quiet" }).addEventListener("click", change);
    make("p", "", section, { id: "standing" });
    const form = make("form", "", section, { id: "name-form", class: "field", novalidate: "" });
    make("label", say("quiz.name"), form, { for: "player-name" });
    const row = make("div", "", form);
    make("input", "", row, { id: "player-name", type: "text", dir: "auto", autocomplete: "nickname", enterkeyhint: "send", "aria-describedby": "name-help name-news" });
    make("button", say("quiz.save"), row, { class: "primary" });
    make("p", say("quiz.help", { max: MOST }), form, { id: "name-help", class: "help" });
    make("button", say("quiz.keep"), form, { id: "keep-name", type: "button", class: "quiet" }).addEventListener("click", keepName);
    make("p", "", section, { id: "name-news", class: "help", role: "status" });
    make("p", say("quiz.linked"), section, { id: "linked" });
    form.addEventListener("submit", submit);
    $("enter").after(section);
    $("player-name").addEventListener("input", () => { if (player.bad) tell(""); });
  }

  function nameNow() {
    return vote.news.place?.name ?? "";
  }

  // The name that is on its way, if any.
  function nameUnderWay() {
    return errands.find(({ message }) => message.type === "name")?.message.name;
  }

  function tell(text, bad = false) {
    Object.assign(player, { text, bad });
    renderPlayer();
  }

  function change() {
    player.open = true;
    $("player-name").value = nameNow();
    tell("");
    $("player-name").focus();
  }

  function keepName() {
    player.open = false;
    tell("");
    $("change-name").focus();
  }

  function submit(event) {
    event.preventDefault();
    if (nameUnderWay() !== undefined) return;
    const name = clean($("player-name").value);
    if (!name) return tell(say("quiz.empty"), true);
    if (charsOf(name) > MOST) return tell(say("quiz.long", { max: MOST }), true);
    if (name === nameNow()) return keepName();
    sendErrand({ type: "name", name });
    tell("");
  }

  function answered({ name }, answer) {
    if (answer.type === "rejected") {
      player.open = true;
      $("player-name").value ||= name;
      return tell(sayCode("quiz.no.", answer), true);
    }
    const focused = $("name-form").contains(document.activeElement);
    player.open = false;
    vote.news.place = { rank: null, of: 0, points: 0, earned: null, as_of: -1, ...vote.news.place, name };
    tell(say("quiz.named"));
    setTimeout(() => { if (player.text === say("quiz.named")) tell(""); }, TOLD_MS);
    if (focused) $("change-name").focus();
  }

  function renderPlayer() {
    const { place } = vote.news;
    $("player").hidden = !vote.state?.linked;
    const name = nameNow();
    const underWay = nameUnderWay();
    // A name that was taken away, or taken in another tab, is news.
    if (name !== player.seen && underWay === undefined && !player.bad) player.open = false;
    player.seen = name;
    const asks = player.open || !name;
    $("name-form").hidden = !asks;
    $("who").hidden = !name;
    $("change-name").hidden = asks;
    $("keep-name").hidden = !name;
    setText($("who").firstElementChild, name);
    setText($("standing"), place?.rank ? `${say("quiz.place", { rank: place.rank, of: place.of })} · ${say("quiz.points", { n: place.points })}` : name && say("quiz.no_place"));
    $("standing").dataset.look = place?.rank ? "good" : "";
    $("standing").hidden = !$("standing").textContent;
    const sending = underWay !== undefined && join(say("client.sending"), isOpen() ? "" : say("client.sending_later"));
    setText($("name-news"), sending || player.text);
    $("name-news").dataset.look = player.bad && !sending ? "bad" : "";
    $("player-name").setAttribute("aria-invalid", player.bad);
    $("player-name").readOnly = Boolean(sending);
    $("name-form").querySelector(".primary").setAttribute("aria-disabled", Boolean(sending));
  }

  /* ---- the solution ---- */

  function buildSolution() {
    const section = make("section", "", document.createDocumentFragment(), { id: "solution", class: "card", "aria-labelledby": "solution-title" });
    make("h2", say("quiz.solution"), section, { id: "solution-title" });
    make("p", "", section, { id: "verdict" });
    make("ul", "", section);
    make("p", "", section, { id: "explanation", dir: "auto" });
    $("status").after(section);
  }

  function renderSolution() {
    const { question } = vote;
    const solution = question?.solution;
    $("solution").hidden = !solution;
    if (!solution) player.since = -1;
    if (!solution) return;
    // The points of the question before may still be there.
    if (player.since < 0) player.since = vote.asOf;
    const { place } = vote.news;
    const earned = place && place.as_of >= player.since ? place.earned : null;
    const own = isAsking(vote.ballot) ? vote.ballot.answer : null;
    const drawn = JSON.stringify([question, own, earned]);
    if (drawn === player.drawn) return;
    player.drawn = drawn;
    const { look, text } = judgeAnswer(question, own);
    const points = own && earned !== null && vote.state.linked ? say("quiz.points", { n: earned }) : "";
    // Apart from each other, or a unit and the points behind it would be read as one where lines run from the right.
    $("verdict").replaceChildren();
    make("bdi", text, $("verdict"));
    if (points) $("verdict").append(" ", make("bdi", points, $("verdict")));
    $("verdict").dataset.look = look;
    const list = $("solution").querySelector("ul");
    list.replaceChildren();
    for (const row of rowsOf(question, own)) buildRow(row, list);
    setText($("explanation"), solution.explanation);
    $("explanation").hidden = !solution.explanation;
    setText($("announce"), join(say("quiz.solution"), $("verdict").textContent));
  }

  function judgeAnswer({ rules, solution: { right, truth } }, own) {
    if (!own) return { look: "", text: say("quiz.unanswered") };
    if (truth !== null && own.value !== truth) return { look: "", text: say("quiz.off", { distance: measure(Math.abs(own.value - truth), rules) }) };
    const fits = truth !== null || (own.choices.length === right.length && right.every((choice) => own.choices.includes(choice)));
    return fits ? { look: "good", text: say("quiz.right") } : { look: "bad", text: say("quiz.wrong") };
  }

  // What was right, and what this voter has answered.
  function rowsOf(question, own) {
    const { rules, solution: { right, truth } } = question;
    if (truth !== null) {
      const rows = [{ label: measure(truth, rules), isRight: true, mine: own?.value === truth }];
      return own && own.value !== truth ? [...rows, { label: measure(own.value, rules), isRight: null, mine: true }] : rows;
    }
    return optionsOf(question)
      .map((option, choice) => ({ ...option, isRight: right.includes(choice), mine: Boolean(own?.choices.includes(choice)) }))
      .filter(({ isRight, mine }) => isRight || mine);
  }

  function buildRow({ label, sign, shape, color, isRight, mine }, list) {
    const item = make("li", "", list, { "data-right": isRight === true });
    if (sign) make("span", sign, item, { class: "badge", "data-shape": shape, "data-color": color });
    make("span", label, item, { class: "label", dir: "auto" });
    if (isRight !== null) make("span", say(isRight ? "quiz.mark.right" : "quiz.mark.wrong"), item, { class: "tag" });
    if (mine) make("span", say("quiz.mark.own"), item, { class: "tag" });
  }

  function start() {
    addRules(RULES);
    buildPlayer();
    buildSolution();
    renderPlayer();
    $("solution").hidden = true;
  }

  function render() {
    renderPlayer();
    renderSolution();
  }

  livevote.quiz = { answered, render, start };
})();
