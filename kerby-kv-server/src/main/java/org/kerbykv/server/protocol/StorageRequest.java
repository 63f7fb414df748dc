package org.kerbykv.server.protocol;

import org.kerbykv.server.store.Batch;
import org.kerbykv.server.store.Operation;

/** What a storage command says before its value comes. One stream's, used again and again. */
final class StorageRequest {
  final byte[] key = new byte[Replier.KEY_MAX];
  int keyLength;
  Operation operation;
  int flags;

  /** Boot seconds. */
  int expiry;

  int valueLength;
  boolean hasCas;
  long cas;
  boolean noReply;

  /** Whether it is an ms, with these flags, whose reply is another. */
  boolean isMeta;

  final MetaFlags meta = new MetaFlags();

  void setKey(byte[] bytes, int from, int length) {
    keyLength = length;
    System.arraycopy(bytes, from, key, 0, length);
  }

  /** Whether an item that is there goes, too, when the value cannot be stored. */
  boolean dropsItemOnFailure() {
    return operation == Operation.SET || isMeta;
  }

  /** Adds the operation, without its value. */
  int start(Dispatcher dispatcher) {
    int index = dispatcher.operation(operation, key, 0, keyLength);
    Batch batch = dispatcher.batch();
    batch.setMetadata(index, flags, expiry);
    if (hasCas) {
      batch.setCas(index, cas);
    }
    if (isMeta) {
      batch.setNewCas(index, meta.newCas);
      if (meta.base64) {
        batch.setBinaryKey(index);
      }
    }
    return index;
  }

  /** Has the operation's outcome answered. */
  void answer(Dispatcher dispatcher, ReplyOutput output, int index) {
    if (!isMeta) {
      dispatcher.result(output, index, noReply);
    } else {
      dispatcher.metaSet(output, index, meta);
    }
  }
}
