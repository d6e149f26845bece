# Waybill's commands. `make help` lists them.

PORT ?= 4566
STACK ?= waybill
TEST_PORT ?= 4766
BROKEN_PORT ?= $(shell expr $(TEST_PORT) + 20)
PAGE_PORT ?= $(shell expr $(TEST_PORT) + 40)
# The stack of `make try`.
TRY_PORT ?= 4606
KINDS_PORT ?= $(shell expr $(TEST_PORT) + 60)
# Short waits, so that tests see in seconds what otherwise takes days.
TEST_PARAMETERS ?= RetentionSeconds=60 DeleteAfterSeconds=2 LeaseSeconds=6 RetrySeconds=2 GenerateTimeout=60

# What verifies tokens in the tests of the page.
VERIFIER ?= gateway

# Tests mostly wait for the stack, so more of them than cores run concurrently.
TEST_THREADS ?= 8

TYPE ?= orders
PARENT ?= 42
GRANTS ?= project:42
FORMAT ?= csv
NAME ?= backend
# The folder with the real tables, which some tests need.
TABLES ?= $(if $(WAYBILL_DATA),$(WAYBILL_DATA),../shared/data)

# The options of `make bench`: --rows, --runs, --memory, --quick, --built.
BENCH ?=

# The boundary for `make fuzz` (a folder of tests/fuzz/seeds), and the duration in seconds.
BOUNDARY ?= page
SECONDS ?= 1800

# The folder of a release, for `make up`, `make demo` and `make try` without Rust.
RELEASE ?=
export WAYBILL_RELEASE := $(if $(RELEASE),$(abspath $(RELEASE)))
COMPILED := $(if $(RELEASE),,functions)

PYTHON := .local/ministack/bin/python
SAM := SAM_CLI_TELEMETRY=0 .local/sam/bin/sam
LOCAL := infra/local
OUTPUTS = .local/stack-$(PORT)/outputs.json

.DEFAULT_GOAL := help
.PHONY: help tools up down logs clean try demo test test-inside test-databases test-mysql test-outside test-broken test-kinds test-page test-firefox tables prove bench bench-postgres bench-mysql large pictures lighthouse readers release release-check fuzz mutants lint lint-rust lint-rest token key load catalog sample mail

help: ## List the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '  %-14s %s\n' "$$name" "$$text"; done
	@echo 'Variables: PORT (first of eight ports, $(PORT)), STACK ($(STACK)), TYPE, PARENT, GRANTS, FILE; of `make try`: URL, TABLE, PARENT, FIXED, TRY_PORT ($(TRY_PORT)).'

tools: ## Install the tools of the local stack in .local
	@python3 $(LOCAL)/tools.py

up: ## Build, start and deploy the local stack, except what is up to date; LARGE=yes for large tables, CATALOG=my.toml
	@python3 $(LOCAL)/tools.py $(COMPILED) $(if $(LARGE),large)
	@$(PYTHON) $(LOCAL)/stack.py up --database --port $(PORT) --stack $(STACK) $(if $(LARGE),--large) $(if $(CATALOG),--catalog $(CATALOG))

down: tools ## Stop the local stack and keep its data
	@$(PYTHON) $(LOCAL)/stack.py down --port $(PORT) --stack $(STACK)

logs: tools ## Follow the functions' logs
	@$(PYTHON) $(LOCAL)/stack.py logs --port $(PORT) --stack $(STACK)

clean: tools ## Stop the local stack and delete its data
	@$(PYTHON) $(LOCAL)/stack.py clean --port $(PORT) --stack $(STACK)

try: ## Try a table of your own: URL=postgres://user@host/name TABLE=public.orders PARENT=customer_id; without URL, of DynamoDB
	@python3 $(LOCAL)/own_arguments.py $(TRY_ARGUMENTS) --check
	@python3 $(LOCAL)/tools.py $(COMPILED)
	@$(PYTHON) $(LOCAL)/own_table.py $(TRY_ARGUMENTS)

