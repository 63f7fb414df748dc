package org.kerbykv.bpf;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * How a key or value of a BPF map looks in memory: host byte order, no alignment assumed.
 * Implementations are immutable and usable from any thread.
 *
 * @param <T> the Java side of it
 */
public interface BPFType<T> {
  /** {@code __u8}, {@code __s8}. */
  BPFType<Byte> INT8 =
      new BPFType<>() {
        @Override
        public long byteSize() {
          return Byte.BYTES;
        }

        @Override
        public Byte read(MemorySegment segment, long offset) {
          return segment.get(ValueLayout.JAVA_BYTE, offset);
        }

        @Override
        public void write(MemorySegment segment, long offset, Byte value) {
          segment.set(ValueLayout.JAVA_BYTE, offset, value);
        }
      };

  /** {@code __u16}, {@code __s16}. */
  BPFType<Short> INT16 =
      new BPFType<>() {
        @Override
        public long byteSize() {
          return Short.BYTES;
        }

        @Override
        public Short read(MemorySegment segment, long offset) {
          return segment.get(ValueLayout.JAVA_SHORT_UNALIGNED, offset);
        }

        @Override
        public void write(MemorySegment segment, long offset, Short value) {
          segment.set(ValueLayout.JAVA_SHORT_UNALIGNED, offset, value);
        }
      };

  /** {@code __u32}, {@code __s32}. */
  BPFType<Integer> INT32 =
      new BPFType<>() {
        @Override
        public long byteSize() {
          return Integer.BYTES;
        }

        @Override
        public Integer read(MemorySegment segment, long offset) {
          return segment.get(ValueLayout.JAVA_INT_UNALIGNED, offset);
        }

        @Override
        public void write(MemorySegment segment, long offset, Integer value) {
          segment.set(ValueLayout.JAVA_INT_UNALIGNED, offset, value);
        }
      };

  /** {@code __u64}, {@code __s64}. */
  BPFType<Long> INT64 =
      new BPFType<>() {
        @Override
        public long byteSize() {
          return Long.BYTES;
        }

        @Override
        public Long read(MemorySegment segment, long offset) {
          return segment.get(ValueLayout.JAVA_LONG_UNALIGNED, offset);
        }

        @Override
        public void write(MemorySegment segment, long offset, Long value) {
          segment.set(ValueLayout.JAVA_LONG_UNALIGNED, offset, value);
        }
      };

  /** The size in bytes, as the map was made with. */
  long byteSize();

  /**
   * The value at {@code offset} of {@code segment}, of which {@link #byteSize()} bytes are read.
   */
  T read(MemorySegment segment, long offset);

  /** Writes all {@link #byteSize()} bytes at {@code offset}. */
  void write(MemorySegment segment, long offset, T value);

  /**
   * Bytes as they are.
   *
   * @param size the exact length of every array, 1 or more
   */
  static BPFType<byte[]> bytes(int size) {
    if (size < 1) {
      throw new IllegalArgumentException("a type of " + size + " bytes");
    }
    return new BPFType<>() {
      @Override
      public long byteSize() {
        return size;
      }

      @Override
      public byte[] read(MemorySegment segment, long offset) {
        return segment.asSlice(offset, size).toArray(ValueLayout.JAVA_BYTE);
      }

      @Override
      public void write(MemorySegment segment, long offset, byte[] value) {
        if (value.length != size) {
          throw new IllegalArgumentException(value.length + " bytes for a type of " + size);
        }
        MemorySegment.copy(value, 0, segment, ValueLayout.JAVA_BYTE, offset, size);
      }
    };
  }
}
