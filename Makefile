# The only entry point, for people and CI. `make help` lists it.

SHELL := /bin/bash
.DEFAULT_GOAL := help
# The recipes share one target folder and one registry.
.NOTPARALLEL:

# Runs a command with a Rust toolchain on PATH, installing Debian's where there is none.
RUST := tests/setup/rust.sh
BINARY := $(CURDIR)/target/local/throughway
DEB_BINARY ?= $(BINARY)
IMAGE_BINARY ?= $(if $(IMAGE_DEV),$(BINARY),$(CURDIR)/target/release/throughway)
CARGO_TEST_FLAGS ?=
# Where the tests note which client came through which way.
CELLS := $(CURDIR)/target/cells.tsv

.PHONY: help run test ci bench build release guest dev-license lint image-check docs fmt deny fuzz soak bare maps matrix deb package-test image image-test image-aws
.PHONY: fmt-check guest-check deny-if-present build-packages test-packages image-packages package-packages emulator-packages matrix-packages soak-packages kafka-jars

help: ## lists the targets
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | while IFS=$$'\t' read -r t d; do printf '  make %-12s %s\n' "$$t" "$$d"; done

run: build test-packages ## a real Kafka, throughway in front, a client through it; or, with KAFKA_BOOTSTRAP_SERVERS, throughway alone in front of that cluster
	@THROUGHWAY_BIN=$(BINARY) tests/setup/run.sh

test: build test-packages kafka-jars ## sets everything up and passes all tests, the ones against real Kafka included
	@rm -f $(CELLS)
	THROUGHWAY_BIN=$(BINARY) THROUGHWAY_CELLS=$(CELLS) $(RUST) cargo test --locked --profile local $(CARGO_TEST_FLAGS)
	$(if $(CARGO_TEST_FLAGS),,@$(CURDIR)/target/local/throughway-cells $(CELLS))
	$(if $(CARGO_TEST_FLAGS),,$(RUST) packer/systemd/nspawn-test.sh $(BINARY))

ci: fmt-check lint image-check guest-check test package-test docs deny-if-present ## what CI runs, and what people run before they push

build: build-packages ## the local build, target/local/throughway
	$(RUST) cargo build --locked --profile local -p throughway

release: build-packages ## the shippable build, target/release/throughway; refuses without the vendor's licence anchor
	$(RUST) packer/release.sh

deb: build package-packages ## the Debian package of the local build, target/deb/throughway.deb; of another one with DEB_BINARY=...
	$(RUST) packer/deb/build.sh $(DEB_BINARY) target/deb

image: $(if $(IMAGE_DEV),build) package-packages image-packages emulator-packages ## the image as a local virtual machine, of a release binary (make release, or IMAGE_BINARY=...); IMAGE_DEV=1 takes the local one
	$(RUST) packer/image.sh $(IMAGE_BINARY) target/image

image-test: test-packages kafka-jars package-packages image-packages emulator-packages ## boots that image, brokers and AWS around it, and checks it from inside and outside
	$(RUST) cargo build --locked --profile local -p throughway-tests --bins
	$(RUST) packer/tests/verify.sh $(IMAGE_BINARY) target/image target/local/throughway-outside

image-aws: image-packages emulator-packages ## builds the AMI against an EC2 emulator, a local machine standing for the instance
	packer/tests/aws.sh $(IMAGE_BINARY) target/image

package-test: build package-packages ## package and container: installed, upgraded, purged, run; what cannot be tried here says so
	$(RUST) packer/deb/test.sh $(BINARY)
	$(RUST) packer/container/test.sh $(BINARY)

guest: build-packages ## rebuilds the default address map
	$(RUST) guest-addrmap/build.sh

dev-license: ## prints a licence token for local builds, valid 30 days, and nothing else
	@$(MAKE) build >&2
	@$(BINARY) license issue --key tests/keys/dev-license.pem --issuer development --customer development --env dev --days 30

lint: build-packages test-packages ## clippy without a warning, dependency and file rules
	$(RUST) tests/setup/lint.sh

image-check: image-packages ## the image's files: packer, scripts, CloudFormation, user data, units; in seconds
	packer/check.sh

docs: build-packages test-packages ## the crates' documentation, without a warning
	RUSTDOCFLAGS="-D warnings" $(RUST) cargo doc --locked --no-deps --document-private-items

maps: build test-packages kafka-jars ## address maps in every language: new project, its README's commands, cases, real Kafka
	THROUGHWAY_BIN=$(BINARY) $(RUST) tests/setup/maps.sh $(LANGUAGES)
	THROUGHWAY_BIN=$(BINARY) THROUGHWAY_MAPS=$(CURDIR)/target/maps $(RUST) cargo test --locked --profile local -p throughway-tests --test e2e -- maps::

matrix: build test-packages matrix-packages ## every client with every Kafka, in every way, into docs/compatibility.md; MATRIX='kafka=4.4.0 clients=java-2.8'
	$(RUST) cargo build --locked --profile local -p throughway-tests --bins
	THROUGHWAY_BIN=$(BINARY) target/local/throughway-matrix $(MATRIX)

fmt: ## formats the code
	$(RUST) cargo fmt

deny: ## bans, licences, sources and advisories of dependencies, by cargo-deny (installed when missing)
	$(RUST) tests/setup/deny.sh --install

bench: build-packages test-packages ## beside HAProxy and Envoy, processor time and memory; BENCH='legs=tls only=MiB', BENCH=kafka=peak, BENCH=maps: docs/performance.md
	@tests/setup/bench.sh $(BENCH)

fuzz: build-packages ## searches for inputs that break something, FUZZ_SECONDS=60 for each target
	$(RUST) tests/setup/fuzz.sh

soak: build-packages test-packages soak-packages kafka-jars ## the tests with larger numbers, and fuzzing; hours. Results go to docs/soak.md, which says how to run less
	CARGO_TEST_FLAGS="$(CARGO_TEST_FLAGS)" $(RUST) tests/setup/soak.sh

bare: ## COMMAND='make run': the same command on a fresh clone in a bare Debian root
	@tests/setup/bare.sh "$(COMMAND)"

fmt-check:
	$(RUST) cargo fmt --check

guest-check:
	$(RUST) guest-addrmap/check.sh

deny-if-present:
	$(RUST) tests/setup/deny.sh

build-packages:
	@tests/setup/packages.sh build

test-packages:
	@tests/setup/packages.sh test

soak-packages:
	@tests/setup/packages.sh soak

package-packages:
	@tests/setup/packages.sh package

emulator-packages:
	@tests/setup/packages.sh emulator

image-packages:
	@tests/setup/packages.sh image-check

matrix-packages:
	@tests/setup/packages.sh matrix

kafka-jars: test-packages
	@tests/kafka/fetch.sh 4.4.0 >/dev/null