TRY_ARGUMENTS = $(if $(URL),--url $(call quoted,URL)) $(if $(FIXED),--fixed $(call quoted,FIXED)) --table $(call quoted,TABLE) \
	--parent $(if $(filter file,$(origin PARENT)),'',$(call quoted,PARENT)) --port $(call quoted,TRY_PORT) $(if $(ONCE),--once)

demo: ## Load sample orders, export them as a person, download the file, show the mail
	@python3 $(LOCAL)/tools.py $(COMPILED) -- $(PYTHON) $(LOCAL)/stack.py start $(DEMO_STACK)
	@$(PYTHON) $(LOCAL)/stack.py up $(DEMO_STACK)
	@$(PYTHON) $(LOCAL)/demo.py --port $(PORT)

DEMO_STACK = --host --database --port $(PORT) --stack $(STACK)

# The file in which tests list what they skipped.
export WAYBILL_SKIPPED := $(CURDIR)/.local/skipped

test: readers lint-rust ## Check formatting and lints, and run all tests, also against deployed local stacks
	@rm -f $(WAYBILL_SKIPPED)
	@$(PYTHON) $(LOCAL)/together.py 'lint: $(MAKE) --no-print-directory lint-rest' $(foreach part,inside page,$(call TEST_PART,$(part)))
	@$(PYTHON) $(LOCAL)/together.py $(foreach part,outside broken kinds databases,$(call TEST_PART,$(part)))
	@if [ -s $(WAYBILL_SKIPPED) ]; then echo "Skipped: $$(sort -u $(WAYBILL_SKIPPED) | paste -sd ';')"; else echo 'Skipped: nothing'; fi

# Parts run concurrently. First the tests without a stack and the page in a browser, which keep both cores busy; then the
# tests of stacks and of databases, which mostly wait.
TEST_PART = '$(1): $(MAKE) --no-print-directory test-$(1)'
CARGO_TEST := RUST_TEST_THREADS=$(TEST_THREADS) cargo test --quiet --workspace --no-fail-fast
ON_A_STACK = env $(LINTED) $(PYTHON) $(LOCAL)/stack.py run $(TEST_PARAMETERS:%=--parameter %)

# Clippy as the compiler of the project's own crates: what is linted is what is tested, and dependencies are built once.
# `cargo clippy` would compile all dependencies a second time.
LINTED := RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-D__CLIPPY_HACKERY__warnings

# `nice`, because the concurrent tests of the page need a stack that answers in time.
test-inside:
	@.local/readers/bin/python -m unittest discover --quiet --start-directory tests/readers
	@nice env $(LINTED) $(CARGO_TEST) --lib --bins --test bucket --test contract --test documents --test floors --test inside --test interruption --test seeds --test separators --test slots --test store --test template

test-databases:
	@nice env $(LINTED) $(CARGO_TEST) --test mistakes --test mysql --test postgres

test-mysql: ## Test records in MySQL's own server, in place of MariaDB: mysqld and mysql must be on the path
	@nice env $(LINTED) TEST_MYSQL=yes $(CARGO_TEST) --test mysql --test interruption --test mistakes

test-outside:
	@$(ON_A_STACK) --host --database --port $(TEST_PORT) -- sh -c '$(CARGO_TEST) --test cargo_lambda --test conformance --test contract --test deployed --test host_tables --test limits --test main_job --test own_table --test table_designs --test tables'

test-broken:
	@$(ON_A_STACK) --port $(BROKEN_PORT) -- sh -c '$(CARGO_TEST) --test faults --test operator'

test-kinds:
	@$(ON_A_STACK) --catalog tests/data/own_kinds.toml --port $(KINDS_PORT) -- sh -c '$(CARGO_TEST) --test own_kinds'

# VERIFIER=function for the page where the function verifies tokens.
test-page:
	@$(ON_A_STACK) --parameter TokenVerifier=$(VERIFIER) --port $(PAGE_PORT) -- sh -c '$(CARGO_TEST) --test page'

test-firefox: ## Test the main way through the page in Firefox: sign-in, a narrowed list, an export, its file
	@python3 $(LOCAL)/tools.py tests
	@python3 $(LOCAL)/tools.py geckodriver
	@CI=true TEST_BROWSER=firefox $(ON_A_STACK) --port $(PAGE_PORT) -- sh -c '$(CARGO_TEST) --test page -- downloaded'

