#!/bin/sh
# Everything a fresh clone needs to be tested, and every suite. Exits with 1 when any failed.
set -u
root=$(CDPATH='' cd -P "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1
. "$root/tools/setup.sh"
ladya_setup || exit 1
PATH=$root/node_modules/.bin:$PATH
export PATH

failed=
# What failed, for the end of the output: all that some readers of it see.
notes=$(mktemp -d)
trap 'rm -rf "$notes"' EXIT
suite() {
	name=$1
	shift
	printf '\n=== %s\n' "$name"
	if "$@"; then
		printf -- '--- %s: passed\n' "$name"
	else
		printf -- '--- %s: FAILED (exit code %s)\n' "$name" "$?"
		failed="$failed $name"
	fi
}

# A check says little: its own last lines are the summary.
check() {
	"$@" >"$notes/output" 2>&1
	code=$?
	cat "$notes/output"
	[ "$code" = 0 ] || grep -v '^[[:space:]]*$' "$notes/output" | tail -n 20 >"$notes/$name"
	return "$code"
}

tests() {
	concurrency=$1
	shift
	node --disable-warning=ExperimentalWarning --test --test-concurrency="$concurrency" \
		--test-reporter=spec --test-reporter-destination=stdout \
		--test-reporter="$root/tools/failures.ts" --test-reporter-destination="$notes/$name" "$@"
}

# A machine without kubectl gets the tests' own.
PATH=$PATH:$root/tests/clients/node_modules/.programs/kubectl-1.35
suite setup check node --disable-warning=ExperimentalWarning packages/ladya/src/main.ts setup --for-tests
suite clients check node --disable-warning=ExperimentalWarning tests/clients/programs.ts
suite typecheck check tsc --noEmit -p tsconfig.json
suite lint check biome check --error-on-warnings .
suite unit tests 2 'packages/*/src/**/*.test.ts' 'tests/arch/**/*.test.ts'
for kind in integration conformance e2e; do
	files=$(find "tests/$kind" -name '*.test.ts' 2>/dev/null | sort)
	[ -n "$files" ] || continue
	concurrency=2
	# Real containers share the machine's one set of links and cgroups, and its two cores.
	[ "$kind" = e2e ] && concurrency=1
	# shellcheck disable=SC2086 # file names of this repository hold no blanks
	suite "$kind" tests "$concurrency" $files
done

printf '\n'
if [ -n "$failed" ]; then
	for name in $failed; do
		printf '=== what failed in %s\n' "$name"
		if [ -s "$notes/$name" ]; then head -n 45 "$notes/$name"; else echo "(it ended without saying; see above)"; fi
	done
	echo "FAILED:$failed"
	exit 1
fi
echo "all suites passed"
