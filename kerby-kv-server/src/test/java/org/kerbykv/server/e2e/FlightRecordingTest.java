package org.kerbykv.server.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.server.flight.PassedUpEvent;
import org.kerbykv.server.flight.ReapEvent;
import org.kerbykv.server.flight.TierMoveEvent;

/** A flight recording has the slow path in it, and the same figures as the metrics. */
@RequiresBPF
class FlightRecordingTest {
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final int LENGTH = 1000;

  @TempDir private Path directory;

  @Test
  void theSlowPathIsRecorded() throws IOException {
    List<RecordedEvent> events;
    long demoted;
    long reaped;
    try (ServerUnderTest server = ServerUnderTest.startSmall(Topology.Kind.LO_GENERIC.open());
        Recording recording = new Recording()) {
      recording.enable(PassedUpEvent.class);
      recording.enable(TierMoveEvent.class).withoutThreshold();
      recording.enable(ReapEvent.class).withoutThreshold();
      recording.start();
      UdpClient udp = server.udp();
      byte[] value = Requests.value(LENGTH, 1);
      for (int i = 0; server.figures().demoted() == 0; i++) {
        udp.exchange(Requests.set("key" + i, value));
      }
      udp.exchange(Requests.set("large", new byte[10_000]));
      udp.exchange("flush_all\r\n");
      await().atMost(SOON).until(() -> server.figures().kernelItems() == 0);
      await().atMost(SOON).until(() -> server.figures().userItems() == 0);
      recording.stop();
      demoted = server.figures().demoted();
      reaped = server.figures().expired();
      Path file = directory.resolve("slow.jfr");
      recording.dump(file);
      events = RecordingFile.readAllEvents(file);
    }
    assertThat(events)
        .filteredOn(event -> event.getEventType().getName().equals("kerbykv.PassedUp"))
        .anyMatch(
            event ->
                event.getInt("bytes") > 10_000
                    && event.getString("sender").startsWith("/127.0.0.1:"));
    assertThat(sum(events, "TierMove", "demoted")).isEqualTo(demoted).isPositive();
    assertThat(sum(events, "Reap", "items")).isEqualTo(reaped).isPositive();
  }

  private static long sum(List<RecordedEvent> events, String name, String field) {
    return events.stream()
        .filter(event -> event.getEventType().getName().equals("kerbykv." + name))
        .mapToLong(event -> event.getInt(field))
        .sum();
  }
}
