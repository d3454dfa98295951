# Sourced by tests/run: the programs that tests need beside Python.
#
# ensure_tools   gets Java 17, Maven (a real Kafka), promtool and Chromium where it may:
#                by apt on Debian and Ubuntu, as root. Fills `missing` with what is still
#                missing.
# shellcheck shell=bash

cache=${XDG_CACHE_HOME:-$HOME/.cache}/callcenter-monitor
missing=()

has_java() {
  local java=java version
  [[ -z ${JAVA_HOME:-} ]] || java=$JAVA_HOME/bin/java
  version=$("$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p;q')
  [[ ${version:-0} -ge 17 ]]
}
has_maven() { command -v mvn >/dev/null; }
has_promtool() { command -v promtool >/dev/null; }
has_chromium() {
  local name
  for name in chromium chromium-browser google-chrome; do
    "$name" --version >/dev/null 2>&1 && return
  done
  return 1
}

may_use_apt() { [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; }

apt_updated=false
apt_update() {
  if ! $apt_updated; then
    apt-get update -qq >&2 || true # what is known of packages may do
    apt_updated=true
  fi
}

apt_install() {
  apt_update
  DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "$@" \
    >/dev/null
}

install_java() {
  local package
  apt_update
  mkdir -p /usr/share/man/man1 # slim images lack it, and Java's set-up fails then
  for package in openjdk-21-jre-headless openjdk-17-jre-headless default-jre-headless; do
    if [[ $(apt-cache policy "$package") == *"Candidate: "[0-9]* ]]; then
      apt_install "$package" && return
    fi
  done
}

# Only the programs are taken out of the package: installed, it would start a service.
unpack_prometheus() {
  local work=$cache/prometheus.new
  apt_update
  rm -rf "$work"
  mkdir -p "$work"
  (cd "$work" && apt-get download -qq -o APT::Sandbox::User=root prometheus >&2) &&
    dpkg-deb --extract "$work"/prometheus_*.deb "$work" &&
    "$work/usr/bin/promtool" --version >/dev/null 2>&1 &&
    rm -rf "$cache/prometheus" && mv "$work" "$cache/prometheus"
}

ensure_tools() {
  PATH=$PATH:$cache/prometheus/usr/bin
  if may_use_apt; then
    has_java || install_java || true
    has_maven || apt_install maven || true
    has_promtool || unpack_prometheus || true
    has_chromium || apt_install chromium fonts-dejavu-core || true
  fi
  missing=()
  has_java || missing+=("Java 17 or later (Debian, Ubuntu: default-jre-headless)")
  has_maven || missing+=("Maven (Debian, Ubuntu: maven)")
  has_promtool || missing+=("promtool (Debian, Ubuntu: prometheus)")
  has_chromium || missing+=("Chromium (Debian: chromium)")
}
