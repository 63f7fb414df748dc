package org.kerbykv.client;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/**
 * How a {@link KerbyClient} behaves. Immutable; made by {@link #builder()}, and changed by {@link
 * #toBuilder()}.
 */
public final class KerbyClientConfig {
  private final List<ServerAddress> servers;
  private final Distribution distribution;
  private final int failureLimit;
  private final Duration probeInterval;
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
    servers = builder.servers;
    distribution = builder.distribution;
    failureLimit = builder.failureLimit;
    probeInterval = builder.probeInterval;
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

  /** A builder with the defaults given at its methods; only the servers have none. */
  public static Builder builder() {
    return new Builder();
  }

  /** A builder that starts from this configuration. */
  public Builder toBuilder() {
    Builder builder = new Builder();
    builder.servers = servers;
    builder.distribution = distribution;
    builder.failureLimit = failureLimit;
    builder.probeInterval = probeInterval;
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

  public List<ServerAddress> servers() {
    return servers;
  }

  public Distribution distribution() {
    return distribution;
  }

  public int failureLimit() {
    return failureLimit;
  }

  public Duration probeInterval() {
    return probeInterval;
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
    private static final int SERVERS_MAX = 1000;

    private List<ServerAddress> servers = List.of();
    private Distribution distribution = Distribution.KETAMA_WEIGHTED;
    private int failureLimit = 5;
    private Duration probeInterval = Duration.ofSeconds(1);
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

    /** The only server: {@link #servers(ServerAddress...)} with one of weight 1. */
    public Builder server(String host, int port) {
      return servers(ServerAddress.of(host, port));
    }

    /** The only server: {@link #servers(ServerAddress...)} with one of weight 1. */
    public Builder server(InetSocketAddress address) {
      return servers(new ServerAddress(address, 1));
    }

    /**
     * The servers to spread the keys over, instead of those named before: 1 to 1000, each once.
     * Their order does not matter to the placement.
     */
    public Builder servers(ServerAddress... all) {
      return servers(Arrays.asList(all));
    }

    /** As {@link #servers(ServerAddress...)}. */
    public Builder servers(List<ServerAddress> all) {
      List<ServerAddress> checked = List.copyOf(all);
      inRange("the number of servers", checked.size(), 1, SERVERS_MAX);
      Set<String> seen = new HashSet<>();
      for (ServerAddress server : checked) {
        if (!seen.add(server.withWeight(1).toString())) {
          throw new IllegalArgumentException("the same server twice: " + server);
        }
      }
      servers = checked;
      return this;
    }

    /** How keys are spread over the servers. Default {@link Distribution#KETAMA_WEIGHTED}. */
    public Builder distribution(Distribution value) {
      distribution = Objects.requireNonNull(value, "distribution");
      return this;
    }

    /**
     * After how many failures in a row a server of several is ejected: its keys go to the others,
     * as if it had not been named, until it answers a probe. 0 to 1000, default 5; 0 ejects none.
     *
     * <p>A failure is a TCP connection that could not be made or was lost, and a timeout when
     * nothing was heard from the server for at least {@link #timeout}; whatever it sends starts the
     * count anew. While every server is ejected, keys are placed as if none was.
     *
     * <p>Ejection trades consistency for availability: what is stored elsewhere meanwhile is out of
     * sight when the server returns, and what it still holds is then visible again, however old.
     * Where that is worse than an error, say 0. Clients that share the servers eject each on their
     * own.
     */
    public Builder failureLimit(int value) {
      failureLimit = inRange("failureLimit", value, 0, 1000);
      return this;
    }

    /**
     * How long after its ejection a server is probed: 1 ms or more, default 1 s. A probe is one
     * {@code version} request; the wait doubles with each that fails, up to 32 times this one.
     */
    public Builder probeInterval(Duration value) {
      probeInterval = atLeastOneMilli("probeInterval", value);
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
     * How many calls may be unanswered at a time at each server: 1 to 32768, default 1024. Over UDP
     * fewer are on their way at a time, if datagrams get lost: the others wait here.
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
     * socket and connection to every server; a key always uses the same one.
     */
    public Builder ioThreads(int value) {
      ioThreads = inRange("ioThreads", value, 1, 64);
      return this;
    }

    /**
     * The configuration.
     *
     * @throws IllegalStateException if no server was named, or weights that {@link
     *     Distribution#KETAMA} does not know
     */
    public KerbyClientConfig build() {
      if (servers.isEmpty()) {
        throw new IllegalStateException("no server: call server(host, port)");
      }
      if (distribution == Distribution.KETAMA
          && servers.stream().anyMatch(server -> server.weight() != 1)) {
        throw new IllegalStateException("weights need Distribution.KETAMA_WEIGHTED");
      }
      return new KerbyClientConfig(this);
    }

    static int inRange(String name, int value, int min, int max) {
      if (value < min || value > max) {
        throw new IllegalArgumentException(
            name + " must be from " + min + " to " + max + ", not " + value);
      }
      return value;
    }

    static Duration atLeastOneMilli(String name, Duration value) {
      if (value.compareTo(Duration.ofMillis(1)) < 0 || value.compareTo(Duration.ofDays(1)) > 0) {
        throw new IllegalArgumentException(name + " must be from 1 ms to 1 day, not " + value);
      }
      return value;
    }
  }
}
