#!/bin/sh
# certs.sh DIR: throw-away certificates for the tests, made in a fraction of a second and good for two days.
#
#   ca.pem                    the authority that signs all of them
#   server.pem server.key     127.0.0.1, ::1 and localhost
#   client.pem client.key     for servers that ask for one
#   expired.pem expired.key   like server, but its time was over in 2021
#   wronghost.pem .key        valid, for wrong.example only
#
# Only openssl is needed. Nothing is read from the machine's own configuration. EC keys, because RSA keys take seconds.
set -eu

if [ $# -ne 1 ]; then
  echo "usage: certs.sh DIR" >&2
  exit 2
fi
mkdir -p "$1"
cd "$1"

log=certs.log
finish() {
  status=$?
  [ $status -eq 0 ] || cat "$log" >&2
  rm -f "$log" ./*.csr ca.cnf ca.db* ca.serial* 1*.pem
  exit $status
}
trap finish EXIT

# One configuration for all. `openssl ca` and not `openssl x509` signs, for only it can set both dates on every version.
cat > ca.cnf <<'CONFIG'
[ca]
default_ca = throw_away
[throw_away]
database = ca.db
serial = ca.serial
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
default_days = 2
policy = any
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1, IP:::1, DNS:localhost
[client]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth
[wronghost]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:wrong.example
CONFIG
: > ca.db
echo 1000 > ca.serial
OPENSSL_CONF=$PWD/ca.cnf
export OPENSSL_CONF

new_key() { # FILE
  openssl ecparam -name prime256v1 -genkey -noout -out "$1" 2>>"$log"
}

# sign NAME EXTENSIONS COMMON_NAME [options of openssl ca]
sign() {
  name=$1 extensions=$2 common_name=$3
  shift 3
  new_key "$name.key"
  openssl req -new -key "$name.key" -subj "/CN=$common_name" -out "$name.csr" 2>>"$log"
  openssl ca -batch -notext -config ca.cnf -extensions "$extensions" -in "$name.csr" -out "$name.pem" "$@" 2>>"$log"
}

new_key ca.key
openssl req -x509 -new -key ca.key -subj "/CN=opengatellm throw-away CA" -days 2 -extensions authority \
  -out ca.pem 2>>"$log"

sign server server 127.0.0.1
sign client client "a client"
sign expired server 127.0.0.1 -startdate 20200101000000Z -enddate 20210101000000Z
sign wronghost wronghost wrong.example
