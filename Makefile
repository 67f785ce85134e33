# SPDX-License-Identifier: Apache-2.0

# Needs Go, git and make; everything else comes from Go modules.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO ?= go
BIN := bin
# Asked for once: images and the manifests that name them must agree, whatever becomes of the tree meanwhile.
ifndef VERSION
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
endif
# The images are <IMAGE_REGISTRY>/<controller>:<VERSION>.
IMAGE_REGISTRY ?= localhost/ramen-direct
IMAGE_ARCH ?= amd64,arm64
DIST := dist
LDFLAGS := -X github.com/ramendr/ramen-direct/internal/boot.Version=$(VERSION)
TOOLS := tests/tools
# States that the model check explores at most, for each of its worlds.
MODEL_STATES ?= 6000000

.PHONY: help
help: ## Show this text
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the programs into bin/
	$(GO) build -ldflags '$(LDFLAGS)' -o $(BIN)/ ./cmd/...

.PHONY: plugin
plugin: ## Build the plugin of kubectl, and what completes its words, into bin/; put both on your PATH
	$(GO) build -ldflags '$(LDFLAGS)' -o $(BIN)/ ./cmd/kubectl-ramen_direct
	install -m 755 cmd/kubectl-ramen_direct/kubectl_complete-ramen_direct $(BIN)/

.PHONY: image
image: ## Write an image of each controller, as an archive, into dist/images; no container runtime is needed
	$(GO) run ./cmd/ramendist images --out $(DIST) --registry $(IMAGE_REGISTRY) --version $(VERSION) --arch $(IMAGE_ARCH)

.PHONY: dist
dist: ## Write what is applied to a hub and to DR clusters into dist/
	$(GO) run ./cmd/ramendist manifests --out $(DIST) --registry $(IMAGE_REGISTRY) --version $(VERSION)

.PHONY: release
release: ## Write the files of a release into dist/release: make release VERSION=v0.1.0
	$(GO) run ./cmd/ramendist release --out $(DIST) --registry $(IMAGE_REGISTRY) --version $(VERSION) --arch $(IMAGE_ARCH)

.PHONY: demo
demo: ## Move applications about in the embedded lab, one from Git and one that nobody deploys
	$(GO) build -o $(BIN)/ramenlab ./cmd/ramenlab
	$(BIN)/ramenlab demo

GOTESTSUM := $(BIN)/gotestsum
$(GOTESTSUM): $(TOOLS)/gotestsum/go.mod $(TOOLS)/gotestsum/go.sum
	$(GO) -C $(TOOLS)/gotestsum build -o $(CURDIR)/$@ gotest.tools/gotestsum

.PHONY: test
test: $(GOTESTSUM) ## Run the tests of the gate; the first run builds the lab's programs
	GO=$(GO) tests/run.sh

.PHONY: test-all
test-all: $(GOTESTSUM) ## Run all tests: the gate's, with repetitions, crowds and full models, the mutants, the alerts, fuzzing
	GO=$(GO) RAMEN_TEST_ALL=1 tests/run.sh
	$(MAKE) model rules fuzz

.PHONY: test-short
test-short: ## Run the tests that need no API server
	$(GO) test -short ./...

.PHONY: slowest
slowest: ## Print the packages and the tests that took longest in the last make test
	@$(GO) run ./tests/slowest $(addprefix $(BIN)/,$(addsuffix .json,stories hub system raced pure))

# How long each fuzz test tries.
FUZZ_TIME ?= 1m

