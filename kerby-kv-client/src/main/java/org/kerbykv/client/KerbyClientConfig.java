package org.kerbykv.client;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Objects;

/**
 * How a {@link KerbyClient} behaves. Immutable; made by {@link #builder()}, and changed by {@link
 * #toBuilder()}.
 */
public final class KerbyClientConfig {
  private final InetSocketAddress server;
  private final Transport transport;
  private final Duration timeout;
  private final Duration connectTimeout;
  private final int udpAttempts;
  private final Duration udpRetryAfter;
  private final int maxOutstanding;
  private final BackPressure backPressure;
  private final int maxDatagram;
  private final int maxReplyDatagrams;
  private final int maxValueBytes;
  private final int ioThreads;

  private KerbyClientConfig(Builder builder) {
    server = builder.server;
    transport = builder.transport;
    timeout = builder.timeout;
    connectTimeout = builder.connectTimeout;
    udpAttempts = builder.udpAttempts;
    udpRetryAfter = builder.udpRetryAfter;
    maxOutstanding = builder.maxOutstanding;
    backPressure = builder.backPressure;
    maxDatagram = builder.maxDatagram;
    maxReplyDatagrams = builder.maxReplyDatagrams;
    maxValueBytes = builder.maxValueBytes;
    ioThreads = builder.ioThreads;
  }

  /** A builder with the defaults given at its methods; only the server has none. */
  public static Builder builder() {
    return new Builder();
  }

  /** A builder that starts from this configuration. */
  public Builder toBuilder() {
    Builder builder = new Builder();
    builder.server = server;
    builder.transport = transport;
    builder.timeout = timeout;
    builder.connectTimeout = connectTimeout;
    builder.udpAttempts = udpAttempts;
    builder.udpRetryAfter = udpRetryAfter;
    builder.maxOutstanding = maxOutstanding;
    builder.backPressure = backPressure;
    builder.maxDatagram = maxDatagram;
    builder.maxReplyDatagrams = maxReplyDatagrams;
    builder.maxValueBytes = maxValueBytes;
    builder.ioThreads = ioThreads;
    return builder;
  }

  public InetSocketAddress server() {
    return server;
  }

  public Transport transport() {
    return transport;
  }

  public Duration timeout() {
    return timeout;
  }

  public Duration connectTimeout() {
    return connectTimeout;
  }

  public int udpAttempts() {
    return udpAttempts;
  }

  public Duration udpRetryAfter() {
    return udpRetryAfter;
  }

  public int maxOutstanding() {
    return maxOutstanding;
  }

  public BackPressure backPressure() {
    return backPressure;
  }

  public int maxDatagram() {
    return maxDatagram;
  }

  public int maxReplyDatagrams() {
    return maxReplyDatagrams;
  }

  public int maxValueBytes() {
    return maxValueBytes;
  }

  public int ioThreads() {
    return ioThreads;
  }

  /** Collects settings; not thread-safe. Every setter checks its argument at once. */
  public static final class Builder {
    private InetSocketAddress server;
    private Transport transport = Transport.AUTO;
    private Duration timeout = Duration.ofSeconds(1);
    private Duration connectTimeout = Duration.ofSeconds(1);
    private int udpAttempts = 4;
    private Duration udpRetryAfter = Duration.ofMillis(40);
    private int maxOutstanding = 1024;
    private BackPressure backPressure = BackPressure.WAIT;
    private int maxDatagram = 1400;
    private int maxReplyDatagrams = 4;
    private int maxValueBytes = 64 << 20;
    private int ioThreads = 1;

    private Builder() {}

    /** The server, for UDP and TCP alike; a name is resolved when the client is opened. */
    public Builder server(String host, int port) {
      return server(InetSocketAddress.createUnresolved(host, port));
    }

    /** The server, for UDP and TCP alike; a name is resolved when the client is opened. */
    public Builder server(InetSocketAddress address) {
      server = Objects.requireNonNull(address, "server");
      return this;
    }

    /** Which way small requests take. Default {@link Transport#AUTO}. */
    public Builder transport(Transport value) {
      transport = Objects.requireNonNull(value, "transport");
      return this;
    }

