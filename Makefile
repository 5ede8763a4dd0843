# mrrd: what a checkout is worked with. Each target installs what it needs on a bare Debian machine with Rust, from
# Debian's and Rust's own registries, and says plainly what is missing where it can't.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

.PHONY: help demo run build test test-deploy lint bench bench-million bench-instructions bench-alerts calibrate-alerts soak tools

help: ## This list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

tools: # SQLite, zstd and TLS are compiled from C
	@scripts/tools c

build: tools ## The release binary, target/release/mrrd
	cargo build --locked --release

# Not optimised: the first figure is there in half the time that an optimising build takes.
demo: tools ## A simulated Stripe account, live, with a dashboard; nothing is left behind
	cargo build --locked --quiet
	@target/debug/mrrd demo $(ARGS)

run: tools ## The same binary on your own account: asks three questions where there is no configuration yet, then serves
	cargo build --locked --release --quiet
	@[ -e config/mrrd.toml ] || [ -e /etc/mrrd/mrrd.toml ] || [ -n "$${MRRD_CONFIG:-}" ] || target/release/mrrd init
	@target/release/mrrd serve $(ARGS)

test: tools ## All tests, on SQLite and PostgreSQL, with the dashboard in a browser
	@scripts/tools postgres
	@scripts/tools browser
	@scripts/tools nginx
	@scripts/tools python
	# One process for all integration tests: they share the PostgreSQL that it starts.
	cargo test --locked --workspace $(ARGS)

test-deploy: tools ## Packages, proxies, rules and units, each tried where it can be
	@scripts/test-deploy

lint: tools ## Formatting, Clippy with warnings as errors, licences and sources
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	@if command -v cargo-deny >/dev/null; then cargo deny --locked check bans licenses sources; \
	else echo "cargo-deny is not installed, so licences and sources were not checked: cargo install --locked cargo-deny"; fi
	@if [ -x tests/browser/node_modules/.bin/tsc ]; then tests/browser/node_modules/.bin/tsc -p tests/browser; \
	else echo "the dashboard's types were not checked: scripts/tools browser installs what checks them"; fi

bench: tools ## Webhooks a second beside the machine's limits and a handler by hand, then rebuilds and the API; to benches/RESULTS.md
	@scripts/tools postgres
	@scripts/tools node
	cargo bench --locked --bench webhooks --bench ledger --no-run
	cargo bench --locked --bench webhooks
	cargo bench --locked --bench ledger

bench-million: tools ## What questions and touched customers cost at a million customers, which takes an hour; to benches/MILLION.md
	@scripts/tools postgres
	cargo bench --locked --bench ledger -- million

bench-instructions: tools ## Instructions a webhook costs, held against benches/instructions.txt
	@scripts/tools valgrind
	cargo bench --locked --bench hot_path

bench-alerts: tools ## The churn detector against known truth, beside the usual rules; written to benches/ALERTS.md
	cargo bench --locked --bench alerts

calibrate-alerts: tools ## The detector's table of false alerts, for src/alerts/detector/calibration.rs
	@cargo bench --locked --quiet --bench alerts -- calibrate

soak: tools ## The end-to-end tests over MRRD_SOAK seeds, and five processes killed at random over MRRD_EVENTS events
	@scripts/tools postgres
	MRRD_SOAK=$${MRRD_SOAK:-20} cargo test --locked --release --test it e2e -- --nocapture
	ORACLE_ACCOUNTS=$${ORACLE_ACCOUNTS:-10000} cargo test --locked --release --test it oracle:: -- --nocapture
	REBUILD_PREFIXES=$${REBUILD_PREFIXES:-500} cargo test --locked --release --test it a_rebuild_changes_nothing -- --nocapture
	MRRD_EVENTS=$${MRRD_EVENTS:-50000} cargo test --locked --release --test it postgres::processes -- --ignored --nocapture
	@scripts/tools python
	cargo test --locked --release --test it api::outside -- --ignored --nocapture
	MRRD_BIN=$${MRRD_BIN:-$(CURDIR)/target/release/mrrd} cargo test --locked --release --test it history::soak -- \
		--ignored --nocapture --test-threads 1
