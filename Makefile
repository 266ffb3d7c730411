# Bare `make` prints the targets.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

BIN     := bin
TOOLS   := $(CURDIR)/.tools
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# Debian wants a version to begin with a digit.
PKG_VERSION = $(if $(filter v%,$(VERSION)),$(patsubst v%,%,$(VERSION)),0.0.0+$(VERSION))
LDFLAGS := -s -w -X main.version=$(VERSION)
PLUGINS := $(notdir $(wildcard plugins/*))
# mattn/go-sqlite3 is linked in name only: without cgo it is a stub, and modernc does the work.
GOBUILD := CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)'

.PHONY: help
help: ## print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F'\t' '{printf "  make %-10s %s\n", $$1, $$2}'

.PHONY: build
build: ## build bin/earshot and bin/plugins/earshot-listener-*
	@mkdir -p $(BIN)/plugins
	$(GOBUILD) -o $(BIN)/earshot ./host/cmd/earshot
	@for p in $(PLUGINS); do $(GOBUILD) -o $(BIN)/plugins/earshot-listener-$$p ./plugins/$$p; done

.PHONY: demo
demo: build ## an SQLite queue, three events, real plugins: see a delivery in seconds
	@$(BIN)/earshot demo --dir var/demo

.PHONY: test
test: $(TOOLS)/mailpit ## all tests with the race detector; installs what they need
	@.ci/install-test-programs $(TOOLS)/node
	EARSHOT_TEST_MAILPIT=$(TOOLS)/mailpit EARSHOT_TEST_PYTHON=/usr/bin/python3 \
	EARSHOT_TEST_NODE_MODULES=$(TOOLS)/node/node_modules EARSHOT_TEST_ICALJS=$(TOOLS)/node/node_modules/ical.js \
		.ci/with-mariadb go test -race -timeout 30m $$(go list ./... | grep -v /host/chaos)
	@# By itself: on a machine that starves its hosts, leases run out with no fault to explain it.
	go test -race -timeout 30m ./host/chaos/...
	cd examples/hello && go test ./...

.PHONY: verify
verify: ## formatting, vet, lint, generated code, go.mod
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "run: make fmt"; exit 1; }
	go vet ./...
	@go mod tidy -diff || { echo "go.mod or go.sum is not tidy: run go mod tidy and commit it"; exit 1; }
	$(MAKE) lint verify-generated verify-service

.PHONY: fmt
fmt: ## format the code
	gofmt -w $$(git ls-files '*.go')

.PHONY: lint
lint: $(TOOLS)/golangci-lint ## the linters of .golangci.yml
	$(TOOLS)/golangci-lint run ./...

.PHONY: generate
generate: $(TOOLS)/buf $(TOOLS)/protoc-gen-go $(TOOLS)/protoc-gen-go-grpc ## make the Go code of listener.proto
	cd sdk/proto && PATH="$(TOOLS):$$PATH" buf lint && PATH="$(TOOLS):$$PATH" buf generate

.PHONY: verify-generated
verify-generated: generate
	@git diff --exit-code -- sdk/proto || { echo "sdk/proto is not what listener.proto makes: run make generate and commit it"; exit 1; }

.PHONY: package
package: build $(TOOLS)/nfpm ## dist/earshot_VERSION_ARCH.deb
	@mkdir -p dist/completion && rm -f dist/*.deb
	@$(BIN)/earshot completion bash >dist/completion/earshot.bash
	@$(BIN)/earshot completion zsh >dist/completion/_earshot
	@$(BIN)/earshot completion fish >dist/completion/earshot.fish
	ARCH=$(shell go env GOARCH) PKG_VERSION=$(PKG_VERSION) $(TOOLS)/nfpm package -f config/package/nfpm.yaml -p deb -t dist/
	.ci/check-package

.PHONY: verify-service
verify-service: build ## the systemd units: well-formed, exposure below 2.0
	.ci/check-service

# Options of the measurements go in BENCH: make bench BENCH="-runs 1 -only unary"
.PHONY: bench
bench: build ## measure speed with real binaries beside a bare floor; some minutes
	.ci/with-mariadb go run ./host/bench $(BENCH)

# Options of the harness go in CHAOS: make chaos CHAOS="-seed 7 -for 10m -faults host-kill"
.PHONY: chaos
chaos: ## break hosts, plugins and the database for minutes, check every promise
	go run ./host/chaos $(CHAOS)

.PHONY: chaos-mutants
chaos-mutants: ## break the product on purpose: does the checker notice?
	go run ./host/chaos -mutants $(CHAOS)

.PHONY: cluster
cluster: ## the same on three MariaDB Galera nodes; needs galera-4 and rsync
	go run ./host/chaos -nodes 3 -every 3s -faults node-kill,host-kill,cut $(CHAOS)

.PHONY: clean
clean: ## remove what was built
	rm -rf $(BIN) dist var

# Tools are pinned here and never become requirements of the module.
$(TOOLS)/golangci-lint:
	GOBIN=$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
$(TOOLS)/buf:
	GOBIN=$(TOOLS) go install github.com/bufbuild/buf/cmd/buf@v1.75.0
$(TOOLS)/protoc-gen-go:
	GOBIN=$(TOOLS) go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
$(TOOLS)/protoc-gen-go-grpc:
	GOBIN=$(TOOLS) go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2
$(TOOLS)/mailpit:
	GOBIN=$(TOOLS) go install github.com/axllent/mailpit@v1.27.11
# Newer ones need modules that the Go module proxy does not serve.
$(TOOLS)/nfpm:
	GOBIN=$(TOOLS) go install github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2
