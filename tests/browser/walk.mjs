// Walks pages of the dashboard in a real browser, without a window, and tells what it saw: `node walk.mjs < plan.json`.
//
// The plan: { base, token, browser, views: [{ width, dark }], pages: [{ path, steps: [...] }] }; each page is loaded in the
// first view and looked at in all of them, in the first two by every rule of axe, in the others for its colours.
// A step is { click: selector | { text } }, { focus: selector }, { post: { path, body, headers } }, { press: key, times }, { type: text },
// { select: selector, value }, { wait: text }, { until: selector }, { at: start of a path }, { drop: file, on: selector }, { choose: file, in: selector }, { tabs: true },
// { save: name, by: text } or { look: name }: both keep a text, the one of a file that a click saves.
// The answer, on stdout: one { path, width, dark, text, title, at, console, policy, failed, overflow, blank, axe, looks, ms }
// for each page and view, `covered` in the bar on top, `unhinted` of wide tables, `sideways` those that scroll; `looks` holds what the steps saw, `unreached` what Tab alone doesn't come to.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import puppeteer from "puppeteer-core";

const plan = JSON.parse(readFileSync(0, "utf8"));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PATIENCE_MS = 60000;

const browser = await puppeteer.launch({
  executablePath: plan.browser ?? "chromium", pipe: true,
  args: ["--no-sandbox", "--disable-gpu", "--lang=en-US", "--disable-dev-shm-usage", "--force-device-scale-factor=1"],
});

/** Waits until nothing on the page is loading and every chart is drawn. */
const settled = (page) => page.waitForFunction(() => document.querySelector("main h1, main .failed") && !document.querySelector("main .loading, main .stale")
  && [...document.querySelectorAll("canvas")].every((canvas) => canvas.dataset.drawn), { timeout: PATIENCE_MS, polling: 50 });

async function step(page, one, looks) {
  if (one.click?.text) {
    const found = await page.evaluateHandle((text) => [...document.querySelectorAll("a, button, summary, [role=option]")].find((node) => node.textContent.trim() === text || node.getAttribute("aria-label") === text), one.click.text);
    if (!found.asElement()) throw new Error(`nothing to click says ${JSON.stringify(one.click.text)}`);
    await found.asElement().evaluate((node) => node.scrollIntoView({ block: "center" }));
    await found.asElement().click();
  } else if (one.click) await page.locator(one.click).click();
  else if (one.focus) await page.focus(one.focus);
  else if (one.post) {
    // From outside the page, as Stripe does.
    const answer = await fetch(plan.base + one.post.path, { method: "POST", body: one.post.body, headers: one.post.headers });
    if (!answer.ok) throw new Error(`${one.post.path} answers ${answer.status}`);
  } else if (one.press) for (let n = 0; n < (one.times ?? 1); n += 1) await page.keyboard.press(one.press);
  else if (one.select) await page.select(one.select, one.value);
  else if (one.type) await page.keyboard.type(one.type);
  else if (one.wait) await page.waitForFunction((text) => document.body.innerText.includes(text), { timeout: PATIENCE_MS, polling: 50 }, one.wait);
  else if (one.until) await page.waitForSelector(one.until, { timeout: PATIENCE_MS });
  else if (one.at) await page.waitForFunction((start) => location.pathname.startsWith(start), { timeout: PATIENCE_MS, polling: 50 }, one.at);
  else if (one.drop) await drop(page, one.on, one.drop);
  else if (one.choose) await (await page.waitForSelector(one.in, { timeout: PATIENCE_MS })).uploadFile(one.choose);
  else if (one.save) { looks[one.save] = { at: "", text: await savedBy(page, one.by, looks) }; return; }
  else if (one.tabs) { await settled(page); looks.unreached = await unreached(page); return; }
  else if (one.look) { await settled(page); looks[one.look] = { at: await page.evaluate(() => location.pathname + location.search), text: await page.evaluate(() => document.body.innerText) }; return; }
  await new Promise((done) => setTimeout(done, 60));
}