    /**
     * How long a call may take, with waiting for a place and all its attempts: 1 ms or more,
     * default 1 s. {@link KerbyClient#withTimeout} sets another for single calls.
     */
    public Builder timeout(Duration value) {
      timeout = atLeastOneMilli("timeout", value);
      return this;
    }

    /** How long making a TCP connection may take: 1 ms or more, default 1 s. */
    public Builder connectTimeout(Duration value) {
      connectTimeout = atLeastOneMilli("connectTimeout", value);
      return this;
    }

    /**
     * How often a request that may be repeated safely is sent over UDP, the first time included: 1
     * to 16, default 4.
     *
     * <p>A network may delay a datagram. A repeated set that was delayed so could be executed after
     * a later one of the same key; where that matters use {@link Transport#TCP}.
     */
    public Builder udpAttempts(int value) {
      udpAttempts = inRange("udpAttempts", value, 1, 16);
      return this;
    }

    /**
     * How long after the first attempt the second follows; the wait doubles with each. 1 ms or
     * more, default 40 ms.
     */
    public Builder udpRetryAfter(Duration value) {
      udpRetryAfter = atLeastOneMilli("udpRetryAfter", value);
      return this;
    }

    /**
     * How many calls may be unanswered at a time: 1 to 32768, default 1024. Over UDP fewer are on
     * their way at a time, if datagrams get lost: the others wait here.
     */
    public Builder maxOutstanding(int value) {
      maxOutstanding = inRange("maxOutstanding", value, 1, 32_768);
      return this;
    }

    /** What a call beyond them does. Default {@link BackPressure#WAIT}. */
    public Builder backPressure(BackPressure value) {
      backPressure = Objects.requireNonNull(value, "backPressure");
      return this;
    }

    /**
     * The longest UDP payload to send, in bytes: 512 to 65507, default 1400. Raise it together with
     * the server's {@code --max-datagram}, up to what the network's MTU carries.
     */
    public Builder maxDatagram(int value) {
      maxDatagram = inRange("maxDatagram", value, 512, 65_507);
      return this;
    }

    /**
     * The most datagrams of one reply that are put together; a longer reply is asked for again over
     * TCP. 1 to 64, default 4.
     *
     * <p>The protocol does not say which execution of a request a datagram belongs to. If the
     * network duplicates a request, its replies to both copies arrive out of order, and the item
     * changed in between, then the parts of one reply could be of different values: a repeated part
     * makes the client ask again over TCP, but no client can notice every such case. With 1, every
     * reply over UDP is one datagram, and whole.
     */
    public Builder maxReplyDatagrams(int value) {
      maxReplyDatagrams = inRange("maxReplyDatagrams", value, 1, 64);
      return this;
    }

    /**
     * The longest value to send or to accept, in bytes: 1 to 1 GiB, default 64 MiB. The server has
     * its own limit ({@code -I}, 1 MiB by default).
     */
    public Builder maxValueBytes(int value) {
      maxValueBytes = inRange("maxValueBytes", value, 1, 1 << 30);
      return this;
    }

    /**
     * Threads that send, receive and run completion callbacks: 1 to 64, default 1. Each has its own
     * socket and connection; a key always uses the same one.
     */
    public Builder ioThreads(int value) {
      ioThreads = inRange("ioThreads", value, 1, 64);
      return this;
    }

    /**
     * The configuration.
     *
     * @throws IllegalStateException if no server was named
     */
    public KerbyClientConfig build() {
      if (server == null) {
        throw new IllegalStateException("no server: call server(host, port)");
      }
      return new KerbyClientConfig(this);
    }

    private static int inRange(String name, int value, int min, int max) {
      if (value < min || value > max) {
        throw new IllegalArgumentException(
            name + " must be from " + min + " to " + max + ", not " + value);
      }
      return value;
    }

    private static Duration atLeastOneMilli(String name, Duration value) {
      if (value.compareTo(Duration.ofMillis(1)) < 0 || value.compareTo(Duration.ofDays(1)) > 0) {
        throw new IllegalArgumentException(name + " must be from 1 ms to 1 day, not " + value);
      }
      return value;
    }
  }
}
