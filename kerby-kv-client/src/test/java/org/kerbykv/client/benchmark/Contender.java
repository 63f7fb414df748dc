package org.kerbykv.client.benchmark;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeoutException;
import net.rubyeye.xmemcached.XMemcachedClient;
import net.rubyeye.xmemcached.exception.MemcachedException;
import net.spy.memcached.MemcachedClient;
import org.kerbykv.client.KerbyClient;
import org.kerbykv.client.KerbyClientConfig;
import org.kerbykv.client.Transport;

/** A client that is compared, as an application uses it: blocking, otherwise as it comes. */
interface Contender extends AutoCloseable {
  /** The clients by the names they have in the report. */
  enum Kind {
    KERBY_TCP,
    XMEMCACHED,
    SPYMEMCACHED,
    KERBY_UDP;

    Contender open(InetSocketAddress server) throws IOException {
      return switch (this) {
        case KERBY_TCP -> new Kerby(server, Transport.TCP);
        case KERBY_UDP -> new Kerby(server, Transport.UDP);
        case XMEMCACHED -> new Xmemcached(server);
        case SPYMEMCACHED -> new Spymemcached(server);
      };
    }
  }

  /** How long a call may take: long enough that none is lost. */
  Duration TIMEOUT = Duration.ofSeconds(10);

  /** The value, or null. */
  byte[] get(String key) throws Exception;

  void set(String key, byte[] value) throws Exception;

  @Override
  void close() throws IOException;

  /** The client of this module. */
  final class Kerby implements Contender {
    private final KerbyClient<byte[]> client;

    Kerby(InetSocketAddress server, Transport transport) {
      client =
          KerbyClient.open(
              KerbyClientConfig.builder()
                  .server(server)
                  .transport(transport)
                  .timeout(TIMEOUT)
                  .build());
    }

    @Override
    public byte[] get(String key) {
      return client.get(key);
    }

    @Override
    public void set(String key, byte[] value) {
      client.set(key, value);
    }

    @Override
    public void close() {
      client.close();
    }
  }

  /** xmemcached, one connection. */
  final class Xmemcached implements Contender {
    private final XMemcachedClient client;

    Xmemcached(InetSocketAddress server) throws IOException {
      client = new XMemcachedClient(server);
      client.setOpTimeout(TIMEOUT.toMillis());
    }

    @Override
    public byte[] get(String key)
        throws TimeoutException, InterruptedException, MemcachedException {
      return client.get(key);
    }

    @Override
    public void set(String key, byte[] value)
        throws TimeoutException, InterruptedException, MemcachedException {
      client.set(key, 0, value);
    }

    @Override
    public void close() throws IOException {
      client.shutdown();
    }
  }

  /** spymemcached, one connection. */
  final class Spymemcached implements Contender {
    private final MemcachedClient client;

    Spymemcached(InetSocketAddress server) throws IOException {
      client = new MemcachedClient(List.of(server));
    }

    @Override
    public byte[] get(String key) {
      return (byte[]) client.get(key);
    }

    @Override
    public void set(String key, byte[] value) throws Exception {
      if (!client.set(key, 0, value).get()) {
        throw new IOException("not stored");
      }
    }

    @Override
    public void close() {
      client.shutdown();
    }
  }
}
