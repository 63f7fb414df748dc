package org.kerbykv.server.flight;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** Items that one step of the tiers' keeper moved, and how long that took. */
@Name("kerbykv.TierMove")
@Label("Moved between the tiers")
@Category("Kerby-KV")
@Description("Items that moved to the other tier, or were evicted to make room")
@StackTrace(false)
public final class TierMoveEvent extends Event {
  @Label("Demoted items")
  public int demoted;

  @Label("Promoted items")
  public int promoted;

  @Label("Evicted items")
  public int evicted;
}
