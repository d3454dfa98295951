# Sourced by deploy/demo and tests/run: the virtual environment .venv of this checkout.
#
# ensure_venv EXTRAS   makes it, and installs the checkout with the extras, editable.
#                      Does nothing when that was done and pyproject.toml is the same.
# Sets `venv`. Needs Python 3.11 or later; PYTHON=… names one that is not on the PATH.
# shellcheck shell=bash

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$checkout/.venv

is_new_enough() {
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
  local candidate
  for candidate in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11; do
    if is_new_enough "$candidate"; then
      echo "$candidate"
      return
    fi
  done
  echo "Python 3.11 or later is needed, and neither python3 nor python3.11 to" \
    "python3.14 is one. Install it, or say where it is: PYTHON=/path/to/python3" >&2
  return 1
}

make_venv() {
  local python
  python=$(find_python)
  rm -rf "$venv"
  "$python" -m venv "$venv" && return
  # Debian and Ubuntu have venv in a package of its own.
  if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    apt-get update -qq &&
      DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends \
        python3-venv >&2 && rm -rf "$venv" && "$python" -m venv "$venv" && return
  fi
  echo "Python could not make a virtual environment." \
    "On Debian and Ubuntu: apt-get install python3-venv" >&2
  rm -rf "$venv"
  return 1
}

ensure_venv() {
  local extras=$1 stamp=$venv/installed want
  want="$extras $checkout $(cksum <"$checkout/pyproject.toml")"
  if [[ -x $venv/bin/python ]] && "$venv/bin/python" -c '' 2>/dev/null &&
    grep -qxF "$want" "$stamp" 2>/dev/null; then
    return
  fi
  if ! is_new_enough "$venv/bin/python"; then
    make_venv || return 1
  fi
  echo "Installing callcenter-monitor[$extras] into .venv" >&2
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --editable "$checkout[$extras]" >&2 || return 1
  # Only lines for the present pyproject.toml stay: what was installed for an older
  # one may lack what this one needs.
  { grep -F "${want#"$extras "}" "$stamp" 2>/dev/null || true; echo "$want"; } >"$stamp.new"
  mv "$stamp.new" "$stamp"
}
