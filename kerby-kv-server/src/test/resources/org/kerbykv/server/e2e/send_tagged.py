"""Sends one memcached request over UDP and IPv4 in a frame with an 802.1Q tag.

Arguments: interface, MAC and address of the sender and of the receiver, the two ports, the tag's VLAN.
The last argument is the request's line. The reply goes to the interface, for others to see.
"""

import socket
import struct
import sys


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def ip_sum(header):
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def main():
    interface, from_mac, from_ip, to_mac, to_ip = sys.argv[1:6]
    from_port, to_port, vlan = map(int, sys.argv[6:9])
    text = sys.argv[9].encode() + b"\r\n"
    # Id 7, the first datagram of one; a UDP checksum of 0 is none.
    payload = struct.pack("!4H", 7, 0, 1, 0) + text
    udp = struct.pack("!4H", from_port, to_port, 8 + len(payload), 0) + payload
    fields = (0x45, 0, 20 + len(udp), 1, 0x4000, 64, socket.IPPROTO_UDP)
    addresses = socket.inet_aton(from_ip) + socket.inet_aton(to_ip)
    header = struct.pack("!BBHHHBBH", *fields, 0) + addresses
    header = struct.pack("!BBHHHBBH", *fields, ip_sum(header)) + addresses
    ethernet = mac(to_mac) + mac(from_mac) + struct.pack("!HHH", 0x8100, vlan, 0x0800)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((interface, 0))
        raw.send(ethernet + header + udp)


main()
