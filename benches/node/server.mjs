// What a backend engineer would write by hand in an afternoon: Fastify, Stripe's own library, one durable row for each
// webhook before it is answered. `node server.mjs sqlite FILE` or `node server.mjs postgres URL`; prints its address.
import Fastify from "fastify";
import Stripe from "stripe";

const [store, place] = process.argv.slice(2);
const secret = process.env.WEBHOOK_SECRET;
const table = (blob) =>
  `CREATE TABLE IF NOT EXISTS event (id TEXT PRIMARY KEY, type TEXT NOT NULL, created BIGINT NOT NULL, body ${blob} NOT NULL)`;

const open = {
  async sqlite() {
    const { default: Database } = await import("better-sqlite3");
    const database = new Database(place);
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = FULL");
    database.exec(table("BLOB"));
    const insert = database.prepare("INSERT INTO event VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING");
    return (event, body) => insert.run(event.id, event.type, event.created, body);
  },
  async postgres() {
    const { default: pg } = await import("pg");
    const pool = new pg.Pool({ connectionString: place, max: 10 });
    await pool.query(table("BYTEA"));
    const text = "INSERT INTO event VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    return (event, body) =>
      pool.query({ name: "append", text, values: [event.id, event.type, event.created, body] });
  },
};

const append = await open[store]();
const stripe = new Stripe("sk_test_unused");
const app = Fastify();
app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
app.post("/webhooks/stripe", async (request, reply) => {
  let event;
  try {
    event = stripe.webhooks.constructEvent(request.body, request.headers["stripe-signature"], secret);
  } catch (error) {
    return reply.code(400).send({ error: error.message });
  }
  await append(event, request.body);
  return { received: true };
});
console.log((await app.listen({ host: "127.0.0.1", port: 0 })).replace("http://", ""));
