package org.kerbykv.bpf;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The layouts in an object's BTF, that is, as the compiler of the programs saw them: structures,
 * enumerators and global variables. Immutable. Reading it needs libbpf but no privileges.
 */
public final class BTFLayout {
  private static final int KIND_STRUCT = 4;
  private static final int KIND_UNION = 5;
  private static final int KIND_ENUM = 6;
  private static final int KIND_DATASEC = 15;
  private static final int KIND_ENUM64 = 19;

  /** struct btf_type, and struct btf_member and struct btf_var_secinfo after it. */
  private static final long TYPE_BYTES = 12;

  private static final long ENUM_BYTES = 8;

  private final Map<String, Struct> structs = new HashMap<>();
  private final Map<String, Long> enumerators = new HashMap<>();
  private final Map<String, Variable> variables = new HashMap<>();

  private BTFLayout() {}

  /**
   * A structure or union.
   *
   * @param size in bytes
   * @param members by name, in order; those of an anonymous member appear as its own
   */
  public record Struct(String name, long size, Map<String, Member> members) {
    /** The member of that name. */
    public Member member(String memberName) {
      return Optional.ofNullable(members.get(memberName))
          .orElseThrow(
              () ->
                  new IllegalArgumentException(
                      "struct " + name + " has no member " + memberName + ", only " + members));
    }
  }

  /**
   * A member of a structure.
   *
   * @param offset from the start of the structure, in bytes; of a bit field, of the byte it starts
   *     in
   * @param size of its type, in bytes; of an array, of all its elements
   */
  public record Member(String name, long offset, long size) {}

  /**
   * A global variable.
   *
   * @param section that it is in, as ".rodata"
   * @param offset from the start of the section, in bytes
   * @param size in bytes
   */
  public record Variable(String name, String section, long offset, long size) {}

  /**
   * Reads the BTF of an object in the class path.
   *
   * @param anchor a class beside the object
   * @param resource its name, as in {@link Class#getResourceAsStream}
   */
  public static BTFLayout read(Class<?> anchor, String resource) {
    try (BPFLoader loader = BPFLoader.open(anchor, resource)) {
      return loader.layout();
    }
  }

  /** The structure or union of that name. */
  public Struct struct(String name) {
    return find("struct", structs, name);
  }

  /** The value of an enumerator, whatever its enumeration. */
  public long enumerator(String name) {
    return find("enumerator", enumerators, name);
  }

  /** The global variable of that name. */
  public Variable variable(String name) {
    return find("variable", variables, name);
  }

  private static <T> T find(String what, Map<String, T> from, String name) {
    return Optional.ofNullable(from.get(name))
        .orElseThrow(() -> new IllegalArgumentException("no " + what + " " + name + " in the BTF"));
  }

  /** Reads a struct btf; null pointer for none. */
  static BTFLayout of(MemorySegment btf) {
    BTFLayout layout = new BTFLayout();
    if (btf.address() != 0) {
      Reader reader = new Reader(btf, layout);
      int count = LibBPF.btfTypeCount(btf);
      for (int id = 1; id < count; id++) {
        reader.read(id);
      }
    }
    return layout;
  }

  /** All bytes of a resource. */
  static byte[] resource(Class<?> anchor, String name) {
    try (InputStream stream = anchor.getResourceAsStream(name)) {
      if (stream == null) {
        throw new IllegalArgumentException("no resource " + name + " beside " + anchor.getName());
      }
      return stream.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Goes through the types of a struct btf. */
  private record Reader(MemorySegment btf, BTFLayout layout) {
    void read(int id) {
      MemorySegment type = type(id);
      int kind = kind(type);
      String name = name(type.get(JAVA_INT, 0));
      switch (kind) {
        case KIND_STRUCT, KIND_UNION -> {
          if (!name.isEmpty()) {
            Map<String, Member> members = new LinkedHashMap<>();
            readMembers(type, 0, members);
            long size = Integer.toUnsignedLong(type.get(JAVA_INT, 8));
            layout.structs.put(name, new Struct(name, size, Collections.unmodifiableMap(members)));
          }
        }
        case KIND_ENUM, KIND_ENUM64 -> readEnumerators(type, kind == KIND_ENUM64);
        case KIND_DATASEC -> readVariables(type, name);
        default -> {} // has no layout of its own
      }
    }

    private void readMembers(MemorySegment struct, long base, Map<String, Member> members) {
      boolean hasBitFields = struct.get(JAVA_INT, 4) < 0; // the kind flag
      for (int i = 0; i < count(struct); i++) {
        MemorySegment member = struct.asSlice(TYPE_BYTES * (1 + i), TYPE_BYTES);
        int bits = member.get(JAVA_INT, 8);
        long offset = base + Integer.toUnsignedLong(hasBitFields ? bits & 0xffffff : bits) / 8;
        String name = name(member.get(JAVA_INT, 0));
        int typeId = member.get(JAVA_INT, 4);
        if (name.isEmpty()) {
          MemorySegment type = type(typeId);
          if (kind(type) == KIND_STRUCT || kind(type) == KIND_UNION) {
            readMembers(type, offset, members);
          }
        } else {
          members.put(name, new Member(name, offset, LibBPF.btfResolveSize(btf, typeId)));
        }
      }
    }

    private void readEnumerators(MemorySegment type, boolean wide) {
      boolean signed = type.get(JAVA_INT, 4) < 0;
      long stride = wide ? TYPE_BYTES : ENUM_BYTES;
      for (int i = 0; i < count(type); i++) {
        MemorySegment one = type.asSlice(TYPE_BYTES + i * stride, stride);
        int low = one.get(JAVA_INT, 4);
        long value = signed && !wide ? low : Integer.toUnsignedLong(low);
        if (wide) {
          value |= (long) one.get(JAVA_INT, 8) << Integer.SIZE;
        }
        layout.enumerators.put(name(one.get(JAVA_INT, 0)), value);
      }
    }

    private void readVariables(MemorySegment section, String sectionName) {
      for (int i = 0; i < count(section); i++) {
        MemorySegment entry = section.asSlice(TYPE_BYTES * (1 + i), TYPE_BYTES);
        String name = name(type(entry.get(JAVA_INT, 0)).get(JAVA_INT, 0));
        layout.variables.put(
            name,
            new Variable(
                name,
                sectionName,
                Integer.toUnsignedLong(entry.get(JAVA_INT, 4)),
                Integer.toUnsignedLong(entry.get(JAVA_INT, 8))));
      }
    }

    private MemorySegment type(int id) {
      MemorySegment head = LibBPF.btfTypeById(btf, id).reinterpret(TYPE_BYTES);
      return head.reinterpret(TYPE_BYTES * (1L + count(head))); // its largest parts are as large
    }

    private String name(int offset) {
      return LibC.text(LibBPF.btfNameByOffset(btf, offset));
    }

    private static int kind(MemorySegment type) {
      return type.get(JAVA_INT, 4) >>> 24 & 0x1f;
    }

    private static int count(MemorySegment type) {
      return type.get(JAVA_INT, 4) & 0xffff;
    }
  }
}
