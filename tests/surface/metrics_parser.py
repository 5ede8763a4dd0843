"""Both texts of /metrics read by Prometheus' own parsers: `metrics_parser.py openmetrics|plain FILE` prints each sample's name."""

import sys

from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics

kind, path = sys.argv[1:3]
with open(path, encoding="utf-8") as text:
    read = openmetrics.text_string_to_metric_families if kind == "openmetrics" else parser.text_string_to_metric_families
    families = list(read(text.read()))
for family in families:
    assert family.type != "unknown", family.name
    assert family.documentation, family.name
    for sample in family.samples:
        print(sample.name)