/** What a click on this text saves. */
async function savedBy(page, text, looks) {
  await page.evaluate(() => {
    const made = URL.createObjectURL;
    URL.createObjectURL = (blob) => {
      URL.createObjectURL = made;
      blob.text().then((saved) => { window.saved = saved; });
      return made.call(URL, blob);
    };
  });
  await step(page, { click: { text } }, looks);
  await page.waitForFunction(() => window.saved !== undefined, { timeout: PATIENCE_MS, polling: 50 });
  return page.evaluate(() => window.saved);
}

/** Drops a file of this machine on an element, as a hand would. */
async function drop(page, selector, file) {
  const target = await page.waitForSelector(selector, { timeout: PATIENCE_MS });
  await target.evaluate((node) => node.scrollIntoView({ block: "center" }));
  const box = await target.boundingBox();
  const session = await page.createCDPSession();
  const data = { items: [], files: [file], dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"]) await session.send("Input.dispatchDragEvent", { type, x: box.x + box.width / 2, y: box.y + box.height / 2, data });
  await session.detach();
}

/** Walks the page with Tab from its beginning, and answers what can be operated and was never come to. */
async function unreached(page) {
  const mark = () => {
    const usable = [...document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")]
      .filter((node) => !node.disabled && node.checkVisibility({ visibilityProperty: true }) && !node.closest("[inert]"));
    usable.forEach((node) => { node.dataset.tab = "no"; });
    document.activeElement?.blur();
    scrollTo(0, 0);
    return usable.length;
  };
  const all = await page.evaluate(mark);
  // A date has a stop for each of its parts.
  for (let n = 0; n < all * 2 + 40; n += 1) {
    await page.keyboard.press("Tab");
    const left = await page.evaluate(() => {
      const at = document.activeElement;
      if (at?.dataset) at.dataset.tab = "yes";
      return document.querySelectorAll("[data-tab='no']").length;
    });
    if (left === 0) return [];
  }
  return page.evaluate(() => [...document.querySelectorAll("[data-tab='no']")].filter((node) => node.checkVisibility({ visibilityProperty: true })).slice(0, 5).map((node) => node.outerHTML.slice(0, 160)));
}

/** What a page looks like now. */
async function look(page, { width, dark }, whole) {
  await page.setViewport({ width, height: 900 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }]);
  await new Promise((done) => setTimeout(done, 150));
  await settled(page);
  // A chart that is fitted to another width is empty for a frame: what stays so is told below.
  await page.waitForFunction(() => [...document.querySelectorAll("canvas")].every((canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value !== 0)), { timeout: 10000, polling: 100 }).catch(() => undefined);
  const runOnly = whole ? { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] } : { type: "rule", values: ["color-contrast"] };
  if (!await page.evaluate(() => Boolean(window.axe))) await page.evaluate(axe);
  const results = await page.evaluate((only) => window.axe.run(document, { runOnly: only, resultTypes: ["violations"] }), runOnly);
  const found = results.violations.filter((one) => ["serious", "critical"].includes(one.impact))
    .map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => `${node.target.join(" ")} ${node.any[0]?.message ?? ""}`).join("; ")}`);
  const told = await page.evaluate(() => {
    const blank = [...document.querySelectorAll("canvas")].filter((canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return !data.some((value) => value !== 0);
    }).length;
    const wide = [...document.querySelectorAll("main *")].filter((node) => {
      if (node.closest(".scroll, pre, .unseen, .tooltip, dialog, svg") || !node.getClientRects().length) return false;
      return node.getBoundingClientRect().right > document.documentElement.clientWidth + 1;
    }).slice(0, 3).map((node) => `${node.tagName}.${node.className} ${node.textContent.slice(0, 30)}`);
    const sideways = [...document.querySelectorAll("main .scroll")].filter((node) => node.checkVisibility() && node.scrollWidth > node.clientWidth + 1)
      .map((node) => `${node.getAttribute("aria-label")}: ${node.scrollWidth} of ${node.clientWidth}`);
    const [word, tools] = [...document.querySelectorAll(".pulse .short, .topright")];
    const covered = word?.checkVisibility() && word.getBoundingClientRect().right > tools.getBoundingClientRect().left ? [`“${word.textContent}” by the buttons beside it`] : [];
    return { text: document.body.innerText, title: document.title, at: location.pathname + location.search, blank, wide, covered, sideways,
      overflow: document.documentElement.scrollWidth > innerWidth, heading: document.querySelectorAll("h1").length };
  });
  const unhinted = await page.evaluate(hints);
  // To be looked at by people: `SHOTS=DIR` keeps what every page looked like.
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${told.at.replaceAll(/[^\w=-]+/g, "_")}-${width}-${dark ? "dark" : "light"}.png`, fullPage: true });
  return { axe: found, ...told, unhinted };
}

