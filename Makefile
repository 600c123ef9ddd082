# make demo: a first manipulated network. make test: everything that is checked.

SWIFT ?= swift
export SWIFT

DEMO_RECIPE = recipes/shapes-location-gradcam.yaml
DEMO_OUTPUT = runs/demo
LINTED = Package.swift Sources Tests

.DEFAULT_GOAL := help
.PHONY: help demo test build lint docs clean dependencies

help: ## Show this list
	@echo "Trompe: make networks whose explanations lie, and measure how well they do."
	@echo
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: build ## Fool Grad-CAM on the built-in images; replaces runs/demo
	rm -rf $(DEMO_OUTPUT)
	.build/release/trompe fool $(DEMO_RECIPE) --output $(DEMO_OUTPUT)

test: dependencies ## Run all tests in release mode
	tools/run-tests.sh

build: dependencies ## Build the command line tool in release mode
	$(SWIFT) build -c release --product trompe

lint: ## Check the format of all sources
	$(SWIFT) format lint --strict -r $(LINTED)

docs: dependencies ## Build the documentation of all libraries; fails on a warning
	tools/make-docs.sh

clean: ## Remove everything that was built; runs stay
	rm -rf .build

# Installs what is missing, and says so first.
dependencies:
	@tools/install-dependencies.sh
