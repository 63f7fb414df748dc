package org.kerbykv.client;

import io.netty.channel.EventLoop;
import java.util.concurrent.TimeUnit;

/**
 * Asks an ejected server from time to time whether it is back: one request at a time, at intervals
 * that double up to a limit. Ends when the server answers or the client is closed.
 */
final class ServerProbe {
  private static final int DOUBLINGS_MAX = 5;
  private static final byte[] NO_KEY = {};

  private final ClientCore core;
  private final ServerNode node;
  private int failed;

  ServerProbe(ClientCore core, ServerNode node) {
    this.core = core;
    this.node = node;
  }

  /** Schedules the next request; the event loop forgets it when it is shut down. */
  @SuppressWarnings("FutureReturnValueIgnored") // of scheduling
  void schedule() {
    ServerLink link = node.links()[0];
    EventLoop loop = link.loop();
    if (!loop.isShuttingDown()) {
      long wait = core.config().probeInterval().toNanos() << Math.min(failed, DOUBLINGS_MAX);
      loop.schedule(() -> ask(link), wait, TimeUnit.NANOSECONDS);
    }
  }

  @SuppressWarnings("FutureReturnValueIgnored") // of whenComplete
  private void ask(ServerLink link) {
    Call<Boolean> call =
        Call.withoutPlace(
            Command.VERSION, NO_KEY, core.config().timeout().toNanos(), reply -> true);
    core.counters().probes().increment();
    link.submit(call);
    call.whenComplete((answered, failure) -> ended(failure));
  }

  private void ended(Throwable failure) {
    if (failure == null || failure instanceof KerbyServerException) { // an error line is a sign too
      core.restore(node);
    } else if (!(failure instanceof KerbyClosedException)) {
      failed++;
      schedule();
    }
  }
}
