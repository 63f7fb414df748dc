package org.kerbykv.server.flight;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** An operation that lost to others too often. An instant. */
@Name("kerbykv.RetriesExhausted")
@Label("Retries exhausted")
@Category("Kerby-KV")
@Description("An operation that lost to other writers too often, and was refused")
@StackTrace(false)
public final class RetriesExhaustedEvent extends Event {
  @Label("Operation, of enum kv_slot_op")
  public int operation;

  @Label("Status, of enum kv_status")
  public int status;
}
