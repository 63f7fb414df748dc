package org.kerbykv.server.e2e;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * BPF maps, programs and links, by the kernel's ids: which of them a process has open, and which of
 * those there still are. An id is not given to another object for a long time, so this is not
 * disturbed by what other processes load.
 */
final class KernelObjects {
  private static final SymbolLookup LIBBPF =
      SymbolLookup.libraryLookup("libbpf.so.1", Arena.global());

  /** The kinds of object. */
  private enum Kind {
    MAP("map_id", "bpf_map_get_fd_by_id"),
    PROGRAM("prog_id", "bpf_prog_get_fd_by_id"),
    LINK("link_id", "bpf_link_get_fd_by_id");

    private final String field;
    private final MethodHandle open;

    Kind(String field, String function) {
      this.field = field;
      this.open = handle(LIBBPF, function);
    }
  }

  /** One object: its kind and the kernel's id. */
  record KernelObject(String kind, int id) implements Comparable<KernelObject> {
    @Override
    public int compareTo(KernelObject other) {
      return toString().compareTo(other.toString());
    }
  }

  private static final MethodHandle CLOSE = handle(Linker.nativeLinker().defaultLookup(), "close");

  private KernelObjects() {}

  private static MethodHandle handle(SymbolLookup library, String function) {
    return Linker.nativeLinker()
        .downcallHandle(
            library.find(function).orElseThrow(), FunctionDescriptor.of(JAVA_INT, JAVA_INT));
  }

  /** Returns what a process has open now. */
  static Set<KernelObject> openIn(ProcessHandle process) {
    Set<KernelObject> objects = new TreeSet<>();
    Path descriptors = Path.of("/proc", Long.toString(process.pid()), "fdinfo");
    try (DirectoryStream<Path> files = Files.newDirectoryStream(descriptors)) {
      for (Path file : files) {
        addObject(file, objects);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return objects;
  }

  private static void addObject(Path file, Set<KernelObject> objects) throws IOException {
    try (Stream<String> lines = Files.lines(file)) {
      lines.forEach(
          line -> {
            for (Kind kind : Kind.values()) {
              if (line.startsWith(kind.field + ":")) {
                int id = Integer.parseInt(line.substring(kind.field.length() + 1).strip());
                objects.add(new KernelObject(kind.name(), id));
              }
            }
          });
    } catch (NoSuchFileException e) {
      // Closed meanwhile.
    }
  }

  /** Returns those of the objects that the kernel still has. */
  static Set<KernelObject> remaining(Set<KernelObject> objects) {
    Set<KernelObject> remaining = new TreeSet<>();
    for (KernelObject object : objects) {
      if (exists(object)) {
        remaining.add(object);
      }
    }
    return remaining;
  }

  private static boolean exists(KernelObject object) {
    try {
      int fd = (int) Kind.valueOf(object.kind()).open.invokeExact(object.id());
      if (fd < 0) {
        return false;
      }
      int closed = (int) CLOSE.invokeExact(fd);
      return closed == 0;
    } catch (Throwable e) {
      throw new LinkageError(object.toString(), e);
    }
  }
}
