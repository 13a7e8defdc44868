// The bar of reactions on the voters' page: applause and the pace, which go into no log and get no answer.
//
// It is one more script of that page, uses its names, and has none of its own there but `livevote.reactions`.
(() => {
  "use strict";

  // The server drops what is beyond five at once and one a second; here it is said.
  const AT_ONCE = 5;
  const EACH_MS = 1100;
  const TOLD_MS = 2500;
  const SIGNS = { clap: "👏", heart: "❤️", laugh: "😂", wow: "😮", slower: "🐢", faster: "🐇", lost: "❓" };
  const PACE = ["slower", "faster", "lost"];
  const bucket = { left: AT_ONCE, at: performance.now(), tick: 0, sent: "", until: 0 };

  const RULES = `
    #reactions { margin-top: 1.4rem; }
    #reactions h2 { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
    #reactions > div { display: grid; grid-auto-flow: column; grid-auto-columns: minmax(0, 1fr); gap: .3rem; margin-top: .5rem; }
    #reactions button { display: grid; justify-items: center; align-content: center; gap: .15rem; min-height: 3.6rem; padding: .3rem 0; font: inherit; font-size: .72rem; line-height: 1.2; color: var(--ink); background: var(--card); border: 1px solid var(--edge); border-radius: .95rem; cursor: pointer; touch-action: manipulation; }
    #reactions button[aria-disabled="true"] { color: var(--soft); background: transparent; border-color: var(--line); cursor: default; }
    #reactions button span:first-child { font-size: 1.4rem; line-height: 1.1; }
    #react-news { min-height: 1.45em; margin-top: .3rem; color: var(--soft); font-size: .85rem; text-align: center; }`;

  function refill() {
    const now = performance.now();
    const more = Math.floor((now - bucket.at) / EACH_MS);
    bucket.left = Math.min(AT_ONCE, bucket.left + more);
    bucket.at = bucket.left === AT_ONCE ? now : bucket.at + more * EACH_MS;
  }

  function react(kind) {
    refill();
    if (!isOpen() || bucket.left < 1) return render();
    bucket.left -= 1;
    line.socket.send(JSON.stringify({ type: "react", kind }));
    bucket.sent = say("reactions.sent", { reaction: say("reactions." + kind) });
    bucket.until = performance.now() + TOLD_MS;
    render();
  }

  function build() {
    const section = make("section", "", document.createDocumentFragment(), { id: "reactions", "aria-labelledby": "reactions-title" });
    make("h2", say("reactions.label"), section, { id: "reactions-title" });
    const groups = [make("div", "", section, { role: "group", "aria-labelledby": "reactions-title" }), make("div", "", section, { role: "group", "aria-label": say("reactions.pace") })];
    for (const [kind, sign] of Object.entries(SIGNS)) {
      const button = make("button", "", groups[Number(PACE.includes(kind))], { type: "button", "data-kind": kind });
      make("span", sign, button, { "aria-hidden": "true" });
      make("span", say("reactions." + kind), button);
      button.addEventListener("click", () => react(kind));
    }
    make("p", "", section, { id: "react-news", role: "status" });
    $("missing").before(section);
  }

  function render() {
    clearTimeout(bucket.tick);
    $("reactions").hidden = !vote.state?.reactions;
    refill();
    const empty = bucket.left < 1;
    const told = performance.now() < bucket.until ? bucket.sent : "";
    const news = !isOpen() ? say("reactions.offline") : empty ? say("reactions.wait") : told;
    setText($("react-news"), news);
    for (const button of $("reactions").querySelectorAll("button")) button.setAttribute("aria-disabled", empty || !isOpen());
    if (empty) bucket.tick = setTimeout(render, EACH_MS - (performance.now() - bucket.at) + 1);
    else if (told) bucket.tick = setTimeout(render, bucket.until - performance.now() + 1);
  }

  function start() {
    addRules(RULES);
    build();
    render();
  }

  livevote.reactions = { render, start };
})();
