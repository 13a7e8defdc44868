// Checks bundles of livevote once more, written from docs/audit.md alone: no code is shared with `livevote verify`,
// so that a mistake in one of them is seen by the other.
//
//   node verify.mjs [--key VKEY] BUNDLE...
//
// Prints one line of JSON for each bundle. Exit code 0: intact; 1: tampered with; 2: cannot be read; 3: intact, and no
// checkpoint covers the end of the log although a key is insisted on; the highest of all.

import { createHash, createPublicKey, verify as ed25519 } from "node:crypto";
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";

const BEGINNING = '{"@type":"livevote_bundle/1"';
const LONGEST_LINE_BYTES = 1 << 20;

class Tampered extends Error {}

const require = (condition, why) => {
  if (!condition) throw new Tampered(why);
};
const sha256 = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};

// --- Canonical JSON: there is one way to write a value, and this reads no other.

const ESCAPES = { '"': '"', "\\": "\\", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  fail() {
    throw new Tampered(`not canonical JSON at character ${this.at + 1}`);
  }

  take(text) {
    if (!this.text.startsWith(text, this.at)) this.fail();
    this.at += text.length;
  }

  value() {
    const char = this.text[this.at];
    if (char === "{") return this.object();
    if (char === "[") return this.list();
    if (char === '"') return this.string();
    for (const [word, value] of [["null", null], ["true", true], ["false", false]]) {
      if (char === word[0]) {
        this.take(word);
        return value;
      }
    }
    return this.integer();
  }

  integer() {
    const digits = /^-?(0|[1-9][0-9]*)(?![0-9.eE])/.exec(this.text.slice(this.at, this.at + 5000));
    if (digits === null || digits[0] === "-0") this.fail();
    this.at += digits[0].length;
    const number = Number(digits[0]);
    return Number.isSafeInteger(number) ? number : BigInt(digits[0]);
  }

  string() {
    this.take('"');
    let found = "";
    for (;;) {
      const char = this.text[this.at];
      if (char === undefined || char < " ") this.fail();
      this.at += 1;
      if (char === '"') return found;
      found += char === "\\" ? this.escape() : char;
    }
  }

  escape() {
    const char = this.text[this.at];
    if (char in ESCAPES) {
      this.at += 1;
      return ESCAPES[char];
    }
    // Only control characters without a short form are written as numbers, in lower-case hex.
    const code = /^u00([01][0-9a-f])/.exec(this.text.slice(this.at, this.at + 5));
    if (code === null || "\b\f\n\r\t".includes(String.fromCharCode(parseInt(code[1], 16)))) this.fail();
    this.at += 5;
    return String.fromCharCode(parseInt(code[1], 16));
  }

  list() {
    this.take("[");
    const found = [];
    while (this.text[this.at] !== "]") {
      if (found.length) this.take(",");
      found.push(this.value());
    }
    this.take("]");
    return found;
  }

  object() {
    this.take("{");
    const found = new Map();
    let before = null;
    while (this.text[this.at] !== "}") {
      if (found.size) this.take(",");
      const key = this.string();
      if (before !== null && key <= before) this.fail();
      this.take(":");
      found.set(key, this.value());
      before = key;
    }
    this.take("}");
    return found;
  }
}

/** Whether all strings in a value are NFC; keys are ASCII. */
const isComposed = (value) => {
  if (isString(value)) return value.normalize("NFC") === value;
  if (Array.isArray(value)) return value.every(isComposed);
  return value instanceof Map ? [...value.values()].every(isComposed) : true;
};

const read = (text, what) => {
  const reader = new Reader(text);
  try {
    const found = reader.value();
    if (reader.at !== text.length) reader.fail();
    return found;
  } catch (error) {
    if (error instanceof RangeError) throw new Tampered(`${what}: nested too deeply`);
    if (error instanceof Tampered) throw new Tampered(`${what}: ${error.message}`);
    throw error;
  }
};

// --- Shapes: exactly these fields, of these types.

const isInteger = (value) => typeof value === "number" || typeof value === "bigint";
const isString = (value) => typeof value === "string";
const isBoolean = (value) => typeof value === "boolean";
const isList = (of) => (value) => Array.isArray(value) && value.every(of);
const orNull = (is) => (value) => value === null || is(value);
/** A field that may be missing, and has another value than its default where it is there. */
const optional = (is) => Object.assign((value) => is(value), { optional: true });
const isShape = (shape) => (value) =>
  value instanceof Map &&
  [...value.keys()].every((name) => Object.hasOwn(shape, name)) &&
  Object.entries(shape).every(([name, is]) => (value.has(name) ? is(value.get(name)) : is.optional === true));

