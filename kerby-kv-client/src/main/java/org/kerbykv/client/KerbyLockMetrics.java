package org.kerbykv.client;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

/**
 * A lock client's metrics for Micrometer; with {@link KerbyClientMetrics} the only class that needs
 * {@code micrometer-core}.
 *
 * <ul>
 *   <li>{@code kerby.lock.acquisitions}, a timer from an acquisition's making to its grant or
 *       failure, by {@code outcome} ({@code granted}, {@code busy}, {@code timeout}, {@code
 *       queue_full}, {@code no_room}, {@code invalid}, {@code lost}, {@code no_reply}, {@code
 *       overloaded}, {@code interrupted}, {@code closed})
 *   <li>{@code kerby.lock.holds}, a timer from a grant to its end, by {@code end} ({@code
 *       released}, {@code lost})
 *   <li>{@code kerby.lock.unfinished}, a gauge, and counters with the meaning of {@link
 *       KerbyLockStats}: {@code kerby.lock.renewals}, {@code .retransmissions}, {@code
 *       .stray.replies}, {@code .malformed.replies}, {@code .unconfirmed}
 * </ul>
 *
 * <p>Acquisitions that the caller cancels are not timed, nor what was before binding. Thread-safe;
 * may be bound to several registries, once to each.
 */
public final class KerbyLockMetrics implements MeterBinder {
  private static final String PREFIX = "kerby.lock.";

  private final KerbyLockClient client;
  private final Tags tags;

  public KerbyLockMetrics(KerbyLockClient client) {
    this(client, List.of());
  }

  /** Every meter gets these tags too, such as the client's name. */
  public KerbyLockMetrics(KerbyLockClient client, Iterable<Tag> tags) {
    this.client = client;
    this.tags = Tags.of(tags);
  }

  @Override
  public void bindTo(MeterRegistry registry) {
    client.link().observe(new Timers(registry, tags));
    LockCounters counters = client.link().counters();
    bind(registry, "renewals", "leases prolonged", counters.renewals());
    bind(registry, "retransmissions", "datagrams sent again", counters.retransmissions());
    bind(registry, "stray.replies", "datagrams that answered nobody", counters.strayReplies());
    bind(registry, "malformed.replies", "datagrams that are no reply", counters.malformedReplies());
    bind(registry, "unconfirmed", "releases that were not answered", counters.unconfirmed());
    Gauge.builder(PREFIX + "unfinished", client, KerbyLockClient::unfinished)
        .description("locks waited for, held or on their way back")
        .tags(tags)
        .register(registry);
  }

  private void bind(MeterRegistry registry, String name, String description, LongAdder counter) {
    FunctionCounter.builder(PREFIX + name, counter, LongAdder::sum)
        .description(description)
        .tags(tags)
        .register(registry);
  }

  /** One registry's timers; the registry gives the same one whenever it is asked. */
  private record Timers(MeterRegistry registry, Tags tags) implements LockObserver {
    @Override
    public void decided(Outcome outcome, long nanos) {
      Timer.builder(PREFIX + "acquisitions")
          .description("acquisitions, from their making to their grant or failure")
          .tags(tags.and("outcome", outcome.name().toLowerCase(Locale.ROOT)))
          .register(registry)
          .record(nanos, TimeUnit.NANOSECONDS);
    }

    @Override
    public void ended(boolean lost, long nanos) {
      Timer.builder(PREFIX + "holds")
          .description("locks held, from their grant to their end")
          .tags(tags.and("end", lost ? "lost" : "released"))
          .register(registry)
          .record(nanos, TimeUnit.NANOSECONDS);
    }
  }
}
