// A chart is a picture of a table that stands behind it: drawn by Chart.js, walked with the arrow keys, read aloud by a live
// region, clicked through to what made a figure, and saved as CSV or as a picture that states what it shows.
import { html, useEffect, useId, useRef, useState } from "./vendor/preact.js";
import { useLedger } from "./ledger.js";
import { NoteForm } from "./notes.js";
import { copyText, csv, Dialog, save } from "./parts.js";
import { go } from "./route.js";

/** @type {Promise<any> | undefined} */
let library;
/** Loads the drawing library once, and only what is used of it is registered. */
const drawing = () => (library ??= import("./vendor/chart.js").then(({ Chart, LineController, LineElement, PointElement, BarController, BarElement, CategoryScale, LinearScale, Filler }) => {
  Chart.register(LineController, LineElement, PointElement, BarController, BarElement, CategoryScale, LinearScale, Filler);
  return Chart;
}));

/**
 * @typedef {object} Series
 * @property {string} key
 * @property {string} name
 * @property {(number | null)[]} values where it is drawn, in units
 * @property {string[]} text what is read, exactly
 * @property {string} color a colour's name in the style sheet: `accent`, `new`, `churn`, …
 * @property {"line" | "bar"} [as]
 * @property {boolean} [dashed]
 * @property {boolean} [area]
 * @property {boolean} [points] points without a line
 * @property {boolean} [quiet] the legend leaves it out
 * @property {boolean} [band] what lies between it and the series before it is tinted
 */
/** @typedef {{ at: number, label: string, kind: "closing" | "planned" | "price_change" | "note" | "alert" }} Mark */

/** How each kind of mark looks in the legend and on the chart. @type {Record<string, readonly [string, string, string]>} */
const MARKS = { closing: ["▪", "month closed", "soft"], planned: ["▾", "planned", "warn"], price_change: ["◆", "price change", "g3"], note: ["▾", "note", "accent"], alert: ["▾", "alert", "churn"] };

