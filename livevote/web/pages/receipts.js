// What shows voters that their ballots are in the log: receipts, the proofs behind them, and the panel that tells of both.
//
// The voters' page loads it when nothing else is to do, and no vote waits for it: what was recorded before is kept for
// it. It is one more script of that page and shares its names; what the page calls is at the end.
"use strict";

const WRITTEN = ["text", "terms"];
const RECEIPTS_MOST = 60;
// A room of 2,000 phones does not ask for its proofs at once.
const PROOF_MS = 8000;
const PROOF_MOST_MS = 60000;

/* ---- receipts: bytes and hashes ---- */

// A page that came over plain HTTP has no crypto.subtle, so the page brings its own SHA-256 (FIPS 180-4).
const SHA_START = wordsOf("6a09e667 bb67ae85 3c6ef372 a54ff53a 510e527f 9b05688c 1f83d9ab 5be0cd19");
const SHA_ROUNDS = wordsOf(`
  428a2f98 71374491 b5c0fbcf e9b5dba5 3956c25b 59f111f1 923f82a4 ab1c5ed5 d807aa98 12835b01 243185be 550c7dc3 72be5d74 80deb1fe 9bdc06a7 c19bf174
  e49b69c1 efbe4786 0fc19dc6 240ca1cc 2de92c6f 4a7484aa 5cb0a9dc 76f988da 983e5152 a831c66d b00327c8 bf597fc7 c6e00bf3 d5a79147 06ca6351 14292967
  27b70a85 2e1b2138 4d2c6dfc 53380d13 650a7354 766a0abb 81c2c92e 92722c85 a2bfe8a1 a81a664b c24b8b70 c76c51a3 d192e819 d6990624 f40e3585 106aa070
  19a4c116 1e376c08 2748774c 34b0bcb5 391c0cb3 4ed8aa4a 5b9cca4f 682e6ff3 748f82ee 78a5636f 84c87814 8cc70208 90befffa a4506ceb bef9a3f7 c67178f2`);

function wordsOf(text) {
  return Uint32Array.from(text.trim().split(/\s+/), (word) => parseInt(word, 16));
}

function turn(word, bits) {
  return (word >>> bits) | (word << (32 - bits));
}

function sha256(bytes) {
  // The message, the byte 0x80, zeros, and the length in bits as eight bytes: whole blocks of 64.
  const whole = new DataView(new ArrayBuffer(Math.ceil((bytes.length + 9) / 64) * 64));
  new Uint8Array(whole.buffer).set(bytes);
  whole.setUint8(bytes.length, 0x80);
  whole.setUint32(whole.byteLength - 8, Math.floor(bytes.length / 2 ** 29));
  whole.setUint32(whole.byteLength - 4, bytes.length * 8);
  const state = Uint32Array.from(SHA_START);
  for (let start = 0; start < whole.byteLength; start += 64) mixBlock(state, whole, start);
  const hash = new DataView(new ArrayBuffer(32));
  state.forEach((word, place) => hash.setUint32(4 * place, word));
  return new Uint8Array(hash.buffer);
}

// A typed array keeps sums modulo 2^32 by itself.
function mixBlock(state, whole, start) {
  const w = new Uint32Array(64);
  for (let i = 0; i < 16; i++) w[i] = whole.getUint32(start + 4 * i);
  for (let i = 16; i < 64; i++) {
    const [early, late] = [w[i - 15], w[i - 2]];
    w[i] = w[i - 16] + w[i - 7] + (turn(early, 7) ^ turn(early, 18) ^ (early >>> 3)) + (turn(late, 17) ^ turn(late, 19) ^ (late >>> 10));
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const one = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + SHA_ROUNDS[i] + w[i];
    const two = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    [a, b, c, d, e, f, g, h] = [(one + two) | 0, a, b, c, (d + one) | 0, e, f, g];
  }
  [a, b, c, d, e, f, g, h].forEach((word, place) => { state[place] += word; });
}

function utf8(text) {
  return new TextEncoder().encode(text);
}

