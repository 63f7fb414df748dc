"""Uses pymemcache with its own defaults. Arguments: host, port, a key of a UDP client's and its value."""

import sys

from pymemcache.client.base import Client
from pymemcache.client.hash import HashClient

checks = 0


def check(seen, expected):
    global checks
    checks += 1
    if seen != expected:
        raise AssertionError(f"check {checks}: {seen!r:.200} instead of {expected!r:.200}")


def values(client):
    for length in (0, 1, 100, 1000, 1365, 1500, 10_000, 100_000, 900_000):
        key, value = f"py:{length}", bytes(i * 7 % 256 for i in range(length))
        # By default it asks for no reply to what it stores.
        client.set(key, value)
        check(client.get(key), value)
        check(client.delete(key, noreply=False), True)
        check(client.delete(key, noreply=False), False)
        check(client.get(key), None)


def storing(client):
    check(client.set("k", "middle", noreply=False), True)
    check(client.add("k", "other", noreply=False), False)
    check(client.append("k", ">", noreply=False), True)
    check(client.prepend("k", "<", noreply=False), True)
    check(client.get("k"), b"<middle>")
    check(client.replace("k", "replaced", noreply=False), True)
    check(client.replace("none", "x", noreply=False), False)
    check(client.touch("k", 1000, noreply=False), True)
    check(client.touch("none", 1000, noreply=False), False)
    client.set("gone", "x", expire=-1)
    check(client.get("gone"), None)


def counting(client):
    client.set("n", "41")
    check(client.incr("n", 1), 42)
    check(client.decr("n", 50), 0)
    check(client.incr("none", 1), None)


def comparing(client):
    client.set("c", "first")
    value, version = client.gets("c")
    check(value, b"first")
    client.set("c", "newer")
    check(client.cas("c", "stale", version), False)
    check(client.cas("c", "fresh", client.gets("c")[1]), True)
    check(client.cas("none", "x", version), None)
    check(client.get("c"), b"fresh")


def many(client):
    stored = {f"many:{i}": bytes([i]) * (5000 if i % 3 == 0 else i * 5) for i in range(200)}
    check(client.set_many(stored), [])
    check(client.get_many([*stored, "many:none"]), stored)
    check(set(client.gets_many(stored)), set(stored))
    client.delete_many(stored)
    check(client.get_many(stored), {})


def main():
    host, port, key, value = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4].encode()
    client = Client((host, port))
    check(client.get(key), value)
    for part in values, storing, counting, comparing, many:
        part(client)
    check(b"curr_items" in client.stats(), True)
    check(isinstance(client.version(), bytes), True)
    client.set("from-pymemcache", "hello")
    check(client.get("from-pymemcache"), b"hello")
    client.quit()
    hashing = HashClient([(host, port)])
    hashing.set("hashed", "x" * 2000)
    check(hashing.get("hashed"), b"x" * 2000)
    hashing.close()
    print(f"{checks} checks")


main()