const ONE_ROUND = { question: isString, round: isInteger };
const QUESTION = {
  changeable: isBoolean,
  id: isString,
  kind: isString,
  level: optional((value) => value === "code"),
  options: isList(isString),
  quiz: optional(isShape({ commitment: isString, fading: isBoolean, points: isInteger })),
  rules: (value) => value instanceof Map,
  text: isString,
};
const RECORDS = {
  "room_created/1": { code: isString, title: isString },
  "question_defined/1": QUESTION,
  "question_edited/1": { ...QUESTION, kept: optional((value) => value === true), version: isInteger },
  "question_removed/1": { question: isString },
  "questions_ordered/1": { questions: isList(isString) },
  "room_renamed/1": { title: isString },
  "language_set/1": { language: isString },
  "room_erased/1": {},
  "voting_opened/1": { ...ONE_ROUND, closes_at: optional(isInteger) },
  "voting_closed/1": ONE_ROUND,
  "results_revealed/1": ONE_ROUND,
  "results_hidden/1": ONE_ROUND,
  "ballot_cast/1": {
    commitment: isString,
    id: isString,
    question: isString,
    rev: isInteger,
    round: isInteger,
    supersedes: orNull(isInteger),
    voter: isString,
  },
  "answer_erased/1": { index: isInteger, question: isString, round: isInteger, voter: isString },
  "receipts_switched/1": { on: isBoolean },
  "replay_published/1": { public: isBoolean },
  "terms_judged/1": { ...ONE_ROUND, keys: isList(isString), shown: isBoolean },
  "embedding_set/1": { ancestors: isList(isString) },
  "codes_issued/1": { count: isInteger, list: isInteger, root: (value) => isString(value) && /^[0-9a-f]{64}$/.test(value) },
  "code_used/1": { by: isString, list: isInteger, place: isInteger },
  "recovery_accepted/1": { kept: isInteger, lost: isInteger, origin: isString, root: isString },
  "timer_set/1": { ...ONE_ROUND, closes_at: orNull(isInteger) },
  "cohost_added/1": { id: isString, name: isString },
  "cohost_revoked/1": { id: isString },
  "pseudonyms_linked/1": {},
  "solution_shown/1": ONE_ROUND,
  "player_named/1": { commitment: isString, id: isString, voter: isString },
  "name_erased/1": { index: isInteger, voter: isString },
  "leaderboard_shown/1": { on: isBoolean },
  "board_switched/1": { approval: isBoolean, on: isBoolean, per_voter: isInteger },
  "post_asked/1": { commitment: isString, id: isString, voter: isString },
  "post_upvoted/1": { id: isString, on: isBoolean, post: isInteger, voter: isString },
  "posts_judged/1": { posts: isList(isInteger), shown: isBoolean },
  "post_pinned/1": { post: orNull(isInteger) },
  "post_answered/1": { answered: isBoolean, post: isInteger },
  "post_erased/1": { index: isInteger },
  "reactions_switched/1": { on: isBoolean },
};
const LINES = {
  "livevote_bundle/1": { room: isString, vkey: isString },
  note: { note: isString },
  record: { answer: orNull(isString), body: isString, chain: isString, index: isInteger, salt: orNull(isString) },
  end: { notes: isInteger, records: isInteger },
};

/** The value as a plain object, `type` among its fields. */
const shaped = (shapes, more, value, what) => {
  require(value instanceof Map && isString(value.get("@type")), `${what} has no type`);
  const type = value.get("@type");
  require(Object.hasOwn(shapes, type), `${what} is of an unknown type`);
  require(isShape({ "@type": isString, ...more, ...shapes[type] })(value), `${what} has not the fields of ${type}`);
  const { "@type": _, ...fields } = Object.fromEntries(value);
  return { ...fields, type };
};

const fromHex = (text, bytes, what) => {
  require(new RegExp(`^([0-9a-f]{2}){${bytes}}$`).test(text), `${what} is not ${bytes} bytes of hex`);
  return Buffer.from(text, "hex");
};

const fromBase64 = (text, what) => {
  const raw = Buffer.from(text, "base64");
  require(raw.toString("base64") === text, `${what} is no base64`);
  return raw;
};

// --- The Merkle tree of RFC 6962, as a stack of perfect subtrees.

class Tree {
  size = 0;
  #peaks = [];