.PHONY: fuzz
fuzz: ## Let each fuzz test try new input for FUZZ_TIME=1m
	@for package in $$(git grep -l '^func Fuzz' -- '*_test.go' | xargs -n1 dirname | sort -u); do \
		for name in $$(grep -ho '^func Fuzz[A-Za-z0-9_]*' $$package/*_test.go | cut -c6-); do \
			$(GO) test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZ_TIME) ./$$package; \
		done; \
	done

.PHONY: model
model: ## Check the plans exhaustively, and that every guard in them is needed
	RAMEN_MODEL_STATES=$(MODEL_STATES) $(GO) test -count=1 -timeout 60m -v -run 'Reachable' ./hubctrl/plan ./spokectrl/plan
	RAMEN_TEST_ALL=1 $(GO) test -count=1 -timeout 60m -tags mutants -run 'Mutant|GuardIsNeeded' -v ./hubctrl/plan ./spokectrl/plan

.PHONY: stories
stories: ## Run the stories on the lab; RAMEN_STORY_RUNS and RAMEN_STORY_SEED choose the kill runs
	$(GO) test -count=1 -race -timeout 60m -v ./tests/stories

.PHONY: scale
scale: ## Fail a thousand applications over at once, and count the hub's writes
	RAMEN_SCALE=1000 $(GO) test -count=1 -timeout 60m -v ./tests/scale

# Of make faults: the schedules that are drawn, the number of the first one, what they are drawn from (without SEED, the time),
# and the labs that share them.
RUNS ?= 100
FIRST ?= 0
SEED ?=
LABS ?= 1

.PHONY: faults
faults: ## Let RUNS=100 random schedules of faults strike the lab; SEED= repeats them, FIRST= begins later, LABS= labs share them
	RAMEN_FAULT_RUNS=$(RUNS) RAMEN_FAULT_FIRST=$(FIRST) RAMEN_FAULT_SEED=$(SEED) RAMEN_FAULT_LABS=$(LABS) \
		$(GO) test -count=1 -race -timeout 0 -parallel $(LABS) -v -run TestRandomFaults ./tests/faults

BENCH ?= .

.PHONY: bench
bench: ## Measure the exchange against a bare loop in the same run, into bin/bench.json as well; BENCH= measures that only
	mkdir -p $(BIN)
	RAMEN_BENCH_JSON=$(CURDIR)/$(BIN)/bench.json $(GO) test -run '^$$' -bench '$(BENCH)' -benchtime 1x -timeout 4h ./tests/bench

.PHONY: bench-smoke
bench-smoke: ## Run each benchmark with a few groups and hops, to see that it works
	RAMEN_BENCH_SMOKE=1 $(GO) test -run '^$$' -bench . -benchtime 1x -timeout 10m ./tests/bench

.PHONY: kind-up
kind-up: IMAGE_ARCH := $(shell $(GO) env GOARCH)
kind-up: image dist ## Create three kind clusters, or take those that exist, and install everything; needs Docker and kubectl
	$(GO) run ./tests/e2e/ramenkind up

.PHONY: kind-test
kind-test: ## Tell the story on the clusters of kind-up
	RAMEN_KIND=1 $(GO) test -count=1 -timeout 60m -v ./tests/e2e

.PHONY: kind-down
kind-down: ## Delete the three kind clusters and their data
	$(GO) run ./tests/e2e/ramenkind down

.PHONY: rules
rules: ## Test the alerts with Prometheus itself; the first run builds it
	$(GO) -C tests/rules test -count=1 ./...

# Of make conformance: two kubeconfig files divided by a comma, the classes that both clusters have, and further flags.
KUBECONFIGS ?=
STORAGE_CLASS ?=
REPLICATION_CLASS ?=
SNAPSHOT_CLASS ?=
FLAGS ?=

.PHONY: conformance
conformance: ## Tell what can be promised with a storage: KUBECONFIGS=a,b STORAGE_CLASS= REPLICATION_CLASS= [SNAPSHOT_CLASS=]
	$(GO) run ./tests/conformance/run --kubeconfigs=$(KUBECONFIGS) --storage-class=$(STORAGE_CLASS) \
		--replication-class=$(REPLICATION_CLASS) --snapshot-class=$(SNAPSHOT_CLASS) $(FLAGS)

.PHONY: generate
generate: ## Rewrite generated code and manifests
	$(GO) tool controller-gen object:headerFile=internal/boilerplate.txt applyconfiguration:headerFile=internal/boilerplate.txt \
		crd:crdVersions=v1 paths=./api/... output:crd:dir=config/crd
	$(GO) -C $(TOOLS)/reference tool crd-ref-docs --renderer=markdown --log-level=ERROR --source-path=$(CURDIR)/api/v1alpha1 \
		--config=$(CURDIR)/docs/reference/crd-ref-docs.yaml --output-path=$(CURDIR)/docs/reference/fields.md

.PHONY: lint
lint: ## Run the linters
	$(GO) -C $(TOOLS) build -o $(CURDIR)/$(BIN)/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	$(BIN)/golangci-lint run ./...

.PHONY: tidy
tidy: ## Tidy the modules
	$(GO) mod tidy
	$(GO) -C $(TOOLS)/gotestsum mod tidy
	$(GO) -C $(TOOLS) mod tidy
	$(GO) -C $(TOOLS)/reference mod tidy
	$(GO) -C tests/rules mod tidy
	$(GO) -C tests/install/operator mod tidy
	$(GO) -C tests/lab/binaries/programs mod tidy

.PHONY: verify
verify: generate tidy lint ## Prove that generated files are up to date and the linters are content
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "run gofmt"; exit 1; }
	@test -z "$$(git status --porcelain)" || { git status --short; echo "the tree is not clean: commit what make generate and make tidy changed"; exit 1; }

.PHONY: clean
clean: ## Remove bin/ and dist/
	rm -rf $(BIN) $(DIST)
