# Thin over the CMake presets: make test PRESET=asan tests the sanitizer build.
PRESET ?= release
JOBS ?= $(shell nproc)
DERMIS_LIBTORCH ?=
CONFIGURE_FLAGS ?=
program = build/$(PRESET)/dermis

.PHONY: help setup build test demo bench clean lint kernel-table bundle gpu-check

help:
	@echo "make demo    set up, build, and run the whole pipeline on generated pictures (6 to 10 minutes on 2 cores)"
	@echo "make test    set up, build, and run every test"
	@echo "make bundle  a folder and a tarball that run on another x86-64 Linux beside a torch 2.11.0 wheel"
	@echo "make gpu-check  all that a GPU is needed for: tests, probes, sanitizers, benchmark (9 minutes on an H200)"
	@echo "make kernel-table   write what the CUDA kernels take (registers, shared memory, instructions) into the table"
	@echo "make setup | build | bench | lint | clean     PRESET=release|debug|asan|cpu-only|clang   DERMIS_LIBTORCH=<site-packages>/torch"

setup:
	@DERMIS_LIBTORCH="$(DERMIS_LIBTORCH)" .cmake/setup.sh

# What `build` builds; empty: everything, tests too.
TARGETS ?=
demo bench: TARGETS = dermis

build: setup
	@mkdir -p build/$(PRESET)
	@cmake --preset $(PRESET) $(if $(DERMIS_LIBTORCH),-DDERMIS_LIBTORCH="$(DERMIS_LIBTORCH)") $(CONFIGURE_FLAGS) > build/$(PRESET)/configure.log; \
	status=$$?; grep -E "LibTorch|CUDA|Error|error" build/$(PRESET)/configure.log; exit $$status
	@cmake --build --preset $(PRESET) --parallel $(JOBS) $(if $(TARGETS),--target $(TARGETS))

test: build
	@ctest --preset $(PRESET) --parallel $(JOBS)

demo: build
	@$(program) demo

bench: build
	@$(program) bench attention
	@$(program) bench operators
	@$(program) bench train --preset nano
	@$(program) bench data

lint: build
	@ctest --preset $(PRESET) -L lint

bundle: build
	@.cmake/bundle/bundle.sh build/$(PRESET)

gpu-check: build
	@benchmarks/gpu_check/gpu-check

kernel-table: build
	@cmake --build --preset $(PRESET) --target write_kernel_table

clean:
	@rm -rf build
