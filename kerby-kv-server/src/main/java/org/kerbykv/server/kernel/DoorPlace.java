package org.kerbykv.server.kernel;

import java.io.UncheckedIOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BPFType;
import org.kerbykv.bpf.XdpMode;
import org.kerbykv.server.net.Allowlist;

/**
 * Where doors for packets are.
 *
 * @param interfaceName whose packets they see
 * @param addresses that are served, all on that interface
 * @param mode in which XDP is attached
 * @param pinDirectory where maps and links are pinned, to survive this process
 * @param allowed who may ask
 */
public record DoorPlace(
    String interfaceName,
    List<InetAddress> addresses,
    XdpMode mode,
    Optional<Path> pinDirectory,
    Allowlist allowed) {
  private static final int ADDRESS_BYTES = 16;

  public DoorPlace {
    addresses = List.copyOf(addresses);
  }

  /** Returns the same with a directory of its own for pins, within this one's. */
  public DoorPlace withPinsIn(String subdirectory) {
    return new DoorPlace(
        interfaceName,
        addresses,
        mode,
        pinDirectory.map(pins -> pins.resolve(subdirectory)),
        allowed);
  }

  /** Returns who may ask, as the programs have it. */
  public SourceRules rules() {
    try {
      NetworkInterface device = NetworkInterface.getByName(interfaceName);
      return new SourceRules(allowed, device != null && device.isLoopback());
    } catch (SocketException e) {
      throw new UncheckedIOException("cannot read what " + interfaceName + " is", e);
    }
  }

  /**
   * Returns the address as a constant of the programs, as they read it, if it is one of IPv4; else
   * 0: of all others there is a map.
   */
  public long listenWord() {
    return addresses.size() == 1 && addresses.getFirst() instanceof Inet4Address address
        ? Integer.toUnsignedLong(
            ByteBuffer.wrap(address.getAddress()).order(ByteOrder.nativeOrder()).getInt())
        : 0;
  }

  /** Puts the addresses into a map of struct net_address. */
  public void putAddresses(BPFProgram program, String map) {
    var local = program.getHashMap(map, BPFType.bytes(ADDRESS_BYTES), BPFType.INT8);
    addresses.forEach(address -> local.put(mapped(address), (byte) 1));
  }

  /** An address as the programs have it: IPv4 within IPv6. */
  private static byte[] mapped(InetAddress address) {
    byte[] bytes = address.getAddress();
    if (bytes.length == ADDRESS_BYTES) {
      return bytes;
    }
    byte[] mapped = new byte[ADDRESS_BYTES];
    mapped[10] = (byte) 0xff;
    mapped[11] = (byte) 0xff;
    System.arraycopy(bytes, 0, mapped, ADDRESS_BYTES - bytes.length, bytes.length);
    return mapped;
  }
}