/** @param {string} name */
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--c-${name}`).trim() || "#888";

/** Vertical lines: marks of the calendar, and the cursor. */
const lines = {
  id: "lines",
  /** @param {any} chart */
  afterDatasetsDraw(chart) {
    const { ctx, chartArea: { top, bottom }, scales: { x } } = chart;
    const own = chart.config.options.own;
    ctx.save();
    own.marks.forEach((/** @type {Mark} */ mark) => {
      const at = x.getPixelForValue(mark.at);
      ctx.fillStyle = ctx.strokeStyle = color(MARKS[mark.kind][2]);
      // A month that was closed is marked at its foot; whatever somebody wrote stands at the top.
      if (mark.kind === "closing") { ctx.fillRect(at - 2.5, bottom - 2.5, 5, 5); return; }
      ctx.setLineDash([2, 3]); ctx.lineWidth = 1;
      ctx.beginPath(); ctx.moveTo(at, top); ctx.lineTo(at, bottom); ctx.stroke();
      ctx.setLineDash([]);
      ctx.beginPath(); ctx.moveTo(at - 5, top - 5);
      if (mark.kind === "price_change") ctx.lineTo(at, top - 10);
      ctx.lineTo(at + 5, top - 5); ctx.lineTo(at, top + (mark.kind === "price_change" ? 0 : 2)); ctx.fill();
    });
    if (own.cursor !== null) {
      const at = x.getPixelForValue(own.cursor);
      ctx.strokeStyle = color("ink"); ctx.globalAlpha = 0.5; ctx.lineWidth = 1;
      ctx.beginPath(); ctx.moveTo(at, top); ctx.lineTo(at, bottom); ctx.stroke();
    }
    ctx.restore();
  },
};

/**
 * @param {{ labels: string[], series: Series[], tick: (value: number) => string, marks: Mark[], stacked: boolean, running: number }} what
 */
function configuration({ labels, series, tick, marks, stacked, running }) {
  const font = { family: getComputedStyle(document.body).fontFamily, size: 11.5 };
  const datasets = series.map((one) => {
    const tint = color(one.color);
    const base = { label: one.name, data: one.values, order: one.as === "bar" ? 2 : 1 };
    if (one.as === "bar") return { ...base, type: "bar", backgroundColor: tint, stack: stacked ? "all" : one.key, maxBarThickness: 46, categoryPercentage: 0.8, barPercentage: 0.92, borderRadius: 2 };
    return {
      // Of lines none is heaped on another, whatever bars do.
      ...base, type: "line", stack: one.key, borderColor: tint, backgroundColor: one.area || one.band ? color(`${one.color}-soft`) : tint, fill: one.area ? "origin" : one.band ? "-1" : false, borderWidth: one.points || one.color === "band" ? 0 : 2.25,
      showLine: !one.points, borderDash: one.dashed ? [5, 5] : [], tension: 0, pointRadius: one.points ? 4 : one.values.filter((v) => v !== null).length < 3 ? 4 : 0, pointStyle: one.points ? "rectRot" : "circle",
      pointBackgroundColor: one.points ? color("ink") : tint, pointBorderColor: color("card"), pointBorderWidth: 1, spanGaps: false,
      segment: running >= 0 && !one.dashed ? { borderDash: (/** @type {any} */ at) => (at.p1DataIndex === running ? [3, 4] : undefined) } : undefined,
    };
  });
  return {
    type: "bar", data: { labels, datasets }, plugins: [lines],
    options: {
      own: { marks, cursor: /** @type {number | null} */ (null) }, animation: false, responsive: true, maintainAspectRatio: false, events: [], layout: { padding: { top: marks.some((mark) => mark.kind !== "closing") ? 16 : 8, right: 8 } },
      scales: {
        x: { stacked, offset: series.some((one) => one.as === "bar") || labels.length < 2, grid: { display: false }, border: { color: color("line") }, ticks: { color: color("soft"), font, maxRotation: 0, autoSkip: true, autoSkipPadding: 14 } },
        y: { stacked, beginAtZero: true, border: { display: false }, grid: { color: (/** @type {any} */ at) => color(at.tick.value === 0 ? "faint" : "line") }, ticks: { color: color("soft"), font, maxTicksLimit: 6, callback: tick } },
      },
    },
  };
}

/**
 * @param {{ title: string, says?: string, labels: string[], series: Series[], tick: (value: number) => string, open?: (index: number, key?: string) => string | null,
 *   marks?: Mark[], starts?: string[], stacked?: boolean, height?: number, head?: string, name: string, partial?: boolean, ahead?: number, tools?: any, table?: boolean }} props
 *   says: which filters it shows, for the picture; name: of the files it is saved as, and in links; starts: the first day of each period, where notes can be added;
 *   ahead: so many of the last periods are yet to come
 */
export function Chart({ title, says = "", labels, series, tick, open, marks = [], starts, stacked = false, height = 260, head = "Period", name, partial = false, ahead = 0, tools, table = true }) {
  // The period that still runs, of which everything is "so far".
  const running = partial ? labels.length - 1 - ahead : -1;
  const ledger = useLedger();
  /** @type {{ current: HTMLCanvasElement | null }} */
  const canvas = useRef(null);
  /** @type {{ current: any }} */
  const chart = useRef(null);
  const [cursor, point] = useState(/** @type {number | null} */ (null));
  const [row, pick] = useState(0);
  const [said, say] = useState("");
  const [place, put] = useState({ left: 0, flip: false });
  const [dark, theme] = useState(document.documentElement.dataset.theme);
  const id = useId();
  useEffect(() => {
    const watch = new MutationObserver(() => theme(document.documentElement.dataset.theme));
    watch.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    return () => watch.disconnect();
  }, []);
  const drawn = JSON.stringify([labels, series.map((one) => [one.key, one.color, one.values]), marks, stacked, dark, running]);
  useEffect(() => {
    let gone = false;
    drawing().then((Drawing) => {
      if (gone || !canvas.current) return;
      const next = configuration({ labels, series, tick, marks, stacked, running });
      chart.current?.destroy();
      chart.current = new Drawing(canvas.current, next);
      canvas.current.dataset.drawn = "yes";
    });
    return () => { gone = true; };
  }, [drawn]);
  useEffect(() => () => { chart.current?.destroy(); chart.current = null; }, []);
  useEffect(() => {
    if (!chart.current) return;
    chart.current.config.options.own.cursor = cursor;
    chart.current.draw();
    if (cursor !== null) {
      const left = chart.current.scales.x.getPixelForValue(cursor);
      put({ left, flip: left > chart.current.width / 2 });
    }
  }, [cursor]);
  const shown = series.filter((one) => cursor === null || one.values[cursor] !== null);
  const tell = (/** @type {number} */ i, /** @type {number} */ r) => {
    const all = series.filter((one) => one.values[i] !== null);
    const of = r === 0 ? all : [all[r - 1]].filter(Boolean);
    const near = marks.filter((mark) => mark.at === i).map((mark) => mark.label);
    say(`${labels[i]}: ${[...of.map((one) => `${one.name} ${one.text[i]}`), ...near].join(", ")}`);
  };
  const key = (/** @type {KeyboardEvent} */ event) => {
    const last = labels.length - 1;
    const at = cursor ?? last;
    const all = series.filter((one) => one.values[at] !== null).length;
    let [i, r] = [at, row];
    if (event.key === "ArrowLeft") i = cursor === null ? last : Math.max(0, at - 1);
    else if (event.key === "ArrowRight") i = cursor === null ? 0 : Math.min(last, at + 1);
    else if (event.key === "Home") i = 0;
    else if (event.key === "End") i = last;
    else if (event.key === "ArrowDown") r = Math.min(all, row + 1);
    else if (event.key === "ArrowUp") r = Math.max(0, row - 1);
    else if (event.key === "Escape") { point(null); return; }
    else if (event.key === "Enter" && cursor !== null) { const to = open?.(at, row ? shown[row - 1]?.key : undefined); if (to) go(to); return; }
    else return;
    event.preventDefault();
    point(i); pick(r); tell(i, r);
  };
  const index = (/** @type {MouseEvent} */ event) => {
    if (!chart.current) return null;
    const { left, top } = /** @type {HTMLElement} */ (canvas.current).getBoundingClientRect();
    const { chartArea, scales } = chart.current;
    const [x, y] = [event.clientX - left, event.clientY - top];
    if (x < chartArea.left - 8 || x > chartArea.right + 8 || y < 0 || y > chartArea.bottom + 24) return null;
    return Math.max(0, Math.min(labels.length - 1, scales.x.getValueForPixel(x)));
  };
  const click = (/** @type {MouseEvent} */ event) => {
    const i = index(event);
    if (i === null || !open) return;
    const hit = chart.current.getElementsAtEventForMode(event, "nearest", { intersect: true }, false)[0];
    const to = open(i, hit ? series[hit.datasetIndex]?.key : undefined);
    if (to) go(to);
  };
  const rows = () => [[head, ...series.map((one) => one.name)], ...labels.map((label, i) => [label, ...series.map((one) => one.values[i] ?? "")])];
  const [copied, copy] = useState(false);
  const link = async () => {
    await copyText(`${location.origin}${location.pathname}${location.search}#${name}`);
    copy(true); setTimeout(() => copy(false), 1600);
  };
  // A copied link of one chart leads to it.
  useEffect(() => { if (location.hash === `#${name}`) document.getElementById(name)?.scrollIntoView({ block: "center" }); }, []);
  const [noting, note] = useState(false);
  const picture = () => {
    const from = /** @type {HTMLCanvasElement} */ (canvas.current);
    const scale = from.width / from.clientWidth;
    const to = document.createElement("canvas");
    const pad = 16 * scale;
    const about = [...inLines(says, 110), ...(marks.length ? inLines(`Marks: ${[...new Set(marks.map((mark) => mark.label))].join(" · ")}`, 110) : [])];
    const top = (46 + 16 * about.length) * scale;
    to.width = Math.max(from.width + 2 * pad, 720 * scale); to.height = from.height + top + 44 * scale;
    const ctx = /** @type {CanvasRenderingContext2D} */ (to.getContext("2d"));
    const font = getComputedStyle(document.body).fontFamily;
    ctx.fillStyle = color("card"); ctx.fillRect(0, 0, to.width, to.height);
    ctx.fillStyle = color("ink"); ctx.font = `600 ${15 * scale}px ${font}`; ctx.fillText(title, pad, 26 * scale, to.width - 2 * pad);
    ctx.fillStyle = color("soft"); ctx.font = `${11.5 * scale}px ${font}`; about.forEach((line, i) => ctx.fillText(line, pad, (46 + 16 * i) * scale, to.width - 2 * pad));
    ctx.drawImage(from, pad, top);
    let x = pad;
    let y = to.height - 26 * scale;
    series.forEach((one) => {
      const wide = ctx.measureText(one.name).width + 30 * scale;
      if (x + wide > to.width) { x = pad; y += 16 * scale; }
      ctx.fillStyle = color(one.color); ctx.fillRect(x, y - 8 * scale, 9 * scale, 9 * scale);
      ctx.fillStyle = color("soft"); ctx.fillText(one.name, x + 13 * scale, y);
      x += wide;
    });
    to.toBlob((blob) => {
      if (!blob) return;
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob); link.download = `${name}.png`; link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    });
  };
  const here = cursor !== null && cursor < labels.length ? cursor : null;
  const kinds = [...new Set(marks.map((mark) => mark.kind))];
  return html`<figure class="chart" aria-labelledby=${id} id=${name}>
    <figcaption class="legend" id=${id}><span class="unseen">${title}. </span>${series.length > 1 && series.filter((one) => !one.quiet).map((one) => html`<span key=${one.key}><i class=${`key k-${one.color} ${one.dashed ? "dashed" : ""} ${one.points ? "diamond" : ""}`}></i>${one.name}</span>`)}
      ${kinds.map((kind) => html`<span key=${kind} class=${`mark m-${kind}`}><i aria-hidden="true">${MARKS[kind][0]}</i> ${marks.filter((mark) => mark.kind === kind).length === 1 ? marks.find((mark) => mark.kind === kind)?.label : MARKS[kind][1]}</span>`)}</figcaption>
    <div class=${`canvas h-${height >= 300 ? "tall" : height <= 140 ? "low" : "mid"}`} tabindex="0" role="group" aria-roledescription="chart" aria-label=${`${title}: arrow keys walk through it, Enter opens what is behind a figure`}
      onKeyDown=${key} onBlur=${() => point(null)} onMouseMove=${(/** @type {MouseEvent} */ event) => point(index(event))} onMouseLeave=${() => point(null)} onClick=${click} data-open=${open ? "yes" : undefined}>
      <canvas ref=${canvas} aria-hidden="true"></canvas>
      ${here !== null && html`<div class=${`tip ${place.flip ? "flip" : ""}`} style=${{ left: `${place.left}px` }}><b>${labels[here]}${here === running ? " so far" : ""}</b>
        ${shown.map((one, i) => html`<span class=${`pair ${row === i + 1 ? "on" : ""}`} key=${one.key}><span><i class=${`key k-${one.color}`}></i>${one.name}</span><span>${one.text[here]}</span></span>`)}
        ${marks.filter((mark) => mark.at === here).map((mark) => html`<span class=${`pair mark m-${mark.kind}`}><span><i>${MARKS[mark.kind][0]}</i> ${mark.label}</span></span>`)}</div>`}
    </div>
    <p class="unseen" aria-live="polite">${said}</p>
    <div class="under">${table && html`<details class="as-table"><summary>As a table</summary><div class="scroll" tabindex="0" role="region" aria-label=${`${title} as a table`}><table>
        <thead><tr><th scope="col">${head}</th>${series.map((one) => html`<th scope="col" class="num" key=${one.key}>${one.name}</th>`)}</tr></thead>
        <tbody>${labels.map((label, i) => html`<tr key=${i}><th scope="row">${label}${i === running ? " so far" : ""}</th>${series.map((one) => {
          const to = one.values[i] === null ? null : open?.(i, one.key);
          return html`<td class="num" key=${one.key}>${to ? html`<a href=${to}>${one.text[i]}</a>` : one.text[i]}</td>`;
        })}</tr>`)}</tbody></table></div></details>`}
      <div class="tools">${tools}${starts && ledger?.me?.role === "admin" && html`<button type="button" class="quiet" onClick=${() => note(true)}>Add a note</button>`}<button type="button" class="quiet" onClick=${() => save(csv(rows()), `${name}.csv`)}>CSV</button><button type="button" class="quiet" onClick=${picture}>PNG</button><button type="button" class="quiet" aria-label=${`Copy a link to ${title}`} onClick=${link}>${copied ? "Copied" : "Link"}</button></div></div>
    ${noting && html`<${Dialog} title="A note on every chart" close=${() => note(false)} cls="narrow"><${NoteForm} day=${starts?.at(-1)} done=${() => note(false)} /><//>`}
  </figure>`;
}

/** Text in lines of at most so many letters, broken between its parts. @param {string} text @param {number} most */
function inLines(text, most) {
  /** @type {string[]} */
  const lines = [];
  for (const part of text.split(" · ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + part.length + 3 <= most) lines[lines.length - 1] = `${last} · ${part}`; else lines.push(part);
  }
  return lines;
}

/** A line without axes, for a figure's past; the figure itself says what it is. @param {{ values: (number | null)[] }} props */
export function Spark({ values }) {
  const known = /** @type {number[]} */ (values.filter((value) => value !== null));
  if (known.length < 3) return null;
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const step = 100 / (values.length - 1);
  const d = values.map((value, i) => (value === null ? null : `${(i * step).toFixed(1)} ${(22 - (high === low ? 11 : ((value - low) / (high - low)) * 20)).toFixed(1)}`));
  const path = d.reduce((text, at, i) => (at === null ? text : `${text}${text === "" || d[i - 1] === null ? "M" : "L"}${at}`), "");
  return html`<svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true"><path d=${path} /></svg>`;
}
