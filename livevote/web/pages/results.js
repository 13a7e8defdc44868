// Draws the result of any kind of question into a container, as a chart and as a table. Every page loads this one
// script when there is something to draw, so that a result looks the same to everybody.
//
//   livevote.results.draw(container, { question, tally, own, words, large, picture })
//
// `question` and `tally` are those of a `state` message; without a tally the options, or an empty scale, stand where the
// result will be, so that nothing moves when it comes. `own` is the visitor's answer or null. `words(key, values)` gives
// the text of a key in the page's language, or undefined for English. `large` fills the container's height and shrinks
// texts until all fit, for a wall. `picture(hash)` is the address of an option's picture.
//
// A page that loads this lets `livevote.trusted.createScriptURL` say which scripts it takes.
(() => {
  "use strict";

  const CHART_PATH = "/assets/chart.js";
  const SHAPES = 7;
  const COLORS = 8;
  const NEUTRAL = "8";
  const FIRST_MS = 1000;
  const NEXT_MS = 400;
  const MOST_COLUMNS = 6;
  const MOST_BINS = 20;
  const SMALLEST_PX = 11;
  const LARGEST_REM = 2.1;
  const LARGEST_ALONE_REM = 2.5;
  const LARGEST_TERM = 3.4;

  const TEXTS = {
    "results.abstain": "Abstain",
    "results.borda": "Borda count",
    "results.caption": "The same in numbers, with the share of all who voted",
    "results.caption_plain": "The same in numbers",
    "results.distance": "Off by",
    "results.mean": "Average",
    "results.median": "Median",
    "results.more.one": "and {n} more",
    "results.more.other": "and {n} more",
    "results.needed.one": "{n} yes was needed",
    "results.needed.other": "{n} yes were needed",
    "results.no": "No",
    "results.nobody": "Nobody",
    "results.nps": "Net promoter score",
    "results.of_top": "{value} of {top}",
    "results.option": "Option",
    "results.passed": "Passed",
    "results.points": "Points",
    "results.quorum_missed": "No quorum",
    "results.quorum_reached": "Quorum reached",
    "results.reach": "All between",
    "results.rejected": "Not passed",
    "results.right": "✓ Right",
    "results.round": "Round {n}",
    "results.runoff": "Instant run-off",
    "results.share": "Share",
    "results.span": "{low} to {high}",
    "results.term": "Answer",
    "results.truth": "True value",
    "results.value": "Value",
    "results.votes": "Votes",
    "results.winner": "Ahead",
    "results.yes": "Yes",
    "results.your_place": "✓ your choice {n}",
    "results.your_vote": "✓ your vote",
  };

  const YES_NO = [
    { key: "results.yes", sign: "✓", shape: "0", color: "2" },
    { key: "results.no", sign: "✕", shape: "1", color: "4" },
    { key: "results.abstain", sign: "–", shape: "0", color: NEUTRAL },
  ];

  /* ---- texts and numbers ---- */

  function languageOf() {
    return (typeof document !== "undefined" && document.documentElement.lang) || "en";
  }

  // In the language that the script was loaded for, else in English. Where a text has forms for it, n chooses one.
  function own(key, values) {
    const texts = globalThis.livevote.results?.words ?? TEXTS;
    const form = new Intl.PluralRules(texts === TEXTS ? "en" : languageOf()).select(values.n);
    const text = texts[key] ?? texts[`${key}.${form}`];
    return text.replace(/\{(\w+)\}/g, (_, name) => (typeof values[name] === "number" ? number(values[name]) : values[name]));
  }

  function speaker(words) {
    return (key, values = {}) => (words && words(key, values)) ?? own(key, values);
  }

  function number(value, digits = 0) {
    return new Intl.NumberFormat(languageOf(), { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
  }

  // What share of the voters so many are, in whole percents as the language writes them.
  function percent(count, voters) {
    const share = voters ? Math.round((100 * count) / voters) / 100 : 0;
    return new Intl.NumberFormat(languageOf(), { style: "percent" }).format(share);
  }

  function list(texts) {
    return new Intl.ListFormat(languageOf(), { type: "conjunction", style: "narrow" }).format(texts);
  }

  function letter(choice) {
    const last = String.fromCharCode(65 + (choice % 26));
    return choice < 26 ? last : letter(Math.floor(choice / 26) - 1) + last;
  }

  // Values of an estimate are integers, scaled by a power of ten.
  function scaled(value, { decimals = 0, unit = "" }, more = 0) {
    return number(value / 10 ** decimals, decimals + more) + (unit && `\u00a0${unit}`);
  }

  // A rational number [numerator, denominator] of scaled values.
  function ratio([top, bottom], rules) {
    return scaled(top / bottom, rules, top % bottom === 0 ? 0 : 1);
  }

  /* ---- what there is to show: pure, and tested without a browser ---- */

  const MODELS = {
    single: choices, multiple: choices, approval, yesno, image: choices, ranking, rating, estimate, text: texts, cloud,
  };

  // All that a result shows, as plain values.
  function model({ question, tally = null, own = null, words }) {
    const say = speaker(words);
    const build = Object.hasOwn(MODELS, question.kind) ? MODELS[question.kind] : choices;
    const shown = tally && { ...tally, figures: tally.figures ?? {} };
    return { head: [], ...build({ question, rules: question.rules ?? {}, tally: shown, own, say }) };
  }

  // What the solution says of an option: a text where it is right, none where it is not, null while it is not shown.
  function rightOf({ solution }, choice, say) {
    if (!solution?.right?.length) return null;
    return solution.right.includes(choice) ? say("results.right") : "";
  }

  function optionsOf({ question, rules, say }) {
    if (question.kind === "yesno") {
      return YES_NO.map(({ key, sign, shape, color }) => ({ label: say(key), sign, shape, color }));
    }
    return question.options.map((label, choice) => ({
      label,
      sign: letter(choice),
      shape: String(choice % SHAPES),
      color: String(choice % COLORS),
      picture: rules.pictures ? rules.pictures[choice] : undefined,
    }));
  }

  function choices(given) {
    const { question, tally, own, say } = given;
    const mine = own?.choices ?? [];
    const bars = optionsOf(given).map((option, choice) => ({
      ...option,
      value: tally ? tally.counts[choice] : 0,
      count: tally ? number(tally.counts[choice]) : "",
      share: tally ? percent(tally.counts[choice], tally.voters) : "",
      mine: mine.includes(choice) ? say("results.your_vote") : "",
      right: rightOf(question, choice, say),
    }));
    return { form: "bars", most: Math.max(1, tally ? tally.voters : 0), bars, table: tally && tableOfChoices(bars, say) };
  }

  function tableOfChoices(bars, say) {
    return {
      caption: say("results.caption"),
      head: [say("results.option"), say("results.votes"), say("results.share")],
      rows: bars.map(({ label, count, share, mine, right }) => ({ cells: [label, count, share], mine, right })),
    };
  }

  function approval(given) {
    const drawn = choices(given);
    const ahead = given.tally?.voters ? given.tally.figures.winners ?? [] : [];
    ahead.forEach((choice) => { drawn.bars[choice].ahead = given.say("results.winner"); });
    return drawn;
  }

  function yesno(given) {
    const { question, tally, say } = given;
    const drawn = { ...choices(given), heads: true };
    // While votes come in, nothing has passed yet.
    if (!tally || question.phase !== "closed" || tally.figures.passed === undefined) return drawn;
    const { passed, quorum, needed } = tally.figures;
    drawn.head = [{ value: say(passed ? "results.passed" : "results.rejected"), look: passed ? "good" : "bad" }];
    if (typeof quorum === "boolean") {
      drawn.head.push({ value: say(quorum ? "results.quorum_reached" : "results.quorum_missed"), look: quorum ? "good" : "bad" });
    }
    if (Number.isInteger(needed)) drawn.head.push({ label: say("results.needed", { n: needed }) });
    return drawn;
  }

  function ranking(given) {
    const { question, tally, own, say } = given;
    const order = own?.order ?? [];
    const { winners = [], runoff = [], runoff_winner: last = null } = tally?.figures ?? {};
    const bars = optionsOf(given).map((option, choice) => ({
      ...option,
      value: tally ? tally.counts[choice] : 0,
      count: tally ? number(tally.counts[choice]) : "",
      share: "",
      mine: order.includes(choice) ? say("results.your_place", { n: order.indexOf(choice) + 1 }) : "",
      right: null,
      ahead: tally?.voters && winners.includes(choice) ? say("results.winner") : "",
    }));
    const drawn = { form: "bars", most: Math.max(1, (tally?.voters ?? 0) * (question.options.length - 1)), bars, heads: true, table: null };
    if (!tally) return drawn;
    if (tally.voters) {
      drawn.head = [{ label: say("results.borda"), value: list(winners.map((choice) => question.options[choice])) }];
      drawn.head.push({ label: say("results.runoff"), value: last === null ? say("results.nobody") : question.options[last] });
    }
    drawn.table = {
      caption: say("results.caption_plain"),
      head: [say("results.option"), say("results.points"), ...runoff.map((_, place) => say("results.round", { n: place + 1 }))],
      rows: bars.map(({ label, count, mine }, choice) => ({
        cells: [label, count, ...runoff.map(({ votes }, place) => (isOut(runoff, place, choice) ? "–" : number(votes[choice])))],
        mine,
        right: null,
      })),
    };
    return drawn;
  }

  // Whether an option had left the run-off before this round.
  function isOut(runoff, place, choice) {
    return runoff.slice(0, place).some(({ out }) => out.includes(choice));
  }

  function rating({ rules, tally, own, say }) {
    const nps = rules.style === "nps";
    const first = nps ? 0 : 1;
    const top = nps ? 10 : rules.top ?? 5;
    const columns = Array.from({ length: top - first + 1 }, (_, place) => ({
      label: `${number(place + first)}${nps ? "" : "\u2009★"}`,
      value: tally ? tally.counts[place] : 0,
      count: tally ? number(tally.counts[place]) : "",
      mine: own?.value === place + first ? say("results.your_vote") : "",
      color: nps ? npsColor(place) : "0",
    }));
    const drawn = { form: "columns", columns, marks: [], head: [], heads: true, table: tableOfColumns(columns, tally, say) };
    if (!tally) return drawn;
    const { mean = [0, 0], nps: score } = tally.figures;
    if (nps && score && score[1]) {
      const points = Math.round(score[0] / score[1]);
      drawn.head.push({ label: say("results.nps"), value: `${points > 0 ? "+" : points < 0 ? "−" : ""}${number(Math.abs(points))}` });
    }
    if (mean[1]) {
      const value = number(mean[0] / mean[1], 1);
      drawn.head.push({ label: say("results.mean"), value: nps ? value : say("results.of_top", { value, top }) });
    }
    return drawn;
  }

  // Detractors, passives and promoters.
  function npsColor(value) {
    if (value <= 6) return "4";
    return value <= 8 ? "6" : "2";
  }

  function tableOfColumns(columns, tally, say) {
    return tally && {
      caption: say("results.caption"),
      head: [say("results.value"), say("results.votes"), say("results.share")],
      rows: columns.map(({ label, value, count, mine }) => ({ cells: [label, count, percent(value, tally.voters)], mine, right: null })),
    };
  }

  // The values of each bin, as the server divides them: the last one ends with max, and may have one more for that.
  function binsOf({ min, max }) {
    const reach = max - min;
    const width = reach < MOST_BINS ? 1 : Math.max(2, Math.ceil(reach / MOST_BINS));
    const bins = reach < MOST_BINS ? reach + 1 : Math.ceil(reach / width);
    return Array.from({ length: bins }, (_, place) => {
      const low = min + place * width;
      return { low, high: place === bins - 1 ? max : low + width - 1 };
    });
  }

  function estimate({ question, rules, tally, own, say }) {
    const bins = binsOf(rules);
    const plain = { ...rules, unit: "" };
    const columns = bins.map(({ low, high }, place) => ({
      label: scaled(low, plain),
      span: low === high ? scaled(low, rules) : say("results.span", { low: scaled(low, plain), high: scaled(high, rules) }),
      value: tally ? tally.counts[place] : 0,
      count: tally ? number(tally.counts[place]) : "",
      mine: own && own.value >= low && own.value <= high ? say("results.your_vote") : "",
      color: "0",
    }));
    const width = bins[0].high - bins[0].low + 1;
    const place = (value) => Math.min(1, (value - rules.min + 0.5) / (width * bins.length));
    const drawn = { form: "columns", columns, marks: [], head: [], heads: true, unit: rules.unit ?? "" };
    drawn.table = tableOfColumns(columns.map((column) => ({ ...column, label: column.span })), tally, say);
    if (!tally) return drawn;
    const { median, mean, low, high, distance } = tally.figures;
    const truth = tally.figures.truth ?? question.solution?.truth;
    if (median?.[1]) {
      drawn.head.push({ label: say("results.median"), value: ratio(median, rules) });
      drawn.marks.push({ at: place(median[0] / median[1]), label: say("results.median"), look: "ink" });
    }
    if (mean?.[1]) drawn.head.push({ label: say("results.mean"), value: ratio(mean, rules), minor: true });
    if (Number.isInteger(low) && Number.isInteger(high)) {
      drawn.head.push({ label: say("results.reach"), value: say("results.span", { low: scaled(low, plain), high: scaled(high, rules) }), minor: true });
    }
    if (Number.isInteger(truth)) {
      drawn.head.push({ label: say("results.truth"), value: scaled(truth, rules), look: "good" });
      drawn.marks.push({ at: place(truth), label: say("results.truth"), look: "good" });
    }
    if (distance) drawn.head.push({ label: say("results.distance"), value: ratio(distance, rules) });
    return drawn;
  }

  function texts({ tally, own, say }) {
    return listed("cards", tally?.figures.texts, tally, own ? [own.text] : [], say);
  }

  function cloud({ tally, own, say }) {
    const drawn = listed("cloud", tally?.figures.terms, tally, own?.terms ?? [], say);
    // By the alphabet, so that a term keeps its place while others overtake it; its size says how many sent it.
    drawn.items.sort((one, other) => one.text.localeCompare(other.text, languageOf()));
    return drawn;
  }

  function listed(form, pairs, tally, mine, say) {
    const items = (pairs ?? []).map(([text, count], rank) => ({ text, count, rank, mine: mine.includes(text) ? say("results.your_vote") : "" }));
    return {
      form,
      items: [...items],
      more: tally?.figures.more ?? 0,
      table: tally && {
        caption: say("results.caption_plain"),
        head: [say("results.term"), say("results.votes")],
        rows: items.map(({ text, count, mine: own }) => ({ cells: [text, number(count)], mine: own, right: null })),
      },
    };
  }

  // How big a term is, from 1 to LARGEST_TERM.
  function sizeOf(count, least, most) {
    return most > least ? 1 + (LARGEST_TERM - 1) * Math.sqrt((count - least) / (most - least)) : 1.6;
  }

  // Always the same colour for the same term.
  function colorOf(text) {
    let sum = 0;
    for (const sign of text) sum = (sum * 31 + sign.codePointAt(0)) % 65521;
    return String(sum % COLORS);
  }

  /* ---- the picture ---- */

  const RULES = [
    `.r-figure { --r-0: var(--color-0, #1d5fc4); --r-1: var(--color-1, #b4490a); --r-2: var(--color-2, #0f7a55); --r-3: var(--color-3, #7b3fb8);
      --r-4: var(--color-4, #bf2440); --r-5: var(--color-5, #0d7285); --r-6: var(--color-6, #6a6600); --r-7: var(--color-7, #ad2c80); --r-8: var(--soft, #535b6d); --r-on: var(--on-color, #fff);
      display: flex; flex-direction: column; gap: .8em; min-width: 0; min-height: 0; }`,
    `.r-figure[data-large] { height: 100%; gap: min(1.2em, 2vh); font-size: var(--r-size, 1rem); line-height: 1.25; }`,
    `.r-head { display: flex; flex-wrap: wrap; gap: .4em .7em; min-height: 2.3em; font-size: max(.8em, 1.55rem); align-items: center; }`,
    `.r-figure:not([data-large]) .r-head { font-size: 1rem; }`,
    `.r-head > span { padding: .3em .9em; border-radius: 1.2em; background: var(--tint); }`,
    `.r-head b { font-variant-numeric: tabular-nums; } .r-head b { font-weight: 700; }`,
    `.r-head [data-look="good"] { color: var(--good); background: var(--good-tint, var(--tint)); }`,
    `.r-head [data-look="bad"] { color: var(--bad); background: var(--bad-tint); }`,
    // A wall has room for one line of figures, and the solution is what counts then.
    `[data-large] > .r-head:has(> :nth-child(4)) > [data-minor] { display: none; }`,
    `.r-plot { position: relative; flex: 1 1 auto; min-height: 0; }`,
    // Between a row and its words.
    `.r-canvas { position: absolute; inset: 0; z-index: 1; pointer-events: none; }`,
    `.r-rows { position: relative; display: grid; gap: .45em; margin: 0; padding: 0; list-style: none; }`,
    `[data-large] .r-rows { height: 100%; grid-auto-flow: column; grid-template-rows: repeat(var(--r-rows), minmax(0, 5.4em)); grid-auto-columns: minmax(0, 1fr); gap: .35em .8em; }`,
    `[data-large][data-pictures] .r-rows { grid-template-rows: repeat(var(--r-rows), minmax(0, 1fr)); }`,
    `.r-row { display: flex; flex-direction: column; min-width: 0; min-height: 0; }`,
    `.r-row img { flex: 1 1 0; min-height: 0; width: 100%; object-fit: contain; padding-bottom: .3em; }`,
    `.r-figure:not([data-large]) .r-row img { flex: none; height: 9rem; }`,
    `.r-strip { flex: 1 1 auto; display: flex; align-items: center; gap: .7em; min-height: 2.9em; min-width: 0; padding: .3em .8em .45em .6em; overflow: hidden; border: 1px solid var(--line); border-radius: .7em; background: var(--card); }`,
    `.r-strip > * { position: relative; z-index: 2; }`,
    `[data-large] .r-strip { min-height: 0; padding-block: .1em .22em; line-height: 1.18; }`,
    `[data-large] .r-row img + .r-strip { flex: none; height: 3em; }`,
    `.r-strip[data-ahead] { border-color: var(--accent); box-shadow: inset 0 0 0 .15em var(--accent); }`,
    `.r-strip[data-right="true"] { border-color: var(--good); box-shadow: inset 0 0 0 .15em var(--good); }`,
    `.r-strip[data-right="false"] .r-badge { color: var(--soft); background: var(--track); }`,
    `.r-strip[data-right="false"] .r-text { color: var(--soft); }`,
    `.r-badge { flex: none; display: grid; place-items: center; width: 1.75em; height: 1.75em; font-size: .95em; font-weight: 700; line-height: 1; white-space: nowrap; color: var(--r-on); background: var(--r-color); forced-color-adjust: none; }`,
    ...Array.from({ length: COLORS + 1 }, (_, color) => `.r-figure [data-color="${color}"] { --r-color: var(--r-${color}); }`),
    // As big as the others, with letters that two of them fit.
    `.r-badge[data-wide] { width: 2.3em; height: 2.3em; font-size: .72em; }`,
    `.r-badge[data-shape="0"] { border-radius: 50%; }`,
    `.r-badge[data-shape="1"] { border-radius: 18%; }`,
    `.r-badge[data-shape="2"] { clip-path: polygon(50% 0, 100% 50%, 50% 100%, 0 50%); }`,
    `.r-badge[data-shape="3"] { clip-path: polygon(50% 0, 100% 96%, 0 96%); line-height: 2.1; align-items: end; }`,
    `.r-badge[data-shape="4"] { clip-path: polygon(25% 5%, 75% 5%, 100% 50%, 75% 95%, 25% 95%, 0 50%); }`,
    `.r-badge[data-shape="5"] { clip-path: polygon(26% 0, 74% 0, 74% 26%, 100% 26%, 100% 74%, 74% 74%, 74% 100%, 26% 100%, 26% 74%, 0 74%, 0 26%, 26% 26%); }`,
    `.r-badge[data-shape="6"] { border-radius: 50% 50% 12% 12%; }`,
    // Beside its badge, whatever direction its words have.
    `.r-text { flex: 1 1 auto; min-width: 0; font-weight: 500; overflow-wrap: anywhere; text-align: left; } [dir="rtl"] .r-text { text-align: right; }`,
    `[data-large] .r-text { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: var(--r-lines, none); overflow: hidden; }`,
    `[data-whole] .r-text { overflow-wrap: normal; }`,
    `.r-tag { flex: none; padding: 0 .6em; border-radius: .9em; font-size: .7em; font-weight: 700; color: var(--good); background: var(--good-tint, var(--tint)); }`,
    `.r-tag:empty { display: none; }`,
    `.r-table .r-tag { display: inline-block; } .r-table .r-tag:empty { display: none; }`,
    `.r-tag[data-right] { color: var(--r-on); background: var(--good); }`,
    `.r-number .r-tag { display: inline-block; margin-inline-end: .7em; line-height: 1.4; } .r-number .r-tag:empty { display: none; }`,
    `.r-number { flex: none; min-width: 5.6em; text-align: end; white-space: nowrap; font-variant-numeric: tabular-nums; }`,
    `.r-number[data-short] { min-width: 3em; }`,
    `.r-number b { font-weight: 700; }`,
    `.r-columns { height: 15rem; } [data-large] .r-columns { height: 100%; }`,
    `[data-large] > .r-plot[data-form="columns"] { min-height: 8rem; }`,
    `.r-cards { display: grid; gap: .5em; margin: 0; padding: 0; list-style: none; overflow-wrap: anywhere; }`,
    `[data-large] .r-cards { display: block; height: 100%; columns: var(--r-columns, 2); column-gap: .7em; column-fill: auto; }`,
    `.r-cards li { break-inside: avoid; padding: .45em .8em; border: 1px solid var(--line); border-inline-start: .3em solid var(--accent); border-radius: .6em; background: var(--card); }`,
    `[data-large] .r-cards li { margin-bottom: .5em; }`,
    `.r-times { float: inline-end; margin-inline-start: .6em; font-weight: 700; color: var(--soft); font-variant-numeric: tabular-nums; }`,
    `.r-cloud { display: flex; flex-wrap: wrap; align-items: center; align-content: center; justify-content: center; gap: .1em .7em; margin: 0; padding: .4em 0; list-style: none; text-align: center; line-height: 1.15; overflow-wrap: anywhere; }`,
    `[data-large] .r-cloud { height: 100%; }`,
    `.r-cloud li { max-width: 100%; font-size: calc(var(--r-term) * 1em); font-weight: 700; color: var(--r-color); }`,
    `.r-cloud [data-mine] { text-decoration: underline; text-underline-offset: .15em; }`,
    `.r-more { margin: 0; color: var(--soft); font-size: max(.8em, 1rem); }`,
    `.r-more:empty { display: none; }`,
    `.r-table { width: 100%; border-collapse: separate; border-spacing: 0; font-size: .95rem; font-variant-numeric: tabular-nums; }`,
    `.r-table caption { padding-bottom: .3rem; text-align: start; color: var(--soft); }`,
    `.r-table th, .r-table td { padding: .55rem 0; border-top: 1px solid var(--line); text-align: end; }`,
    `.r-table thead th { border-top: 0; color: var(--soft); font-size: .85rem; font-weight: 600; }`,
    `.r-table th:not(:first-child), .r-table td { white-space: nowrap; width: 1%; padding-inline-start: .6rem; }`,
    `.r-table th:first-child { position: sticky; inset-inline-start: 0; min-width: 6.5rem; text-align: start; font-weight: 500; overflow-wrap: anywhere; background: var(--card); }`,
    `.r-figure:not([data-large]) > .r-numbers { overflow-x: auto; }`,
    // Where the table goes on, it ends in a line.
    `.r-figure:not([data-large]) > .r-numbers[tabindex] { border-inline-end: 2px solid var(--edge); }`,
    `.r-table thead th:not(:first-child) { white-space: normal; overflow-wrap: normal; }`,
    `.r-table tr[data-mine] > :nth-child(n) { font-weight: 700; }`,
    `.r-figure[data-large] > .r-numbers { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }`,
    `.r-figure[data-large] .r-table, .r-figure[data-large] .r-table th { font-size: 12px; }`
  ];

  const kept = new Map();
  let script = null;
  let styled = false;

  // A policy may forbid style elements; rules that a script adds to a sheet of the page are the page's own.
  function addStyle() {
    if (styled) return;
    styled = true;
    const sheet = document.styleSheets[0];
    for (const rule of RULES) {
      for (const each of rule.match(/[^{}]+\{[^{}]*\}/g)) sheet.insertRule(each, sheet.cssRules.length);
    }
  }

  // Parsed only where there is a chart. If it cannot be had, numbers and table say the same, and the next drawing tries again.
  function loadChart() {
    if (window.Chart || script) return;
    script = document.createElement("script");
    script.src = livevote.trusted.createScriptURL(CHART_PATH);
    // Reading it and drawing with it are two tasks, and a tap may come between them.
    script.onload = () => setTimeout(() => { for (const figure of kept.values()) paint(figure); });
    script.onerror = () => { script.remove(); script = null; };
    document.head.append(script);
  }

  function make(tag, name, parent, text = "") {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (text) element.textContent = text;
    parent.append(element);
    return element;
  }

  function setText(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  // What stays the same while votes come in. Another key is another picture.
  function keyOf({ question, large }) {
    return JSON.stringify([question.id, question.round, question.kind, question.text, question.options, question.rules, Boolean(large), languageOf()]);
  }

  function draw(container, given) {
    addStyle();
    let figure = kept.get(container);
    const key = keyOf(given);
    if (!figure || figure.key !== key) {
      clear(container);
      figure = build(container, key, given);
      kept.set(container, figure);
    }
    const before = figure.model;
    const next = model(given);
    // A tick that changed nothing here must not disturb a bar that is growing.
    if (before && figure.shown === Boolean(given.tally) && JSON.stringify(before) === JSON.stringify(next)) return;
    figure.model = next;
    figure.shown = Boolean(given.tally);
    figure.say = speaker(given.words);
    figure.root.toggleAttribute("data-shown", figure.shown);
    FORMS[figure.model.form].fill(figure, given);
    fillHead(figure);
    fillTable(figure);
    if (!before || layoutOf(before) !== layoutOf(next)) fit(figure);
    loadChartFor(figure);
    paint(figure);
  }

  // What decides about sizes: the numbers have their place already.
  function layoutOf({ bars, items, head, more }) {
    return JSON.stringify([bars?.map(({ mine, right }) => [mine, right]), items, head.length, more]);
  }

  function loadChartFor(figure) {
    if (FORMS[figure.model.form].chart && (figure.shown || figure.model.form === "columns")) loadChart();
  }

  // Forget a container, and empty it.
  function clear(container) {
    const figure = kept.get(container);
    if (!figure) return;
    stop(figure);
    figure.watch.disconnect();
    figure.root.remove();
    kept.delete(container);
  }

  function build(container, key, given) {
    const { form, heads } = model(given);
    const root = make("div", "r-figure", container);
    root.toggleAttribute("data-large", Boolean(given.large));
    const figure = { key, root, large: Boolean(given.large), chart: null, model: null, shown: false, parts: [], restsAt: 0 };
    figure.head = heads ? make("div", "r-head", root) : null;
    figure.plot = make("div", "r-plot", root);
    figure.plot.dataset.form = form;
    root.toggleAttribute("data-pictures", Boolean(given.picture && given.question.rules?.pictures));
    FORMS[form].build(figure);
    if (FORMS[form].chart) {
      const layer = document.createElement("div");
      layer.className = "r-canvas";
      figure.plot.prepend(layer);
      figure.canvas = make("canvas", "", layer);
      figure.canvas.setAttribute("aria-hidden", "true");
      // A device short of memory takes away what was painted, and gives back an empty canvas that has forgotten its scale.
      figure.canvas.addEventListener("contextrestored", () => {
        if (!figure.chart) return;
        stop(figure);
        paint(figure);
      });
    }
    figure.more = make("p", "r-more", root);
    figure.table = make("table", "r-table", make("div", "r-numbers", root));
    figure.box = boxOf(container);
    figure.watch = new ResizeObserver(() => resized(figure, container));
    figure.watch.observe(container);
    return figure;
  }

  function boxOf({ clientWidth, clientHeight }) {
    return `${clientWidth} ${clientHeight}`;
  }

  // An observer calls once in the beginning, when the first bars are growing.
  function resized(figure, container) {
    if (figure.box === boxOf(container)) return;
    figure.box = boxOf(container);
    fit(figure);
    if (figure.model.table) letScroll(figure);
    if (figure.chart && figure.plot.clientWidth) resize(figure);
  }

  // Bars that stand take the new size at once, and bars that move go on in it.
  function resize(figure) {
    FORMS[figure.model.form].update(figure, figure.chart);
    figure.chart.resize();
    figure.chart.update("resize");
    restIn(figure, NEXT_MS);
  }

  function fillHead({ head, model: { head: items } }) {
    if (!head) return;
    const text = JSON.stringify(items);
    if (head.dataset.items === text) return;
    head.dataset.items = text;
    head.replaceChildren();
    for (const { label = "", value = "", look = "", minor = false } of items) {
      const chip = make("span", "", head);
      chip.dataset.look = look;
      chip.toggleAttribute("data-minor", minor);
      if (label) make("span", "", chip, label);
      if (label && value) chip.append(" ");
      if (value) make("b", "", chip, value).dir = "auto";
    }
  }

  function fillTable(figure) {
    const { table, plot, model: { table: content } } = figure;
    table.hidden = !content;
    // Who listens gets the table; before there is one, the options.
    plot.setAttribute("aria-hidden", content ? "true" : "false");
    if (!content) return;
    const rows = content.rows.length;
    if (table.rows.length !== rows + 1 || table.rows[0].cells.length !== content.head.length) buildTable(table, content);
    content.rows.forEach(({ cells, mine, right }, place) => {
      const row = table.tBodies[0].rows[place];
      row.toggleAttribute("data-mine", Boolean(mine));
      cells.forEach((text, column) => setText(column ? row.cells[column] : row.cells[0].firstElementChild, text));
      const [, own, solved] = row.cells[0].children;
      setText(own, mine);
      setText(solved, right ?? "");
    });
    letScroll(figure);
  }

  // The rounds of a run-off may be more than fit beside each other: then keys can move them, too.
  function letScroll({ table }) {
    const box = table.parentElement;
    // A page may keep the table for those who listen: nobody can stand on what is not seen.
    const seen = getComputedStyle(box).overflowX === "auto";
    if (!seen || box.scrollWidth <= box.clientWidth) return box.removeAttribute("tabindex");
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", table.caption.textContent);
  }

  function buildTable(table, { caption, head, rows }) {
    table.replaceChildren();
    make("caption", "", table, caption);
    const top = make("tr", "", make("thead", "", table));
    for (const text of head) make("th", "", top, text).scope = "col";
    const body = make("tbody", "", table);
    for (const { cells } of rows) {
      const row = make("tr", "", body);
      const first = make("th", "", row);
      first.scope = "row";
      make("span", "", first).dir = "auto";
      first.append(" ");
      make("span", "r-tag", first);
      first.append(" ");
      make("span", "r-tag", first).dataset.right = "";
      for (let column = 1; column < cells.length; column += 1) make("td", "", row);
    }
  }

  /* ---- bars: a row for each option, which is its own track ---- */

  function buildRows(figure) {
    figure.rows = make("ol", "r-rows", figure.plot);
  }

  function makeRow(figure, bar, picture) {
    const row = make("li", "r-row", figure.rows);
    if (bar.picture && picture) {
      const image = make("img", "", row);
      image.alt = "";
      image.src = picture(bar.picture);
      // Its words are there without it.
      image.onerror = () => { image.remove(); fit(figure); };
    }
    const strip = make("div", "r-strip", row);
    const badge = make("span", "r-badge", strip, bar.sign);
    badge.dataset.shape = bar.shape;
    badge.dataset.color = bar.color;
    badge.toggleAttribute("data-wide", bar.sign.length > 1);
    const text = make("span", "r-text", strip, bar.label);
    text.dir = "auto";
    const tag = make("span", "r-tag", strip);
    const figures = make("span", "r-number", strip);
    // On the line of the numbers: a second line below them does not fit into the low rows of a wall.
    const solved = make("span", "r-tag", figures);
    solved.dataset.right = "";
    const count = make("b", "", figures);
    const share = make("span", "", figures);
    return { row, strip, text, tag, solved, figures, count, share };
  }

  function fillRows(figure, { picture }) {
    const { bars } = figure.model;
    if (!figure.parts.length) figure.parts = bars.map((bar) => makeRow(figure, bar, picture));
    bars.forEach(({ count, share, mine, right, ahead = "" }, place) => {
      const part = figure.parts[place];
      // On a wall the frame says it, or the words would make room for it in the moment of the reveal.
      setText(part.tag, mine || (figure.large ? "" : ahead));
      part.strip.toggleAttribute("data-ahead", Boolean(ahead));
      setText(part.count, count);
      setText(part.share, share && ` · ${share}`);
      part.figures.toggleAttribute("data-short", figure.shown && !share);
      setText(part.solved, right ?? "");
      if (right === null) delete part.strip.dataset.right;
      else part.strip.dataset.right = String(Boolean(right));
    });
  }

  function size(figure, px, columns) {
    const { style } = figure.root;
    style.setProperty("--r-size", `${px}px`);
    style.setProperty("--r-columns", columns);
    if (figure.parts.length) style.setProperty("--r-rows", Math.ceil(figure.parts.length / columns));
  }

  // The largest size in steps of a pixel at which nothing overflows; 0 where there is none.
  function largest(figure, columns, from, upto, overflows) {
    let [low, high] = [from, upto];
    size(figure, low, columns);
    if (overflows(figure)) return 0;
    while (high - low > 0.5) {
      const middle = (low + high) / 2;
      size(figure, middle, columns);
      if (overflows(figure)) high = middle;
      else low = middle;
    }
    return low;
  }

  function rem() {
    return parseFloat(getComputedStyle(document.documentElement).fontSize);
  }

  function overflow(element) {
    return element.scrollHeight > element.clientHeight + 1 || element.scrollWidth > element.clientWidth + 1;
  }

  function rowsOverflow({ parts, rows }) {
    return overflow(rows) || parts.some(({ strip, text }) => overflow(strip) || overflow(text) || text.clientHeight > strip.clientHeight);
  }

  function fit(figure) {
    if (!figure.large || !figure.plot.clientHeight) return;
    FORMS[figure.model.form].fit(figure);
  }

  // As many columns as give the largest letters; another column has to be worth it.
  function bestRows(figure) {
    const pictures = Boolean(figure.rows.querySelector("img"));
    let best = { px: 0, columns: 1, worth: 0 };
    for (const columns of columnsFor(figure)) {
      const upto = (pictures ? 1.3 : columns === 1 ? LARGEST_ALONE_REM : LARGEST_REM) * rem();
      const px = largest(figure, columns, SMALLEST_PX, upto, rowsOverflow);
      const worth = pictures ? px && pictureSize(figure) : px * 0.86 ** (columns - 1);
      if (worth > best.worth) best = { px, columns, worth };
    }
    return best;
  }

  function fitRows(figure) {
    figure.root.style.removeProperty("--r-lines");
    // Only where whole words would be too small, or fit at no size, a word may go on in the next line.
    figure.root.toggleAttribute("data-whole", true);
    let best = bestRows(figure);
    if (best.px < rem()) {
      figure.root.toggleAttribute("data-whole", false);
      best = bestRows(figure);
    }
    figure.columns = best.columns;
    figure.fitted = figure.plot.clientWidth;
    if (best.px) return size(figure, best.px, best.columns);
    // Texts that fit at no size are cut off.
    const columns = figure.parts.length > 12 ? 4 : 2;
    size(figure, SMALLEST_PX, columns);
    const high = figure.parts[0].strip.clientHeight;
    // A badge is two letters high with what is around it.
    const px = Math.min(SMALLEST_PX, high / 2.1);
    size(figure, px, columns);
    figure.root.style.setProperty("--r-lines", Math.max(1, Math.floor(high / (px * 1.3))));
  }

  // Where only the height has changed, rows stay in their column.
  function columnsFor({ columns, fitted, plot, parts }) {
    if (columns && fitted === plot.clientWidth) return [columns];
    return Array.from({ length: Math.min(MOST_COLUMNS, parts.length) }, (_, place) => place + 1);
  }

  function pictureSize({ rows }) {
    const { clientWidth, clientHeight } = rows.querySelector("img");
    return Math.min(clientWidth / 1.4, clientHeight);
  }

  /* ---- columns: a distribution over values ---- */

  function buildColumns(figure) {
    make("div", "r-columns", figure.plot);
  }

  function fitColumns(figure) {
    const px = Math.max(SMALLEST_PX, Math.min(1.7 * rem(), figure.plot.clientHeight / 7));
    figure.root.style.setProperty("--r-size", `${px}px`);
  }

  /* ---- cards and clouds ---- */

  function buildCards(figure) {
    figure.rows = make("ol", "r-cards", figure.plot);
  }

  function buildCloud(figure) {
    figure.rows = make("ul", "r-cloud", figure.plot);
  }

  // Items keep their elements by their text, so that what is there already does not move for what is new.
  function fillItems(figure, style) {
    const { items } = figure.model;
    const before = new Map([...figure.rows.children].map((item) => [item.dataset.text, item]));
    const counts = items.map(({ count }) => count);
    const [least, most] = [Math.min(...counts), Math.max(...counts)];
    figure.items = items.map((item) => {
      const element = before.get(item.text) ?? makeItem(item);
      style(element, item, least, most);
      element.toggleAttribute("data-mine", Boolean(item.mine));
      return element;
    });
    if (figure.items.some((element, place) => figure.rows.children[place] !== element) || before.size !== items.length) {
      figure.rows.replaceChildren(...figure.items);
    }
    showMore(figure, 0);
  }

  function makeItem({ text }) {
    const element = document.createElement("li");
    element.dataset.text = text;
    element.dir = "auto";
    return element;
  }

  function fillCards(figure) {
    fillItems(figure, (element, { text, count }) => {
      const times = count > 1 ? `${number(count)} ×` : "";
      if (element.textContent === times + text) return;
      element.replaceChildren();
      if (times) make("span", "r-times", element, times);
      element.append(text);
    });
  }

  function fillCloud(figure) {
    fillItems(figure, (element, { text, count }, least, most) => {
      setText(element, text);
      element.dataset.color = colorOf(text);
      element.style.setProperty("--r-term", sizeOf(count, least, most).toFixed(2));
    });
  }

  function showMore(figure, left) {
    const count = figure.model.more + left;
    setText(figure.more, count ? figure.say("results.more", { n: count }) : "");
  }

  function listOverflows({ rows }) {
    return overflow(rows);
  }

  function fitItems(figure, mostColumns, upto, readable) {
    const show = (number) => figure.items.forEach((item, place) => { item.hidden = figure.model.items[place].rank >= number; });
    show(figure.items.length);
    showMore(figure, 0);
    let best = { px: 0, columns: 1, worth: 0 };
    for (let columns = 1; columns <= mostColumns; columns += 1) {
      const px = largest(figure, columns, SMALLEST_PX, upto, listOverflows);
      const worth = px * 0.9 ** (columns - 1);
      if (worth > best.worth) best = { px, columns, worth };
    }
    // Small letters help nobody in the last row: what came first stands there, and how many more there are.
    if (best.px >= readable || !figure.items.length) return size(figure, best.px || readable, best.columns);
    size(figure, readable, mostColumns);
    let [low, high] = [1, figure.items.length];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      show(middle);
      showMore(figure, figure.items.length - middle);
      if (overflow(figure.rows)) high = middle - 1;
      else low = middle;
    }
    show(low);
    showMore(figure, figure.items.length - low);
  }

  /* ---- the canvas ---- */

  const FORMS = {
    bars: { chart: true, build: buildRows, fill: fillRows, fit: fitRows, start: startBars, update: updateBars },
    columns: { chart: true, build: buildColumns, fill: () => {}, fit: fitColumns, start: startColumns, update: updateColumns },
    cards: { chart: false, build: buildCards, fill: fillCards, fit: (figure) => fitItems(figure, 4, LARGEST_REM * rem(), 0.75 * rem()) },
    cloud: { chart: false, build: buildCloud, fill: fillCloud, fit: (figure) => fitItems(figure, 1, 2.2 * LARGEST_REM * rem(), 0.55 * rem()) },
  };

  function calm() {
    return matchMedia("(prefers-reduced-motion: reduce)").matches;
  }

  function paint(figure) {
    const form = FORMS[figure.model.form];
    if (!form.chart || !window.Chart) return;
    if (!figure.shown && figure.model.form === "bars") return stop(figure);
    // The first result grows from nothing, once; later ones move on from where they were.
    const grows = figure.shown && !figure.grown;
    figure.grown = figure.shown;
    const still = calm() || !(figure.chart || figure.shown);
    const duration = grows ? FIRST_MS : NEXT_MS;
    const chart = figure.chart ?? form.start(figure);
    chart.options.animation = still ? false : { duration, easing: "easeOutCubic" };
    form.update(figure, chart);
    if (figure.chart) chart.update();
    else figure.chart = new Chart(figure.canvas, chart);
    restIn(figure, still ? 0 : duration);
  }

  // What stands in the end is drawn by this page. Chart.js moves bars by the time of day, which may be set back, and by
  // frames, which a hidden page has none of; and a size that comes with the last of them waits for the next.
  function restIn(figure, ms) {
    figure.restsAt = Math.max(figure.restsAt, performance.now() + ms);
    clearTimeout(figure.rest);
    figure.rest = setTimeout(() => { figure.chart.stop(); figure.chart.update("none"); }, figure.restsAt - performance.now());
  }

  // What a chart is made of; `update` fills it, like the chart later.
  function startBars(figure) {
    return {
      type: "bar",
      data: { labels: figure.model.bars.map(({ label }) => label), datasets: [{ data: [], backgroundColor: "transparent" }] },
      options: {
        indexAxis: "y", maintainAspectRatio: false, events: [],
        plugins: { legend: { display: false }, tooltip: { enabled: false } },
        scales: { x: { display: false, min: 0, max: 1 }, y: { display: false } },
      },
      plugins: [{ id: "strips", afterDatasetsDraw: (chart) => drawStrips(figure, chart) }],
    };
  }

  function updateBars({ model: { bars, most } }, chart) {
    chart.data.datasets[0].data = bars.map(({ value }) => value);
    chart.options.scales.x.max = most;
  }

  function outline(ctx, x, y, width, height, radius) {
    ctx.beginPath();
    // Browsers before 2023 have no roundRect.
    if (ctx.roundRect) ctx.roundRect(x, y, width, height, radius);
    else ctx.rect(x, y, width, height);
  }

  // The chart says how long a bar is at this moment, the page where its row stands.
  function drawStrips(figure, chart) {
    const { ctx, chartArea } = chart;
    const css = getComputedStyle(figure.root);
    const frame = figure.plot.getBoundingClientRect();
    const zoom = frame.width / figure.plot.offsetWidth || 1;
    const rightToLeft = css.direction === "rtl";
    const full = chartArea.right - chartArea.left;
    ctx.save();
    chart.getDatasetMeta(0).data.forEach((bar, place) => {
      const strip = figure.parts[place].strip;
      const box = strip.getBoundingClientRect();
      const [x, y] = [(box.left - frame.left) / zoom, (box.top - frame.top) / zoom];
      const [wide, high] = [strip.offsetWidth, strip.offsetHeight];
      const long = (wide * Math.max(0, bar.x - chartArea.left)) / full;
      const start = rightToLeft ? x + wide - long : x;
      const foot = Math.max(4, Math.min(high * 0.14, 14));
      const { color, right } = figure.model.bars[place];
      const wrong = right === "";
      ctx.save();
      outline(ctx, x, y, wide, high, parseFloat(getComputedStyle(strip).borderTopLeftRadius));
      ctx.clip();
      ctx.fillStyle = css.getPropertyValue(wrong ? "--r-8" : `--r-${color}`).trim();
      ctx.globalAlpha = wrong ? 0.14 : 0.24;
      ctx.fillRect(start, y, long, high);
      ctx.globalAlpha = wrong ? 0.45 : 1;
      ctx.fillRect(start, y + high - foot, long, foot);
      ctx.restore();
    });
    ctx.restore();
  }

  function startColumns(figure) {
    return {
      type: "bar",
      data: { labels: [], datasets: [{ data: [] }] },
      options: {
        maintainAspectRatio: false, events: [],
        plugins: { legend: { display: false }, tooltip: { enabled: false } },
        scales: { x: { grid: { display: false }, ticks: { maxRotation: 0 } }, y: { display: false, min: 0, max: 1 } },
      },
      plugins: [{ id: "numbers", afterDatasetsDraw: (chart) => drawNumbers(figure, chart) }],
    };
  }

  // A canvas knows no style sheet: it is told the theme's colours and the size of the letters.
  function updateColumns(figure, chart) {
    const { columns, marks } = figure.model;
    const css = getComputedStyle(figure.root);
    const px = parseFloat(css.fontSize);
    const bars = chart.data.datasets[0];
    chart.data.labels = columns.map(({ label }) => label);
    bars.data = columns.map(({ value }) => value);
    bars.backgroundColor = columns.map(({ color }) => css.getPropertyValue(`--r-${color}`).trim());
    Object.assign(bars, { borderRadius: px * 0.3, categoryPercentage: 0.92, barPercentage: 0.92 });
    const { x, y } = chart.options.scales;
    x.ticks.font = { size: px, family: css.fontFamily, weight: 600 };
    x.ticks.color = css.color;
    x.border = { color: css.getPropertyValue("--edge").trim(), width: Math.max(1, px / 12) };
    x.reverse = css.direction === "rtl";
    y.max = Math.max(1, ...bars.data);
    // Room for the counts above the columns, and for the names of marks above those.
    const tick = columns.some(({ mine }) => mine) && isNarrow(figure, px) ? 1.1 : 0;
    chart.options.layout = { padding: { top: px * (tick + (marks.length ? 1.6 + 1.5 * marks.length : 1.8)) } };
  }

  // What a figure stands on.
  function around({ large }, css) {
    return css.getPropertyValue(large ? "--page" : "--card").trim();
  }

  // Whether a tick and a count are wider than a column.
  function isNarrow({ plot, model: { columns } }, px) {
    const longest = Math.max(...columns.map(({ count }) => count.length));
    return (longest + 2) * 0.62 * px > plot.clientWidth / columns.length;
  }

  // The own one and the highest come first; where two would cover each other, the table says the other.
  function drawCounts(ctx, columns, bars, px, narrow) {
    const order = [...columns.keys()].filter((place) => columns[place].value);
    order.sort((one, other) => Boolean(columns[other].mine) - Boolean(columns[one].mine) || columns[other].value - columns[one].value);
    const taken = [];
    for (const place of order) {
      const { count, mine } = columns[place];
      const lines = mine && narrow ? [count, "✓"] : [mine ? `✓ ${count}` : count];
      const { x } = bars[place];
      const y = bars[place].y - px * 0.45;
      const half = ctx.measureText(lines[0]).width / 2;
      const box = { left: x - half, right: x + half, top: y - px * 1.1 * lines.length, bottom: y };
      if (taken.some((other) => box.left < other.right && other.left < box.right && box.top < other.bottom && other.top < box.bottom)) continue;
      taken.push(box);
      lines.forEach((text, line) => {
        ctx.strokeText(text, x, y - px * 1.1 * line);
        ctx.fillText(text, x, y - px * 1.1 * line);
      });
    }
  }

  function drawNumbers(figure, chart) {
    const { ctx } = chart;
    const { columns, marks } = figure.model;
    const css = getComputedStyle(figure.root);
    const px = parseFloat(css.fontSize);
    ctx.save();
    ctx.textAlign = "center";
    ctx.fillStyle = css.color;
    // A count that is wider than its column stays readable beside a higher one.
    ctx.strokeStyle = around(figure, css);
    ctx.lineWidth = px / 4;
    ctx.lineJoin = "round";
    ctx.font = `700 ${px}px ${css.fontFamily}`;
    if (figure.shown) drawCounts(ctx, columns, chart.getDatasetMeta(0).data, px, isNarrow(figure, px));
    marks.forEach((mark, place) => drawMark(figure, chart, px, mark, place));
    ctx.restore();
  }

  // A line at a value, with its name at the top.
  function drawMark(figure, chart, px, { at, label, look }, place) {
    const { ctx, chartArea: { left, right, bottom } } = chart;
    const css = getComputedStyle(figure.root);
    const share = css.direction === "rtl" ? 1 - at : at;
    const x = left + (right - left) * Math.min(1, Math.max(0, share));
    const y = px * (1.1 + 1.4 * place);
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = css.getPropertyValue(look === "good" ? "--good" : "--ink").trim();
    ctx.lineWidth = Math.max(2, px / 7);
    ctx.setLineDash(look === "good" ? [] : [px * 0.4, px * 0.3]);
    // Not through the count above the column that it meets.
    const bars = chart.getDatasetMeta(0).data;
    const met = bars.find((bar) => Math.abs(bar.x - x) <= bar.width / 2 + px * 0.3 && bar.y < bottom - 1);
    const own = met && figure.model.columns[bars.indexOf(met)].mine && isNarrow(figure, px);
    const top = met ? met.y : bottom;
    ctx.beginPath();
    ctx.moveTo(x, y + px * 0.35);
    ctx.lineTo(x, Math.max(y + px * 0.35, top - (met ? px * (own ? 2.6 : 1.5) : 0)));
    ctx.moveTo(x, top);
    ctx.lineTo(x, bottom);
    ctx.stroke();
    ctx.font = `700 ${px * 0.85}px ${css.fontFamily}`;
    const half = ctx.measureText(label).width / 2;
    const middle = Math.min(right - half, Math.max(left + half, x));
    // The line of another mark does not go through it.
    ctx.strokeStyle = around(figure, css);
    ctx.lineWidth = px / 2;
    ctx.setLineDash([]);
    ctx.strokeText(label, middle, y);
    ctx.fillText(label, middle, y);
    ctx.restore();
  }

  function stop(figure) {
    clearTimeout(figure.rest);
    figure.chart?.destroy();
    figure.chart = null;
  }

  // After a change of the theme.
  function repaint() {
    for (const figure of kept.values()) if (figure.model) paint(figure);
  }

  if (typeof matchMedia === "function") matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  globalThis.livevote = Object.assign(globalThis.livevote ?? {}, { results: { TEXTS, binsOf, clear, colorOf, draw, letter, model, repaint, sizeOf } });
})();
