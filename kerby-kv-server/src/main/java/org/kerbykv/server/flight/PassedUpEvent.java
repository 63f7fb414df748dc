package org.kerbykv.server.flight;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** A datagram that the kernel left to user space. An instant. */
@Name("kerbykv.PassedUp")
@Label("Passed up")
@Category("Kerby-KV")
@Description("A datagram that the kernel did not answer")
@StackTrace(false)
public final class PassedUpEvent extends Event {
  @Label("Sender")
  public String sender;

  @Label("Bytes")
  @DataAmount
  public int bytes;
}
