// The daemon tells when the ledger has moved: server-sent events, read from the body of an answer, so that signing in works as
// for everything else. Lost, it is asked for again, a little later each time.
import { useEffect, useState } from "./vendor/preact.js";
import { moved, signedOut } from "./api.js";

/** @typedef {{ endpoint: string, answer: string, detail: string, verified: boolean, since: string, last_taken_at: string | null }} Refusing */
/** @typedef {{ state: "connecting" | "live" | "behind" | "refusing" | "doubtful" | "away", at: number, last_seq?: number, applied_seq?: number, lag_events?: number, refuses?: string | null, webhooks_refused?: Refusing[] }} Live */
/** @type {Live} */
let live = { state: "connecting", at: 0 };
/** @type {Set<(live: Live) => void>} */
const listeners = new Set();
/** @param {Live} next */
function set(next) { live = next; listeners.forEach((listen) => listen(next)); }

/** What is refused now, so that it can be told from before. @param {Live} at */
const refusedBy = (at) => [at.refuses ? "log" : "", ...(at.webhooks_refused ?? []).map((one) => `${one.endpoint} ${one.answer}`)].join(", ");

export function useLive() {
  const [now, put] = useState(live);
  useEffect(() => { listeners.add(put); put(live); return () => void listeners.delete(put); }, []);
  return now;
}

/** Figures in sight are asked for again at most this often. */
const PACE_MS = 1000;
/** Nothing for this long, not even a sign of life: the connection is dead. */
const SILENCE_MS = 40000;
let last = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let soon;
function tell() {
  const wait = last + PACE_MS - Date.now();
  if (wait > 0) { soon ??= setTimeout(() => { soon = undefined; tell(); }, wait); return; }
  last = Date.now();
  moved();
}

/** @param {string} block */
function heard(block) {
  const data = block.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trim()).join("\n");
  if (!data) { set({ ...live, at: Date.now() }); return; }
  const now = JSON.parse(data);
  const before = live.applied_seq;
  const refused = refusedBy(live);
  const surely = now.refuses || now.webhooks_refused.some((/** @type {Refusing} */ one) => one.verified);
  set({ state: surely ? "refusing" : now.webhooks_refused.length ? "doubtful" : now.lag_events > 0 ? "behind" : "live", at: Date.now(), ...now });
  if (live.state !== "connecting" && refused !== refusedBy(live)) tell();
  if (before !== undefined && before !== now.applied_seq) tell();
}

/** In sight: a page that nobody looks at, or that was left and may be come back to, keeps no connection. A browser has six of them
 * for a host, so that the streams of a few tabs would leave none for any other page. */
const inSight = () => new Promise((/** @type {(value?: unknown) => void} */ done) => {
  if (!document.hidden && !left) { done(); return; }
  const look = () => { if (!document.hidden && !left) { document.removeEventListener("visibilitychange", look); removeEventListener("pageshow", look); done(); } };
  document.addEventListener("visibilitychange", look); addEventListener("pageshow", look);
});
let left = false;
/** @type {AbortController | undefined} */
let open;
addEventListener("pagehide", () => { left = true; open?.abort(); });
addEventListener("pageshow", () => { left = false; });
document.addEventListener("visibilitychange", () => { if (document.hidden) open?.abort(); });

/** Listens until the page is left. */
export async function listen() {
  let failed = 0;
  for (;;) {
    const away = document.hidden || left;
    await inSight();
    const stop = new AbortController();
    open = stop;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let silent;
    const alive = () => { clearTimeout(silent); silent = setTimeout(() => stop.abort(), SILENCE_MS); };
    try {
      alive();
      const answer = await fetch("/api/v1/stream", { credentials: "same-origin", headers: { Accept: "text/event-stream" }, signal: stop.signal });
      if (answer.status === 401) signedOut();
      if (!answer.ok || !answer.body) throw new Error(String(answer.status));
      if (failed || away) moved();
      failed = 0;
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        alive();
        text += value;
        for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) { heard(text.slice(0, end)); text = text.slice(end + 2); }
      }
    } catch { if (!document.hidden && !left) failed += 1; }
    clearTimeout(silent);
    if (document.hidden || left) continue;
    if (failed > 1) set({ ...live, state: "away" });
    await new Promise((done) => { setTimeout(done, Math.min(500 * 2 ** failed, 10000)); });
  }
}
