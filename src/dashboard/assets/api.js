// The API as pages see it: one cache by address, stale figures kept in sight while new ones come, problems as they are told.
import { useEffect, useRef, useState } from "./vendor/preact.js";

/** A request the daemon refused, with its own words. */
export class Problem extends Error {
  /** @param {number} status @param {string} title @param {string} detail @param {string} type */
  constructor(status, title, detail, type) { super(detail || title); this.status = status; this.title = title; this.type = type; }
}

/** @param {string} path @param {Record<string, unknown>} [query] */
export function address(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const text = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
  return text ? `${path}?${text}` : path;
}

/** The session has ended: in this page's place comes the sign-in page, once and not for ever. */
export function signedOut() {
  const last = Number(sessionStorage.getItem("mrrd-signed-out") ?? 0);
  if (Date.now() - last < 10000) return;
  sessionStorage.setItem("mrrd-signed-out", String(Date.now()));
  location.reload();
}

/** @param {Response} response */
async function problem(response) {
  if (response.status === 401) signedOut();
  const told = await response.json().catch(() => ({}));
  return new Problem(response.status, told.title ?? `Answer ${response.status}`, told.detail ?? "", told.type ?? "");
}

/** @param {string} to @param {RequestInit & { text?: boolean }} [how] */
export async function ask(to, { text = false, ...how } = {}) {
  const response = await answered(to, how);
  return text ? response.text() : response.json();
}

/** A page of a list as text, and the address of the next one. @param {string} to @returns {Promise<[string, string | undefined]>} */
export async function askPage(to) {
  const response = await answered(to);
  return [await response.text(), /<(.+)>; rel="next"/.exec(response.headers.get("Link") ?? "")?.[1]];
}

/** @param {string} to @param {RequestInit} [how] */
async function answered(to, how) {
  let response;
  try { response = await fetch(to, { credentials: "same-origin", ...how }); }
  catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, "The daemon doesn't answer", "No connection to mrrd: is it running? This page tries again by itself.", "");
  }
  if (!response.ok) throw await problem(response);
  return response;
}

/** Sends something to the daemon; the header tells that it was this page. @param {string} path @param {unknown} [body] @param {string} [method] */
export const send = (path, body, method = "POST") => ask(path, {
  method, headers: { "Mrrd-Request": "1", ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
  body: body === undefined ? undefined : JSON.stringify(body),
});

// ---- cached answers ---------------------------------------------------------------------------------------------------

const KEPT = 80;
/** @type {Map<string, { data: any, tick: number }>} */
const cache = new Map();
let ticks = 0;
/** @type {Set<(tick: number) => void>} */
const waiting = new Set();

/** The ledger has moved: whatever is in sight is asked again. */
export function moved() { ticks += 1; waiting.forEach((listen) => listen(ticks)); }

/** Counts up whenever the ledger moves. */
export function useTick() {
  const [tick, set] = useState(ticks);
  useEffect(() => { waiting.add(set); return () => void waiting.delete(set); }, []);
  return tick;
}

/**
 * @template T
 * @typedef {object} Answer
 * @property {T | undefined} data the answer; while a newer one is on its way, the one before
 * @property {Problem | undefined} error why there is none
 * @property {boolean} loading nothing is here yet
 * @property {boolean} stale what is here belongs to another question or an older ledger
 * @property {() => void} again asks again
 */

/**
 * What an address answers; asked again when it changes or the ledger moves. `null` asks nothing.
 * @param {string | null} to
 * @param {{ still?: boolean, text?: boolean }} [how] still: it doesn't change with the ledger
 * @returns {Answer<any>}
 */
export function useApi(to, { still = false, text = false } = {}) {
  const tick = useTick();
  const wanted = still ? 0 : tick;
  const [, redraw] = useState(0);
  const [tries, again] = useState(0);
  /** @type {{ current: { to: string | null, data: any, error: Problem | undefined } }} */
  const last = useRef({ to: null, data: undefined, error: undefined });
  /** @type {{ current: { moved: () => void } | null }} */
  const asking = useRef(null);
  useEffect(() => {
    if (to === null) return undefined;
    const stop = new AbortController();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let later;
    let [busy, behind, cost] = [false, false, 0];
    const run = async () => {
      [busy, behind, later] = [true, false, undefined];
      const [since, asked] = [performance.now(), still ? 0 : ticks];
      try {
        const data = await ask(to, { signal: stop.signal, text });
        cache.delete(to);
        cache.set(to, { data, tick: asked });
        if (cache.size > KEPT) cache.delete(/** @type {string} */ (cache.keys().next().value));
        last.current = { to, data, error: undefined };
      } catch (error) {
        if (stop.signal.aborted) return;
        last.current = { to, data: last.current.to === to ? last.current.data : undefined, error: /** @type {Problem} */ (error) };
        // Away or busy: it comes back.
        if (last.current.error?.status === 0 || last.current.error?.status === 503) later = setTimeout(run, 3000);
      }
      [busy, cost] = [false, performance.now() - since];
      redraw((n) => n + 1);
      if (behind) soon();
    };
    // What takes the daemon long is asked seldom: a question has at most a fifth of the time, however fast the ledger moves.
    const soon = () => { if (busy) behind = true; else later ??= setTimeout(run, Math.min(cost * 4, 60000)); };
    asking.current = { moved: soon };
    const kept = cache.get(to);
    if (kept && kept.tick === wanted && tries === 0) { last.current = { to, data: kept.data, error: undefined }; redraw((n) => n + 1); }
    else run();
    return () => { stop.abort(); clearTimeout(later); asking.current = null; };
  }, [to, tries]);
  const first = useRef(true);
  useEffect(() => { if (first.current) first.current = false; else asking.current?.moved(); }, [wanted]);
  const kept = to === null ? undefined : cache.get(to);
  const same = last.current.to === to;
  const data = to === null ? undefined : same && last.current.data !== undefined ? last.current.data : kept ? kept.data : last.current.data;
  const error = same ? last.current.error : undefined;
  return { data, error, loading: to !== null && data === undefined && !error, stale: data !== undefined && (!same || !!error) && !kept, again: () => again((n) => n + 1) };
}

/**
 * A list page by page: what was loaded stays, more is added on request.
 * @param {string | null} to its address without a cursor
 */
export function usePages(to) {
  const first = useApi(to);
  const [more, set] = useState(/** @type {{ to: string | null, pages: any[], busy: boolean, error?: Problem }} */ ({ to, pages: [], busy: false }));
  const mine = more.to === to ? more : { to, pages: [], busy: false, error: undefined };
  const data = first.data ? [...first.data.data, ...mine.pages.flatMap((page) => page.data)] : undefined;
  const next = mine.pages.length ? mine.pages[mine.pages.length - 1].next_cursor : first.data?.next_cursor;
  const load = async () => {
    if (!to || !next || mine.busy) return;
    set({ ...mine, busy: true });
    try {
      const page = await ask(`${to}${to.includes("?") ? "&" : "?"}cursor=${encodeURIComponent(next)}`);
      set({ to, pages: [...mine.pages, page], busy: false });
    } catch (error) { set({ ...mine, busy: false, error: /** @type {Problem} */ (error) }); }
  };
  return { ...first, data, next: next ?? null, load, busy: mine.busy, error: first.error ?? mine.error };
}