function join8(...parts) {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function hexOf(bytes) {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function isHex(text, bytes) {
  return typeof text === "string" && text.length === 2 * bytes && /^[0-9a-f]+$/.test(text);
}

function fromHex(text) {
  return Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
}

// Of the spellings of the same bytes, only the canonical one is taken.
function fromBase64(text) {
  const bytes = atob(text);
  if (btoa(bytes) !== text) throw new RangeError("This is no canonical base64.");
  return Uint8Array.from(bytes, (letter) => letter.charCodeAt(0));
}

// RFC 6962: a leaf begins with 0 and a node with 1, so that neither can be taken for the other.
function leafOf(body) {
  return sha256(join8([0], utf8(body)));
}

// The root to which the audit path leads from a leaf at a position (from 0) of a tree with so many leaves; "" where it leads nowhere.
function rootFrom(leaf, position, size, path) {
  let [place, last, found] = [position, size - 1, leaf];
  if (!(position >= 0 && position < size)) return "";
  for (const sibling of path) {
    if (last === 0) return "";
    if (place % 2 || place === last) {
      found = sha256(join8([1], sibling, found));
      while (place && place % 2 === 0) [place, last] = [place / 2, Math.floor(last / 2)];
    } else {
      found = sha256(join8([1], found, sibling));
    }
    [place, last] = [Math.floor(place / 2), Math.floor(last / 2)];
  }
  return last === 0 ? hexOf(found) : "";
}

/* ---- receipts: making and checking ---- */

// What the log must hold, made from what was asked for and what was answered; and whether the server's hash says the same.
function makeReceipt(ballot, recorded, epoch = vote.epoch) {
  const { id, question, round, text, words } = ballot;
  const { index, rev, at, receipt: { voter, supersedes, salt, leaf, chain } } = recorded;
  const answer = canonical(ballot.answer);
  const whole = isHex(salt, 16) && isHex(leaf, 32) && isHex(chain, 32) && typeof voter === "string"
    && [index, rev, at, supersedes ?? 0].every(Number.isSafeInteger);
  const commitment = whole ? hexOf(sha256(join8(fromHex(salt), utf8(answer)))) : "";
  const body = canonical({ "@type": "ballot_cast/1", at, commitment, id, question, rev, round, supersedes, voter });
  const problem = whole && hexOf(leafOf(body)) === leaf ? "" : "receipt";
  return { id, question, round, text, words, index, at, supersedes, body, salt, answer, chain, problem, proof: null, signed: null, replaced: null, disowned: false, epoch };
}

const NOTE = /^livevote\/([A-Z0-9]{6})\/([0-9a-f]{16})\n([1-9]\d{0,14})\n([A-Za-z\d+/]{43}=)\nlivevote\/chain [A-Za-z\d+/]{43}=\nlivevote\/at (\d{1,15})\n\n((?:\u2014 \S+ \S+\n)+)$/;
const KEY = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z\d+/]{44})$/;

// What a checkpoint says; null for anything else.
function readNote(note) {
  const found = NOTE.exec(note);
  if (!found) return null;
  const [, code, epoch, size, root, at, signatures] = found;
  return { code, epoch, size: Number(size), root: hexOf(fromBase64(root)), at: Number(at), text: note.slice(0, -signatures.length - 1), signatures };
}

// Whether the checkpoint has the ballot of the receipt at its index.
function holds(receipt, { note, path }) {
  const checkpoint = typeof note === "string" && readNote(note);
  if (!checkpoint || checkpoint.code !== room || !Array.isArray(path) || !path.every((sibling) => isHex(sibling, 32))) return false;
  return rootFrom(leafOf(receipt.body), receipt.index - 1, checkpoint.size, path.map(fromHex)) === checkpoint.root;
}

