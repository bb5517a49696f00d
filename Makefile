# Everything a person does here, by name. `make help` lists it.
BUILD ?= build
# Quick to build; `make bench` and `make image` build Release.
CONFIG ?= Debug
JOBS ?= $(shell nproc)
PROFILE ?= openshift-4.20
ONCE ?=
CMAKE_FLAGS ?=
# Several sources in one compilation: half the work when all are to be built. Who changes one file
# again and again is served better by UNITY=OFF.
UNITY ?= ON

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  PROFILE=openshift-4.20|openshift-4.8|kubernetes-1.33|…   the cluster that the demo stands in for"
	@echo "  ONCE=1                                                   the demo ends by itself"
	@echo "  IMAGE=… BUNDLE_IMAGE=… CATALOG_IMAGE=…                   the images; the last two follow from the first"
	@echo "  FOLDER=config/default|config/openshift-4.7|…             what of config/ is deployed"

.PHONY: packages
packages: ## Install what building and testing need (Debian packages)
	@e2e/install-packages.sh

.PHONY: configure
configure: packages
	@cmake -S . -B $(BUILD) -G Ninja -DCMAKE_BUILD_TYPE=$(CONFIG) \
	  -DCMAKE_UNITY_BUILD=$(UNITY) $(CMAKE_FLAGS) > /dev/null

.PHONY: build
build: configure ## Build the operator, the devcluster and the tests
	@ninja -C $(BUILD) -j $(JOBS)

.PHONY: programs
programs: configure
	@ninja -C $(BUILD) -j $(JOBS) systemd-workload-operator devcluster

.PHONY: test
test: build ## Build and run all tests
	@ctest --test-dir $(BUILD) --output-on-failure -j $(JOBS)

.PHONY: demo-image
demo-image: packages ## Make the demo's image (systemd and nginx, from Debian packages) as root
	@e2e/node/build-demo-image.sh

.PHONY: demo
demo: programs ## Take the seed's nginx to a URL on a stand-in cluster
	@BUILD=$(BUILD) PROFILE=$(PROFILE) ONCE=$(ONCE) e2e/demo.sh

.PHONY: run
run: programs ## Run the operator against the current kubeconfig
	@$(BUILD)/systemd-workload-operator run --leader-elect=false

.PHONY: install
install: ## Install the CRD into the current cluster
	kubectl apply -k crds

