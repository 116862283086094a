# SPDX-License-Identifier: Apache-2.0
# make run     build and start the demonstration          make build   leaves .build/release/martlet
# make test    everything that CI checks                  make bench   the benchmark package
# make format  rewrite sources in the house format        make fuzz    libFuzzer targets, FUZZ_SECONDS each
# make reference  rewrite the page of all options

SWIFT ?= swift
RELEASE = $(SWIFT) build -c release --product martlet --static-swift-stdlib
FUZZ_SECONDS ?= 60
SWIFT_FILES = Package.swift Sources Tests Fuzzing $(wildcard Benchmarks/Package.swift Benchmarks/Sources)

.DEFAULT_GOAL := build
.PHONY: run build test bench format lint reference fuzz setup

setup:
	@scripts/setup

build: setup
	$(RELEASE)

run: build
	@exec .build/release/martlet demo

test:
	@SWIFT="$(SWIFT)" RELEASE="$(RELEASE)" scripts/test $(SWIFT_FILES)

lint:
	swift format lint --strict --recursive --parallel $(SWIFT_FILES)

format:
	swift format format --in-place --recursive --parallel $(SWIFT_FILES)

bench: setup
	$(SWIFT) run --package-path Benchmarks -c release DoorBenchmarks Benchmarks/Thresholds/doors.json
	$(SWIFT) run --package-path Benchmarks -c release StoreBenchmarks

# The tables of the reference are written from the tables of the program; tests compare the two.
reference:
	MARTLET_WRITE_REFERENCE=1 $(SWIFT) test --filter "ConfigurationTests|ReferenceTests"

fuzz: setup
	@FUZZ_SECONDS=$(FUZZ_SECONDS) scripts/fuzz