// True or false; null where this browser cannot tell: over plain HTTP, or because it is too old for Ed25519.
async function isSigned({ note, vkey }) {
  const [, name, id, encoded] = KEY.exec(vkey) ?? [];
  if (!name) return false;
  const key = fromBase64(encoded);
  const { text, signatures } = readNote(note);
  const lines = signatures.trim().split("\n").map((signature) => signature.split(" "));
  const signature = lines.filter((parts) => parts[1] === name).map((parts) => fromBase64(parts[2])).find((bytes) => hexOf(bytes.slice(0, 4)) === id);
  if (key[0] !== 1 || hexOf(sha256(join8(utf8(`${name}\n`), key)).slice(0, 4)) !== id || !signature) return false;
  if (!window.crypto.subtle) return null;
  let imported;
  try {
    imported = await crypto.subtle.importKey("raw", key.slice(1), { name: "Ed25519" }, false, ["verify"]);
  } catch {
    return null;
  }
  return crypto.subtle.verify({ name: "Ed25519" }, imported, signature.slice(4), utf8(text));
}

async function takeProof(receipt, answer) {
  if (answer.included === false) return fail(receipt, "missing");
  let signed = false;
  try {
    signed = answer.included === true && holds(receipt, answer) && await isSigned(answer);
  } catch {
    // What cannot even be read shows nothing.
  }
  if (signed === false) return fail(receipt, "proof");
  const { note, path, vkey } = answer;
  return Object.assign(receipt, { proof: { note, path, vkey }, signed, problem: "", epoch: readNote(note).epoch });
}

function fail(receipt, problem) {
  receipt.problem = problem;
}

/* ---- receipts: keeping ---- */

const held = new Map(); // the receipts of this room by ballot id, the oldest first
const refused = new Set(); // ballots of a room that gives no receipts

function receiptKey(id) {
  return `livevote-receipt:${room}:${id}`;
}

// Whether the receipt will be here after a reload. Storage may be denied or full; then the page keeps it while it is open.
function keep(receipt) {
  const { asked, stored, ...rest } = receipt;
  held.set(receipt.id, receipt);
  try {
    localStorage.setItem(receiptKey(receipt.id), JSON.stringify(rest));
    receipt.stored = true;
  } catch {
    receipt.stored = false;
  }
}

function recallReceipts() {
  let keys = [];
  try {
    keys = Object.keys(localStorage).filter((key) => key.startsWith(receiptKey("")));
  } catch {
    // See above.
  }
  for (const receipt of keys.map(readReceipt).filter(Boolean)) {
    const known = held.get(receipt.id);
    if (!known) held.set(receipt.id, receipt);
    else if (known.stored) Object.assign(known, receipt);
  }
  const sorted = [...held.values()].sort((one, other) => one.index - other.index);
  held.clear();
  for (const receipt of sorted) held.set(receipt.id, receipt);
  sorted.slice(0, -RECEIPTS_MOST).forEach(dropReceipt);
}

function readReceipt(key) {
  try {
    const receipt = JSON.parse(localStorage.getItem(key));
    return receiptKey(receipt.id) === key && typeof receipt.body === "string" ? { ...receipt, stored: true } : null;
  } catch {
    return null;
  }
}

function dropReceipt({ id }) {
  held.delete(id);
  try {
    localStorage.removeItem(receiptKey(id));
  } catch {
    // See above.
  }
}

function hearOtherTabs({ key }) {
  if (!key || !key.startsWith(receiptKey(""))) return;
  recallReceipts();
  render();
}

function newestReceipt(asked) {
  return [...held.values()].filter((receipt) => isSameRound(receipt, asked)).pop();
}

// Whether the server last vouched for the receipt with another log than the one that it has now.
function isOfAnotherLog({ epoch, problem }) {
  return !problem && Boolean(epoch) && epoch !== vote.epoch;
}

// The log was replaced: every ballot that this browser holds a receipt of may be gone, also on questions that are over.
function doubtAll() {
  const doubted = [...held.values()].filter(isOfAnotherLog);
  if (doubted.length) askSoon(doubted, jitter(PROOF_MS * Math.random()));
}

// The server knows no ballot, or an older one, where this page holds a receipt: that is for the log to say.
function doubt(mine) {
  const newest = newestReceipt(mine);
  if (!newest) return;
  if (newest.disowned !== (mine.id === null)) keep(Object.assign(newest, { disowned: mine.id === null }));
  if (!newest.problem && newest.index > (mine.index ?? 0)) askSoon([newest], jitter(PROOF_MS * Math.random()));
}

