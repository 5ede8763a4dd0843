"""The README's way behind a proxy with TLS, as somebody walks it from outside: `walk.py ADDRESS CERTIFICATE SECRET TOKEN`.

A signed webhook is posted over HTTPS; whoever opens the address is asked to sign in; the token that the first start made opens a
session; the dashboard comes, and the figure of that webhook with it.
"""

import hashlib
import hmac
import json
import sys
import time

import requests

address, certificate, secret, token = sys.argv[1:5]
started = 1768384800
price = {
    "id": "price_1", "object": "price", "product": "prod_1", "currency": "usd", "unit_amount": 4900, "unit_amount_decimal": "4900",
    "billing_scheme": "per_unit", "type": "recurring",
    "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"},
}
subscription = {
    "id": "sub_1", "object": "subscription", "customer": "cus_1", "status": "active", "currency": "usd", "created": started,
    "start_date": started, "cancel_at_period_end": False, "cancel_at": None, "canceled_at": None, "ended_at": None,
    "items": {"object": "list", "has_more": False,
              "data": [{"id": "si_1", "object": "subscription_item", "quantity": 1, "price": price}]},
}
body = json.dumps({
    "id": "evt_1", "object": "event", "api_version": "2024-06-20", "created": started, "livemode": True, "pending_webhooks": 1,
    "type": "customer.subscription.created", "data": {"object": subscription},
}).encode()
now = int(time.time())
signature = hmac.new(secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
posted = requests.post(
    f"{address}/webhooks/stripe", data=body, verify=certificate, timeout=60,
    headers={"stripe-signature": f"t={now},v1={signature}", "content-type": "application/json; charset=utf-8"},
)
assert posted.status_code == 200 and posted.json() == {"received": True, "duplicate": False}, posted.text

# One of Stripe's exports, larger than any webhook: mrrd itself answers, not the proxy.
note = "x" * 3_000
export = "Customer ID,Currency,2026-01,Note\n" + "".join(f"cus_{n},usd,20,{note}\n" for n in range(1_000))
held = requests.post(
    f"{address}/api/v1/audit", data=export, verify=certificate, timeout=120,
    headers={"authorization": f"Bearer {token}", "content-type": "text/csv"},
)
assert held.status_code == 200 and held.json()["compared"] >= 1_000, held.text[:500]

visitor = requests.Session()
visitor.verify = certificate
asked = visitor.get(f"{address}/", timeout=60)
assert asked.status_code == 200 and "sign-in" in asked.text, "whoever has no token is asked for it, and sees no raw error"
assert visitor.get(f"{address}/api/v1/mrr", timeout=60).status_code == 401
signed = visitor.post(
    f"{address}/sign-in", data={"token": token, "next": "/"}, timeout=60, allow_redirects=False,
    headers={"origin": address, "sec-fetch-site": "same-origin"},
)
assert signed.status_code == 303, signed.text
cookie = signed.headers["set-cookie"]
assert cookie.startswith("__Host-") and "Secure" in cookie and "HttpOnly" in cookie, cookie
page = visitor.get(f"{address}/", timeout=60)
assert page.status_code == 200 and "sign-in.js" not in page.text, "the dashboard comes"
deadline = time.time() + 60
while True:
    mrr = visitor.get(f"{address}/api/v1/mrr?from=2026-01-01&to=2026-01-31", timeout=60)
    if mrr.status_code == 200 and mrr.json()["data"]:
        break
    assert time.time() < deadline, mrr.text
    time.sleep(0.1)
print(mrr.json()["data"][0]["closing_exact"])