tables: readers ## Export the complete real tables and compare every cell (about 20 minutes)
	@WAYBILL_TABLES=whole $(PYTHON) $(LOCAL)/stack.py run --database --port $(TEST_PORT) -- cargo test --workspace --test tables -- --test-threads 1

prove: readers ## Interrupt an export twenty times, and compare its file with that of an undisturbed export: FORMAT=csv; OTHER=release/… deploys that one during an export
	@$(PYTHON) $(LOCAL)/stack.py run --port $(TEST_PORT) $(TEST_PARAMETERS:%=--parameter %) --parameter GenerateTimeout=300 -- $(PYTHON) $(LOCAL)/prove.py --port $(TEST_PORT) --format $(FORMAT) --tables $(TABLES) $(if $(OTHER),--other $(OTHER)) $(if $(ROWS),--rows $(ROWS))

readers:
	@python3 $(LOCAL)/tools.py tests

bench: ## Compare the engine with usual programs, and write tests/bench/RESULTS.md (BENCH=--quick to try)
	@python3 $(LOCAL)/tools.py bench
	@.local/bench/bin/python tests/bench/bench.py $(BENCH)

bench-postgres: ## Compare an export from PostgreSQL with \copy and psycopg, and write tests/bench/POSTGRES.md
	@python3 $(LOCAL)/tools.py bench
	@.local/bench/bin/python tests/bench/postgres.py $(BENCH)

bench-mysql: ## Compare an export from MariaDB with `mariadb --quick` and PyMySQL, and write tests/bench/MYSQL.md
	@python3 $(LOCAL)/tools.py bench
	@.local/bench/bin/python tests/bench/mysql.py $(BENCH)

large: ## Create a workbook larger than 4 GiB and read it back (needs 16 GB of memory, 5 GB of disk)
	@python3 $(LOCAL)/tools.py bench
	@.local/bench/bin/python tests/bench/large.py

release: ## Build the release into release/: zip files, template, command, components and checksums for arm64 and x86_64
	@python3 $(LOCAL)/tools.py release
	@python3 infra/release/build.py

release-check: ## Build the release twice, in two folders, and compare every byte (half an hour)
	@python3 $(LOCAL)/tools.py release
	@python3 infra/release/compare.py

# RUSTC_BOOTSTRAP, because libFuzzer's coverage needs unstable options of rustc.
fuzz: ## Fuzz one boundary, and keep the inputs that fail: BOUNDARY=page SECONDS=1800
	@python3 $(LOCAL)/tools.py fuzz
	@mkdir -p .local/fuzz/corpus/$(BOUNDARY)
	RUSTC_BOOTSTRAP=1 .local/fuzz/bin/cargo-fuzz run --fuzz-dir tests/fuzz --target-dir .local/fuzz/target --sanitizer none --dev --features libfuzzer \
	  fuzz-$(BOUNDARY) .local/fuzz/corpus/$(BOUNDARY) tests/fuzz/seeds/$(BOUNDARY) -- -max_total_time=$(SECONDS)

# Unit tests alone, of the packages with the mutated files: the whole suite would take days. Without optimization a mutant
# compiles in seconds, and futures need more stack.
mutants: ## Mutate the code of leases and states, and list the mutants that no unit test detects (an hour)
	@python3 $(LOCAL)/tools.py mutants
	RUST_MIN_STACK=33554432 CARGO_PROFILE_DEV_OPT_LEVEL=0 CARGO_PROFILE_DEV_DEBUG=0 \
	.local/mutants/bin/cargo-mutants mutants --output .local/mutants --test-workspace true --baseline skip --timeout 120 \
	  --file 'shared/src/lifecycle.rs' --file 'shared/src/lifecycle/*.rs' --file shared/src/work.rs --file functions/generate/src/lease.rs \
	  $(patsubst %,--cargo-arg=--exclude --cargo-arg=%,api notify sweep waybill-tests waybill-bench fuzz) --cargo-arg=--lib \
	  --cargo-test-arg=-- --cargo-test-arg=--skip --cargo-test-arg=file::