function takeReceipt(ballot, recorded, epoch) {
  if (!recorded.receipt) {
    refused.add(ballot.id);
    return;
  }
  const receipt = makeReceipt(ballot, recorded, epoch);
  keep(receipt);
  recallReceipts();
  const older = [...held.values()].find(({ index }) => index === receipt.supersedes);
  if (older) replace(older.id, receipt.index);
  if (!receipt.problem) askSoon([receipt], jitter(PROOF_MS * (0.2 + Math.random())));
}

// A server that knows fewer characters than this browser, such as the emoji of this year, leaves those out of a text and of
// its receipt. `mine` has the text as it is in the log.
function askForText(ballot, recorded) {
  if (held.get(ballot.id)?.problem !== "receipt" || !WRITTEN.includes(Object.keys(ballot.answer)[0])) return;
  vote.misread = { ballot, recorded };
  sync();
}

function readReceiptAgain(mine) {
  const { misread } = vote;
  if (!misread || misread.ballot.id !== mine.id) return;
  vote.misread = null;
  if (lettersOf(mine.answer) !== lettersOf(misread.ballot.answer)) return;
  const ballot = { ...misread.ballot, answer: mine.answer, words: kindOf(vote.question).words(mine.answer, vote.question) };
  takeReceipt(ballot, misread.recorded);
}

function lettersOf(answer) {
  return Object.values(answer).flat().join(" ").replace(/[\p{So}\p{Sk}\p{C}\p{Z}\ufe0f]/gu, "");
}

function replace(id, index) {
  const receipt = held.get(id);
  if (!receipt || receipt.replaced) return;
  receipt.replaced = index;
  keep(receipt);
}

/* ---- receipts: asking for proofs ---- */

const asking = { ids: new Set(), timer: 0, busy: false, attempt: 0 };

function askSoon(receipts, ms) {
  for (const { id } of receipts) asking.ids.add(id);
  clearTimeout(asking.timer);
  asking.timer = setTimeout(askAll, ms);
}

function wanting() {
  return [...held.values()].filter(({ proof, problem }) => !proof && !problem);
}

// One after the other, the newest first. A page that nobody looks at asks when it is seen again.
async function askAll() {
  if (asking.busy || document.visibilityState !== "visible") return;
  asking.busy = true;
  for (const id of [...asking.ids].reverse()) {
    const receipt = held.get(id);
    if (!receipt) asking.ids.delete(id);
    if (!receipt) continue;
    receipt.asked = say("client.receipt.asking");
    renderReceipts();
    const reason = await ask(receipt);
    receipt.asked = reason;
    if (!reason) asking.ids.delete(id);
    render();
    renderReceipts();
    if (reason && reason !== say("proof.not_sealed_yet")) break;
  }
  asking.busy = false;
  asking.attempt = asking.ids.size ? asking.attempt + 1 : 0;
  if (asking.ids.size) askSoon([], jitter(Math.min(PROOF_MOST_MS, 1000 * 2 ** asking.attempt)));
}

// "" when the server has answered; else why not.
async function ask(receipt) {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), RENEW_TIMEOUT_MS);
  try {
    const leaf = hexOf(leafOf(receipt.body));
    const response = await fetch(`/api/rooms/${room}/proof?index=${receipt.index}&leaf=${leaf}`, { cache: "no-store", signal: limit.signal });
    const answer = await response.json();
    if (!response.ok) return sayCode("proof.", answer.error);
    await takeProof(receipt, answer);
    keep(receipt);
    return "";
  } catch {
    return say("client.receipt.offline");
  } finally {
    clearTimeout(timer);
  }
}

/* ---- receipts: the line and the panel ---- */

// What became of this voter's ballot on the question where the server shows none: it may have gone on with an older copy of its log.
function lossOf({ id, round, phase }) {
  if (vote.ballot) return undefined;
  const receipt = newestReceipt({ question: id, round });
  if (!receipt || !(receipt.problem === "missing" || isOfAnotherLog(receipt))) return undefined;
  const again = phase === "open" && say("client.vote_again");
  const [what, why] = receipt.problem ? wordsOfProblem(receipt.problem) : [say("client.loss.what"), say("client.loss.why")];
  return [what, join(why, again)];
}

