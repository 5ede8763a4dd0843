"""ChartMogul's own client library against a daemon: its documented calls, and what it reads from the answers, as one JSON object."""

import json
import sys

import chartmogul

address, token, wrong = sys.argv[1:4]


class Config(chartmogul.Config):
    """The library's configuration with our address; it tries a failed request again, and a test doesn't wait for that."""

    uri = f"{address}/v1"


config = Config(token, request_timeout=60, max_retries=0)


def got(promise):
    return promise.get()


seen = {}
seen["ping"] = got(chartmogul.Ping.ping(config)).data
account = got(chartmogul.Account.retrieve(config))
seen["account"] = {"currency": account.currency, "time_zone": account.time_zone, "week_start_on": account.week_start_on}

page = got(chartmogul.Customer.all(config, per_page=1))
ids = [one.uuid for one in page.entries]
while page.has_more:
    page = got(chartmogul.Customer.all(config, per_page=1, cursor=page.cursor))
    ids += [one.uuid for one in page.entries]
seen["customers"] = ids
seen["left"] = [one.uuid for one in got(chartmogul.Customer.all(config, status="Cancelled")).entries]
customer = got(chartmogul.Customer.retrieve(config, uuid="cus_1"))
seen["customer"] = {
    "mrr": customer.mrr,
    "arr": customer.arr,
    "status": customer.status,
    "currency": customer.currency,
    "name": customer.name,
    "since": customer.customer_since.isoformat(),
}
seen["found"] = [one.uuid for one in got(chartmogul.Customer.search(config, email="Ada@example.com")).entries]

subscriptions = got(chartmogul.Subscription.all(config, uuid="cus_1"))
seen["subscriptions"] = [
    {
        "external_id": one.external_id,
        "plan": one.plan,
        "quantity": one.quantity,
        "mrr": one.mrr,
        "status": one.status,
        "cycle": [one.billing_cycle, one.billing_cycle_count],
        "start": one.start_date.isoformat(),
    }
    for one in subscriptions.entries
]
activities = got(chartmogul.CustomerActivity.all(config, uuid="cus_1"))
seen["activities"] = [[one.type, one.activity_mrr_movement] for one in activities.entries]

plans = got(chartmogul.Plan.all(config, per_page=2))
names = [[one.uuid, one.name, one.interval_unit, one.interval_count] for one in plans.plans]
while plans.has_more:
    plans = got(chartmogul.Plan.all(config, per_page=2, cursor=plans.cursor))
    names += [[one.uuid, one.name, one.interval_unit, one.interval_count] for one in plans.plans]
seen["plans"] = names
seen["plan"] = got(chartmogul.Plan.retrieve(config, uuid="price_large")).external_id

span = {"start_date": "2026-01-01", "end_date": "2026-02-28", "interval": "month"}
seen["all"] = [[str(one.date), one.mrr, one.customers] for one in got(chartmogul.Metrics.all(config, **span)).entries]
mrr = got(chartmogul.Metrics.mrr(config, **span))
seen["mrr"] = [[one.mrr, one.mrr_new_business, one.mrr_expansion, one.mrr_churn] for one in mrr.entries]
seen["summary"] = [mrr.summary.current, mrr.summary.previous, mrr.summary.percentage_change]
for name in ["arr", "arpa", "asp", "customer_count", "customer_churn_rate", "mrr_churn_rate", "ltv"]:
    assert len(getattr(got(getattr(chartmogul.Metrics, name)(config, **span)), "entries")) == 2, name

refused = {}
for what, call in {
    "wrong token": lambda: chartmogul.Ping.ping(Config(wrong, max_retries=0)),
    "no such customer": lambda: chartmogul.Customer.retrieve(config, uuid="cus_none"),
    "no such plan": lambda: chartmogul.Plan.retrieve(config, uuid="price_none"),
}.items():
    try:
        got(call())
    except chartmogul.APIError as error:
        refused[what] = error.__cause__.response.status_code
seen["refused"] = refused
print(json.dumps(seen))
