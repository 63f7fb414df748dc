package org.kerbykv.client;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Objects;

/**
 * How a {@link KerbyLockClient} behaves. Immutable; made by {@link #builder()}, and changed by
 * {@link #toBuilder()}.
 */
public final class KerbyLockConfig {
  /** Where Kerby-Lock listens unless it is told otherwise. */
  public static final int PORT_DEFAULT = 11311;

  private final InetSocketAddress server;
  private final Duration timeout;
  private final Duration resendAfter;
  private final boolean renewing;
  private final int maxLocks;
  private final BackPressure backPressure;

  private KerbyLockConfig(Builder builder) {
    server = builder.server;
    timeout = builder.timeout;
    resendAfter = builder.resendAfter;
    renewing = builder.renewing;
    maxLocks = builder.maxLocks;
    backPressure = builder.backPressure;
  }

  /** A builder with the defaults given at its methods; only the server has none. */
  public static Builder builder() {
    return new Builder();
  }

  /** A builder that starts from this configuration. */
  public Builder toBuilder() {
    Builder builder = new Builder();
    builder.server = server;
    builder.timeout = timeout;
    builder.resendAfter = resendAfter;
    builder.renewing = renewing;
    builder.maxLocks = maxLocks;
    builder.backPressure = backPressure;
    return builder;
  }

  public InetSocketAddress server() {
    return server;
  }

  public Duration timeout() {
    return timeout;
  }

  public Duration resendAfter() {
    return resendAfter;
  }

  public boolean renewing() {
    return renewing;
  }

  public int maxLocks() {
    return maxLocks;
  }

  public BackPressure backPressure() {
    return backPressure;
  }

  /** Collects settings; not thread-safe. Every setter checks its argument at once. */
  public static final class Builder {
    private InetSocketAddress server;
    private Duration timeout = Duration.ofSeconds(2);
    private Duration resendAfter = Duration.ofMillis(40);
    private boolean renewing = true;
    private int maxLocks = 1024;
    private BackPressure backPressure = BackPressure.WAIT;

    private Builder() {}

    /** The server; its name is resolved when the client is opened. */
    public Builder server(String host, int port) {
      return server(InetSocketAddress.createUnresolved(host, port));
    }

    /** As {@link #server(String, int)}. */
    public Builder server(InetSocketAddress address) {
      server = Objects.requireNonNull(address, "server");
      return this;
    }

    /**
     * How long to wait for a reply, beyond what the server is asked to wait for a lock: 1 ms to 1
     * day, default 2 s. Requests are sent again meanwhile. Also the longest that {@link
     * KerbyLock#close} and {@link KerbyLockClient#close} wait for the server.
     */
    public Builder timeout(Duration value) {
      timeout = KerbyClientConfig.Builder.atLeastOneMilli("timeout", value);
      return this;
    }

    /**
     * How long after a request it is sent again for the first time; the wait doubles up to 16 times
     * this one. 1 ms to 1 day, default 40 ms. It bounds how late a waiter learns of its lock if the
     * server's word gets lost.
     */
    public Builder resendAfter(Duration value) {
      resendAfter = KerbyClientConfig.Builder.atLeastOneMilli("resendAfter", value);
      return this;
    }

    /**
     * Whether leases are renewed by themselves, each time a third of one has passed, for as long as
     * the lock is held. Default true. Without, a lock ends with its lease unless {@link
     * KerbyLock#renew} is called.
     */
    public Builder renewing(boolean value) {
      renewing = value;
      return this;
    }

    /**
     * How many locks may be held, waited for or on their way back at a time: 1 to 32768, default
     * 1024.
     */
    public Builder maxLocks(int value) {
      maxLocks = KerbyClientConfig.Builder.inRange("maxLocks", value, 1, 32_768);
      return this;
    }

    /** What an acquisition beyond them does. Default {@link BackPressure#WAIT}. */
    public Builder backPressure(BackPressure value) {
      backPressure = Objects.requireNonNull(value, "backPressure");
      return this;
    }

    /**
     * The configuration.
     *
     * @throws IllegalStateException if no server was named
     */
    public KerbyLockConfig build() {
      if (server == null) {
        throw new IllegalStateException("no server: call server(host, port)");
      }
      return new KerbyLockConfig(this);
    }
  }
}
