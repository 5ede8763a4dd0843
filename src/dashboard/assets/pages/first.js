// The first page of an empty ledger: what to do, and what has arrived so far.
import { html } from "../vendor/preact.js";
import { useLedger } from "../ledger.js";
import { Card, PageHead } from "../parts.js";
import { href } from "../route.js";

export function First() {
  const { status } = useLedger();
  const url = `${location.origin}/webhooks/stripe`;
  return html`<${PageHead} title="Nothing has arrived yet" lead="mrrd is running and waits for its first webhook. This page changes by itself when one comes." />
    <div class="grid"><${Card} title="Connect Stripe" wide><ol class="steps-todo">
      <li><strong>Add an endpoint</strong> in Stripe’s Dashboard under Developers, Webhooks, that points to <code>${url}</code>, or wherever this daemon is reached from outside.</li>
      <li><strong>Choose its events:</strong> <code>customer.*</code>, <code>customer.subscription.*</code>, <code>invoice.*</code>, <code>price.*</code>, <code>product.*</code>, <code>plan.*</code>, <code>coupon.*</code>, <code>tax_rate.*</code> and <code>subscription_schedule.*</code>.</li>
      <li><strong>Copy its signing secret</strong> (<code>whsec_…</code>) into <code>stripe.webhook_secrets</code> and start mrrd again.</li>
      <li><strong>Bring the past in:</strong> <code class="still">mrrd backfill --history</code> with <code>stripe.api_key</code> set, or <code class="still">mrrd replay FILE</code>.</li></ol>
      <p>To try it without an account: <code>mrrd demo</code>. With one, from this machine: <code>stripe listen --forward-to ${url}</code> prints a secret of its own; put it into <code>stripe.webhook_secrets</code> as well, start mrrd again, then <code>stripe trigger customer.subscription.created</code>.</p><//>
    <${Card} title="What has arrived so far" wide><dl class="facts">
      <div><dt>Events in the log</dt><dd>${status.log.events}</dd></div>
      <div><dt>Database</dt><dd>${status.database === "sqlite" ? "SQLite" : "PostgreSQL"}, it answers</dd></div></dl>
      <p class="soft">Everything that comes is listed under <a href=${href("/events")}>Events</a>; how the daemon itself stands, under <a href=${href("/health")}>Health</a>.</p><//></div>`;
}
