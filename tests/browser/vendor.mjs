// Makes the vendored modules of the dashboard from the npm packages that package-lock.json pins: what is used of each,
// minified, without what a library has besides, one ES module a library, so that a browser loads them without a bundler and without an import map.
// `node vendor.mjs write` writes them with their manifest; `node vendor.mjs check` makes them again and compares.
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const vendor = fileURLToPath(new URL("../../src/dashboard/assets/vendor/", import.meta.url));

const MODULES = {
  "preact.js": {
    packages: ["preact", "htm"],
    source: `import { h, render, Fragment, createContext } from "preact";
      import htm from "htm";
      export { h, render, Fragment, createContext };
      export { useState, useEffect, useLayoutEffect, useMemo, useRef, useCallback, useContext, useId } from "preact/hooks";
      export const html = htm.bind(h);`,
  },
  "chart.js": {
    packages: ["chart.js"],
    source: `export { Chart, LineController, LineElement, PointElement, BarController, BarElement, CategoryScale, LinearScale, Filler }
      from "chart.js";`,
  },
};

// What no bundler drops of Chart.js by itself, and no page uses: scales whose defaults are read from elsewhere as they are
// declared, and the reading and mixing of colours, which is for animations and for what lies under the pointer. A version that
// has something else in the place of either stops here.
const UNUSED_SCALES = ["LogarithmicScale", "RadialLinearScale", "TimeScale", "TimeSeriesScale"];
const COLORS = `export class Color {
  constructor(value) { this.value = value; this.valid = false; }
  saturate() { return this; }
  darken() { return this; }
  hexString() { return this.value; }
}`;
const withoutUnused = {
  name: "without-unused",
  setup(bundle) {
    bundle.onResolve({ filter: /^@kurkle\/color$/ }, () => ({ path: "color", namespace: "unused" }));
    bundle.onLoad({ filter: /^color$/, namespace: "unused" }, () => ({ contents: COLORS, loader: "js" }));
    bundle.onLoad({ filter: /chart\.js\/dist\/chart\.js$/ }, async ({ path }) => {
      let contents = await readFile(path, "utf8");
      for (const name of UNUSED_SCALES) {
        const before = contents;
        contents = contents.replace(new RegExp(`^class ${name} extends [^]*?^}$`, "m"), (text) => `const ${name} = /* @__PURE__ */ (() => ${text})();`);
        if (contents === before) throw new Error(`Chart.js has no ${name} any more, or declares it otherwise`);
      }
      return { contents, loader: "js" };
    });
  },
};

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const manifest = { note: "Made by scripts/vendor from npm; licences are beside this file.", modules: {} };
const files = new Map();
for (const [name, { packages, source }] of Object.entries(MODULES)) {
  const made = await build({
    stdin: { contents: source, resolveDir: here, loader: "js" },
    bundle: true, minify: true, write: false, format: "esm", target: "es2022", legalComments: "none", charset: "utf8", plugins: [withoutUnused],
  });
  const of = [];
  for (const one of packages) {
    const about = JSON.parse(await readFile(`${here}node_modules/${one}/package.json`, "utf8"));
    of.push({ name: one, version: about.version, license: about.license });
  }
  const banner = `/*! ${of.map((one) => `${one.name} ${one.version} (${one.license})`).join(", ")}; see LICENSES.txt */\n`;
  const text = banner + made.outputFiles[0].text;
  files.set(name, text);
  manifest.modules[name] = { sha256: sha256(text), bytes: Buffer.byteLength(text), packages: of };
}
const licences = [];
for (const one of new Set(Object.values(MODULES).flatMap(({ packages }) => packages))) {
  let text = "";
  for (const file of ["LICENSE", "LICENSE.md", "LICENSE.txt"]) {
    text ||= await readFile(`${here}node_modules/${one}/${file}`, "utf8").catch(() => "");
  }
  if (!text) throw new Error(`${one} brings no licence text`);
  licences.push(`${one}\n${"=".repeat(one.length)}\n\n${text.trim()}\n`);
}
files.set("LICENSES.txt", licences.join("\n\n"));
files.set("manifest.json", JSON.stringify(manifest, null, 2) + "\n");

if (process.argv[2] === "write") {
  await mkdir(vendor, { recursive: true });
  for (const [name, text] of files) await writeFile(vendor + name, text);
  console.log(`wrote ${[...files.keys()].join(", ")}`);
} else {
  let differ = 0;
  for (const [name, text] of files) {
    const stands = await readFile(vendor + name, "utf8").catch(() => "");
    if (stands !== text) { differ += 1; console.error(`${name} is not what the pinned packages make`); }
  }
  if (differ) process.exit(1);
  console.log("the vendored modules are what the pinned packages make");
}
