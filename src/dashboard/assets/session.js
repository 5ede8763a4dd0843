// Who is signed in. Signing in itself is a page of the daemon's own, which stands in for every page until it is done; the
// session is a cookie that no script can read.
import { ask } from "./api.js";

/** @typedef {{ signed_in: boolean, who?: string, role?: "viewer" | "admin", ends_at?: string }} Session */
/** @returns {Promise<Session | null>} */
export const whoAmI = () => ask("/session").catch(() => null);

/** Ends the session, here and for whoever else may hold its cookie. */
export async function signOut() {
  await fetch("/sign-out", { method: "POST", credentials: "same-origin", redirect: "manual" });
  location.assign("/");
}