/** Wide tables that don't show that they go on, or that they do though all is seen; a table that Tab doesn't come to. */
async function hints() {
  const frames = async () => { for (let n = 0; n < 2; n += 1) await new Promise(requestAnimationFrame); };
  const fades = (node) => parseFloat(getComputedStyle(node).getPropertyValue("--more")) > 0;
  const faults = [];
  for (const node of document.querySelectorAll("main .scroll")) {
    if (!node.checkVisibility()) continue;
    const named = node.getAttribute("aria-label");
    const wide = node.scrollWidth > node.clientWidth + 1;
    if (wide !== fades(node)) faults.push(`${named}: ${wide ? "goes on, and nothing shows it" : "seems to go on"}`);
    if (wide && node.tabIndex !== 0) faults.push(`${named}: no key scrolls it`);
    if (!wide) continue;
    // On a telephone a word says it too, and whose row it is stays in sight.
    const narrow = innerWidth <= 620;
    if (narrow && Number(getComputedStyle(node, "::before").opacity) < 1) faults.push(`${named}: goes on, and no word says it`);
    node.scrollLeft = node.scrollWidth;
    await frames();
    if (fades(node)) faults.push(`${named}: seems to go on at its end`);
    const whose = node.querySelector("tbody th")?.getBoundingClientRect();
    if (narrow && whose && whose.right < node.getBoundingClientRect().left + 20) faults.push(`${named}: its first column goes out of sight`);
    node.scrollLeft = 0;
    await frames();
  }
  return faults;
}

const seen = [];
try {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  await page.setViewport({ width: plan.views[0].width, height: 900 });
  await page.evaluateOnNewDocument(() => {
    window.policyReports = [];
    document.addEventListener("securitypolicyviolation", (event) => window.policyReports.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sourceFile ?? ""}`));
  });
  // As the link that the first start prints.
  if (plan.token) {
    await page.goto(`${plan.base}/events#token=${plan.token}`, { timeout: PATIENCE_MS });
    await page.waitForSelector("nav", { timeout: PATIENCE_MS });
  }
  let [heard, failed] = [[], []];
  page.on("console", (message) => { if (["error", "warn"].includes(message.type()) && !message.location()?.url?.startsWith("pptr:")) heard.push(`${message.text()} ${message.location()?.url ?? ""}`); });
  page.on("pageerror", (error) => heard.push(String(error)));
  page.on("response", (response) => { if (response.status() >= 400) failed.push(`${response.status()} ${response.url()}`); });
  for (const { path, steps = [] } of plan.pages) {
    [heard, failed] = [[], []];
    const looks = {};
    const since = performance.now();
    let [fault, ms] = [null, 0];
    const views = [];
    try {
      const [{ width, dark }] = plan.views;
      await page.setViewport({ width, height: 900 });
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }]);
      await page.goto(plan.base + path, { waitUntil: "domcontentloaded", timeout: PATIENCE_MS });
      await settled(page);
      ms = Math.round(performance.now() - since);
      for (const one of steps) await step(page, one, looks);
      for (const [i, view] of plan.views.entries()) views.push({ ...view, ...await look(page, view, i < 2) });
    } catch (error) { fault = String(error); views.push(plan.views[0]); }
    const policy = await page.evaluate(() => window.policyReports).catch(() => []);
    for (const view of views) seen.push({ path, ms, fault, console: heard, failed, policy, looks, ...view });
  }
  await context.close();
} finally { await browser.close(); }
process.stdout.write(JSON.stringify(seen));
