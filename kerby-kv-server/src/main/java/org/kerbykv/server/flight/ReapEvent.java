package org.kerbykv.server.flight;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** Expired items that were removed together, and how long that took. */
@Name("kerbykv.Reap")
@Label("Reaped")
@Category("Kerby-KV")
@Description("Expired items that were removed")
@StackTrace(false)
public final class ReapEvent extends Event {
  @Label("Items")
  public int items;
}
