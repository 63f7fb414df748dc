package org.kerbykv.bpf;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A network namespace of a test's own, with loopback up. Close it; what a killed run has left
 * behind is removed when the next one makes its first. Usable from any thread. Needs root and
 * {@code ip}.
 */
public final class NetworkNamespace implements AutoCloseable {
  private static final Path DIRECTORY = Path.of("/run/netns");
  private static final AtomicInteger COUNT = new AtomicInteger();
  private static final int CLONE_NEWNET = 0x40000000;
  private static final int O_CLOEXEC = 0x80000;

  private static final MethodHandle OPEN =
      NativeLibrary.libcWithErrno("open", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle SETNS =
      NativeLibrary.libcWithErrno("setns", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));

  static {
    removeStale();
  }

  private final String name;
  private final ExecutorService thread;

  private NetworkNamespace(String name) {
    this.name = name;
    this.thread = Executors.newSingleThreadExecutor(threadFactory());
  }

  /**
   * Makes a namespace.
   *
   * @param role for its name: letters and digits
   */
  public static NetworkNamespace create(String role) {
    String name = TestRunOwner.name(COUNT.incrementAndGet() + "-" + role);
    execute("ip", "netns", "add", name);
    NetworkNamespace namespace = new NetworkNamespace(name);
    namespace.ip("link", "set", "lo", "up");
    return namespace;
  }

  /**
   * Joins this namespace with {@code other}: an interface of that name in each, both up, with those
   * IPv4 addresses. They have no IPv6 addresses, so that the kernel does not send packets of its
   * own.
   *
   * @param address of this end with prefix length, in 198.18.0.0/15: "198.18.0.1/24"
   * @param otherAddress of the other end, likewise
   */
  public void joinByVeth(
      String interfaceName, String address, NetworkNamespace other, String otherAddress) {
    execute(
        "ip",
        "link",
        "add",
        interfaceName,
        "netns",
        name,
        "type",
        "veth",
        "peer",
        "name",
        interfaceName,
        "netns",
        other.name);
    setUp(interfaceName, address);
    other.setUp(interfaceName, otherAddress);
  }

  private void setUp(String interfaceName, String address) {
    ip("link", "set", interfaceName, "addrgenmode", "none");
    ip("address", "add", address, "dev", interfaceName);
    ip("link", "set", interfaceName, "up");
  }

  /** The name, as in {@code ip netns}. */
  public String name() {
    return name;
  }

  /** What {@code nsenter --net=} takes. */
  public Path path() {
    return DIRECTORY.resolve(name);
  }

  /** A command line that runs {@code command} in the namespace, /sys/fs/bpf being what it was. */
  public List<String> command(String... command) {
    List<String> words = new ArrayList<>(List.of("nsenter", "--net=" + path(), "--"));
    words.addAll(List.of(command));
    return words;
  }

  /** Runs {@code ip} with these arguments in the namespace and gives its output. */
  public String ip(String... arguments) {
    List<String> words = new ArrayList<>(List.of("ip", "-n", name));
    words.addAll(List.of(arguments));
    return execute(words.toArray(String[]::new));
  }

  /**
   * Runs {@code task} on a thread in the namespace, always the same one: sockets that it opens and
   * interfaces that it names are the namespace's. What it throws is passed on.
   */
  public <T> T call(Callable<T> task) {
    try {
      return thread.submit(task).get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted in " + name, e);
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case RuntimeException cause -> throw cause;
        case Error cause -> throw cause;
        case IOException cause -> throw new UncheckedIOException(cause);
        default -> throw new IllegalStateException(e.getCause());
      }
    }
  }

  /** As {@link #call}, for tasks without a result. */
  public void run(Runnable task) {
    call(Executors.callable(task));
  }

  /** Makes threads that are in the namespace from their start. */
  public ThreadFactory threadFactory() {
    return task ->
        Thread.ofPlatform()
            .name("netns " + name)
            .daemon()
            .unstarted(
                () -> {
                  enter();
                  task.run();
                });
  }

  /** The index of one of the namespace's interfaces. */
  public int ifindex(String interfaceName) {
    return call(() -> NetDevice.index(interfaceName));
  }

  /** Removes the namespace and its interfaces; sockets still open in it keep it alive unnamed. */
  @Override
  public void close() {
    thread.shutdown();
    execute("ip", "netns", "delete", name);
  }

  /** Moves the calling thread, which must not be shared with others, into the namespace. */
  private void enter() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment capture = NativeLibrary.errnoCapture(arena);
      int fd = (int) OPEN.invokeExact(capture, arena.allocateFrom(path().toString()), O_CLOEXEC);
      int result = fd < 0 ? fd : (int) SETNS.invokeExact(capture, fd, CLONE_NEWNET);
      if (result < 0) {
        throw new BPFException("enter network namespace " + name, NativeLibrary.errno(capture));
      }
      LibC.close(fd);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static void removeStale() {
    if (!Files.isDirectory(DIRECTORY)) {
      return;
    }
    try (DirectoryStream<Path> names = Files.newDirectoryStream(DIRECTORY, "kerby-*")) {
      for (Path path : names) {
        if (TestRunOwner.isStale(path.getFileName().toString())) {
          execute("ip", "netns", "delete", path.getFileName().toString());
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static String execute(String... command) {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (process.waitFor() != 0) {
        throw new IllegalStateException(String.join(" ", command) + ": " + output.strip());
      }
      return output;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(String.join(" ", command), e);
    }
  }
}