function problemOf(ballot) {
  const receipt = ballot && held.get(ballot.id);
  return receipt && receipt.problem ? wordsOfProblem(receipt.problem) : undefined;
}

// What is wrong, and what this voter can do about it.
function wordsOfProblem(problem) {
  return ["what", "advice"].map((part) => say("client.problem." + `${problem}.${part}`));
}

function renderReceipts() {
  const { ballot } = vote;
  const receipt = ballot && held.get(ballot.id);
  const line = $("receipt");
  line.hidden = !receipt && !(ballot && refused.has(ballot.id));
  // It keeps its place while a change is on its way, or the results below would jump.
  line.toggleAttribute("data-waits", isSending());
  setText(line.firstElementChild, receipt ? wordsFor(receipt) : say("client.receipt.none"));
  $("ask-receipt").hidden = !receipt;
  setText($("ask-receipt"), say(receipt && receipt.problem ? "client.receipt.see" : "client.receipt.ask"));
  const { question } = vote;
  const told = receipt ?? (question && !ballot ? newestReceipt({ question: question.id, round: question.round }) : undefined);
  // Behind the board the line below the question cannot be seen.
  const shown = Boolean(receipt) && !$("question").hidden && document.querySelector("main").dataset.view !== "board";
  const bad = [...held.values()].some((each) => each.problem && each !== (shown ? receipt : null));
  renderAlarm([...held.values()].some((each) => each.problem && each !== told));
  $("all-receipts").parentElement.hidden = held.size === 0 || (shown && !bad);
  $("all-receipts").dataset.look = bad ? "bad" : "";
  setText($("all-receipts"), say(bad ? "client.receipts.bad" : "client.receipts.all"));
  if ($("receipts").open) renderPanel();
}

// What the status of the question does not say must be seen as well, without a look at the end of the page.
function renderAlarm(bad) {
  if (document.documentElement.dataset.connection !== "open" || line.welcome) return;
  setText($("banner"), bad ? say("client.receipts.alarm") : "");
  $("banner").dataset.look = "";
}

function wordsFor({ problem, proof }) {
  if (problem) return "";
  return say(proof ? "client.receipt.found" : "client.receipt.checked");
}

function openReceipts() {
  recallReceipts();
  const fit = [...held.values()].filter(({ problem }) => problem !== "receipt");
  for (const receipt of fit) receipt.asked = say("client.receipt.asking");
  $("receipt-list").replaceChildren();
  $("receipts").showModal();
  asking.attempt = 0;
  askSoon(fit, 0);
  renderPanel();
}

function renderPanel() {
  const list = $("receipt-list");
  for (const receipt of held.values()) {
    let item = list.querySelector(`[data-ballot="${receipt.id}"]`);
    if (!item) {
      item = buildReceipt(receipt);
      list.prepend(item);
    }
    const { look, verdict, detail } = judge(receipt);
    item.dataset.look = look;
    setText(item.querySelector(".verdict"), verdict);
    setText(item.querySelector(".detail"), detail);
    item.querySelector("button").hidden = receipt.problem === "receipt";
  }
  setText($("receipts-summary"), summary());
  $("unkept").hidden = [...held.values()].every(({ stored }) => stored);
}

function buildReceipt(receipt) {
  const item = make("li", "", document.createDocumentFragment(), { "data-ballot": receipt.id });
  make("p", "", item, { class: "verdict" });
  make("h3", receipt.text ?? say("client.receipt.earlier"), item, { dir: "auto" });
  make("span", answerOf(receipt), make("p", `${say("client.receipt.answer")} `, item), { dir: "auto" });
  make("p", "", item, { class: "detail" });
  const label = say("client.receipt.save_number", { index: String(receipt.index) });
  make("button", say("client.receipt.save"), item, { type: "button", class: "quiet", "aria-label": label });
  item.lastElementChild.addEventListener("click", () => save(held.get(receipt.id)));
  return item;
}

