# Short verbs; Meson does the work in build/.
.PHONY: all test asan tsan fuzz bench mutate fmt layers clean

all: build
	ninja -C build

build:
	meson setup build

test: all layers
	meson test -C build --print-errorlogs

build-asan:
	meson setup build-asan -Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debug

asan: build-asan
	ninja -C build-asan
	meson test -C build-asan --print-errorlogs

build-tsan:
	meson setup build-tsan -Db_sanitize=thread -Db_lundef=false

tsan: build-tsan
	ninja -C build-tsan
	meson test -C build-tsan --suite threads --print-errorlogs

# Lets each libFuzzer program search for a minute; one of them for longer: tools/fuzz 600 json
fuzz:
	tools/fuzz

# Flips each comparison of the planning files and says which flips no test notices; of one file: tools/mutate src/sync/plan.c
mutate:
	tools/mutate

# Figures beside their peers, into bench/RESULTS.md.
bench:
	tools/install build
	tools/install bench
	$(MAKE) all
	bench/run

# Formats the lines that differ from the last commit, and no others.
fmt:
	@command -v git-clang-format >/dev/null || { echo "make fmt needs clang-format: apt-get install clang-format" >&2; exit 1; }
	git clang-format --force --extensions c,h,cc

layers:
	tools/layers

clean:
	rm -rf build build-asan build-tsan build-fuzz build-mutate
