package org.kerbykv.client;

enum BytesTranscoder implements Transcoder<byte[]> {
  INSTANCE;

  @Override
  public byte[] encode(byte[] value) {
    return value;
  }

  @Override
  public byte[] decode(byte[] bytes, int flags) {
    return bytes;
  }
}
