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

tests() {
	concurrency=$1
	shift
	node --disable-warning=ExperimentalWarning --test --test-concurrency="$concurrency" --test-reporter=spec "$@"
}

# A machine without kubectl gets the tests' own.
PATH=$PATH:$root/tests/clients/node_modules/.programs/kubectl-1.35
suite setup node --disable-warning=ExperimentalWarning packages/ladya/src/main.ts setup --for-tests
suite clients node --disable-warning=ExperimentalWarning tests/clients/programs.ts
suite typecheck tsc --noEmit -p tsconfig.json
suite lint biome check --error-on-warnings .
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
	echo "FAILED:$failed"
	exit 1
fi
echo "all suites passed"
