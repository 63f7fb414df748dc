package org.kerbykv.bpf;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/** A BPF link: the kernel detaches it when its last descriptor is closed and its pin is removed. */
final class LinkDescriptor implements Attachment {
  private final int fd;
  private final String name;

  /**
   * @param fd from now on its own
   * @param name for messages: "link of x to interface 2"
   */
  LinkDescriptor(int fd, String name) {
    this.fd = fd;
    this.name = name;
  }

  ObjectInfo.LinkInfo info() {
    return ObjectInfo.link(fd, "query " + name);
  }

  @Override
  public void update(int programFd, String programName) {
    int result = BPFCalls.linkUpdate(fd, programFd, MemorySegment.NULL);
    if (result < 0) {
      throw new BPFException("put program " + programName + " into " + name, -result);
    }
  }

  @Override
  public void pin(Path file) {
    Pins.pin(fd, name, file);
  }

  @Override
  public void detach() {
    int result = BPFCalls.linkDetach(fd);
    if (result < 0) {
      throw new BPFException("detach " + name, -result);
    }
  }

  @Override
  public int programId() {
    return info().programId();
  }

  @Override
  public boolean isAttached() {
    return info().ifindex() != 0;
  }

  @Override
  public void close() {
    LibC.close(fd);
  }
}
