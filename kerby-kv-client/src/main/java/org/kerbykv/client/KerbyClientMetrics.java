package org.kerbykv.client;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

/**
 * A client's metrics for Micrometer; the only class that needs {@code micrometer-core}.
 *
 * <ul>
 *   <li>{@code kerby.client.calls}, a timer of calls from their making to their end, by {@code op}
 *       ({@code get}, {@code set}, ...) and {@code outcome} ({@code hit}, {@code miss}, {@code
 *       done}, {@code not_stored}, {@code refused}, {@code undecodable}, {@code timeout}, {@code
 *       unknown}, {@code not_connected}, {@code overloaded}, {@code invalid_reply}, {@code closed},
 *       {@code interrupted}); a read of many keys over TCP is a call for up to 64 of them
 *   <li>{@code kerby.client.outstanding} and {@code kerby.client.ejected} (0 or 1), gauges by
 *       {@code server}
 *   <li>counters with the meaning of {@link ClientStats}: {@code kerby.client.retransmissions},
 *       {@code .stray.replies}, {@code .malformed.replies}, {@code .tcp.fallbacks}, {@code
 *       .tcp.connects}, {@code .ejections}, {@code .returns}, {@code .probes}
 * </ul>
 *
 * <p>Calls made before binding, and those that the caller cancels, are not timed. Thread-safe; may
 * be bound to several registries, once to each.
 */
public final class KerbyClientMetrics implements MeterBinder {
  private static final String PREFIX = "kerby.client.";

  private final ClientCore core;
  private final Tags tags;

  /** Of this client with all its views. */
  public KerbyClientMetrics(KerbyClient<?> client) {
    this(client, List.of());
  }

  /** Of this client with all its views; every meter gets these tags too, such as its name. */
  public KerbyClientMetrics(KerbyClient<?> client, Iterable<Tag> tags) {
    this.core = client.core();
    this.tags = Tags.of(tags);
  }

  @Override
  public void bindTo(MeterRegistry registry) {
    core.observe(new CallTimers(registry, tags));
    bindCounters(registry);
    List<ServerStatus> servers = core.servers();
    for (int i = 0; i < servers.size(); i++) {
      bindServer(registry, i, servers.get(i).server().withWeight(1).toString());
    }
  }

  private void bindCounters(MeterRegistry registry) {
    ClientCounters counters = core.counters();
    bind(registry, "retransmissions", "datagrams sent again", counters.retransmissions());
    bind(registry, "stray.replies", "datagrams that answered nobody", counters.strayReplies());
    bind(registry, "malformed.replies", "datagrams that are no reply", counters.malformedReplies());
    bind(registry, "tcp.fallbacks", "calls that went on over TCP", counters.tcpFallbacks());
    bind(registry, "tcp.connects", "TCP connections made", counters.tcpConnects());
    bind(registry, "ejections", "servers given up", counters.ejections());
    bind(registry, "returns", "servers that came back", counters.returns());
    bind(registry, "probes", "requests to ejected servers", counters.probes());
  }

  private void bind(MeterRegistry registry, String name, String description, LongAdder counter) {
    FunctionCounter.builder(PREFIX + name, counter, LongAdder::sum)
        .description(description)
        .tags(tags)
        .register(registry);
  }

  private void bindServer(MeterRegistry registry, int index, String server) {
    Tags ofServer = tags.and("server", server);
    Gauge.builder(PREFIX + "outstanding", core, c -> c.servers().get(index).outstanding())
        .description("calls that are unanswered")
        .tags(ofServer)
        .register(registry);
    Gauge.builder(PREFIX + "ejected", core, c -> c.servers().get(index).ejected() ? 1 : 0)
        .description("1 while the server's keys go to others")
        .tags(ofServer)
        .register(registry);
  }

  /** One registry's timers, made when first needed. */
  private static final class CallTimers implements CallObserver {
    private final MeterRegistry registry;
    private final Tags tags;
    private final Map<Command, Map<Outcome, Timer>> timers = new EnumMap<>(Command.class);

    CallTimers(MeterRegistry registry, Tags tags) {
      this.registry = registry;
      this.tags = tags;
      for (Command command : Command.values()) {
        timers.put(command, new ConcurrentHashMap<>());
      }
    }

    @Override
    public void ended(Command command, Outcome outcome, long nanos) {
      Map<Outcome, Timer> ofCommand = timers.get(command);
      Timer timer = ofCommand.get(outcome);
      if (timer == null) {
        timer = register(command, outcome); // the registry gives one and the same to all
        ofCommand.put(outcome, timer);
      }
      timer.record(nanos, TimeUnit.NANOSECONDS);
    }

    private Timer register(Command command, Outcome outcome) {
      return Timer.builder(PREFIX + "calls")
          .description("calls, from their making to their end")
          .tags(tags.and("op", command.word(), "outcome", outcome.name().toLowerCase(Locale.ROOT)))
          .register(registry);
    }
  }
}
