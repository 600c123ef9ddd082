# make demo: a first manipulated network. make test: everything that is checked.

SWIFT ?= swift
CLANG ?= clang
export SWIFT

DEMO_RECIPE = recipes/shapes-budget.yaml
DEMO_OUTPUT = runs/demo
FUZZ_SECONDS ?= 60
SOAK_SECONDS ?= 3600
MPICC ?= mpicc
MPI_FOLDER = $(or $(XDG_DATA_HOME),$(HOME)/.local/share)/trompe/mpi
KERNELS = $(shell find Sources/CTensorKernels -name "*.c")
LINTED = Package.swift Sources Tests Fuzzing/Package.swift Fuzzing/Sources

.DEFAULT_GOAL := help
.PHONY: help demo test build wheel release python lint nightly docs fuzz sanitize soak convolutions products mpi clean dependencies

help: ## Show this list
	@echo "Trompe: make networks whose explanations lie, and measure how well they do."
	@echo
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: build ## Fool Grad-CAM on the built-in images; replaces runs/demo
	rm -rf $(DEMO_OUTPUT)
	.build/release/trompe fool $(DEMO_RECIPE) --output $(DEMO_OUTPUT)
	@echo "Look at $(DEMO_OUTPUT)/report.html, a page that opens from the disk."

test: dependencies ## Run all tests in release mode
	tools/run-tests.sh

build: dependencies ## Build the command line tool in release mode
	$(SWIFT) build -c release --product trompe

wheel: build ## Make a wheel of the command and the Python module in dist, for systems without Swift
	packaging/link.sh .build/package
	packaging/make_wheel.py .build/package dist

release: wheel ## Make a tarball and a package of Debian in dist too, and SHA256SUMS of all three
	packaging/make_release.py .build/package dist

python: build ## Test the Python module, in an environment of its own
	tools/test-python.sh

lint: ## Check the format of all sources, and the documents
	$(SWIFT) format lint --strict -r $(LINTED)
	@command -v python3 >/dev/null || { echo "python3 is missing, with which tools/check_docs.py checks the documents" >&2; exit 1; }
	python3 tools/check_docs.py
	tools/lint-c.sh

nightly: dependencies ## Run what takes too long for every change
	tools/nightly.sh

docs: dependencies ## Build the documentation of all libraries; fails on a warning
	tools/make-docs.sh

fuzz: dependencies ## Fuzz whatever is read from files, FUZZ_SECONDS for each kind
	tools/fuzz.sh $(FUZZ_SECONDS)

sanitize: dependencies ## Run the tests under the address, undefined and thread sanitizers
	tools/sanitize.sh

soak: build ## Watch memory and open files of a run of SOAK_SECONDS
	tools/soak.sh $(SOAK_SECONDS)

convolutions: dependencies ## Time 3x3 and 1x1 convolutions alone, by oneDNN and by our own kernels
	mkdir -p .build
	$(CLANG) -O2 -ISources/CTensorKernels -ISources/CTensorKernels/include -o .build/convolutions \
	  benchmarks/convolutions.c $(KERNELS) -ldnnl -lgomp -lm -lpthread
	OMP_WAIT_POLICY=passive .build/convolutions

products: dependencies ## Time products of a few rows and a large matrix alone
	mkdir -p .build
	$(CLANG) -O2 -ISources/CTensorKernels -ISources/CTensorKernels/include -o .build/products \
	  benchmarks/products.c $(KERNELS) -ldnnl -lgomp -lm -lpthread
	OMP_WAIT_POLICY=passive .build/products

mpi: ## Compile what mpirun needs, with the mpicc that is found first
	@command -v $(MPICC) >/dev/null || { echo "$(MPICC) is missing (Debian: libopenmpi-dev or libmpich-dev)" >&2; exit 1; }
	mkdir -p $(MPI_FOLDER)
	$(MPICC) -O3 -shared -fPIC -o $(MPI_FOLDER)/libtrompe_mpi.so.new tools/mpi/shim.c
	mv $(MPI_FOLDER)/libtrompe_mpi.so.new $(MPI_FOLDER)/libtrompe_mpi.so

clean: ## Remove everything that was built; runs stay
	rm -rf .build

# Installs what is missing, and says so first.
dependencies:
	@tools/install-dependencies.sh
