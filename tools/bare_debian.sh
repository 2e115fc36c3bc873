#!/bin/bash
# Follows a page of the documentation in a Debian that has nothing but its base system and sudo:
#
#     tools/bare_debian.sh RELEASE [PAGE] [--keep FOLDER] [--mirror ADDRESS] [--copy PATH]...
#
# RELEASE is bookworm, trixie or another that debootstrap knows, PAGE README.md if not said. An
# ordinary user with an empty home saves the page's files and types its commands, word for word
# (tools/as_typed.py). All that is printed is printed, and compared with the page. The exit status
# is 0 if every command succeeded and printed what the page says.
#
# The release that `pip install bleio` asks for is the wheel that is built from this tree; pip finds
# it since PIP_FIND_LINKS says where. Everything else comes from Debian and the package index, so
# this needs the network, and root, for debootstrap and chroot.
#
# --keep    makes the system in FOLDER, uses the one that is there already, and leaves it there
# --copy    puts a file of this machine at the same place there, such as /etc/pip.conf. Certificates
#           in /usr/local/share/ca-certificates are trusted there. PIP_... and ..._proxy of the
#           environment are handed on, and so is the file of PIP_CERT.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "bare_debian: $*" >&2; }
fail() { say "$*"; exit 1; }

release='' page=README.md keep='' mirror=http://deb.debian.org/debian copies=()
while [ $# -gt 0 ]; do
    case $1 in
        --keep) keep=$2; shift ;;
        --mirror) mirror=$2; shift ;;
        --copy) copies+=("$2"); shift ;;
        -*) fail "there is no option $1; the head of $0 has them" ;;
        *) if [ -z "$release" ]; then release=$1; else page=$1; fi ;;
    esac
    shift
done
[ -n "$release" ] || fail "say which release, such as: tools/bare_debian.sh bookworm"
[ "$(id -u)" = 0 ] || fail "debootstrap and chroot need root: sudo tools/bare_debian.sh $release"
command -v debootstrap >/dev/null || fail "debootstrap is missing: apt-get install debootstrap"
python=${PYTHON:-.venv/bin/python}
[ -x "$python" ] || fail "there is no $python; make dev makes it"

work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
system=${keep:-$work/system}

"$python" -m build --wheel --outdir "$work/wheels" . >"$work/build.log" 2>&1 ||
    { cat "$work/build.log"; fail "the wheel could not be built"; }

if [ ! -e "$system/etc/debian_version" ]; then
    say "installing the base system of $release into $system"
    debootstrap --variant=minbase --include=ca-certificates,sudo "$release" "$system" "$mirror" \
        >"$work/debootstrap.log" 2>&1 || { tail -20 "$work/debootstrap.log"; fail "debootstrap failed"; }
    # Whoever is asked says yes.
    echo 'APT::Get::Assume-Yes "true";' >"$system/etc/apt/apt.conf.d/90yes"
    echo 'reader ALL=(ALL) NOPASSWD: ALL' >"$system/etc/sudoers.d/reader"
    echo '127.0.0.1 localhost debian' >"$system/etc/hosts"
fi
cp -L /etc/resolv.conf "$system/etc/resolv.conf"
[ -z "${PIP_CERT:-}" ] || copies+=("$PIP_CERT")
for path in "${copies[@]}" /usr/local/share/ca-certificates/*.crt; do
    [ ! -e "$path" ] || install -D -m 644 "$path" "$system$path"
done
rm -rf "$system/wheels" "$system/home/reader"
cp -r "$work/wheels" "$system/wheels"

given=(PIP_FIND_LINKS=/wheels PIP_DISABLE_PIP_VERSION_CHECK=1)
while IFS= read -r line; do
    case $line in
        PIP_FIND_LINKS=* | PIP_DISABLE_PIP_VERSION_CHECK=*) ;;
        PIP_* | http_proxy=* | https_proxy=* | no_proxy=*) given+=("$line") ;;
    esac
done < <(env)

"$python" tools/as_typed.py "$page" >"$work/typed.sh"

# Inside: processes, mounts and the name of the machine are its own and end with it.
cat >"$system/root/inside.sh" <<'INSIDE'
mount -t proc proc /proc
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
hostname debian
update-ca-certificates >/dev/null 2>&1
id reader >/dev/null 2>&1 || useradd --shell /bin/bash reader
install -d -o reader -g reader /home/reader /home/reader/said
apt-get update -qq
. /etc/os-release
echo "[$PRETTY_NAME, version $(cat /etc/debian_version); $(dpkg-query -f '.\n' -W | wc -l) packages; python3: $(command -v python3 || echo none)]"
cd /home/reader
exec runuser -u reader -- env -i HOME=/home/reader USER=reader LANG=C.UTF-8 TERM=dumb COLUMNS=100 \
    PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games SAID=/home/reader/said \
    "$@" bash /root/typed.sh
INSIDE
install -m 644 "$work/typed.sh" "$system/root/typed.sh"
chmod 755 "$system/root"

status=0
unshare --mount --pid --uts --ipc --fork chroot "$system" bash /root/inside.sh "${given[@]}" || status=$?
echo
"$python" tools/as_typed.py "$page" --check "$system/home/reader/said" || status=1
[ "$status" = 0 ] && echo "Every command of $page succeeded on Debian's $release."
exit "$status"