// A page of an earlier version left ballots without words; it knew options only.
function answerOf({ words, answer }) {
  return (words ?? JSON.parse(answer).choices.map(letter)).join(say("client.comma")) || say("client.receipt.no_option");
}

function judge(receipt) {
  const { asked, index, problem, proof, signed } = receipt;
  const place = say("client.receipt.place", { index: String(index), time: instant(receipt.at) });
  if (problem) {
    const [verdict, advice] = wordsOfProblem(problem);
    return { look: "bad", verdict, detail: join(advice, place) };
  }
  const { look, verdict, counts } = effectOf(receipt);
  if (!proof) return { look: "", verdict: asked || say("client.receipt.recorded"), detail: join(place, counts) };
  const { size, at } = readNote(proof.note);
  const sealed = say("client.receipt.sealed", { n: size, time: instant(at), key: KEY.exec(proof.vkey)[2] });
  const signature = say(signed ? "client.receipt.signature" : "client.receipt.no_signature");
  return { look: asked ? "" : look, verdict: asked ? join(asked, say("client.receipt.was_in")) : verdict, detail: join(place, counts, sealed, signature) };
}

// Being in the log is one thing, being counted another.
function effectOf({ body, replaced, disowned }) {
  if (replaced) return { look: "old", verdict: say("client.receipt.in_replaced"), counts: say("client.receipt.later", { index: String(replaced) }) };
  if (disowned) return { look: "old", verdict: say("client.receipt.in"), counts: say("client.receipt.disowned") };
  // Only of the question that it shows does the server say whether a ballot of this browser still counts.
  return { look: "good", verdict: say(isAsking(JSON.parse(body)) ? "client.receipt.in_counts" : "client.receipt.in"), counts: "" };
}

function summary() {
  const all = [...held.values()];
  const wrong = all.filter(({ problem }) => problem).length;
  if (wrong) return say("client.receipts.wrong", { n: wrong });
  if (all.some(({ asked, proof }) => asked || !proof)) return say("client.receipts.asking");
  return say("client.receipts.in", { n: all.length });
}

function instant(at) {
  return new Date(at).toLocaleString(locale, { dateStyle: "medium", timeStyle: "medium" });
}

function save({ index, body, salt, answer, chain, proof }) {
  const text = JSON.stringify({ "@type": "livevote_receipt/1", room, index, body, salt, answer, chain, proof });
  const link = document.createElement("a");
  link.download = `livevote-receipt-${room}-${index}.json`;
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), RENEW_TIMEOUT_MS);
}

/* ---- receipts: on the page ---- */

addRules(`
  dialog { width: min(34rem, 100vw - 1.2rem); max-height: calc(100vh - 1.2rem); max-height: calc(100dvh - 1.2rem); padding: 0 clamp(1rem, 4vw, 1.5rem) 1.2rem;
      overflow: hidden auto; color: var(--ink); background: var(--card); border: 1px solid var(--line); border-radius: 1.1rem; }
  dialog::backdrop { background: #0009; }
  #receipts-head { position: sticky; top: 0; display: flex; align-items: center; justify-content: space-between; gap: 1rem; padding-block: .8rem .4rem; background: var(--card); }
  #receipts h2 { font-size: 1.15rem; }
  #receipts-summary { color: var(--soft); }
  #unkept { margin-top: .6rem; padding: .6rem .9rem; border-radius: .8rem; color: var(--warn); background: var(--warn-tint); }
  #receipt-list { display: grid; grid-template-columns: minmax(0, 1fr); gap: .8rem; margin: .9rem 0 1.2rem; padding: 0; list-style: none; }
  #receipt-list li { padding: .8rem 1rem .3rem; border: 1px solid var(--line); border-inline-start: .35rem solid var(--edge); border-radius: .95rem; }
  #receipt-list li[data-look="good"] { border-inline-start-color: var(--good); }
  #receipt-list li[data-look="bad"] { border-color: var(--bad); background: var(--bad-tint); }
  .verdict { font-weight: 700; }
  [data-look="good"] > .verdict { color: var(--good); }
  [data-look="bad"] > .verdict { color: var(--bad); }
  h3 { margin: .3rem 0 .1rem; font-size: 1rem; line-height: 1.3; }
  .detail, #receipts h3 ~ p { font-size: .9rem; }
  .detail { margin-top: .3rem; color: var(--soft); }
  [data-look="bad"] > .detail { color: var(--ink); }
  #receipts > h3 ~ p { margin-top: .4rem; color: var(--soft); }
  code span { white-space: nowrap; }
`);