# What config/ names; the bundle's image and the catalog's are beside the operator's.
PUBLISHED = quay.io/systemd-operator/systemd-workload-operator
VERSION = $(shell sed -n 's/^project.* VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
IMAGE ?= $(PUBLISHED):v$(VERSION)
# REGISTRY/operator:v1 or REGISTRY/operator@sha256:… to REGISTRY/operator
repository = $(shell echo '$(1)' | sed 's|@.*||; s|:[^:/]*$$||')
BUNDLE_IMAGE ?= $(call repository,$(IMAGE))-bundle:v$(VERSION)
CATALOG_IMAGE ?= $(call repository,$(IMAGE))-catalog:v$(VERSION)

FOLDER ?= config/default
KUBECTL_FLAGS ?=

# config/ names the published image: it is put right on the way to the cluster.
.PHONY: deploy
deploy: ## Install CRD, rights and the operator (IMAGE=…) into the current cluster
	kubectl kustomize $(FOLDER) | sed 's|image: $(PUBLISHED):.*|image: $(IMAGE)|' | kubectl apply $(KUBECTL_FLAGS) -f -

.PHONY: lint
lint: packages ## Check formatting, scripts and includes
	@tests/lint.sh

# Coroutines are beyond clang 14 with GCC's library: such a file is left to the compiler's warnings.
TIDY ?= controller deploy e2e tests
TIDY_CHECKS ?=

.PHONY: tidy
tidy: ## Run clang-tidy over the folders in TIDY (default all; half an hour on two cores)
	@$(MAKE) --no-print-directory configure BUILD=$(BUILD)-tidy UNITY=OFF CMAKE_FLAGS=-DSWO_PRECOMPILE=OFF
	@git ls-files $(TIDY:%='%/*.cpp') | xargs grep -L co_await | xargs -n 4 -P $(JOBS) \
	  clang-tidy -p $(BUILD)-tidy --quiet --extra-arg=-Wno-unknown-warning-option --checks='$(TIDY_CHECKS)'

.PHONY: format
format: ## Format all sources
	@git ls-files '*.cpp' '*.hpp' | xargs clang-format -i

ADDRESS_TESTS = api kube runtime platform render diagnose reconcile cli

.PHONY: test-address
test-address: ## Run the floors' tests with AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) --no-print-directory configure BUILD=$(BUILD)-address \
	  CMAKE_FLAGS="-DSWO_SANITIZE=address,undefined -DSWO_SANITIZE_STAND_IN=OFF"
	@ninja -C $(BUILD)-address -j $(JOBS) $(ADDRESS_TESTS:%=%_test)
	@ctest --test-dir $(BUILD)-address --output-on-failure -R '^($(subst $() ,|,$(ADDRESS_TESTS)))$$'

.PHONY: test-thread
test-thread: ## Run the tests of the floors that use threads with ThreadSanitizer
	@$(MAKE) --no-print-directory configure BUILD=$(BUILD)-thread CONFIG=Debug \
	  CMAKE_FLAGS="-DSWO_SANITIZE=thread"
	@ninja -C $(BUILD)-thread -j $(JOBS) kube_test runtime_test
	@ctest --test-dir $(BUILD)-thread --output-on-failure -R '^(kube|runtime)$$'

FUZZERS = watch projection kubeconfig quantity render yaml
FUZZ_SECONDS ?= 20

.PHONY: fuzz
fuzz: ## Run each fuzzer of tests/fuzz for FUZZ_SECONDS (default 20), from where it was left
	@$(MAKE) --no-print-directory configure BUILD=$(BUILD)-fuzz CMAKE_FLAGS="-DSWO_FUZZ=ON -DCMAKE_CXX_COMPILER=clang++"
	@ninja -C $(BUILD)-fuzz -j $(JOBS) $(FUZZERS:%=fuzz_%)
	@BUILD=$(BUILD)-fuzz tests/fuzz/run.sh $(FUZZ_SECONDS) $(FUZZERS)

.PHONY: bench
bench: ## Measure the operator with 100, 1,000 and 10,000 workloads, and the boot of one (as root)
	@$(MAKE) --no-print-directory programs BUILD=$(BUILD)-release CONFIG=Release
	@ninja -C $(BUILD)-release -j $(JOBS) micro_bench change_bench
	@$(BUILD)-release/tests/micro_bench
	@BUILD=$(BUILD)-release tests/bench/run.sh
	@BUILD=$(BUILD)-release tests/bench/boot.sh

# LOCAL=1: what it is compiled in is made from Debian packages by buildah, as root, and nothing is
# fetched from a registry. chroot: it needs no more of its surroundings than a container has.
LOCAL ?=
BUILDAH_ISOLATION ?= chroot
CONTAINERS = $(or $(shell command -v podman),buildah)

.PHONY: image
image: ## Build the operator's image with podman or buildah; LOCAL=1 without a registry
ifeq ($(LOCAL),)
	@$(CONTAINERS) build -t $(IMAGE) -f deploy/Containerfile .
else
	@builder=$$(deploy/local-builder.sh) && \
	  buildah build --isolation $(BUILDAH_ISOLATION) --network host --build-arg BUILDER=$$builder \
	    -t $(IMAGE) -f deploy/Containerfile . && \
	  buildah images $(IMAGE)
endif

.PHONY: bundle
bundle: configure ## Make the OLM bundle and catalog for IMAGE=… from crds/ and config/
	@ninja -C $(BUILD) -j $(JOBS) olm-bundle
	@$(BUILD)/deploy/olm-bundle --version $(VERSION) --image $(IMAGE) --bundle-image $(BUNDLE_IMAGE)

.PHONY: bundle-image
bundle-image: ## Build the image of the OLM bundle, BUNDLE_IMAGE=…
	@$(CONTAINERS) build -t $(BUNDLE_IMAGE) -f deploy/bundle.Dockerfile deploy

.PHONY: catalog-image
catalog-image: ## Build the image of the OLM catalog, CATALOG_IMAGE=…
	@$(CONTAINERS) build -t $(CATALOG_IMAGE) -f deploy/catalog.Dockerfile deploy

.PHONY: bundle-check
bundle-check: configure ## Check bundle and catalog as OLM would
	@ninja -C $(BUILD) -j $(JOBS) deploy_test && $(BUILD)/tests/deploy_test
