# Recipes for working on engine; `just` lists them.

target := env("CARGO_TARGET_DIR", justfile_directory() / "target")

[private]
default:
    @just --list

# All of CI: formatting, lints, tests
check: lint test

# Formatting and clippy, warnings denied
lint:
    cargo fmt --check
    cargo clippy --release --all-targets -- -D warnings

# The tests
test *filter:
    cargo test --release {{ filter }}

# Measure against DuckDB on generated files
bench *arguments:
    cargo build --release
    scripts/bench {{ arguments }} --engine {{ quote(target / "release/engine") }}