pictures: ## Take a screenshot of every view of the page and the mails, and show those before a change and after it
	@python3 $(LOCAL)/tools.py large
	@python3 $(LOCAL)/pictures.py keep
	@WAYBILL_PICTURES=$(CURDIR)/.local/pictures $(PYTHON) $(LOCAL)/stack.py run --port $(TEST_PORT) $(TEST_PARAMETERS:%=--parameter %) -- cargo test --workspace --test page -- looks:: mails:: elements:: languages:: rare_term
	@python3 $(LOCAL)/pictures.py compare

lighthouse: up ## Audit the page with Lighthouse, and measure its first view on a slow network
	@python3 $(LOCAL)/tools.py lighthouse
	@.local/node/bin/node .local/lighthouse/lighthouse.mjs $(OUTPUTS) project:$(PARENT) $(CURDIR)/.local/lighthouse/reports

lint: lint-rust lint-rest ## Check formatting, lints, unused dependencies, the template and the local scripts
	@python3 $(LOCAL)/tools.py machete
	.local/machete/bin/cargo-machete --skip-target-dir
	@python3 $(LOCAL)/tools.py checkov
	.local/checkov/bin/checkov --config-file infra/checkov.yaml

lint-rust: tools
	cargo fmt --all --check
	$(LINTED) cargo test --workspace --no-run

lint-rest: tools
	@python3 $(LOCAL)/tools.py linters
	$(SAM) validate --lint
	.local/linters/bin/ruff check --quiet --no-cache --select E9,F $(LOCAL) infra/release infra/examples tests/bench tests/readers tests/clients
	.local/linters/bin/zizmor --offline --quiet --persona auditor $(wildcard infra/pipeline/*.yaml)
	$(PYTHON) -m unittest discover --quiet --start-directory $(LOCAL)/tests
	$(PYTHON) -m unittest discover --quiet --start-directory infra/release/tests
	.local/linters/bin/python -m unittest discover --quiet --start-directory infra/examples/tests

token: ## Print an access token: GRANTS="project:42"
	@$(PYTHON) $(LOCAL)/mint.py --port $(PORT) --grants "$(GRANTS)"

key: ## Make an API key for the deployment of the sample product: NAME=backend GRANTS="project:*"
	@$(PYTHON) $(LOCAL)/keys.py $(call quoted,NAME) $(call quoted,GRANTS) --port $(PORT)

# A variable as one word for the shell, whatever is in it.
QUOTE := '
quoted = '$(subst $(QUOTE),'\'',$(value $(1)))'

load: ## Load a CSV file into a type's records: FILE=orders.csv TYPE=orders PARENT=42
	@$(PYTHON) $(LOCAL)/load.py $(call quoted,TYPE) $(call quoted,PARENT) $(call quoted,FILE) --port $(PORT)

catalog: ## Check a catalog: FILE=infra/catalog.toml
	@cargo run --quiet --no-default-features --bin waybill -- catalog check $(if $(FILE),$(FILE),infra/catalog.toml)

# The catalog that `make up` was given.
OWN_CATALOG := .local/stack-$(PORT)/catalog/catalog.toml

sample: ## Compare a type's records with its entry in the catalog: TYPE=orders PARENT=42
	@[ -f $(OUTPUTS) ] || { echo 'There is no stack: run make up first.'; exit 1; }
	@AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=eu-west-1 AWS_ENDPOINT_URL=http://127.0.0.1:$(PORT) cargo run --quiet --no-default-features --bin waybill -- catalog \
	  sample $(call quoted,TYPE) $(call quoted,PARENT) $(if $(wildcard $(OWN_CATALOG)),--catalog $(OWN_CATALOG),--catalog infra/catalog.toml --table records) \
	  --endpoint-url "$$(python3 -c 'import json; print(json.load(open("$(OUTPUTS)"))["records_url"])')"

mail: ## Print the address of the local mailbox
	@echo "http://localhost:$$(( $(PORT) + 2 ))"
