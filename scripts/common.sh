# Sourced by the other scripts: where things are, and how to say so.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

say() { printf '%s\n' "$*"; }
die() {
  printf '%s\n' "$*" >&2
  exit 1
}

# seconds SINCE: whole seconds since a value of $SECONDS.
seconds() { printf '%s' "$((SECONDS - $1))"; }

# build_sample [OPTIONS]: builds the sample $SAMPLE (WordCount unless it is set) in the folder of the cluster's build: both packages have
# the same dependencies, which
# are then compiled once. A plan of the build that was kept for one package is not good for the other.
build_sample() {
  swift build --disable-build-manifest-caching --package-path "Samples/${SAMPLE:-WordCount}" --scratch-path .build "$@"
  rm -f .build/debug.yaml
}
