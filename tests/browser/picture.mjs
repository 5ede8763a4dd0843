// Photographs the dashboard, light, once every chart is drawn: `node picture.mjs ADDRESS FILE.png` (scripts/picture calls it).
// ADDRESS is a link that signs in.
import puppeteer from "puppeteer-core";

const [address, file] = process.argv.slice(2);
const browser = await puppeteer.launch({
  executablePath: process.env.BROWSER ?? "/usr/bin/chromium", pipe: true,
  args: ["--no-sandbox", "--disable-gpu", "--lang=en-US", "--disable-dev-shm-usage", "--force-device-scale-factor=1"],
});
try {
  const page = await browser.newPage();
  await page.setViewport({ width: 1200, height: 780 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "light" }, { name: "prefers-reduced-motion", value: "reduce" }]);
  await page.goto(address, { waitUntil: "load" });
  await page.waitForFunction(() => document.querySelector("main h1") && !document.querySelector("main .loading, main .stale")
    && document.querySelector("canvas") && [...document.querySelectorAll("canvas")].every((canvas) => canvas.dataset.drawn), { timeout: 120000, polling: 100 });
  await page.screenshot({ path: file });
} finally {
  await browser.close();
}
