# What to type. `make` alone lists it.

.DEFAULT_GOAL := help
.PHONY: help demo test chaos bench bench-rows fmt fmt-check lint doc deny fuzz setup

# Where rustup puts cargo, for shells that have not been told yet.
export PATH := $(PATH):$(HOME)/.cargo/bin

FUZZ_SECONDS ?= 60
DENY_VERSION := 0.20.2

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | sort | expand -t 12

setup: ## install what building and testing need
	@bash .ci/setup test

demo: ## run the gateway against its built-in upstream: no account, no network
	@bash .ci/setup build
	cargo run --bin tollgate -- demo

test: ## install what is missing and run every test
	@bash .ci/setup test
	@bash .ci/test

chaos: ## kill gateways under load for some minutes, take their store away for ten, count every request and every cent
	@bash .ci/setup test
	@bash .ci/chaos

bench: ## compare with a bare Pingora pass-through, then run the benches of the pure parts
	@bash .ci/setup build
	cargo build --release -p tollgate -p tollgate-benches --bins
	$${CARGO_TARGET_DIR:-target}/release/bench-load
	cargo bench -p tollgate-benches

# On ten million rows it takes a quarter of an hour and 10 GB of disk.
ROWS ?= 100000
STORE ?= sqlite
bench-rows: ## list and sum over ROWS records in STORE: sqlite, postgres, mariadb or a URL
	@bash .ci/setup test
	ROWS=$(ROWS) STORE=$(STORE) cargo bench -p tollgate-store --bench rows

fmt: ## format the code
	cargo fmt --all

fmt-check:
	cargo fmt --all --check

lint: ## clippy with warnings denied
	cargo clippy --workspace --all-targets -- -D warnings

doc: ## build the documentation with warnings denied
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --lib

# An unoptimised cargo-deny is ready in less than half the time, and checks in seconds.
deny: ## check licences, banned crates and sources
	@command -v cargo-deny >/dev/null || cargo install cargo-deny --debug --locked --version $(DENY_VERSION)
	cargo deny --config .deny.toml check licenses bans sources

fuzz: ## fuzz each target for FUZZ_SECONDS , with a corpus that grows
	@bash .ci/fuzz $(FUZZ_SECONDS)
