# Sourced by ./ladya and tools/test.sh, with $root set to the repository. POSIX sh.
# ladya_setup: has the pinned Node and the libraries in node_modules, or fails with what to do.

say() { printf 'ladya: %s\n' "$*" >&2; }

ladya_is_set_up() {
	[ -x "$root/node_modules/.bin/node" ] && cmp -s "$root/package-lock.json" "$root/node_modules/.ladya-lock.json"
}

ladya_check_npm() {
	version=$(node --version 2>/dev/null) || version=
	major=${version#v}
	major=${major%%.*}
	if [ -z "$version" ] || [ "$major" -lt 20 ] || ! command -v npm >/dev/null 2>&1; then
		if [ -z "$version" ]; then
			say "Node.js is not installed."
		elif [ "$major" -lt 20 ]; then
			say "Node.js $version is too old for a first set-up."
		else
			say "npm is not installed."
		fi
		say "Install Node.js 20 or newer together with npm, so that 'node --version' and 'npm --version' work, and run this again."
		say "(Ladya fetches the Node it runs on by itself; yours is only needed to run npm.)"
		return 1
	fi
}

# The descriptions that kubectl explain shows: taken out of an installed library, for they are not ours to keep here.
ladya_describe() {
	(cd "$root" && node_modules/.bin/node --disable-warning=ExperimentalWarning tools/generate/docs.ts) >/dev/null 2>&1 ||
		say "kubectl explain will have no descriptions (tools/generate/docs.ts failed); all else works."
}

ladya_setup() {
	if ladya_is_set_up; then
		[ -f "$root/packages/api/src/generated/docs.json" ] || ladya_describe
		return 0
	fi
	ladya_check_npm || return 1
	say "setting up: Node 24 and the libraries go into $root/node_modules (once; about half a minute)"
	mkdir -p "$root/node_modules"
	log=$root/node_modules/.ladya-setup.log
	(cd "$root" && npm ci --no-audit --no-fund --ignore-scripts) >"$root/.ladya-setup.log" 2>&1 &
	npm_pid=$!
	seconds=0
	while kill -0 "$npm_pid" 2>/dev/null; do
		sleep 1
		seconds=$((seconds + 1))
		if [ $((seconds % 5)) -eq 0 ]; then
			size=$(du -sm "$root/node_modules" 2>/dev/null | cut -f1)
			say "  ... $seconds s, ${size:-0} MB"
		fi
	done
	if ! wait "$npm_pid"; then
		say "npm ci failed:"
		tail -n 15 "$root/.ladya-setup.log" >&2
		say "The whole log is $root/.ladya-setup.log. Check that npm reaches its registry (npm ping), and run this again."
		return 1
	fi
	mv "$root/.ladya-setup.log" "$log"
	if [ ! -x "$root/node_modules/.bin/node" ]; then
		say "there is no Node for this machine ($(uname -s) $(uname -m)): Ladya runs on Linux on x86-64 and arm64."
		return 1
	fi
	ladya_describe
	cp "$root/package-lock.json" "$root/node_modules/.ladya-lock.json"
	say "set up: Node $("$root/node_modules/.bin/node" --version)"
}
