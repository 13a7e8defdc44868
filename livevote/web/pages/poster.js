// Makes one picture of a result, for slides, minutes and messages: the question, the chart with its numbers, and how many
// voted. It is drawn by itself and not copied from the screen, so that it is always light, wide and whole.
//
//   livevote.poster.png({ question, tally, room, words, picture })
//
// As for `livevote.results`, which has to be there; `room` is a `state` message's. Gives a promise of a PNG as a `Blob`.
(() => {
  "use strict";

  const WIDTH = 1600;
  const LEAST_HEIGHT = 900;
  const MARGIN = 80;
  const GAP = 16;
  const INK = "#171c28";
  const SOFT = "#535b6d";
  const LINE = "#dde1ea";
  const TINT = "#e9edfc";
  const PAPER = "#fff";
  const GOOD = "#0b6b45";
  const BAD = "#b3261e";
  const COLORS = ["#1d5fc4", "#b4490a", "#0f7a55", "#7b3fb8", "#bf2440", "#0d7285", "#6a6600", "#ad2c80", SOFT];
  const FAMILY = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif';
  const LARGE_TITLE_LINES = 4;

  // The corners of the shapes that stand for options, in shares of their box; those without are round or square.
  const CORNERS = {
    2: [[0.5, 0], [1, 0.5], [0.5, 1], [0, 0.5]],
    3: [[0.5, 0], [1, 0.96], [0, 0.96]],
    4: [[0.25, 0.05], [0.75, 0.05], [1, 0.5], [0.75, 0.95], [0.25, 0.95], [0, 0.5]],
    5: [[0.26, 0], [0.74, 0], [0.74, 0.26], [1, 0.26], [1, 0.74], [0.74, 0.74], [0.74, 1], [0.26, 1], [0.26, 0.74], [0, 0.74], [0, 0.26], [0.26, 0.26]],
  };
  const ROUNDED = { 0: 0.5, 1: 0.18, 6: 0.32 };

  // Everything is placed from left to right; where the page is read from right to left, whole boxes change sides.
  class Sheet {
    constructor(height) {
      this.canvas = document.createElement("canvas");
      this.canvas.width = WIDTH;
      this.canvas.height = height;
      this.ctx = this.canvas.getContext("2d");
      this.rightToLeft = document.documentElement.dir === "rtl";
      this.ctx.fillStyle = PAPER;
      this.ctx.fillRect(0, 0, WIDTH, height);
    }

    left(x, width) {
      return this.rightToLeft ? WIDTH - x - width : x;
    }

    font(px, weight = 400) {
      this.ctx.font = `${weight} ${px}px ${FAMILY}`;
    }

    box(x, y, width, height, radius, look) {
      const { ctx } = this;
      ctx.beginPath();
      // Browsers before 2023 have no roundRect.
      if (ctx.roundRect) ctx.roundRect(this.left(x, width), y, width, height, radius);
      else ctx.rect(this.left(x, width), y, width, height);
      if (look.fill) ctx.fillStyle = look.fill;
      if (look.fill) ctx.fill();
      if (look.edge) ctx.strokeStyle = look.edge;
      if (look.edge) ctx.lineWidth = look.wide ?? 2;
      if (look.edge) ctx.stroke();
    }

    // With the middle of its line at y; `align` as if all were read from left to right.
    text(text, x, y, color, align = "left") {
      this.ctx.direction = directionOf(text) ?? (this.rightToLeft ? "rtl" : "ltr");
      this.ctx.fillStyle = color;
      this.ctx.textBaseline = "middle";
      this.ctx.textAlign = this.rightToLeft ? { left: "right", right: "left", center: "center" }[align] : align;
      this.ctx.fillText(text, this.left(x, 0), y);
    }
  }

  // What a text was written in, by its first letter, as a browser finds it for dir="auto". A number with a sign is one, too.
  function directionOf(text) {
    const first = /^[+−]|\p{L}/u.exec(text)?.[0];
    if (!first) return null;
    return /\p{Script=Arabic}|\p{Script=Hebrew}|\p{Script=Syriac}|\p{Script=Thaana}|\p{Script=Nko}/u.test(first) ? "rtl" : "ltr";
  }

  let ruler = null;

  function measured(text, px, weight) {
    ruler ??= document.createElement("canvas").getContext("2d");
    ruler.font = `${weight} ${px}px ${FAMILY}`;
    return ruler.measureText(text).width;
  }

  // Words where the language has them, and single signs where a word is too long for a line.
  function piecesOf(text, width, px, weight) {
    const language = document.documentElement.lang;
    const split = (granularity, part) => Array.from(new Intl.Segmenter(language, { granularity }).segment(part), ({ segment }) => segment);
    if (!Intl.Segmenter) return text.split(/(?<=\s)/u);
    // A mark stays with the word before it.
    const words = split("word", text).reduce((all, word) => {
      if (all.length && /^[\p{P}\s]+$/u.test(word)) all.push(all.pop() + word);
      else all.push(word);
      return all;
    }, []);
    return words.flatMap((word) => (measured(word, px, weight) > width ? split("grapheme", word) : [word]));
  }

  // The text in lines of at most `width`. What does not fit into `most` of them ends with an ellipsis.
  function wrap(text, width, px, weight = 400, most = Infinity) {
    const lines = [""];
    for (const piece of piecesOf(text.replace(/\s+/gu, " ").trim(), width, px, weight)) {
      if (measured((lines.at(-1) + piece).trimEnd(), px, weight) <= width) lines[lines.length - 1] += piece;
      else lines.push(piece.trimStart());
    }
    const shown = lines.slice(0, most).map((line) => line.trim());
    if (lines.length > most) {
      let last = shown.pop();
      while (last && measured(`${last}…`, px, weight) > width) last = Array.from(last).slice(0, -1).join("");
      shown.push(`${last.trimEnd()}…`);
    }
    return shown;
  }

  /* ---- the parts: each says how high it is, and draws itself at a height ---- */

  function titlePart(text) {
    const broken = (size) => wrap(text, WIDTH - 2 * MARGIN, size, 700);
    const px = [56, 44].find((size) => broken(size).length <= LARGE_TITLE_LINES) ?? 34;
    const lines = broken(px);
    return {
      height: lines.length * px * 1.25,
      draw(sheet, top) {
        sheet.font(px, 700);
        lines.forEach((line, place) => sheet.text(line, MARGIN, top + (place + 0.5) * px * 1.25, INK));
      },
    };
  }

  function headPart(head) {
    const [px, high] = [32, 60];
    const colors = { good: GOOD, bad: BAD };
    const places = [];
    let [x, row] = [MARGIN, 0];
    for (const { label = "", value = "", look } of head) {
      const inner = WIDTH - 2 * MARGIN - 2 * 28;
      const [name] = wrap(label, inner, px, 400, 1);
      const between = label && value ? 14 : 0;
      const start = name ? measured(name, px, 400) : 0;
      const [fact] = wrap(value, Math.max(200, inner - start - between), px, 700, 1);
      const width = start + between + (fact ? measured(fact, px, 700) : 0) + 2 * 28;
      if (x > MARGIN && x + width > WIDTH - MARGIN) [x, row] = [MARGIN, row + 1];
      places.push({ x, row, width, name, fact, start, between, color: colors[look] ?? INK });
      x += width + GAP;
    }
    return {
      height: head.length ? (row + 1) * (high + GAP) - GAP : 0,
      draw(sheet, top) {
        for (const { x: at, row: line, width, name, fact, start, between, color } of places) {
          const y = top + line * (high + GAP);
          sheet.box(at, y, width, high, high / 2, { fill: TINT });
          sheet.font(px);
          sheet.text(name, at + 28, y + high / 2, color);
          sheet.font(px, 700);
          sheet.text(fact, at + 28 + start + between, y + high / 2, color);
        }
      },
    };
  }

  function badge(sheet, { sign, shape, color, right }, x, y, size) {
    const fill = right === "" ? LINE : COLORS[color];
    const ink = right === "" ? SOFT : PAPER;
    const corners = CORNERS[shape];
    if (corners) {
      const { ctx } = sheet;
      ctx.beginPath();
      for (const [across, down] of corners) ctx.lineTo(sheet.left(x, size) + across * size, y + down * size);
      ctx.closePath();
      ctx.fillStyle = fill;
      ctx.fill();
    } else {
      sheet.box(x, y, size, size, ROUNDED[shape] * size, { fill });
    }
    sheet.font(size * (sign.length > 1 ? 0.42 : 0.54), 700);
    sheet.text(sign, x + size / 2, y + size * (shape === "3" ? 0.66 : 0.52), ink, "center");
  }

  function barsPart({ bars, most }, pictures, px) {
    const inner = WIDTH - 2 * MARGIN;
    const numbers = bars.map(({ count, share }) => (share ? `${count} · ${share}` : count));
    const numbersWide = Math.max(...numbers.map((text) => measured(text, px, 700)));
    const size = px * 1.6;
    const rows = bars.map((bar, place) => {
      const tag = bar.right || bar.ahead || "";
      const tagWide = tag ? measured(tag, px * 0.75, 700) + 28 + GAP : 0;
      const image = pictures[place];
      const start = GAP + size + GAP + (image ? size * 3 + GAP : 0);
      const lines = wrap(bar.label, inner - start - numbersWide - tagWide - 3 * GAP, px, 500);
      const high = Math.max(lines.length * px * 1.25 + 24, size + 24, image ? size * 2.2 + 24 : 0);
      return { ...bar, tag, tagWide, image, start, lines, high, number: numbers[place] };
    });
    return {
      height: rows.reduce((sum, { high }) => sum + high + GAP, -GAP),
      draw(sheet, top) {
        let y = top;
        for (const row of rows) {
          drawBar(sheet, row, y, { px, size, inner, most, numbersWide });
          y += row.high + GAP;
        }
      },
    };
  }

  function drawBar(sheet, row, y, { px, size, inner, most, numbersWide }) {
    const { ctx } = sheet;
    const middle = y + row.high / 2;
    const long = (inner * row.value) / most;
    ctx.save();
    sheet.box(MARGIN, y, inner, row.high, 16, { fill: PAPER });
    ctx.clip();
    ctx.fillStyle = row.right === "" ? SOFT : COLORS[row.color];
    ctx.globalAlpha = row.right === "" ? 0.14 : 0.24;
    ctx.fillRect(sheet.left(MARGIN, long), y, long, row.high);
    ctx.globalAlpha = row.right === "" ? 0.45 : 1;
    ctx.fillRect(sheet.left(MARGIN, long), y + row.high - 10, long, 10);
    ctx.restore();
    const marked = row.right || row.ahead;
    sheet.box(MARGIN, y, inner, row.high, 16, { edge: row.right ? GOOD : marked ? COLORS[0] : LINE, wide: marked ? 4 : 2 });
    badge(sheet, row, MARGIN + GAP, middle - size / 2, size);
    if (row.image) drawImage(sheet, row.image, MARGIN + GAP + size + GAP, y + 12, size * 3, row.high - 24);
    sheet.font(px, 500);
    row.lines.forEach((line, place) => {
      sheet.text(line, MARGIN + row.start, middle + (place - (row.lines.length - 1) / 2) * px * 1.25, row.right === "" ? SOFT : INK);
    });
    const end = MARGIN + inner - GAP - 8;
    if (row.tag) {
      const wide = row.tagWide - GAP;
      const x = end - numbersWide - row.tagWide;
      sheet.box(x, middle - px * 0.7, wide, px * 1.4, px * 0.7, { fill: row.right ? GOOD : TINT });
      sheet.font(px * 0.75, 700);
      sheet.text(row.tag, x + wide / 2, middle, row.right ? PAPER : COLORS[0], "center");
    }
    sheet.font(px, 700);
    sheet.text(row.number, end, middle, INK, "right");
  }

  function drawImage(sheet, image, x, y, width, height) {
    const scale = Math.min(width / image.naturalWidth, height / image.naturalHeight);
    const [wide, high] = [image.naturalWidth * scale, image.naturalHeight * scale];
    sheet.ctx.drawImage(image, sheet.left(x + (width - wide) / 2, wide), y + (height - high) / 2, wide, high);
  }

  function columnsPart({ columns, marks, unit = "" }, high) {
    const inner = WIDTH - 2 * MARGIN;
    const step = inner / columns.length;
    const most = Math.max(1, ...columns.map(({ value }) => value));
    const labels = columns.map(({ label }) => label);
    const widest = Math.max(...labels.map((label) => measured(label, 28, 600)));
    // Where not every label has room, every second, third ... one is shown.
    const every = Math.max(1, Math.ceil((widest + 12) / step));
    const above = 44 + 40 * marks.length;
    return {
      height: high,
      draw(sheet, top) {
        const foot = top + high - 56;
        const tallest = high - 56 - above;
        columns.forEach(({ value, count, color, label }, place) => {
          const x = MARGIN + place * step;
          const tall = (tallest * value) / most;
          if (value) sheet.box(x + step * 0.08, foot - tall, step * 0.84, tall, [8, 8, 0, 0], { fill: COLORS[color] });
          sheet.font(Math.min(30, step * 0.5), 700);
          if (value) sheet.text(count, x + step / 2, foot - tall - 22, INK, "center");
          sheet.font(28, 600);
          if (place % every === 0) sheet.text(label, x + step / 2, foot + 30, INK, "center");
        });
        sheet.box(MARGIN, foot - 1, inner, 2, 0, { fill: SOFT });
        sheet.font(28, 600);
        if (unit) sheet.text(unit, MARGIN + inner, top + 20, SOFT, "right");
        marks.forEach((mark, place) => {
          // Not through the count above the column that it meets.
          const met = columns[Math.min(columns.length - 1, Math.floor(mark.at * columns.length))].value;
          drawMark(sheet, mark, { top: top + 20 + 40 * place, foot, inner, gap: met ? foot - (tallest * met) / most : null });
        });
      },
    };
  }

  function drawMark(sheet, { at, label, look }, { top, foot, inner, gap }) {
    const { ctx } = sheet;
    const x = MARGIN + inner * Math.min(1, Math.max(0, at));
    ctx.save();
    ctx.strokeStyle = look === "good" ? GOOD : INK;
    ctx.lineWidth = 4;
    ctx.setLineDash(look === "good" ? [] : [12, 9]);
    ctx.beginPath();
    ctx.moveTo(sheet.left(x, 0), top + 20);
    ctx.lineTo(sheet.left(x, 0), gap === null ? foot : gap - 44);
    ctx.moveTo(sheet.left(x, 0), gap ?? foot);
    ctx.lineTo(sheet.left(x, 0), foot);
    ctx.stroke();
    ctx.restore();
    const half = measured(label, 28, 700) / 2;
    const middle = Math.min(MARGIN + inner - half, Math.max(MARGIN + half, x));
    sheet.box(middle - half - 6, top - 18, 2 * half + 12, 36, 6, { fill: PAPER });
    sheet.font(28, 700);
    sheet.text(label, middle, top, look === "good" ? GOOD : INK, "center");
  }

  function cardsPart({ items }, px) {
    const wide = (WIDTH - 2 * MARGIN - 2 * GAP) / 2;
    const tops = [0, 0];
    const cards = items.map(({ text, count }) => {
      const times = count > 1 ? `×\u2009${new Intl.NumberFormat(document.documentElement.lang).format(count)}` : "";
      const lines = wrap(text, wide - 60 - (times ? measured(times, px, 700) + GAP : 0), px);
      const high = lines.length * px * 1.3 + 28;
      const column = tops[0] <= tops[1] ? 0 : 1;
      const top = tops[column];
      tops[column] += high + GAP;
      return { lines, times, high, column, top };
    });
    return {
      height: Math.max(0, Math.max(...tops) - GAP),
      draw(sheet, start) {
        for (const { lines, times, high, column, top } of cards) {
          const [x, y] = [MARGIN + column * (wide + 2 * GAP), start + top];
          sheet.box(x, y, wide, high, 12, { fill: PAPER, edge: LINE });
          sheet.box(x, y, 10, high, 0, { fill: COLORS[0] });
          sheet.font(px);
          lines.forEach((line, place) => sheet.text(line, x + 32, y + 14 + (place + 0.5) * px * 1.3, INK));
          sheet.font(px, 700);
          sheet.text(times, x + wide - 24, y + 14 + px * 0.65, SOFT, "right");
        }
      },
    };
  }

  function cloudPart({ items }, plain) {
    const inner = WIDTH - 2 * MARGIN;
    const counts = items.map(({ count }) => count);
    const [least, most] = [Math.min(...counts), Math.max(...counts)];
    const rows = [];
    let tight = false;
    for (const { text, count } of items) {
      const color = livevote.results.colorOf(text);
      let px = plain * livevote.results.sizeOf(count, least, most);
      const full = measured(text, px, 700);
      tight ||= full > inner;
      px = Math.floor(px * Math.min(1, inner / full));
      const wide = measured(text, px, 700);
      const row = rows.at(-1);
      if (row && row.wide + 36 + wide <= inner) {
        row.words.push({ text, px, color, x: row.wide + 36 });
        row.wide += 36 + wide;
        row.high = Math.max(row.high, px * 1.2);
      } else {
        rows.push({ wide, high: px * 1.2, words: [{ text, px, color, x: 0 }] });
      }
    }
    return {
      height: rows.reduce((sum, { high }) => sum + high, 0),
      tight,
      draw(sheet, top) {
        let y = top;
        for (const row of rows) {
          for (const { text, px, x, color } of row.words) {
            sheet.font(px, 700);
            sheet.text(text, MARGIN + (inner - row.wide) / 2 + x, y + row.high / 2, COLORS[color]);
          }
          y += row.high;
        }
      },
    };
  }

  function footPart(texts) {
    const px = 28;
    const lines = wrap(texts.filter(Boolean).join("  ·  "), WIDTH - 2 * MARGIN, px, 400, 2);
    return {
      height: lines.length * px * 1.4,
      draw(sheet, top) {
        sheet.font(px);
        lines.forEach((line, place) => sheet.text(line, MARGIN, top + (place + 0.5) * px * 1.4, SOFT));
      },
    };
  }

  /* ---- the whole ---- */

  // Null for one that cannot be had: the result is whole without it.
  function load(address) {
    return new Promise((done) => {
      const image = new Image();
      image.onload = () => done(image);
      image.onerror = () => done(null);
      image.src = address;
    });
  }

  // As large as its place allows, and without a word that alone is wider than a line. What is more than that in the smallest letters makes the picture higher.
  function chartPart(model, pictures, place) {
    if (model.form === "columns") return columnsPart(model, Math.max(460, place));
    const [sizes, build] = {
      bars: [[56, 48, 40, 34, 28], (px) => barsPart(model, pictures, px)],
      cards: [[48, 40, 32, 28], (px) => cardsPart(model, px)],
      cloud: [[96, 80, 64, 52, 40], (px) => cloudPart(model, px)],
    }[model.form];
    const fitting = sizes.map(build).filter(({ height }) => height <= place);
    return fitting.find(({ tight }) => !tight) ?? fitting[0] ?? build(sizes.at(-1));
  }

  function footer({ question, tally, room, words }, { more }) {
    return [
      room.rehearsal && words("host.band.rehearsal"),
      more && words("results.more", { n: more }),
      words("client.results.voters", { n: tally.voters }),
      question.round > 1 && words("host.round", { n: question.round }),
      room.room.title,
    ];
  }

  async function png(given) {
    const { question, tally, words, picture } = given;
    const model = livevote.results.model({ question, tally, own: null, words });
    const shown = await Promise.all((model.bars ?? []).map((bar) => bar.picture && load(picture(bar.picture))));
    const between = 40;
    const above = [titlePart(question.text), headPart(model.head)].filter(({ height }) => height);
    const last = footPart(footer(given, model));
    const taken = 2 * MARGIN + last.height + above.reduce((sum, { height }) => sum + height + between, between);
    const chart = chartPart(model, shown, LEAST_HEIGHT - taken);
    const sheet = new Sheet(Math.ceil(Math.max(LEAST_HEIGHT, taken + chart.height)));
    let y = MARGIN;
    for (const part of [...above, chart]) {
      part.draw(sheet, y);
      y += part.height + between;
    }
    last.draw(sheet, sheet.canvas.height - MARGIN - last.height);
    return new Promise((done, failed) => {
      sheet.canvas.toBlob((blob) => (blob ? done(blob) : failed(new Error("the picture is too large"))), "image/png");
    });
  }

  livevote.poster = { png };
})();
