package org.kerbykv.client;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;

/** Waiting for a future of the client's, as its blocking forms do. */
final class BlockingCall {
  private BlockingCall() {}

  /** Refuses a wait for the thread that it would block. */
  static void refuse(boolean onEventLoop) {
    if (onEventLoop) {
      throw new IllegalStateException("a blocking call from an action attached to a future");
    }
  }

  /**
   * The call's result, or its failure thrown. An interrupted thread cancels the call, unless its
   * result is there already.
   */
  static <R> R await(CompletableFuture<R> call) {
    try {
      return call.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      if (!call.cancel(false) && !call.isCompletedExceptionally()) {
        return call.join();
      }
      throw new KerbyInterruptedException("interrupted while waiting for a reply", e);
    } catch (ExecutionException e) {
      throw unwrapped(e.getCause());
    }
  }

  /** The failure as the caller should see it, with the caller's stack where it is ours. */
  private static RuntimeException unwrapped(Throwable failure) {
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    if (cause instanceof KerbyException ours) {
      ours.fillInStackTrace();
      return ours;
    }
    return cause instanceof RuntimeException runtime
        ? runtime
        : new IllegalStateException("unexpected failure", cause);
  }
}
