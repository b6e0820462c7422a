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

# build [OPTIONS]: 'swift build'. It puts the flags of a package's traits in the order of a hash table, which is another one in each
# process; with every new plan modules would be compiled again for nothing. So the order is held still, for the build alone.
build() { SWIFT_DETERMINISTIC_HASHING=1 swift build "$@"; }

# start_cluster: starts a whole cluster with two agents in $work, with the programs of $bin. Sets $cluster_pid at once and $cluster_address
# when it listens; the caller ends it.
start_cluster() {
  "$bin/mesos" local --agents 2 --port 0 --work_dir "$work/cluster" --address_file "$work/address" \
    --launcher_dir "$bin" >"$work/cluster.log" 2>&1 &
  cluster_pid=$!
  while [ ! -s "$work/address" ]; do
    kill -0 "$cluster_pid" 2>/dev/null || die "$(cat "$work/cluster.log")"
    read -r -t 0.1 _ <> <(:) || true
  done
  cluster_address=$(<"$work/address")
}

# build_sample [OPTIONS]: builds the sample $SAMPLE (WordCount unless it is set) in the folder of the cluster's build: both packages have
# the same dependencies, which are then compiled once. A plan of the build that was kept for one package is not good for the other.
build_sample() {
  build --disable-build-manifest-caching --package-path "Samples/${SAMPLE:-WordCount}" --scratch-path .build "$@"
  rm -f .build/debug.yaml
}
