package org.kerbykv.bpf.programs;

/** The two doors of packets, and what their return codes mean. */
enum PacketDoor {
  XDP("xdp", KvAbi.Path.XDP, 2, 3, 1), // XDP_PASS, XDP_TX, XDP_DROP
  TC("tc", KvAbi.Path.TC, -1, 7, 2); // TC_ACT_UNSPEC, TC_ACT_REDIRECT, TC_ACT_SHOT

  /** What becomes of a frame. */
  enum Verdict {
    /** It goes on to the next door or the stack. */
    UP,
    /** It is a reply now, and goes back. */
    REPLY,
    /** It ends here. */
    SILENT
  }

  private final String hook;
  final KvAbi.Path path;
  private final int up;
  private final int reply;
  private final int silent;

  PacketDoor(String hook, KvAbi.Path path, int up, int reply, int silent) {
    this.hook = hook;
    this.path = path;
    this.up = up;
    this.reply = reply;
    this.silent = silent;
  }

  /** The name of the program at this door of "kv" or "lock". */
  String program(String application) {
    return application + "_" + hook;
  }

  Verdict verdict(int returned) {
    if (returned == up) {
      return Verdict.UP;
    }
    if (returned == reply) {
      return Verdict.REPLY;
    }
    if (returned == silent) {
      return Verdict.SILENT;
    }
    throw new AssertionError(hook + " returned " + returned);
  }
}
