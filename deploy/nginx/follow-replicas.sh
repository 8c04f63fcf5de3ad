#!/bin/sh
# Runs nginx and reloads it whenever the addresses behind a name change, so that `--scale` needs no restart.
#   follow-replicas.sh NAME:PORT ...
# Open-source nginx 1.22 resolves a name once, at its start, which fails without it; and upstream keep-alive needs
# addresses. A reload drops no request, but closes idle connections: a client that uses one at that moment must
# retry (RFC 9112, 9.3.1).
set -u
list=/tmp/upstreams.conf
replicated=${1%:*}
turn=0

addresses() { # NAME -> its addresses, one a line; the last known ones if the name server does not answer
    # Only the first name has replicas; others are resolved once a minute, as the outside name server may be slow.
    [ "$1" = "$replicated" ] || [ $((turn % 60)) = 0 ] || { cat "/tmp/$1.addresses" 2>/dev/null; return; }
    found=$(RES_OPTIONS='timeout:1 attempts:1' timeout 3 getent ahostsv4 "$1" | cut -d ' ' -f 1 | sort -u)
    [ -z "$found" ] || echo "$found" >"/tmp/$1.addresses"
    cat "/tmp/$1.addresses" 2>/dev/null
}

upstreams() {
    for target in "$@"; do
        name=${target%:*} port=${target#*:} known=
        echo "upstream $name {"
        echo "    zone $name 64k;"
        for address in $(addresses "$name"); do
            echo "    server $address:$port max_fails=3 fail_timeout=2s;"
            known=1
        done
        [ -n "$known" ] || echo "    server 127.0.0.1:9 down;"
        echo "    keepalive 32;"
        echo "    keepalive_timeout 60s;"
        echo "}"
    done
}

sh "${0%/*}/configure.sh" /tmp || exit
upstreams "$@" >"$list"
nginx -g 'daemon off;' &
nginx=$!
trap 'kill -QUIT $nginx; wait $nginx; exit' TERM QUIT INT
while kill -0 "$nginx" 2>/dev/null; do
    turn=$((turn + 1))
    # In the background: a signal interrupts `wait` at once, but not a slow look-up.
    { sleep 1; upstreams "$@" >"$list.new"; } &
    wait $!
    cmp -s "$list" "$list.new" || { mv "$list.new" "$list" && nginx -s reload; }
done
wait "$nginx"
