// The room's board on the voters' page: a view of its own beside the vote, to ask, to read and to upvote.
//
// It is one more script of that page, uses its names, and has none of its own there but `livevote.board`.
(() => {
  "use strict";

  const MOST = 300;
  // Posts stay where they are while somebody is about to tap one.
  const STILL_MS = 3000;
  const DRAFT_KEY = `livevote-ask:${room}`;

  const board = {
    shown: false,      // whether this view is shown, and not the vote
    order: "votes",
    text: "", bad: false,
    posts: null,       // the last `my_posts`
    said: new Map(),   // upvotes that were recorded since: post -> on
    failed: [],        // {text, why}: posts that were refused while another one was being written
    standings: new Map(),
    items: new Map(),  // post -> its <li>
    touched: -STILL_MS, tick: 0,
  };

  const RULES = `
    #views { display: flex; gap: .5rem; width: 100%; max-width: 44rem; margin: 0 auto; padding: 0 clamp(1rem, 4vw, 1.5rem) .5rem; }
    #views button, #orders button { flex: 1; min-height: 2.75rem; padding: .3rem .8rem; font: inherit; font-weight: 600; color: var(--ink); background: var(--card); border: 1px solid var(--edge); border-radius: .8rem; cursor: pointer; touch-action: manipulation; }
    #views button { flex: 1 1 auto; min-width: min-content; padding-inline: .4rem; }
    #views [aria-current="true"], #orders [aria-pressed="true"] { color: var(--accent); background: var(--tint); border-color: var(--accent); box-shadow: inset 0 -3px 0 var(--accent); }
    #views [data-news] { color: var(--accent-ink); background: var(--accent); }
    main[data-view="board"] > :is(#waiting, #question, #enter, #player, #level) { display: none !important; }
    main:not([data-view="board"]) > #board { display: none; }
    #board { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1.2rem; max-width: 41rem; margin-inline: auto; }
    #ask-form { display: grid; grid-template-columns: minmax(0, 1fr); gap: .5rem; margin-top: .8rem; }
    #ask-form label { font-weight: 600; }
    #ask-text { display: block; width: 100%; padding: .6rem .9rem; font: inherit; font-size: 1.1rem; color: var(--ink); background: var(--page); border: 2px solid var(--edge); border-radius: .95rem; resize: vertical; }
    #ask-text[aria-invalid="true"] { border-color: var(--bad); }
    #ask-form .beside { margin: 0; }
    #board h3 { margin: 0 0 .6rem; font-size: 1.1rem; }
    #board ol { display: grid; grid-template-columns: minmax(0, 1fr); gap: .6rem; margin: 0; padding: 0; list-style: none; }
    #board li { display: flex; align-items: center; gap: .8rem; padding: .7rem .9rem; background: var(--card); border: 1px solid var(--line); border-radius: .95rem; }
    #board li > div { flex: 1; min-width: 0; }
    #board li[data-pinned] { border: 2px solid var(--accent); }
    #board li[data-answered] .post-text { color: var(--soft); }
    #board .tags { display: flex; flex-wrap: wrap; gap: .2rem .8rem; color: var(--soft); font-size: .85rem; font-weight: 600; }
    #board .tags:empty { display: none; }
    #board li[data-bad] { border-color: var(--bad); }
    #own-posts li { border-style: dashed; }
    .up { flex: none; display: grid; justify-items: center; align-content: center; min-width: 3.4rem; min-height: 3.4rem; padding: .2rem .5rem; font: inherit; font-weight: 700; line-height: 1.15; font-variant-numeric: tabular-nums; color: var(--ink); background: var(--card); border: 1px solid var(--edge); border-radius: .95rem; cursor: pointer; touch-action: manipulation; }
    .up[aria-pressed="true"] { color: var(--accent-ink); background: var(--accent); border-color: var(--accent); }
    .up[data-sending] { border-style: dashed; border-width: 2px; }
    #orders { display: flex; flex-wrap: wrap; gap: .5rem; margin-bottom: .8rem; }
    #orders button { flex: none; font-size: .9rem; }
    #more-posts { color: var(--soft); font-size: .9rem; }`;

  /* ---- its place on the page ---- */

  function build() {
    const nav = make("nav", "", document.querySelector("header"), { id: "views", "aria-label": say("board.views") });
    makeTab("vote", say("board.vote"), nav);
    makeTab("board", say("board.tab"), nav);
    const section = make("section", "", document.createDocumentFragment(), { id: "board", "aria-labelledby": "board-title" });
    const card = make("div", "", section, { class: "card" });
    make("h2", say("board.title"), card, { id: "board-title" });
    buildForm(card);
    const own = make("div", "", section, { id: "own-part" });
    make("h3", say("board.own"), own);
    make("ol", "", own, { id: "own-posts" });
    const all = make("div", "", section);
    make("h3", say("board.all"), all);
    const orders = make("div", "", all, { id: "orders", role: "group", "aria-label": say("board.order") });
    makeOrder("votes", say("board.by_votes"), orders);
    makeOrder("time", say("board.by_time"), orders);
    const list = make("ol", "", all, { id: "posts" });
    make("p", "", all, { id: "more-posts" });
    for (const event of ["pointerdown", "keydown", "focusin"]) list.addEventListener(event, () => { board.touched = performance.now(); });
    $("waiting").before(section);
  }

  function makeTab(view, text, nav) {
    const tab = make("button", text, nav, { type: "button", "data-view": view });
    tab.addEventListener("click", () => show(view === "board"));
  }

  function makeOrder(order, text, group) {
    const button = make("button", text, group, { type: "button", "data-order": order });
    button.addEventListener("click", () => { board.order = order; board.touched = -STILL_MS; render(); });
  }

  function buildForm(card) {
    const form = make("form", "", card, { id: "ask-form", novalidate: "" });
    make("label", say("board.field"), form, { for: "ask-text" });
    const field = make("textarea", "", form, { id: "ask-text", rows: 3, dir: "auto", autocomplete: "off", "aria-describedby": "ask-help ask-news" });
    make("p", "", form, { id: "ask-chars", class: "beside", dir: "ltr" });
    make("p", say("board.help"), form, { id: "ask-help", class: "help" });
    make("button", say("board.send"), form, { class: "primary" });
    make("p", "", form, { id: "ask-news", class: "help", role: "status" });
    form.addEventListener("submit", submit);
    field.addEventListener("input", () => { keepText(); tell(""); });
    field.value = keptText();
  }

  function show(shown) {
    if (board.shown === shown) return;
    board.shown = shown;
    scrollTo(0, 0);
    globalThis.render();
  }

  // For a page that is built anew, in another language for example.
  function keepText() {
    try {
      sessionStorage.setItem(DRAFT_KEY, $("ask-text").value);
    } catch {
      // Without storage what was not sent is gone.
    }
  }

  function keptText() {
    try {
      return sessionStorage.getItem(DRAFT_KEY) ?? "";
    } catch {
      return "";
    }
  }

  function write(text) {
    $("ask-text").value = text;
    keepText();
  }

  /* ---- asking ---- */

  function tell(text, bad = false) {
    Object.assign(board, { text, bad });
    renderForm();
  }

  function submit(event) {
    event.preventDefault();
    const text = clean($("ask-text").value);
    // A second tap on the button finds an empty field, and means nothing.
    if (!text && ownPosts().some(({ sending }) => sending)) return undefined;
    if (!text) return tell(say("board.empty"), true);
    if (charsOf(text) > MOST) return tell(say("board.long", { max: MOST }), true);
    write("");
    tell("");
    sendErrand({ type: "ask", text });
    return render();
  }

  function answered(message, answer) {
    if (message.type === "upvote") return upvoteAnswered(message, answer);
    if (answer.type === "recorded") return tell(say("board.sent"));
    const why = sayCode("board.no.", answer);
    // What was written is not lost, and not in the way of what is being written.
    if ($("ask-text").value) board.failed.push({ text: message.text, why });
    else write(message.text);
    tell(why, true);
    render();
  }

  function renderForm() {
    const used = charsOf(clean($("ask-text").value));
    setText($("ask-chars"), `${numbers.format(used)} / ${numbers.format(MOST)}`);
    $("ask-text").setAttribute("aria-invalid", board.bad || used > MOST);
    setText($("ask-news"), board.text);
    $("ask-news").dataset.look = board.bad ? "bad" : "";
  }

  /* ---- this voter's posts ---- */

  function ownPosts() {
    const known = board.posts?.posts ?? [];
    const underWay = errands.filter(({ message }) => message.type === "ask" && !known.some(({ id }) => id === message.id));
    return [
      ...board.failed.map(({ text, why }, place) => ({ key: `failed${place}`, text, words: [why], bad: true })),
      ...underWay.map(({ message: { id, text } }) => ({ key: id, text, sending: true, words: [join(say("board.standing.sending"), isOpen() ? "" : say("client.sending_later"))] })).reverse(),
      ...known.map((post) => ({ key: post.id, text: post.text ?? say("board.standing.erased"), words: wordsOfPost(post) })).reverse(),
    ];
  }

  function wordsOfPost({ text, standing, answered: done }) {
    if (text === null) return [];
    return [say("board.standing." + standing), done && say("board.answered")].filter(Boolean);
  }

  function renderOwn() {
    const posts = ownPosts();
    $("own-part").hidden = posts.length === 0;
    const list = $("own-posts");
    const before = new Map([...list.children].map((item) => [item.dataset.key, item]));
    const items = posts.map(({ key, text, words: said, bad }) => {
      const item = before.get(key) ?? buildOwn(key);
      setText(item.querySelector(".post-text"), text);
      setText(item.querySelector(".tags"), said.join(" · "));
      item.toggleAttribute("data-bad", Boolean(bad));
      return item;
    });
    list.replaceChildren(...items);
  }

  function buildOwn(key) {
    const item = make("li", "", document.createDocumentFragment(), { "data-key": key });
    const words = make("div", "", item);
    make("p", "", words, { class: "post-text", dir: "auto" });
    make("p", "", words, { class: "tags" });
    return item;
  }

  // What the host made of a post is news for who wrote it.
  function announce() {
    for (const post of board.posts?.posts ?? []) {
      const now = wordsOfPost(post).join(" · ");
      const before = board.standings.get(post.id);
      if (before !== undefined && before !== now && post.text !== null) setText($("announce"), `${post.text}: ${now}`);
      board.standings.set(post.id, now);
    }
  }

  /* ---- upvotes ---- */

  function underWay(post) {
    return errands.filter(({ message }) => message.type === "upvote" && message.post === post);
  }

  function isUp(post) {
    return underWay(post).at(-1)?.message.on ?? board.said.get(post) ?? Boolean(board.posts?.upvoted.includes(post));
  }

  function upvote(post) {
    const on = !isUp(post);
    const last = underWay(post).at(-1);
    // Two taps one after the other come to nothing where the second one was not sent yet.
    if (!last || !takeBack(last)) sendErrand({ type: "upvote", post, on });
    render();
  }

  function upvoteAnswered({ post, on }, answer) {
    if (answer.type === "recorded" || answer.code === "same_upvote") board.said.set(post, on);
    else tell(sayCode("board.no.", answer), true);
    render();
  }

  /* ---- all posts ---- */

  const ORDERS = {
    votes: (one, other) => other.pinned - one.pinned || one.answered - other.answered || other.votes - one.votes || one.index - other.index,
    time: (one, other) => other.pinned - one.pinned || other.index - one.index,
  };

  function renderPosts() {
    const { posts = [], more = 0 } = vote.news.board ?? {};
    const list = $("posts");
    const known = new Map(posts.map((post) => [post.index, post]));
    for (const [index, item] of board.items) {
      if (known.has(index)) continue;
      item.remove();
      board.items.delete(index);
    }
    for (const post of posts) {
      if (!board.items.has(post.index)) board.items.set(post.index, buildPost(post.index));
      showPost(board.items.get(post.index), post);
    }
    arrange(list, inOrder(list, posts).map(({ index }) => board.items.get(index)));
    setText($("more-posts"), posts.length === 0 ? say("board.none") : more > 0 ? say("board.more", { n: more }) : "");
    for (const button of $("orders").children) button.setAttribute("aria-pressed", button.dataset.order === board.order);
    $("orders").hidden = posts.length < 2;
  }

  function inOrder(list, posts) {
    const sorted = [...posts].sort(ORDERS[board.order]);
    const left = board.touched + STILL_MS - performance.now();
    clearTimeout(board.tick);
    if (left <= 0) return sorted;
    board.tick = setTimeout(render, left);
    const places = new Map([...list.children].map((item, place) => [Number(item.dataset.post), place]));
    const placeOfPost = ({ index }) => places.get(index) ?? Infinity;
    return sorted.sort((one, other) => (placeOfPost(one) === placeOfPost(other) ? 0 : placeOfPost(one) - placeOfPost(other)));
  }

  function buildPost(index) {
    const item = make("li", "", document.createDocumentFragment(), { "data-post": index });
    const words = make("div", "", item);
    make("p", "", words, { class: "post-text", id: `post-${index}`, dir: "auto" });
    make("p", "", words, { class: "tags" });
    const button = make("button", "", item, { type: "button", class: "up", "aria-describedby": `post-${index}` });
    make("span", "▲", button, { "aria-hidden": "true" });
    make("span", "", button);
    button.addEventListener("click", () => upvote(index));
    return item;
  }

  function showPost(item, { index, text, votes, answered: done, pinned }) {
    item.toggleAttribute("data-pinned", pinned);
    item.toggleAttribute("data-answered", done);
    setText(item.querySelector(".post-text"), text);
    setText(item.querySelector(".tags"), [pinned && say("board.pinned"), done && say("board.answered")].filter(Boolean).join(" · "));
    const button = item.querySelector(".up");
    button.setAttribute("aria-pressed", isUp(index));
    button.setAttribute("aria-label", say("board.upvote", { n: votes }));
    button.toggleAttribute("data-sending", underWay(index).length > 0);
    setText(button.lastElementChild, numbers.format(votes));
  }

  /* ---- all of it ---- */

  function render() {
    const on = Boolean(vote.state?.board);
    if (!on) board.shown = false;
    $("views").hidden = !on;
    $("board").hidden = !on;
    document.querySelector("main").dataset.view = board.shown ? "board" : "vote";
    renderTabs();
    if (vote.news.my_posts && vote.news.my_posts !== board.posts) {
      board.posts = vote.news.my_posts;
      board.said.clear();
      announce();
    }
    renderForm();
    renderOwn();
    // Of what nobody looks at, only what they write and are told is kept up.
    if (board.shown) renderPosts();
  }

  function renderTabs() {
    const { question, ballot } = vote;
    const waits = board.shown && question?.phase === "open" && !isAsking(ballot) && !isSending();
    const [toVote, toBoard] = $("views").children;
    setText(toVote, say(waits ? "board.vote_now" : "board.vote"));
    toVote.toggleAttribute("data-news", Boolean(waits));
    toVote.setAttribute("aria-current", !board.shown);
    toBoard.setAttribute("aria-current", board.shown);
  }

  function start() {
    addRules(RULES);
    build();
    render();
  }

  livevote.board = { answered, render, start };
})();