function buildDialog() {
  const panel = make("dialog", "", document.body, { id: "receipts", "aria-labelledby": "receipts-title" });
  const head = make("div", "", panel, { id: "receipts-head" });
  make("h2", say("client.receipt.ask"), head, { id: "receipts-title" });
  make("button", say("client.receipts.close"), make("form", "", head, { method: "dialog" }), { class: "quiet", autofocus: "" });
  make("p", "", panel, { id: "receipts-summary", role: "status" });
  make("p", say("client.receipts.unkept"), panel, { id: "unkept" }).hidden = true;
  make("ol", "", panel, { id: "receipt-list" });
  make("h3", say("client.receipts.heading"), panel);
  make("p", say("client.receipts.shows"), panel);
  make("p", say("client.receipts.secret"), panel);
  const code = make("code", "livevote verify BUNDLE ", make("p", `${say("client.receipts.years")} `, panel), { dir: "ltr" });
  make("span", "--receipt FILE", code);
  panel.addEventListener("click", (event) => { if (event.target === panel) panel.close(); });
}

function startReceipts() {
  buildDialog();
  for (const id of ["ask-receipt", "all-receipts"]) $(id).addEventListener("click", openReceipts);
  addEventListener("storage", hearOtherTabs);
  recallReceipts();
  takeUnread();
  if (vote.epoch) doubtAll();
  // What the server said before this script was here, or has said since of a ballot.
  const { ballot, mine } = vote;
  if (isAsking(mine)) doubt({ ...mine, id: ballot?.id ?? null, index: ballot?.index ?? null });
  askSoon(wanting(), jitter(PROOF_MS * Math.random()));
}

// What was recorded before this script was here, also before a reload, in the order of the log.
function takeUnread() {
  const unread = new Map(vote.unread.map((each) => [each.ballot.id, each]));
  vote.unread = [];
  try {
    for (const key of Object.keys(localStorage).filter((each) => each.startsWith(unreadKey("")))) {
      const kept = readUnread(key);
      localStorage.removeItem(key);
      if (kept && unreadKey(kept.ballot.id) === key) unread.set(kept.ballot.id, kept);
    }
  } catch {
    // Denied.
  }
  const inOrder = [...unread.values()].sort((one, other) => one.recorded.index - other.recorded.index);
  for (const { ballot, recorded, epoch } of inOrder) {
    takeReceipt(ballot, recorded, epoch);
    const problem = problemOf(ballot);
    if (problem && vote.question && !isAsking(ballot)) vote.notice = { text: say("client.before.problem", { problem: join(...problem) }), bad: true };
  }
  const last = inOrder.at(-1);
  if (last) askForText(last.ballot, last.recorded);
}

function readUnread(key) {
  try {
    const { ballot, recorded, epoch } = JSON.parse(localStorage.getItem(key));
    return typeof ballot.answer === "object" && typeof recorded.index === "number" ? { ballot, recorded, epoch } : null;
  } catch {
    return null;
  }
}

// The last word of the server about this voter's ballot in a round.
function hearMine(mine) {
  readReceiptAgain(mine);
  // A ballot that is still pending stays so until its own answer, which brings the receipt.
  doubt(mine);
}

function wakeReceipts() {
  if (asking.ids.size) askSoon([], jitter(1000));
}

function takeAnswer(ballot, recorded) {
  takeReceipt(ballot, recorded);
  askForText(ballot, recorded);
}

livevote.receipts = {
  start: startReceipts, take: takeAnswer, mine: hearMine, doubt: doubtAll, replace, problem: problemOf, loss: lossOf, render: renderReceipts, wake: wakeReceipts,
};
