#!/bin/dash
# The first process of a bond guest: drivers, names of the NICs, then commands from the serial console, a line each.
# What a command prints ends with a line `@done STATUS`.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb
/bin/busybox mkdir -p /proc /sys /tmp /root /run/network /var/lib
/bin/busybox ln -s . /usr
/bin/busybox ln -s dash /bin/sh
/bin/busybox --install -s 2>/dev/null # says of each program that is there already that it is there
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev

depmod -a
modprobe -a virtio_pci virtio_net bridge 8021q
# as systemd does it (/lib/modprobe.d/systemd.conf): no bond that nobody asked for
modprobe bonding max_bonds=0

# In place of udev's .link files.
while read -r name mac; do
	for device in /sys/class/net/*; do
		[ "$(cat "$device/address")" != "$mac" ] || ip link set "${device##*/}" name "$name"
	done
done </etc/bond-guest/nics

stty -echo
echo "@done 0"
while read -r line; do
	(eval "$line") </dev/null 2>&1
	echo "@done $?"
done
