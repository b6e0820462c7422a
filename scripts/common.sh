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