  append(leaf) {
    let height = 0;
    let hash = leaf;
    while (this.#peaks.length && this.#peaks.at(-1).height === height) {
      hash = sha256("\x01", this.#peaks.pop().hash, hash);
      height += 1;
    }
    this.#peaks.push({ height, hash });
    this.size += 1;
  }

  root() {
    return this.#peaks.reduceRight((right, { hash }) => (right === null ? hash : sha256("\x01", hash, right)), null);
  }
}

// --- Keys and notes: C2SP signed-note and tlog-checkpoint.

const isName = (name) => name !== "" && !/[\p{White_Space}+]/u.test(name);

const readKey = (vkey) => {
  const [, name, id, encoded] = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(vkey) ?? [];
  require(name !== undefined && isName(name), "the key is no verifier key");
  const raw = fromBase64(encoded, "the key");
  require(raw.length === 33 && raw[0] === 1, "the key is no Ed25519 key");
  require(sha256(name, "\n", raw).subarray(0, 4).toString("hex") === id, "the key's id does not fit the key");
  const jwk = { kty: "OKP", crv: "Ed25519", x: raw.subarray(1).toString("base64url") };
  return { name, id: Buffer.from(id, "hex"), key: createPublicKey({ key: jwk, format: "jwk" }) };
};

const readNote = (note, { name, id, key }) => {
  const border = note.lastIndexOf("\n\n");
  require(border >= 0 && note.length > border + 2 && note.endsWith("\n"), "no signed note");
  const text = note.slice(0, border + 1);
  const signatures = note.slice(border + 2, -1).split("\n").map((line) => {
    const [, signer, encoded] = /^\u2014 ([^ ]+) (.+)$/u.exec(line) ?? [];
    require(signer !== undefined && isName(signer), "a line is no signature");
    const raw = fromBase64(encoded, "a signature");
    require(raw.length > 4, "a signature is empty");
    return { signer, id: raw.subarray(0, 4), raw: raw.subarray(4) };
  });
  const ours = signatures.find((found) => found.signer === name && found.id.equals(id));
  require(ours !== undefined, "not signed by the key of the bundle");
  require(ed25519(null, Buffer.from(text), key, ours.raw), "the signature is wrong");
  const [origin, size, root, chain, at, rest] = text.split("\n");
  const isNumber = (digits) => /^(0|[1-9][0-9]{0,18})$/.test(digits);
  require(
    origin !== "" &&
      rest === "" &&
      text.split("\n").length === 6 &&
      isNumber(size) &&
      chain.startsWith("livevote/chain ") &&
      at.startsWith("livevote/at ") &&
      isNumber(at.slice("livevote/at ".length)),
    "no checkpoint of livevote",
  );
  const found = {
    origin,
    size: BigInt(size),
    root: fromBase64(root, "the root"),
    chain: fromBase64(chain.slice("livevote/chain ".length), "the chain value"),
    agrees: false,
  };
  require(found.root.length === 32 && found.chain.length === 32, "a hash has not 32 bytes");
  return found;
};

// --- The rules.

const isAnyOf = (...values) => (value) => values.includes(value);
const isFrom = (low, high) => (value) => typeof value === "number" && value >= low && value <= high;
/** A site that may show the wall. What else stands there could get into the policy of a page. */
const isSite = (text) =>
  text === "*" ||
  text === "file:" ||
  (text.length <= 200 &&
    /^https?:\/\/(\*\.)?([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(:[0-9]{1,5})?$/.test(text));
const isEvery = (list, is) => list.every(is) && new Set(list).size === list.length;
const characters = (text) => [...text].length;

/** Kinds whose answer is a set of places in a list. */
const choosing = (size, rules, limits = (own) => own) => ({
  rules,
  size,
  answer: { choices: isList(isInteger) },
  read: ({ choices }, question) => {
    const { min, max } = limits(question.rules);
    require(
      choices.every((choice, place) => choice > (place ? choices[place - 1] : -1) && choice < size(question)),
      "an answer that is not one of the options",
    );
    require(choices.length >= min && choices.length <= max, "an answer with too few or too many choices");
  },
  count: ({ choices }, counts) => {
    for (const choice of choices) counts[choice] += 1;
  },
});

/** Kinds whose answer is one number. */
const valuing = (rules, size, range, bin) => ({
  rules,
  size,
  answer: { value: isInteger },
  read: ({ value }, { rules: own }) => {
    const [low, high] = range(own);
    require(value >= low && value <= high, "a value that nobody could give");
  },
  count: ({ value }, counts, { rules: own }) => {
    counts[bin(value, own)] += 1;
  },
});

/** Kinds whose answers are texts. They are in no count; whether a text was cleaned is left to livevote itself. */
const writing = (rules, answer, texts) => ({
  rules,
  size: () => 0,
  answer,
  read: (given, { rules: own }) => {
    const found = texts(given);
    require(found.length >= 1 && found.length <= (own.max_terms ?? 1), "an answer with too few or too many texts");
    require(
      found.every((text) => text !== "" && characters(text) <= own.max_chars),
      "an answer with a text that is empty or too long",
    );
  },
  count: () => {},
});

const MINMAX = { max: isInteger, min: isInteger };
const ofOptions = ({ options }) => options.length;
const one = () => ({ min: 1, max: 1 });
const lowest = ({ style }) => (style === "nps" ? 0 : 1);
const width = ({ min, max }) => {
  const reach = BigInt(max) - BigInt(min);
  if (reach < 20n) return 1n;
  const needed = (reach + 19n) / 20n;
  return needed > 2n ? needed : 2n;
};
const bins = (rules) => {
  const reach = BigInt(rules.max) - BigInt(rules.min);
  return Number(reach < 20n ? reach + 1n : (reach + width(rules) - 1n) / width(rules));
};

const KINDS = {
  single: choosing(ofOptions, MINMAX),
  multiple: choosing(ofOptions, MINMAX),
  approval: choosing(ofOptions, MINMAX),
  image: choosing(ofOptions, { ...MINMAX, pictures: isList((name) => /^[0-9a-f]{64}$/.test(name)) }),
  yesno: choosing(
    () => 3,
    {
      eligible: isInteger,
      majority: isAnyOf("simple", "absolute", "two_thirds"),
      quorum_percent: orNull(isFrom(1, 100)),
    },
    one,
  ),
  rating: valuing(
    { style: isAnyOf("stars", "nps"), top: isFrom(3, 10) },
    ({ rules }) => rules.top - lowest(rules) + 1,
    (rules) => [lowest(rules), rules.top],
    (value, rules) => value - lowest(rules),
  ),
  estimate: valuing(
    { decimals: isFrom(0, 6), max: isInteger, min: isInteger, truth: orNull(isInteger), unit: isString },
    ({ rules }) => bins(rules),
    ({ min, max }) => [min, max],
    (value, rules) => Math.min(Number((BigInt(value) - BigInt(rules.min)) / width(rules)), bins(rules) - 1),
  ),
  ranking: {
    rules: { top: isFrom(1, 12) },
    size: ofOptions,
    answer: { order: isList(isInteger) },
    read: ({ order }, { options, rules }) => {
      require(isEvery(order, isFrom(0, options.length - 1)), "an order of other options");
      require(order.length >= rules.top, "an order with too few options");
    },
    count: ({ order }, counts) => order.forEach((place, rank) => (counts[place] += counts.length - 1 - rank)),
  },
  text: writing({ approval: isBoolean, max_chars: isInteger }, { text: isString }, ({ text }) => [text]),
  cloud: writing(
    { approval: isBoolean, language: isString, max_chars: isInteger, max_terms: isInteger },
    { terms: isList(isString) },
    ({ terms }) => terms,
  ),
};

const readRules = (kind, rules) => {
  require(Object.hasOwn(KINDS, kind), "an unknown kind of question");
  require(isShape(KINDS[kind].rules)(rules), "rules that are not those of the kind");
  return Object.fromEntries(rules);
};

const readAnswer = (text, question) => {
  const kind = KINDS[question.kind];
  const answer = read(text, "the answer");
  require(isShape(kind.answer)(answer), "an answer that is not of the kind");
  const found = Object.fromEntries(answer);
  kind.read(found, question);
  return found;
};

const readSolution = (text, question) => {
  const solution = read(text, "the solution");
  const shape = { explanation: isString, right: isList(isInteger), truth: optional(isInteger) };
  require(isShape(shape)(solution), "a solution without right options");
  require(isComposed(solution), "a solution with a text that is not NFC");
  const found = { right: solution.get("right"), truth: solution.get("truth") };
  checkRight(found, question);
  return found;
};

const checkRight = ({ right, truth }, question) => {
  if (question.kind === "estimate") {
    // In older logs the truth stands among the rules.
    const inRules = question.rules.truth !== null;
    require(right.length === 0 && inRules === (truth === undefined), "an estimate with right options, or without a truth");
    return;
  }
  require(truth === undefined, "a truth of what is no estimate");
  require(["single", "multiple", "image", "yesno"].includes(question.kind), "a quiz of a kind that is none");
  require(right.length > 0, "a solution in which nothing is right");
  KINDS[question.kind].read({ choices: right }, question);
};

const readName = (text) => {
  const name = read(text, "the name");
  require(isShape({ name: isString })(name), "a name without a text");
  require(isComposed(name), "a name that is not NFC");
};

/** The commitment to what a record hides; null where it hides nothing. */
const committed = (record) => {
  if (["ballot_cast/1", "post_asked/1", "player_named/1"].includes(record.type)) return record.commitment;
  return record.quiz === undefined || record.kept ? null : record.quiz.get("commitment");
};

const readText = (opened) => {
  const found = read(opened, "the text");
  require(isShape({ text: isString })(found), "a post without a text");
  const text = found.get("text");
  require(text !== "" && [...text].length <= 300, "a post of another length");
  require(isComposed(text), "a text that is not NFC");
};

class Room {
  questions = new Map();
  ballots = new Map(); // by index
  missing = new Set();
  board = { on: false, approval: true, pinned: null };
  posts = new Map(); // by index
  acts = new Set(); // voter and id
  upvotes = new Set(); // voter and index of the post
  recoveries = new Map(); // what is kept of each origin
  accepted = []; // all of them, in order: one may come twice
  cohosts = new Map(); // by id, whether they still are
  erased = false;
  lists = []; // of one-time codes, as they were issued
  used = new Set(); // codes, as list and place
  linked = false;
  names = new Map(); // by voter: the index of each name by its id

  constructor(code) {
    this.code = code;
  }

  latest(record) {
    const question = this.questions.get(record.question);
    require(question !== undefined, "a question that was never defined");
    const round = question.rounds.at(-1);
    require(round !== undefined && round.number === record.round, "a round that is not the latest");
    return { question, round };
  }

  add(index, record, opening) {
    require((index === 1) === (record.type === "room_created/1"), "a room is created by the first record alone");
    require(!this.erased || record.type === "recovery_accepted/1", "a record after the deletion of all answers");
    const commitment = committed(record);
    if (opening !== null) {
      require(commitment !== null, "an answer where none may be");
      require(sha256(opening.salt, opening.answer).toString("hex") === commitment, "another answer than committed");
    } else if (commitment !== null) {
      this.missing.add(index);
    }
    switch (record.type) {
      case "room_created/1":
        require(record.code === this.code, "the log of another room");
        break;
      case "question_defined/1":
        require(!this.questions.has(record.id), "a question that is defined already");
        this.questions.set(record.id, {
          ...record,
          rules: readRules(record.kind, record.rules),
          version: 1,
          rounds: [],
        });
        if (record.quiz !== undefined) {
          require(opening !== null, "a quiz without a solution");
          const question = this.questions.get(record.id);
          question.right = readSolution(opening.answer, question);
        }
        break;
      case "question_edited/1":
        this.edit(record, opening);
        break;
      case "question_removed/1":
        require(this.questions.get(record.question)?.rounds.length === 0, "the removal of what is no draft");
        this.questions.delete(record.question);
        break;
      case "questions_ordered/1":
        require(
          record.questions.length === this.questions.size && new Set(record.questions).size === this.questions.size,
          "an order that does not name all questions once",
        );
        require(record.questions.every((id) => this.questions.has(id)), "an order of questions that are not there");
        this.questions = new Map(record.questions.map((id) => [id, this.questions.get(id)]));
        break;
      case "room_erased/1":
        for (const { rounds } of this.questions.values()) {
          for (const round of rounds) {
            require(!round.open, "a deletion while voting is open");
            for (const mine of round.voters.values()) mine.answer = null;
          }
        }
        this.missing.clear();
        this.erased = true;
        break;
      case "voting_opened/1": {
        const question = this.questions.get(record.question);
        require(question !== undefined, "a question that was never defined");
        require(question.rounds.at(-1)?.open !== true, "a question that is open already");
        require(record.round === question.rounds.length + 1, "a round that is not the next one");
        require(question.level !== "code" || this.lists.length > 0, "voting by code in a room without codes");
        const { version, options, rules, quiz } = question;
        const wording = { options, rules, quiz };
        question.rounds.push({ number: record.round, open: true, voters: new Map(), version, wording });
        break;
      }
      case "voting_closed/1": {
        const { round } = this.latest(record);
        require(round.open, "a round that is closed already");
        round.open = false;
        break;
      }
      case "timer_set/1":
        require(this.latest(record).round.open, "a timer of a round that is closed already");
        break;
      case "embedding_set/1":
        require(record.ancestors.length <= 10 && record.ancestors.every(isSite), "a site that is no address");
        break;
      case "cohost_added/1":
        require(record.id === `c${this.cohosts.size + 1}`, "a co-host out of order");
        this.cohosts.set(record.id, true);
        break;
      case "cohost_revoked/1":
        require(this.cohosts.get(record.id) === true, "the revocation of no co-host");
        this.cohosts.set(record.id, false);
        break;
      case "solution_shown/1": {
        const { round } = this.latest(record);
        require(round.wording.quiz !== undefined && !round.open, "the solution of no quiz, or of an open round");
        break;
      }
      case "pseudonyms_linked/1": {
        const asked = [...this.questions.values()].some(({ rounds }) => rounds.length > 0);
        require(!this.linked && !asked, "pseudonyms that are linked too late");
        this.linked = true;
        break;
      }
      case "player_named/1": {
        const mine = this.names.get(record.voter) ?? new Map();
        require(this.linked && !mine.has(record.id), "a name where none may be, or for the second time");
        if (opening !== null) readName(opening.answer);
        this.names.set(record.voter, mine.set(record.id, index));
        break;
      }
      case "name_erased/1": {
        const mine = this.names.get(record.voter) ?? new Map();
        require([...mine.values()].includes(record.index), "the erasure of no name");
        require(this.missing.delete(record.index), "the erasure of a name that is still there");
        break;
      }
      case "leaderboard_shown/1":
        require(this.linked, "a leaderboard without points");
        break;
      case "results_revealed/1":
      case "results_hidden/1":
        this.latest(record);
        break;
      case "ballot_cast/1":
        this.cast(index, record, opening);
        break;
      case "answer_erased/1":
        this.erase(record);
        break;
      case "terms_judged/1": {
        const question = this.questions.get(record.question);
        require(question !== undefined && "max_chars" in question.rules, "texts of a question that has none");
        require(record.round >= 1 && record.round <= question.rounds.length, "texts of a round that never was");
        break;
      }
      case "codes_issued/1": {
        const open = [...this.questions.values()].some((each) => each.level === "code" && each.rounds.at(-1)?.open);
        require(!open, "codes that are issued while voting by code is open");
        require(record.list === this.lists.length + 1 && record.list <= 20, "a list of codes out of its order");
        require(record.count >= 1 && record.count <= 5000, "a list of codes that is empty or too long");
        require(!this.lists.some(({ root }) => root === record.root), "codes that were issued before");
        this.lists.push(record);
        break;
      }
      case "code_used/1": {
        const list = this.lists[Number(record.list) - 1];
        require(list !== undefined && record.place >= 0 && record.place < list.count, "a code that was never issued");
        const code = `${record.list} ${record.place}`;
        require(!this.used.has(code), "a code for the second time");
        this.used.add(code);
        break;
      }
      case "recovery_accepted/1":
        this.recoveries.set(record.origin, record.kept);
        this.accepted.push({ origin: record.origin, kept: record.kept });
        break;
      case "board_switched/1":
        this.board.on = record.on;
        this.board.approval = record.approval;
        break;
      case "post_asked/1":
        this.act(record);
        if (opening !== null) readText(opening.answer);
        this.posts.set(index, { standing: this.board.approval ? "pending" : "shown", answered: false });
        break;
      case "post_upvoted/1":
        this.act(record);
        this.upvote(record);
        break;
      case "posts_judged/1":
        this.judge(record);
        break;
      case "post_pinned/1":
        require(record.post !== this.board.pinned, "a pin that changes nothing");
        require(record.post === null || this.post(record.post).standing === "shown", "the pin of a post that is not shown");
        this.board.pinned = record.post;
        break;
      case "post_answered/1": {
        const post = this.post(record.post);
        require(post.answered !== record.answered, "an answer that changes nothing");
        post.answered = record.answered;
        break;
      }
      case "post_erased/1":
        this.post(record.index);
        require(this.missing.delete(record.index), "the erasure of a text that is still there");
        if (this.board.pinned === record.index) this.board.pinned = null;
        break;
    }
  }

  post(index) {
    const post = this.posts.get(index);
    require(post !== undefined, "no such post");
    return post;
  }

  act({ voter, id }) {
    const act = JSON.stringify([voter, id]);
    require(this.board.on, "a post or an upvote where there is no board");
    require(!this.acts.has(act), "an id for the second time");
    this.acts.add(act);
  }

  upvote({ voter, post, on }) {
    const upvote = JSON.stringify([voter, post]);
    require(this.post(post).standing === "shown", "an upvote of a post that is not shown");
    require(this.upvotes.has(upvote) !== on, "an upvote that changes nothing");
    if (on) this.upvotes.add(upvote);
    else this.upvotes.delete(upvote);
  }

  judge({ posts, shown }) {
    const standing = shown ? "shown" : "hidden";
    require(posts.length > 0 && new Set(posts).size === posts.length, "a judgement of no posts, or of one twice");
    const judged = posts.map((index) => this.post(index));
    require(judged.every((post) => post.standing !== standing), "a judgement that changes nothing");
    for (const post of judged) post.standing = standing;
    if (!shown && posts.includes(this.board.pinned)) this.board.pinned = null;
  }

  cast(index, record, opening) {
    const { question, round } = this.latest(record);
    require(round.open, "a ballot after the close");
    const mine = round.voters.get(record.voter) ?? { rev: -1, index: null, ids: new Set() };
    require(record.rev === mine.rev + 1 && record.supersedes === mine.index, "a ballot out of its order");
    require(mine.rev < 0 || question.changeable, "a second ballot where the first one is final");
    require(!mine.ids.has(record.id), "a ballot's id for the second time");
    const isNew = mine.rev < 0 && question.level === "code";
    require(!isNew || round.voters.size < this.used.size, "more voters than codes were entered");
    const answer = opening === null ? null : readAnswer(opening.answer, question);
    round.voters.set(record.voter, { rev: record.rev, index, answer, ids: mine.ids.add(record.id) });
    this.ballots.set(index, record);
  }

  edit(record, opening) {
    const question = this.questions.get(record.id);
    require(question !== undefined, "the change of a question that was never defined");
    const rules = readRules(record.kind, record.rules);
    const { rounds } = question;
    const grows = record.version === question.version + 1;
    if (rounds.length === 0) {
      require(record.version === question.version, "another version of a draft");
    } else {
      require(record.kind === question.kind, "another kind of a question that was asked");
      require(record.level === question.level, "another level of a question that was asked");
      require(grows || record.version === question.version, "a version that is not the next one");
      require(!grows || !rounds.at(-1).open, "another meaning while voting is open");
      require(
        grows ||
          (record.options.length === question.options.length &&
            record.changeable === question.changeable &&
            isDeepStrictEqual(record.quiz, question.quiz) &&
            isDeepStrictEqual(rules, question.rules)),
        "more than other wording without another version",
      );
    }
    const { quiz } = record;
    let { right } = question;
    if (record.kept) {
      require(quiz !== undefined && isDeepStrictEqual(quiz, question.quiz), "another quiz than the one that was kept");
      checkRight(right, { ...record, rules });
    } else if (quiz !== undefined) {
      require(opening !== null, "a quiz without a solution");
      right = readSolution(opening.answer, { ...record, rules });
    }
    Object.assign(question, record, { rules, right, quiz, level: record.level });
    const wording = { options: record.options, rules, quiz };
    for (const round of rounds) if (round.version === record.version) round.wording = wording;
  }

  erase(record) {
    const ballot = this.ballots.get(record.index);
    require(
      ballot !== undefined &&
        ballot.question === record.question &&
        ballot.round === record.round &&
        ballot.voter === record.voter,
      "the erasure of no ballot",
    );
    require(this.missing.delete(record.index), "the erasure of an answer that is still there");
  }

  results() {
    return [...this.questions.values()].flatMap(({ id, kind, rounds }) =>
      rounds.map(({ number, voters, wording }) => {
        const { size, count } = KINDS[kind];
        const counted = [...voters.values()].filter(({ answer }) => answer !== null);
        const counts = new Array(size(wording)).fill(0);
        for (const { answer } of counted) count(answer, counts, wording);
        return { question: id, round: number, counts, voters: counted.length };
      }),
    );
  }
}

// --- A bundle.

function* lines(data) {
  let start = 0;
  for (let number = 1; start < data.length; number += 1) {
    const end = data.indexOf(0x0a, start);
    require(end >= 0, `line ${number} was cut off`);
    require(end + 1 - start <= LONGEST_LINE_BYTES, `line ${number} is too long`);
    let text;
    try {
      text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data.subarray(start, end));
    } catch {
      throw new Tampered(`line ${number} is no UTF-8`);
    }
    yield { number, ...shaped(LINES, {}, read(text, `line ${number}`), `line ${number}`) };
    start = end + 1;
  }
}

const inside = (what, check) => {
  try {
    return check();
  } catch (error) {
    if (error instanceof Tampered) throw new Tampered(`${what}: ${error.message}`);
    throw error;
  }
};

const verifyBundle = (data, trusted) => {
  let stage = "header";
  let room, key;
  let origin = "";
  let chain = Buffer.alloc(32);
  const tree = new Tree();
  const notes = [];

  const compare = () => {
    for (const note of notes) {
      if (note.origin === origin && note.size === BigInt(tree.size)) {
        note.agrees = note.root.equals(tree.root()) && note.chain.equals(chain);
      }
    }
  };
  const record = (line) => {
    require(line.index === tree.size + 1, `it follows record ${tree.size}`);
    const leaf = sha256("\x00", line.body);
    chain = sha256(chain, leaf);
    require(chain.equals(fromHex(line.chain, 32, "the chain value")), "the chain breaks");
    tree.append(leaf);
    const body = read(line.body, "the body");
    const found = shaped(RECORDS, { at: isInteger }, body, "the body");
    require(isComposed(body), "a text that is not NFC");
    require((line.salt === null) === (line.answer === null), "half an opening");
    const opening = line.salt === null ? null : { salt: fromHex(line.salt, 16, "the salt"), answer: line.answer };
    room.add(line.index, found, opening);
    if (found.type === "room_created/1" || found.type === "recovery_accepted/1") {
      origin = `livevote/${room.code}/${leaf.toString("hex").slice(0, 16)}`;
    }
    compare();
  };

  for (const line of lines(data)) {
    const { number } = line;
    require(stage !== "over", `line ${number}: the bundle goes on after its end`);
    if (stage === "header") {
      require(line.type === "livevote_bundle/1", "line 1 is no header");
      key = inside(`line ${number}`, () => readKey(line.vkey));
      require(trusted === null || trusted === line.vkey, "the bundle was signed by another key");
      room = new Room(line.room);
      stage = "notes";
    } else if (line.type === "note") {
      require(stage === "notes", `line ${number}: a note among the records`);
      notes.push(inside(`line ${number}`, () => readNote(line.note, key)));
    } else if (line.type === "record") {
      stage = "records";
      inside(`record ${line.index}`, () => record(line));
    } else {
      require(line.type === "end", `line ${number}: a second header`);
      require(line.notes === notes.length && line.records === tree.size, `line ${number} has other counts`);
      stage = "over";
    }
  }
  require(stage === "over", "the end of the bundle is missing");
  require(tree.size > 0, "the room has no records");
  const [gone] = room.missing;
  require(gone === undefined, `the answer of record ${gone} is missing, and no erasure is recorded`);
  for (const note of notes) {
    const explained = room.recoveries.has(note.origin) && note.size > room.recoveries.get(note.origin);
    require(note.agrees || explained, `a checkpoint over ${note.size} records of ${note.origin} says something else`);
  }
  const signed = notes.filter((note) => note.agrees && note.origin === origin).map(({ size }) => Number(size));
  return {
    verdict: "intact",
    room: room.code,
    records: tree.size,
    unsigned: tree.size - Math.max(0, ...signed),
    root: tree.root().toString("hex"),
    chain: chain.toString("hex"),
    results: room.results(),
    recoveries: room.accepted,
  };
};

const check = (path, trusted) => {
  let data;
  try {
    data = readFileSync(path);
  } catch (error) {
    return { verdict: "unreadable", why: error.message };
  }
  if (data.subarray(0, BEGINNING.length).toString("latin1") !== BEGINNING) {
    return { verdict: "unreadable", why: "no bundle of livevote" };
  }
  try {
    return verifyBundle(data, trusted);
  } catch (error) {
    if (!(error instanceof Tampered)) throw error;
    return { verdict: "tampered", why: error.message };
  }
};

const paths = process.argv.slice(2);
const trusted = paths[0] === "--key" ? paths.splice(0, 2)[1] : null;
if (paths.length === 0 || paths[0].startsWith("-")) {
  process.stderr.write("usage: node verify.mjs [--key VKEY] BUNDLE...\n");
  process.exit(2);
}
const found = paths.map((path) => check(path, trusted));
process.stdout.write(found.map((verdict) => `${JSON.stringify(verdict)}\n`).join(""));
const exitCode = ({ verdict, unsigned }) =>
  verdict === "intact" && unsigned > 0 && trusted !== null ? 3 : ["intact", "tampered", "unreadable"].indexOf(verdict);
process.exitCode = Math.max(0, ...found.map(exitCode));
